"""What every sink promises (edge.protocols.Sink), fakes included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.config.delivery import MqttSettings, WebhookSettings
from edge.errors import EventRejected, SinkUnavailable
from edge.protocols import Sink
from edge.sinks.mqtt import MqttSink
from edge.sinks.outbox import Outbox
from edge.sinks.publish import PublishStage
from edge.sinks.webhook import WebhookSink
from edge.sinks.wire import decode
from edge.types import GateEvent
from tests.servers.mosquitto import Mosquitto, Subscriber, free_port, needs_mosquitto
from tests.servers.receiver import Receiver
from tests.sinks.events import a_gate_event, gate_events
from tests.sinks.test_mqtt import FAST


@dataclass
class FakeSink:
    """The sink that other tests use in place of a broker."""

    name: str = "fake"
    reachable: bool = True
    written: list[GateEvent] = field(default_factory=list)
    interrupted: bool = False

    def write(self, batch: Sequence[GateEvent]) -> None:
        interrupted, self.interrupted = self.interrupted, False
        if interrupted or not self.reachable:
            raise SinkUnavailable("fake: not reachable")
        delivered: list[str] = []
        for event in batch:
            if any(isinstance(value, float) and value != value for _, value in event.details):
                raise EventRejected(event.event_id, "cannot be written", delivered=delivered)
            self.written.append(event)
            delivered.append(event.event_id)

    def interrupt(self) -> None:
        self.interrupted = True

    def close(self) -> None:
        pass


@dataclass
class Bench:
    """One kind of sink, a dead twin of it, and what arrived at the other end."""

    sink: Sink
    unreachable: Sink
    arrived: Callable[[], list[GateEvent]]


def _fake(_folder: Path, _stack: ExitStack) -> Bench:
    sink = FakeSink()
    return Bench(sink, FakeSink(reachable=False), lambda: list(sink.written))


def _mqtt(folder: Path, stack: ExitStack) -> Bench:
    broker = stack.enter_context(Mosquitto(folder / "broker"))
    backend = stack.enter_context(Subscriber(broker.port))

    def arrived() -> list[GateEvent]:
        mark = a_gate_event()
        with_mark = MqttSink(MqttSettings(port=broker.port, client_id="mark", pace=FAST), "site-1")
        with_mark.write([mark])
        with_mark.close()
        backend.wait_for_ids({mark.event_id})
        return [event for event in backend.events() if event != mark]

    good, bad = (MqttSettings(port=port, pace=FAST) for port in (broker.port, free_port()))
    return Bench(MqttSink(good, "site-1"), MqttSink(bad, "site-1"), arrived)


def _webhook(_folder: Path, stack: ExitStack) -> Bench:
    receiver = stack.enter_context(Receiver())
    good, bad = (
        WebhookSettings(enabled=True, url=url, secret="s", max_per_s=1000)
        for url in (receiver.url, f"http://127.0.0.1:{free_port()}/")
    )
    return Bench(WebhookSink(good), WebhookSink(bad), lambda: [decode(body) for _, body in receiver.requests])


@pytest.fixture(params=[_fake, pytest.param(_mqtt, marks=needs_mosquitto), _webhook], ids=["fake", "mqtt", "webhook"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        made: Bench = request.param(tmp_path, stack)
        yield made
        made.sink.close()


def test_batch_arrives_whole_and_in_order(bench: Bench) -> None:
    events = gate_events(45)
    bench.sink.write(events)
    assert bench.arrived() == events


def test_empty_batch_is_allowed_and_delivers_nothing(bench: Bench) -> None:
    bench.sink.write(())
    assert bench.arrived() == []


def test_delivering_twice_is_harmless(bench: Bench) -> None:
    event = a_gate_event()
    bench.sink.write([event])
    bench.sink.write([event])
    assert bench.arrived() == [event, event]


def test_sink_out_of_reach_is_unavailable_and_claims_nothing(bench: Bench) -> None:
    with pytest.raises(SinkUnavailable) as caught:
        bench.unreachable.write(gate_events(2))
    assert caught.value.delivered == frozenset()


def test_event_without_json_form_is_rejected_after_those_before_it(bench: Bench) -> None:
    good, bad = a_gate_event(), a_gate_event(details=(("speed", float("nan")),))
    with pytest.raises(EventRejected) as caught:
        bench.sink.write([good, bad])
    assert (caught.value.event_id, caught.value.delivered) == (bad.event_id, frozenset({good.event_id}))
    assert bench.arrived() == [good]


def test_interrupted_sink_raises_soon_and_works_again_afterwards(bench: Bench) -> None:
    bench.sink.write(())
    bench.sink.interrupt()
    with pytest.raises(SinkUnavailable):
        bench.sink.write(gate_events(1))
    event = a_gate_event()
    bench.sink.write([event])
    assert event in bench.arrived()


def test_close_may_be_called_twice(bench: Bench) -> None:
    bench.sink.write(())
    bench.sink.close()
    bench.sink.close()


def test_stage_delivers_through_it_and_the_outbox_is_empty(bench: Bench, tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.db", SystemClock()) as outbox:
        stage = PublishStage(outbox, bench.sink)
        stored = outbox.append(gate_events(3))
        stage.stop(drain_s=30)
        stage.run()
        assert outbox.backlog().depth == 0
    assert bench.arrived() == list(stored)
