"""Gates of one site share their passages over a real broker, and agree again after a partition."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from edge.access.operations import Kind, Operation
from edge.access.parking import Parking
from edge.access.parking_mqtt import BATCH, BATCHES, SHARE_SCHEMA, ParkingCompanion
from edge.access.parking_sink import ParkingSink
from edge.clock import SystemClock, VirtualClock
from edge.config.parking import ParkingSettings
from edge.sinks.mqtt import MqttSink
from edge.sinks.outbox import Outbox
from edge.types import EventType
from tests.access.parking import START, entry, exit_, says
from tests.access.simulation.car_park import Simulation
from tests.access.simulation.gate import LANES, event_of
from tests.servers.mosquitto import Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.sinks.test_mqtt import mqtt_settings, running

SHARED = ParkingSettings(enabled=True, share=True)


class SharingGate:
    """One gate of the site, on line; give it passages of its own lanes."""

    def __init__(self, outbox: Outbox, parking: Parking) -> None:
        self.outbox, self.parking = outbox, parking

    def passes(self, ops: Sequence[Operation]) -> None:
        self.outbox.append([event_of(op) for op in ops])


@contextmanager
def gate(folder: Path, name: str, port: int, lanes: str) -> Iterator[SharingGate]:
    """Run one gate with its own files; `lanes` is the beginning of their names."""
    clock = SystemClock()
    own = {lane: camera for lane, camera in LANES.items() if lane.startswith(lanes)}
    with Outbox(folder / name / "outbox.db", clock) as outbox:
        parking = Parking(SHARED.model_copy(update={"path": folder / name / "parking.db"}), clock.utc())
        companion = ParkingCompanion(parking, "site-1", clock, changed=outbox.wake)
        mqtt = MqttSink(
            mqtt_settings(port, client_id=name), "site-1", clock=clock, wake=outbox.wake, companions=(companion,)
        )
        sink = ParkingSink(parking, own, "site-1", outbox.append, VirtualClock(START), changed=outbox.wake)
        with running(outbox, sink), running(outbox, mqtt):
            yield SharingGate(outbox, parking)


def view(one: SharingGate) -> tuple[object, ...]:
    """Everything that a gate says about the car park."""
    state = one.parking.state(START, 10_000)
    return state.open, state.ended, [x.exit for x in state.loose], state.zones


def agree(gates: Sequence[SharingGate], count: int) -> bool:
    known = [sum(one.parking.store.have().values()) for one in gates]
    return known == [count] * len(gates) and all(view(one) == view(gates[0]) for one in gates)


@needs_mosquitto
@pytest.mark.timeout(300)
def test_gates_agree_again_after_the_broker_was_away(tmp_path: Path) -> None:
    """Meanwhile each goes on with what it sees; nothing that the broker would have to remember is needed."""
    seen = Simulation(21, 200, 1.0).run().seen
    north = [op for op in seen if op.lane.startswith("north")]
    south = [op for op in seen if op.lane.startswith("south")]
    with Mosquitto(tmp_path / "broker") as broker, ExitStack() as stack:
        gates = [
            stack.enter_context(gate(tmp_path, name, broker.port, lanes))
            for name, lanes in (("gate-n", "north"), ("gate-s", "south"), ("office", "none"))
        ]
        gates[0].passes(north[:20])
        gates[1].passes(south[:20])
        wait_until(lambda: agree(gates, 40), "one opinion while all are connected", 60)
        broker.kill()
        gates[0].passes(north[20:])
        gates[1].passes(south[20:])
        gates[2].parking.add([says(Kind.RECOUNT, "r", 300, zone="site", count=3)])
        wait_until(lambda: gates[0].parking.store.have()[""] == len(north), "all of the north stored", 60)
        assert view(gates[0]) != view(gates[1])
        broker.start()
        wait_until(lambda: agree(gates, len(seen) + 1), "one opinion again", 120)


@needs_mosquitto
@pytest.mark.timeout(300)
def test_stay_across_two_gates_is_told_once_by_the_gate_of_the_exit(tmp_path: Path) -> None:
    """And a new gate learns what the others know."""
    came, left = entry("a", 0, "AB12CDE", lane="north-in"), exit_("b", 60, "AB12CDE", lane="south-out")
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Subscriber(broker.port) as backend,
        gate(tmp_path, "gate-n", broker.port, "north") as north,
        gate(tmp_path, "gate-s", broker.port, "south") as south,
    ):
        north.passes([came])
        wait_until(lambda: south.parking.session("a") is not None, "the entry at the other gate")
        south.passes([left])
        wait_until(lambda: any(e.type is EventType.SESSION_CLOSED for e in backend.events()), "the closed stay")
        wait_until(lambda: agree([north, south], 2), "one opinion")
        with gate(tmp_path, "new", broker.port, "none") as new:
            wait_until(lambda: agree([north, south, new], 2), "the new gate knows it too")
    closed = [e for e in backend.events() if e.type is EventType.SESSION_CLOSED]
    assert [(e.lane, dict(e.details)["entry_lane"]) for e in closed] == [("south-out", "north-in")]


@needs_mosquitto
def test_free_spaces_are_a_retained_message(tmp_path: Path) -> None:
    """A sign that is switched on in the morning shows the right number at once."""
    with Mosquitto(tmp_path / "broker") as broker:
        with gate(tmp_path, "gate-n", broker.port, "north") as north:
            north.passes([entry("a", 0, "AB12CDE", lane="north-in")])
            wait_until(lambda: north.parking.zones()[0].cars == 1, "the car counted")
            with Subscriber(broker.port, "anpr/site-1/zones/#", name="sign") as sign:
                sign.wait_for(lambda found: any(json.loads(p)["cars"] == 1 for _, p, _ in found), "one car")
        with Subscriber(broker.port, "anpr/site-1/zones/#", name="another") as another:
            another.wait_for(bool, "the retained message")
    topic, payload, retained = another.messages[0]
    assert (topic, retained) == ("anpr/site-1/zones/site", True)
    assert json.loads(payload)["cars"] == 1


class Wire:
    """A companion without a broker: what it posts lands in a list."""

    def __init__(self, folder: Path, name: str, clock: VirtualClock) -> None:
        self.sent: list[dict[str, object]] = []
        self.parking = Parking(SHARED.model_copy(update={"path": folder / f"{name}.db"}), START)
        self.companion = ParkingCompanion(self.parking, "site-1", clock)
        (self._handler,) = self.companion.attach(self._post).values()
        self.companion.connected()

    def _post(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        document = json.loads(payload)
        if document["schema"] == SHARE_SCHEMA:
            self.sent.append(document)

    def hears(self, *documents: object) -> None:
        for document in documents:
            self._handler(
                "anpr/site-1/sessions", document if isinstance(document, bytes) else json.dumps(document).encode()
            )


def test_silent_gate_is_answered_for_by_those_who_have_its_passages(tmp_path: Path) -> None:
    """Its board has burnt; what it had shared must not die with it."""
    clock = VirtualClock(START)
    dead, living, new = (Wire(tmp_path, name, clock) for name in ("dead", "living", "new"))
    dead.parking.add([entry(f"e{k}", k, f"AB{k:02d}CDE") for k in range(5)])
    dead.companion.tick(0)
    living.hears(*dead.sent)
    assert len(living.parking.state(START).open) == 5
    new.companion.tick(0)
    living.hears(*new.sent)
    assert living.sent == []  # the owner answers while it is there
    clock.advance_to(120)
    living.hears(*new.sent)
    new.hears(*living.sent)
    assert new.parking.state(START).open == living.parking.state(START).open


def test_long_absence_is_made_up_in_steps(tmp_path: Path) -> None:
    """A month of passages must not fill the broker's or our own queue at once."""
    clock = VirtualClock(START)
    full, empty = Wire(tmp_path, "full", clock), Wire(tmp_path, "empty", clock)
    full.parking.add(
        [entry(f"e{k:03d}", k * 10, f"AB{k % 100:02d}C{k // 100}E") for k in range(BATCH * BATCHES * 2 + 5)]
    )
    full.companion.connected()
    for step in range(3):
        clock.advance_to(step * 2)
        empty.sent.clear()
        empty.companion.tick(clock.monotonic_s())
        full.sent.clear()
        full.hears(*empty.sent)
        assert len(full.sent) <= BATCHES
        empty.hears(*full.sent)
    assert empty.parking.state(START).open == full.parking.state(START).open


def test_messages_that_make_no_sense_are_said_and_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody on the broker may write there."""
    one = Wire(tmp_path, "one", VirtualClock(START))
    have = {"schema": SHARE_SCHEMA, "from": "x", "have": {"x": 3}}
    one.hears(b"\xff", b"[]", b"{}", {**have, "schema": "anpr-edge/sessions/9"}, {**have, "have": [1]})
    one.hears({"schema": SHARE_SCHEMA, "from": "x", "origin": "x", "after": 0, "ops": [[1, {"kind": "passage"}]]})
    one.hears({"schema": SHARE_SCHEMA, "from": "x", "origin": "x", "after": 7, "ops": [[8, _document()]]})
    assert caplog.text.count("cannot be understood") == 6
    assert one.parking.state(START).open == ()
    assert one.parking.store.have() == {}


def _document() -> dict[str, object]:
    return {"id": "z", "kind": "passage", "at_ms": 1, "lane": "in", "direction": "entry"}
