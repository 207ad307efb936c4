"""The publish stage with a sink that does as it is told: order, back-off, dead letters, stopping."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from edge.clock import SystemClock
from edge.errors import EventRejected, SinkUnavailable
from edge.sinks.backoff import Backoff
from edge.sinks.mqtt import MqttSink
from edge.sinks.outbox import Outbox
from edge.sinks.publish import STUCK, PublishStage
from edge.types import GateEvent
from tests.servers.mosquitto import wait_until
from tests.servers.refusing_broker import RefusingBroker
from tests.sinks.events import a_gate_event, gate_events
from tests.sinks.test_mqtt import mqtt_settings


class ScriptedSink:
    """Asks `verdict` about each event; what it returns is raised."""

    name = "scripted"

    def __init__(self, verdict: Callable[[GateEvent], Exception | None]) -> None:
        self._verdict = verdict
        self.batches: list[list[int | None]] = []
        self.closed = 0

    def write(self, batch: Sequence[GateEvent]) -> None:
        self.batches.append([event.sequence for event in batch])
        delivered: list[str] = []
        for event in batch:
            error = self._verdict(event)
            if isinstance(error, (SinkUnavailable, EventRejected)):
                error.delivered = frozenset(delivered)
                raise error
            delivered.append(event.event_id)

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.db", SystemClock()) as opened:
        yield opened


@contextmanager
def publishing(stage: PublishStage) -> Iterator[PublishStage]:
    thread = threading.Thread(target=stage.run)
    thread.start()
    try:
        yield stage
    finally:
        stage.abort()
        thread.join(timeout=60)
        assert not thread.is_alive()


def quick(outbox: Outbox, sink: ScriptedSink | MqttSink, **how: object) -> PublishStage:
    return PublishStage(outbox, sink, first_pause_s=0.01, max_backoff_s=0.02, random=Random(1), **how)  # type: ignore[arg-type]


def test_part_of_a_batch_that_went_out_is_not_sent_again(outbox: Outbox) -> None:
    failed: list[int | None] = []

    def once_at_three(event: GateEvent) -> Exception | None:
        if event.sequence == 3 and not failed:
            failed.append(event.sequence)
            return SinkUnavailable("gone")
        return None

    sink = ScriptedSink(once_at_three)
    outbox.append(gate_events(4))
    with publishing(quick(outbox, sink)):
        outbox.append(gate_events(1))
        wait_until(lambda: outbox.backlog().dead_letters == 0 and outbox.backlog("scripted").depth == 0, "delivery")
    sent = [number for batch in sink.batches for number in batch]
    assert sent.count(1) == sent.count(2) == 1
    assert sent.count(3) == 2


def test_rejected_event_is_set_aside_and_the_rest_keeps_its_order(outbox: Outbox) -> None:
    sink = ScriptedSink(lambda e: EventRejected(e.event_id, "never") if e.sequence == 2 else None)
    stage = quick(outbox, sink)
    outbox.append(gate_events(5))
    with publishing(stage):
        wait_until(lambda: outbox.backlog("scripted").depth == 0, "delivery")
    assert (stage.delivered, stage.rejected) == (4, 1)
    assert sink.batches[:2] == [[1, 2, 3, 4, 5], [3, 4, 5]]


def test_event_that_alone_breaks_the_sink_is_found_and_set_aside(outbox: Outbox) -> None:
    """A broker that hangs up at one event without a word must not hold up all the others for ever."""
    sink = ScriptedSink(lambda e: SinkUnavailable("hung up") if e.sequence == 1 else None)
    stage = quick(outbox, sink)
    outbox.append(gate_events(4))
    with publishing(stage):
        wait_until(lambda: outbox.backlog("scripted").depth == 0, "delivery of the rest")
    assert (stage.delivered, stage.rejected) == (3, 1)
    assert stage.failures >= STUCK
    assert outbox.backlog("scripted").dead_letters == 1


def test_sink_that_is_down_makes_no_event_guilty(outbox: Outbox) -> None:
    sink = ScriptedSink(lambda e: SinkUnavailable("down"))
    stage = quick(outbox, sink)
    outbox.append(gate_events(3))
    with publishing(stage):
        wait_until(lambda: stage.failures > 3 * STUCK, "many failures")
    assert stage.rejected == 0
    assert outbox.backlog("scripted").depth == 3


def test_broker_that_hangs_up_at_one_event_gets_all_the_others(outbox: Outbox) -> None:
    with RefusingBroker(hangs_up_at=b"POISON") as broker:
        stage = quick(outbox, MqttSink(mqtt_settings(broker.port), "site-1"))
        outbox.append([a_gate_event("POISON"), a_gate_event(), a_gate_event()])
        with publishing(stage):
            wait_until(lambda: outbox.backlog("mqtt").depth == 0, "delivery of the rest", 60)
    assert (stage.delivered, stage.rejected) == (2, 1)


def test_no_more_than_twenty_are_in_flight(outbox: Outbox) -> None:
    """A broker that stops acknowledging must not get the whole backlog meanwhile."""
    with RefusingBroker(silent_after=1) as broker:  # the first is our status
        sink = MqttSink(mqtt_settings(broker.port, acknowledge_timeout_s=0.5), "s")
        stage = PublishStage(outbox, sink, first_pause_s=60.0, batch=100)  # no second connection while we count
        outbox.append(gate_events(100))
        with publishing(stage):
            wait_until(lambda: stage.failures >= 1, "the first time-out")
            assert 1 < broker.published <= 1 + 20
    assert outbox.backlog("mqtt").depth == 100


def test_stop_delivers_what_is_left_then_closes(outbox: Outbox) -> None:
    sink = ScriptedSink(lambda e: None)
    stage = quick(outbox, sink)
    outbox.append(gate_events(45))
    stage.stop(drain_s=30)
    stage.run()
    assert outbox.backlog("scripted").depth == 0
    assert sink.closed == 1


def test_stop_does_not_wait_for_a_sink_that_fails(outbox: Outbox) -> None:
    stage = PublishStage(outbox, ScriptedSink(lambda e: SinkUnavailable("down")), first_pause_s=60)
    outbox.append(gate_events(2))
    stage.stop(drain_s=600)
    stage.run()  # returns after one failure
    assert outbox.backlog("scripted").depth == 2


def test_heart_beats_while_the_sink_is_down_for_long(outbox: Outbox) -> None:
    """Otherwise the watchdog would kill a healthy gate because a broker is away."""
    beats: list[int] = []
    down = ScriptedSink(lambda e: SinkUnavailable("down"))
    stage = PublishStage(outbox, down, first_pause_s=600, max_backoff_s=600, heartbeat=lambda: beats.append(1))
    outbox.append(gate_events(1))
    with publishing(stage):
        wait_until(lambda: len(beats) >= 4, "heartbeats in the pause")
    assert stage.failures == 1


def test_status_says_why_and_how_much_waits(outbox: Outbox) -> None:
    works: list[bool] = []
    sink = ScriptedSink(lambda e: None if works else SinkUnavailable("no route"))
    stage = quick(outbox, sink)
    outbox.append(gate_events(2))
    with publishing(stage):
        wait_until(lambda: stage.status().reason == "no route", "the reason")
        assert (stage.status().connected, stage.status().pending) == (False, 2)
        works.append(True)
        wait_until(lambda: stage.status().connected, "the connection")
        wait_until(lambda: stage.status().pending == 0, "delivery")
        assert (stage.status().reason, stage.status().connections) == ("", 1)


def test_pauses_double_up_to_the_cap_and_are_never_the_same_for_a_fleet() -> None:
    backoff = Backoff(2.0, 60.0, Random(7))
    pauses = [backoff.next_s() for _ in range(12)]
    for n, pause in enumerate(pauses):
        assert min(60.0, 2.0 * 2**n) / 2 <= pause <= min(60.0, 2.0 * 2**n)
    assert pauses[0] >= 1.0  # AWS IoT Core: one CONNECT a second and client id
    assert Backoff(2.0, 60.0, Random(8)).next_s() != pauses[0]
    backoff.reset()
    assert backoff.next_s() <= 2.0
