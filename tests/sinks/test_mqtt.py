"""The MQTT sink against a real mosquitto: plain, web sockets, passwords, refusals, last will."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge.clock import SystemClock
from edge.config.delivery import MqttSettings, PaceSettings
from edge.errors import EventRejected, SinkUnavailable
from edge.protocols import Sink
from edge.sinks.mqtt import MqttSink
from edge.sinks.outbox import Outbox
from edge.sinks.publish import PublishStage
from edge.types import EventType, Evidence
from tests.servers.mosquitto import Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.sinks.events import a_gate_event, gate_events

pytestmark = needs_mosquitto
FAST = PaceSettings(max_per_s=2000, max_kib_per_s=100_000)


def mqtt_settings(port: int, **changes: Any) -> MqttSettings:
    return MqttSettings(**({"host": "127.0.0.1", "port": port, "pace": FAST} | changes))


@contextmanager
def running(outbox: Outbox, sink: Sink) -> Iterator[PublishStage]:
    """Run a publish stage on its own thread, with short pauses between attempts."""
    stage = PublishStage(outbox, sink, first_pause_s=0.05, max_backoff_s=0.3, random=Random(1))
    thread = threading.Thread(target=stage.run, name=stage.name)
    thread.start()
    try:
        yield stage
    finally:
        stage.abort()
        thread.join(timeout=60)
        assert not thread.is_alive()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as started:
        yield started


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.db", SystemClock()) as opened:
        yield opened


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_events_arrive_in_order_and_leave_the_outbox(broker: Mosquitto, outbox: Outbox, protocol: str) -> None:
    sink = MqttSink(mqtt_settings(broker.port, protocol=protocol), "site-1")
    with Subscriber(broker.port) as backend, running(outbox, sink):
        stored = outbox.append(gate_events(50))
        backend.wait_for_ids({event.event_id for event in stored})
        wait_until(lambda: outbox.backlog("mqtt").depth == 0, "an empty outbox")
        assert backend.events() == list(stored)


def test_topic_template_is_filled_in(broker: Mosquitto) -> None:
    sink = MqttSink(mqtt_settings(broker.port, topic="x/{site}/{lane}/{camera}/{type}/{client_id}"), "site-1")
    with Subscriber(broker.port, "x/#") as backend:
        sink.write([a_gate_event()])
        backend.wait_for(bool, "the event")
        sink.close()
    payload = json.loads(backend.messages[0][1])
    assert payload["published_at"] > payload["captured_at"]
    assert backend.messages[0][0] == "x/site-1/lane-1/cam-1/passage.final/anpr-edge-site-1"


def test_what_needs_a_person_is_told_on_the_alert_topic_as_well(broker: Mosquitto) -> None:
    """The guard's phone listens there; the books keep every event, in order, on the topic of events."""
    hit = a_gate_event(type=EventType.WATCH_HIT)
    help_ = a_gate_event(decision="manual_assist")
    events = [a_gate_event(decision="open"), hit, help_, a_gate_event()]
    sink = MqttSink(mqtt_settings(broker.port, alert_topic="anpr/{site}/{lane}/alerts"), "site-1")
    with Subscriber(broker.port) as backend:
        sink.write(events)
        backend.wait_for_ids({e.event_id for e in events})
        sink.close()
    alerts = [json.loads(payload)["event_id"] for topic, payload, _ in backend.messages if topic.endswith("/alerts")]
    assert alerts == [hit.event_id, help_.event_id]
    assert [e.event_id for e in backend.events()] == [e.event_id for e in events]


def test_event_that_nobody_fetches_expires_at_the_broker_when_asked(broker: Mosquitto) -> None:
    sink = MqttSink(mqtt_settings(broker.port, expiry_s=3600), "site-1")
    command = f"mosquitto_sub -h 127.0.0.1 -p {broker.port} -V mqttv5 -q 1 -t anpr/+/+/events -C 1 -W 20 -F %E/%C"
    with subprocess.Popen(command.split(), stdout=subprocess.PIPE) as backend:
        wait_until(lambda: "Received SUBSCRIBE" in broker.log, "the subscription")
        sink.write([a_gate_event()])
        shown, _ = backend.communicate(timeout=60)
    sink.close()
    assert shown.decode().strip() in ("3600/application/json", "3599/application/json")


def test_status_is_retained_online_and_offline_after_a_stop(broker: Mosquitto) -> None:
    sink = MqttSink(mqtt_settings(broker.port), "site-1")
    sink.write(())
    assert _retained_status(broker)["state"] == "online"
    sink.close()
    assert (_retained_status(broker)["state"], _retained_status(broker)["reason"]) == ("offline", "stopped")


def test_last_will_says_offline_when_the_process_vanishes(broker: Mosquitto) -> None:
    """A backend must not wait for a gate that lost its power."""
    sink = MqttSink(mqtt_settings(broker.port), "site-1")
    sink.write(())
    connection = sink._connection
    assert connection is not None
    connection.kill()  # no DISCONNECT goes out
    wait_until(lambda: _retained_status(broker)["state"] == "offline", "the last will")
    assert _retained_status(broker)["reason"] == "connection lost"


def _retained_status(broker: Mosquitto) -> dict[str, Any]:
    shown = subprocess.run(
        ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", "anpr/+/+/status", "-C", "1", "-W", "10"],
        capture_output=True,
        check=True,
    )
    document: dict[str, Any] = json.loads(shown.stdout)
    return document


def test_web_sockets_carry_events(tmp_path: Path, outbox: Outbox) -> None:
    with Mosquitto(tmp_path / "ws", protocol="websockets", extra=f"listener {(plain := _port())} 127.0.0.1") as broker:
        sink = MqttSink(mqtt_settings(broker.port, transport="websockets"), "site-1")
        with Subscriber(plain) as backend, running(outbox, sink):
            stored = outbox.append(gate_events(5))
            backend.wait_for_ids({event.event_id for event in stored})


def _port() -> int:
    from tests.servers.mosquitto import free_port

    return free_port()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that wants a password and lets `gate` publish only below anpr/."""
    passwords, rules = tmp_path / "passwords", tmp_path / "acl"
    passwords.touch(0o600)
    subprocess.run(["mosquitto_passwd", "-b", passwords, "gate", "right"], check=True, capture_output=True)
    rules.write_text("user gate\ntopic write anpr/#\n")
    extra = f"password_file {passwords}\nacl_file {rules}"
    with Mosquitto(tmp_path / "guarded", extra=extra, anonymous=False) as started:
        yield started


def test_right_password_is_let_in(guarded: Mosquitto) -> None:
    sink = MqttSink(mqtt_settings(guarded.port, username="gate", password="right"), "site-1")
    sink.write([a_gate_event()])
    sink.close()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_wrong_password_says_so(guarded: Mosquitto, protocol: str) -> None:
    sink = MqttSink(mqtt_settings(guarded.port, username="gate", password="wrong", protocol=protocol), "site-1")
    with pytest.raises(SinkUnavailable, match=r"(?i)not authori[sz]ed|user name or password") as caught:
        sink.write(())
    assert "wrong" not in str(caught.value)
    assert caught.value.kind == "not_authorised"


def test_forbidden_topic_keeps_the_event_and_names_the_fix(guarded: Mosquitto, outbox: Outbox) -> None:
    """An ACL is mended in a minute; the events of that minute must not become dead letters."""
    sink = MqttSink(mqtt_settings(guarded.port, username="gate", password="right", topic="other/{lane}"), "site-1")
    with running(outbox, sink) as stage:
        outbox.append(gate_events(3))
        wait_until(lambda: stage.failures >= 2, "two attempts")
        assert "(broker's ACL or AWS IoT policy)" in stage.status().reason  # said, or guessed when it just hung up
    assert outbox.backlog("mqtt").depth == 3
    assert outbox.backlog("mqtt").dead_letters == 0


def test_picture_too_large_for_the_broker_becomes_an_address(tmp_path: Path, outbox: Outbox) -> None:
    """Each event names its own picture, on the gate that keeps it."""
    event = a_gate_event(evidence=Evidence(b"x" * 9000))
    with Mosquitto(tmp_path / "broker") as broker, Subscriber(broker.port) as backend:
        settings = mqtt_settings(broker.port, max_payload_kib=4)
        sink = MqttSink(settings, "site-1", picture_url="https://gate/{lane}/{event_id}.jpg")
        with running(outbox, sink):
            outbox.append([event])
            backend.wait_for_ids({event.event_id})
    (received,) = backend.events()
    assert received.evidence == Evidence(url=f"https://gate/{event.lane}/{event.event_id}.jpg")


def test_event_too_large_for_the_broker_is_set_aside_and_the_rest_goes_on(tmp_path: Path, outbox: Outbox) -> None:
    with Mosquitto(tmp_path / "small", extra="max_packet_size 4000") as broker:
        sink = MqttSink(mqtt_settings(broker.port), "site-1")
        with Subscriber(broker.port) as backend, running(outbox, sink):
            monster = a_gate_event(details=(("note", "x" * 9000),))
            good = outbox.append([a_gate_event(), monster, a_gate_event()])
            backend.wait_for_ids({good[0].event_id, good[2].event_id})
            wait_until(lambda: outbox.backlog("mqtt").depth == 0, "an outbox that is done")
            assert outbox.backlog("mqtt").dead_letters == 1


def test_picture_gives_way_before_the_event_does(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "small", extra="max_packet_size 4000") as broker, Subscriber(broker.port) as backend:
        sink = MqttSink(mqtt_settings(broker.port), "site-1")
        large = a_gate_event(sequence=1)
        large = a_gate_event(evidence=type(large.evidence)(b"\xff" * 20_000, "https://site/1.jpg"))
        sink.write([large])
        backend.wait_for_ids({large.event_id})
        assert backend.events()[0].evidence == type(large.evidence)(None, "https://site/1.jpg")
        sink.close()


def test_nobody_listening_is_reported_as_unavailable() -> None:
    sink = MqttSink(mqtt_settings(_port()), "site-1")
    with pytest.raises(SinkUnavailable, match="cannot connect") as caught:
        sink.write([a_gate_event()])
    assert caught.value.kind == "unreachable"


def test_interrupt_frees_a_writer_whose_broker_is_silent(broker: Mosquitto) -> None:
    """Stopping the daemon must not wait for a dead line."""
    sink = MqttSink(mqtt_settings(broker.port, acknowledge_timeout_s=200), "site-1")
    sink.write(())
    broker.pause()
    failed: list[str] = []

    def write() -> None:
        try:
            sink.write([a_gate_event()])
        except SinkUnavailable as error:
            failed.append(str(error))

    writer = threading.Thread(target=write)
    writer.start()
    sink.interrupt()
    writer.join(timeout=60)
    assert len(failed) == 1
    broker.resume()
    sink.write([a_gate_event()])  # an interrupted sink can be used again
    sink.close()


def test_command_is_handled_on_the_publish_thread_and_answered(broker: Mosquitto, outbox: Outbox) -> None:
    sink = MqttSink(mqtt_settings(broker.port), "site-1", wake=outbox.wake)
    heard: list[tuple[str, bytes, str]] = []

    def handle(topic: str, payload: bytes) -> None:
        heard.append((topic, payload, threading.current_thread().name))
        sink.post("anpr/answers", b"done")

    sink.subscribe("anpr/commands", handle)
    with Subscriber(broker.port, "anpr/answers") as backend, running(outbox, sink) as stage:
        wait_until(lambda: sink.connected, "a connection")
        subprocess.run(
            ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", "anpr/commands", "-m", "open"],
            check=True,
        )
        backend.wait_for(lambda m: [p for _, p, _ in m] == [b"done"], "the answer")
    assert heard == [("anpr/commands", b"open", stage.name)]


def test_command_is_sent_at_once_and_acknowledged(broker: Mosquitto, outbox: Outbox) -> None:
    sink = MqttSink(mqtt_settings(broker.port), "site-1", wake=outbox.wake)
    with Subscriber(broker.port, "anpr/barrier") as backend, running(outbox, sink):
        sink.send("anpr/barrier", b"open", within_s=20)
        backend.wait_for(lambda m: [p for _, p, _ in m] == [b"open"], "the command")


def test_command_that_could_not_go_now_never_goes(tmp_path: Path, outbox: Outbox) -> None:
    """A barrier that opens hours later, when the line is back, opens for somebody else."""
    broker = Mosquitto(tmp_path / "late")
    sink = MqttSink(mqtt_settings(broker.port), "site-1", wake=outbox.wake)
    with running(outbox, sink):
        with pytest.raises(SinkUnavailable, match="not acknowledged"):
            sink.send("anpr/barrier", b"open", within_s=0.2)
        with broker, Subscriber(broker.port, "anpr/barrier") as backend:
            sink.send("anpr/barrier", b"close", within_s=20)
            backend.wait_for(bool, "the second command")
            assert [payload for _, payload, _ in backend.messages] == [b"close"]


def test_command_that_the_broker_refuses_is_said(guarded: Mosquitto, outbox: Outbox) -> None:
    sink = MqttSink(mqtt_settings(guarded.port, username="gate", password="right"), "site-1", wake=outbox.wake)
    with running(outbox, sink), pytest.raises(SinkUnavailable):
        sink.send("forbidden/barrier", b"open", within_s=5)


def test_rejected_event_reports_what_was_delivered_before_it(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "small", extra="max_packet_size 4000") as broker:
        sink = MqttSink(mqtt_settings(broker.port), "site-1")
        first, monster = a_gate_event(), a_gate_event(details=(("note", "x" * 9000),))
        with pytest.raises(EventRejected) as caught:
            sink.write([first, monster, a_gate_event()])
        assert caught.value.delivered == {first.event_id}
        sink.close()
