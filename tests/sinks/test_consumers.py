"""The consumer's kit: examples that de-duplicate and detect gaps, a schema that holds, documents that agree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from edge.clock import SystemClock, VirtualClock
from edge.config.delivery import WebhookSettings
from edge.errors import SinkUnavailable
from edge.sinks.gaps import gap_event, restart_event
from edge.sinks.mqtt import MqttSink
from edge.sinks.outbox import Limits, Outbox
from edge.sinks.webhook import WebhookSink
from edge.sinks.wire import SCHEMA, as_document
from edge.types import Direction, EventType, Evidence, GateEvent
from tests.servers.mosquitto import Mosquitto, free_port, needs_mosquitto, wait_until
from tests.sinks.events import START, a_gate_event, gate_events
from tests.sinks.test_mqtt import mqtt_settings

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
EVENT_SCHEMA = json.loads((ROOT / "docs" / "schema" / "event.schema.json").read_text())


def valid(event: GateEvent) -> dict[str, Any]:
    """Return the event's document once the schema has accepted it, formats included."""
    document: dict[str, Any] = json.loads(json.dumps(as_document(event, START)))
    validator = jsonschema.Draft202012Validator(EVENT_SCHEMA, format_checker=jsonschema.FormatChecker())
    validator.validate(document)
    return document


@pytest.mark.parametrize("kind", list(EventType))
def test_every_kind_of_event_is_valid_by_the_published_schema(kind: EventType) -> None:
    event = a_gate_event(type=kind, sequence=3)
    if kind is EventType.GAP:
        event = gap_event(event, event.event_id, START, sequence=3, first=1, last=3, reason="size")
    elif kind is EventType.SESSION_CLOSED:
        event = replace(event, details=(("session_id", event.passage_id), ("outcome", "exit"), ("replaces", None)))
    elif kind is EventType.UNREAD:
        event = replace(event, plate=None)
    valid(event)


@pytest.mark.parametrize("direction", list(Direction))
def test_every_direction_is_in_the_schema(direction: Direction) -> None:
    assert valid(a_gate_event(direction=direction, sequence=1))["direction"] == direction.value


def test_schema_knows_every_key_that_is_written_and_requires_it() -> None:
    """A key that is written but not documented would become a promise nobody made."""
    document = valid(a_gate_event(sequence=1, evidence=Evidence(b"x", "https://x/1.jpg")))
    assert set(document) == set(EVENT_SCHEMA["properties"]) == set(EVENT_SCHEMA["required"])
    plate = EVENT_SCHEMA["properties"]["plate"]["oneOf"][1]
    assert set(document["plate"]) == set(plate["properties"]) == set(plate["required"])
    assert set(document["evidence"]) == set(EVENT_SCHEMA["properties"]["evidence"]["properties"])
    assert EVENT_SCHEMA["properties"]["schema"]["const"] == SCHEMA


@pytest.mark.parametrize(
    "change",
    [
        {"event_id": "not-a-uuid"},
        {"sequence": 0},
        {"direction": "left"},
        {"captured_at": "yesterday"},
        {"plate": None},
        {"details": {"list": [1]}},
    ],
)
def test_schema_refuses_what_no_event_may_be(change: dict[str, Any]) -> None:
    document = valid(a_gate_event(sequence=1)) | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(EVENT_SCHEMA).validate(document)


def test_gap_and_restart_that_the_outbox_really_makes_are_valid(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    with Outbox(tmp_path / "o.db", clock, limits=Limits(max_age_s=10)) as outbox:
        outbox.register("mqtt")
        outbox.append(gate_events(3))
        clock.advance_to(100)
        outbox.append(gate_events(1))
        valid(outbox.pending("mqtt")[0])
    valid(restart_event(a_gate_event(), a_gate_event().event_id, START))


def test_asyncapi_names_the_topics_and_the_schema_that_are_in_force() -> None:
    document = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text())
    assert document["asyncapi"].startswith("3.")
    addresses = {channel["address"] for channel in document["channels"].values()}
    settings = mqtt_settings(1883)
    assert {settings.topic, settings.status_topic} <= addresses
    event = document["components"]["messages"]["event"]
    assert event["payload"]["$ref"] == "./schema/event.schema.json"
    for reference in re.findall(r"\$ref: [\"']?(#/[^\"'\s]+)", (ROOT / "docs" / "asyncapi.yaml").read_text()):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")


# ---- examples ----------------------------------------------------------------------------------------------------


def _node_folder() -> Path:
    """Return a folder with the example and its dependency; skip where npm cannot install it."""
    folder = ROOT / ".cache" / "examples-node"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "subscriber.mjs"):
        shutil.copy(EXAMPLES / name, folder / name)
    if not (folder / "node_modules" / "mqtt").is_dir():
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, check=False, timeout=240
        )
        if done.returncode != 0:
            pytest.skip(f"npm cannot install mqtt: {done.stderr.decode()[-200:]}")
    return folder


@contextmanager
def subscriber(language: str, port: int, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    if language == "python":
        command, folder = [sys.executable, str(EXAMPLES / "subscriber.py")], EXAMPLES
    else:
        if shutil.which("node") is None or shutil.which("npm") is None:
            pytest.skip("node and npm are not installed")
        folder = _node_folder()
        command = ["node", "subscriber.mjs"]
    with (
        output.open("ab") as file,
        subprocess.Popen([*command, "127.0.0.1", str(port)], cwd=folder, stdout=file, stderr=file) as process,
    ):
        try:
            began = output.stat().st_size
            wait_until(lambda: "READY" in output.read_text()[began:], f"the {language} subscriber", 60)
            yield process
        finally:
            process.terminate()


def shown(output: Path) -> list[str]:
    return [line for line in output.read_text().splitlines() if line != "READY"]


@needs_mosquitto
@pytest.mark.parametrize("language", ["python", "node"])
def test_example_takes_each_event_once_and_names_what_is_missing(tmp_path: Path, language: str) -> None:
    e = [a_gate_event(f"AB{n}CDE", sequence=n) for n in range(12)]
    gap = gap_event(e[9], e[9].event_id, START, sequence=9, first=7, last=9, reason="older than 30 days")
    restarted = replace(restart_event(e[0], e[0].event_id, START), sequence=1)
    after = a_gate_event("NEW1", sequence=2)
    sent = [e[1], e[2], e[2], e[1], e[3], e[6], gap, e[10], restarted, after]
    with Mosquitto(tmp_path / "broker") as broker:
        output = tmp_path / "output"
        output.touch()
        with subscriber(language, broker.port, output):
            sink = MqttSink(mqtt_settings(broker.port), "site-1")
            sink.write(sent)
            wait_until(lambda: "NEW1" in output.read_text(), "the last event")
            sink.close()
    final = "passage.final entry"
    assert shown(output) == [
        f"EVENT site-1/lane-1 1 {final} AB1CDE",
        f"EVENT site-1/lane-1 2 {final} AB2CDE",
        f"EVENT site-1/lane-1 3 {final} AB3CDE",
        "MISSING site-1/lane-1 4-5",
        f"EVENT site-1/lane-1 6 {final} AB6CDE",
        "LOST site-1/lane-1 7-9: older than 30 days",
        f"EVENT site-1/lane-1 10 {final} AB10CDE",
        "RESTARTED site-1/lane-1: the outbox was damaged and its numbering could not be read",
        f"EVENT site-1/lane-1 2 {final} NEW1",
    ]


@needs_mosquitto
@pytest.mark.parametrize("language", ["python", "node"])
def test_example_gets_what_was_sent_while_it_was_away(tmp_path: Path, language: str) -> None:
    first, second = a_gate_event("FIRST1", sequence=1), a_gate_event("SECOND1", sequence=2)
    with Mosquitto(tmp_path / "broker") as broker:
        output = tmp_path / "output"
        output.touch()
        sink = MqttSink(mqtt_settings(broker.port), "site-1")
        with subscriber(language, broker.port, output):
            sink.write([first])
            wait_until(lambda: "FIRST1" in output.read_text(), "the first event")
        sink.write([second])
        with subscriber(language, broker.port, output):
            wait_until(lambda: "SECOND1" in output.read_text(), "the second event")
        sink.close()


def test_example_receiver_takes_signed_events_once_and_refuses_others(tmp_path: Path) -> None:
    port, output = free_port(), tmp_path / "output"
    environment = {**os.environ, "ANPR_SECRET": "right"}
    url = f"http://127.0.0.1:{port}/"
    event = a_gate_event(sequence=1)

    class Yesterday(SystemClock):
        def utc(self) -> Any:
            return super().utc() - timedelta(days=1)

    def send(secret: str, clock: SystemClock) -> None:
        WebhookSink(WebhookSettings(enabled=True, url=url, secret=secret), clock=clock).write([event])

    def is_up() -> bool:
        try:
            send("right", SystemClock())
        except SinkUnavailable:
            return False
        return True

    command = [sys.executable, str(EXAMPLES / "webhook_receiver.py"), str(port)]
    with output.open("wb") as file, subprocess.Popen(command, env=environment, stdout=file, stderr=file) as process:
        try:
            wait_until(is_up, "the receiver")
            send("right", SystemClock())  # the same event once more
            with pytest.raises(SinkUnavailable, match="401"):
                send("wrong", SystemClock())
            with pytest.raises(SinkUnavailable, match="401"):
                send("right", Yesterday())
        finally:
            process.terminate()
    assert output.read_text() == "EVENT lane-1 1 passage.final\n"
