"""The pages: every link leads somewhere, every alarm has its urgency, every command in them exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from edge.cli import app as edge_app
from edge.pipeline.probe import advise
from edge.sinks.web.aim import WIDTH
from edge.types import GOOD_PLATE_PX, LEAST_PLATE_PX
from tests.pipeline.test_probe import GOOD

ROOT = Path(__file__).parents[1]
TRAINING_PAGES = [ROOT / "docs/training.md", *sorted((ROOT / "models").glob("*.md"))]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of the page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """At night, at the gate, a dead link is one more problem."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_operations_says_how_urgent_each_alarm_is() -> None:
    """An alarm that is in no column is looked at by nobody."""
    groups = yaml.safe_load((ROOT / "deploy/prometheus/anpr-rules.yml").read_text())["groups"]
    alarms = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    page = (ROOT / "docs/operations.md").read_text()
    assert alarms == set(re.findall(r"\bAnpr[A-Z]\w+", page[page.index("## Alarms") :]))


def commands(group: TyperGroup, called: str = "anpr-edge") -> Iterator[tuple[str, TyperCommand]]:
    """Yield every command that does something, with how it is called."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{called} {name}")
        elif isinstance(command, TyperCommand):
            yield f"{called} {name}", command


COMMANDS = dict(commands(cast("TyperGroup", get_command(edge_app))))


@pytest.mark.parametrize("called", COMMANDS)
def test_help_ends_with_examples_and_exit_codes(called: str) -> None:
    """Nobody should have to find out by trying what a script gets, nor a newcomer what to type."""
    command = COMMANDS[called]
    first, *rest, last = (command.epilog or "").strip().split("\n\n")
    examples = re.findall(rf"\b{called}\b.*", "\n".join([first, *rest]))
    assert first.startswith("Example")
    assert last.startswith("Exit codes: 0 ")
    assert examples
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r" (--?[a-z][a-z-]*)", " ".join(examples))) <= known


def test_everything_asks_for_the_same_width_of_a_plate() -> None:
    """Whoever aims a camera by one page, by the page Aim and by the probe must not get three figures."""
    (advice,) = advise(replace(GOOD, width=640, height=360))
    assert f"a plate needs {GOOD_PLATE_PX} pixels of width" in advice.change
    assert (WIDTH.green, WIDTH.amber) == (GOOD_PLATE_PX, LEAST_PLATE_PX)
    assert f"at least {GOOD_PLATE_PX} pixels wide" in (ROOT / "README.md").read_text()
    assert f"| plate width | ≥ {GOOD_PLATE_PX} px | ≥ {LEAST_PLATE_PX} px |" in (ROOT / "docs/web.md").read_text()


def test_commands_in_the_pages_exist() -> None:
    """Whoever copies a line must not meet `No such command`."""
    known = {*get_command(edge_app).commands, "scenes"}  # the last one comes with the training package
    named: set[str] = set()
    for page in PAGES:
        named |= set(re.findall(r"(?:^|`|sudo |bin/)anpr-edge ([a-z][a-z-]+)\b(?! {2})", page.read_text(), re.M))
    assert named - known == set()


def training_commands(page: Path) -> Iterator[str]:
    """Yield what a page tells to type after `anpr-train`, in blocks (continued lines joined) and between backticks."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for block in re.findall(r"^ *```.*?\n(.*?)^ *```", text, re.M | re.S):
        yield from re.findall(r"(?:^|[ ;&])anpr-train (.+)$", block, re.M)
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)
    yield from re.findall(r"`anpr-train ([^`]+)`", prose)


def unknown_words(app: Any, line: str) -> list[str]:
    """Return the words of a command line that name neither group nor command, and the options that it does not have."""
    words = shlex.split(line, comments=True)
    commands = [app]
    while words and hasattr(commands[0], "commands") and not words[0].startswith("-"):
        names = words.pop(0).split("|")
        if absent := [name for name in names if any(name not in group.commands for group in commands)]:
            return absent
        commands = [group.commands[name] for group in commands for name in names]
    known = [{o for p in command.params for o in (*p.opts, *p.secondary_opts)} for command in commands]
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    return [option for option in options if not all(option in its for its in known)]


@pytest.mark.parametrize("page", TRAINING_PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_training_commands_in_the_pages_exist(page: Path) -> None:
    """An option that is gone is met after an hour of following the page."""
    pytest.importorskip("torch")
    from training.cli import app as training

    command_line = get_command(training)
    lines = list(training_commands(page))
    assert len(lines) > 3
    assert {line: unknown for line in lines if (unknown := unknown_words(command_line, line))} == {}


def test_a_training_command_that_does_not_exist_is_noticed() -> None:
    pytest.importorskip("torch")
    from training.cli import app as training

    command_line = get_command(training)
    assert unknown_words(command_line, "export detector|recogniser --version 1.0.0  # writes") == []
    assert unknown_words(command_line, "recogniser export") == ["export"]
    assert unknown_words(command_line, "detector train --epochs 3 --data x") == ["--epochs"]


def test_every_decision_has_a_number_of_its_own() -> None:
    """Whoever is told `decision 51` must find one page."""
    numbers = [page.name[:4] for page in (ROOT / "docs/decisions").glob("*.md")]
    assert sorted(set(numbers)) == sorted(numbers)


def test_gpio_is_never_named_without_its_package() -> None:
    """The rights to the pins alone move no barrier."""
    for page in [*PAGES, *(ROOT / "systemd/drop-ins").glob("*.conf")]:
        for options in re.findall(r"scripts/install (--with gpio[^`\n]*)", page.read_text(encoding="utf-8")):
            assert "--extras gpio" in options, page
