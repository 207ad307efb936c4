"""What `anpr-train` promises of all its commands at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from training.cli import app


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command below a group with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


ALL = dict(commands(get_command(app)))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_has_a_short_form(words: tuple[str, ...]) -> None:
    """Whoever sets up a training machine wants to know in a minute whether all parts are there."""
    assert "--smoke" in {option for parameter in ALL[words].params for option in parameter.opts}
    assert ALL[words].help


def test_each_thing_is_done_by_one_command() -> None:
    """Two ways to export a model are two places to look for what it did."""
    assert ("export", "detector") in ALL and ("export", "recogniser") in ALL
    for words in (["detector", "export"], ["recogniser", "export"]):
        assert CliRunner().invoke(app, words).exit_code == 2
