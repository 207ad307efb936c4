"""`anpr-edge outbox`, against the file of a daemon that is running."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.clock import VirtualClock
from edge.commands.outbox import app
from edge.errors import ConfigError, StorageError
from edge.sinks import outbox_admin
from edge.sinks.outbox import Outbox
from edge.sinks.wire import decode
from tests.sinks.events import START, a_gate_event, gate_events


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.db", VirtualClock(START)) as opened:
        opened.register("mqtt", "webhook")
        yield opened


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(f"cameras: [{{name: c, url: x.mp4}}]\noutbox: {{path: {tmp_path}/outbox.db}}\n")
    return path


def call(config: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [arguments[0], "-c", str(config), *arguments[1:]], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_list_shows_what_waits_and_why_it_was_given_up_but_no_plate(outbox: Outbox, config: Path) -> None:
    stored = outbox.append(gate_events(2))
    outbox.reject("mqtt", stored[0].event_id, "topic refused")
    found = [json.loads(line) for line in call(config, "list", "--json").splitlines()]
    assert [(e["sink"], e["state"], e["sequence"], e["reason"]) for e in found] == [
        ("mqtt", "dead", 1, "topic refused"),
        ("webhook", "waiting", 1, ""),
        ("mqtt", "waiting", 2, ""),
        ("webhook", "waiting", 2, ""),
    ]
    shown = call(config, "list", "--dead")
    assert "dead for mqtt, tried once: topic refused" in shown
    assert stored[0].event_id in shown
    assert "AB0000" not in shown


def test_retry_makes_a_running_daemon_see_the_event_again(outbox: Outbox, config: Path) -> None:
    stored = outbox.append(gate_events(3))
    for event in stored[:2]:
        outbox.reject("mqtt", event.event_id, "too large")
    assert call(config, "retry", stored[1].event_id) == "1 dead letter will be sent again\n"
    assert [e.sequence for e in outbox.pending("mqtt")] == [2, 3]
    assert call(config, "retry") == "1 dead letter will be sent again\n"
    assert outbox.pending("mqtt") == stored


def test_ids_that_are_no_dead_letters_are_named_and_the_others_are_sent(outbox: Outbox, config: Path) -> None:
    """A script that mistypes an id must not believe that the event is on its way."""
    dead, waiting = outbox.append(gate_events(2))
    outbox.reject("mqtt", dead.event_id, "too large")
    asked = ["retry", "-c", str(config), "xyz", dead.event_id, waiting.event_id]
    result = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (1, "1 dead letter will be sent again\n")
    complaints = result.stderr.splitlines()
    assert [c.split(": no dead letter. Fix: ")[0] for c in complaints] == ["xyz", waiting.event_id]
    assert [e.event_id for e in outbox.pending("mqtt")] == [dead.event_id, waiting.event_id]


def test_a_dead_letter_of_another_sink_is_none_of_this_one(outbox: Outbox, config: Path) -> None:
    (event,) = outbox.append(gate_events(1))
    outbox.reject("mqtt", event.event_id, "too large")
    result = CliRunner().invoke(app, ["retry", "-c", str(config), "--sink", "webhook", event.event_id])
    assert result.exit_code == 1
    assert f"{event.event_id}: no dead letter of webhook" in result.stderr


@pytest.mark.parametrize("command", ["list", "retry", "export"])
def test_unknown_sink_is_refused_with_those_that_are_known(outbox: Outbox, config: Path, command: str) -> None:
    """`nothing waits` for a mistyped sink reads like good news."""
    with pytest.raises(ConfigError, match=r"--sink: 'foo' is no sink of .*\. Fix: name one of: mqtt, webhook"):
        call(config, command, "--sink", "foo")


def test_export_writes_each_event_once_in_the_wire_schema(outbox: Outbox, config: Path, tmp_path: Path) -> None:
    stored = outbox.append(gate_events(3))
    lines = call(config, "export").encode().splitlines()
    assert [decode(line) for line in lines] == list(stored)
    assert call(config, "export", "--sink", "mqtt", "-o", str(tmp_path / "out")).startswith("3 events written")
    assert (tmp_path / "out").read_bytes().splitlines() == lines


def test_export_that_cannot_be_written_is_said(outbox: Outbox, config: Path, tmp_path: Path) -> None:
    outbox.append(gate_events(1))
    with pytest.raises(StorageError, match=r"config.yaml/out: cannot be written: .+\. Fix: "):
        call(config, "export", "-o", str(config / "out"))
    with pytest.raises(ConfigError, match="would be overwritten"):
        call(config, "export", "-o", str(outbox.path))
    assert len(outbox.pending("mqtt")) == 1


def test_export_that_fails_leaves_the_older_one(config: Path, tmp_path: Path) -> None:
    """The wrong settings were named: yesterday's export must not be empty for it."""
    out = tmp_path / "out"
    out.write_text("of yesterday")
    with pytest.raises(StorageError, match="there is no outbox"):
        call(config, "export", "-o", str(out))
    assert out.read_text() == "of yesterday"


def test_event_without_json_form_can_be_looked_at(outbox: Outbox) -> None:
    outbox.append([a_gate_event(details=(("speed", float("nan")),))])
    (line,) = outbox_admin.export(outbox.path, sink="mqtt", state="dead")
    assert "nan" in json.loads(line)["details"]["as_text"]


def test_missing_outbox_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no outbox"):
        outbox_admin.entries(tmp_path / "none.db")


def test_empty_outbox_says_so(outbox: Outbox, config: Path) -> None:
    assert call(config, "list") == "nothing waits\n"
