"""`anpr-edge outbox`, against the file of a daemon that is running."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.clock import VirtualClock
from edge.commands.outbox import app
from edge.errors import StorageError
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


def test_export_writes_each_event_once_in_the_wire_schema(outbox: Outbox, config: Path, tmp_path: Path) -> None:
    stored = outbox.append(gate_events(3))
    lines = call(config, "export").encode().splitlines()
    assert [decode(line) for line in lines] == list(stored)
    assert call(config, "export", "--sink", "mqtt", "-o", str(tmp_path / "out")).startswith("3 events written")
    assert (tmp_path / "out").read_bytes().splitlines() == lines


def test_event_without_json_form_can_be_looked_at(outbox: Outbox) -> None:
    outbox.append([a_gate_event(details=(("speed", float("nan")),))])
    (line,) = outbox_admin.export(outbox.path, sink="mqtt", state="dead")
    assert "nan" in json.loads(line)["details"]["as_text"]


def test_missing_outbox_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no outbox"):
        outbox_admin.entries(tmp_path / "none.db")


def test_empty_outbox_says_so(outbox: Outbox, config: Path) -> None:
    assert call(config, "list") == "nothing waits\n"
