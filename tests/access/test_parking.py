"""The car park in the daemon: nothing lost, nothing counted twice, whatever is killed, damaged or late."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from random import Random

import jsonschema
import pytest

from edge.access.ledger import Ledger
from edge.access.operations import Kind, Operation
from edge.access.parking import Parking
from edge.config.parking import ParkingSettings
from edge.errors import StorageError
from edge.sinks.wire import as_document
from edge.types import EventType, GateEvent
from tests.access.parking import START, at, entry, exit_, plate, says
from tests.access.simulation.car_park import Simulation
from tests.access.simulation.gate import Gate, Killed, event_of, live

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schema/event.schema.json").read_text())
SETTINGS = ParkingSettings(enabled=True)
KILLS = int(os.environ.get("ANPR_KILLS", "4"))


def drive(folder: Path, *ops: Operation) -> list[GateEvent]:
    """Let vehicles pass a gate; return what the broker got."""
    with Gate(folder, SETTINGS) as gate:
        gate.turn()  # what an earlier life left undone
        for op in ops:
            gate.passes(op)
        return gate.received


def closed(events: Sequence[GateEvent]) -> list[dict[str, object]]:
    return [dict(e.details) for e in events if e.type is EventType.SESSION_CLOSED]


def a_stay() -> tuple[Operation, Operation]:
    return (
        entry("a", 0, "AB12CDE", lane="north-in"),
        exit_("b", 90.5, plate("A812CDE", 0.9, ("AB12CDE", 0.08)), lane="south-out"),
    )


def test_closed_stay_says_all_that_a_bill_needs(tmp_path: Path) -> None:
    """The tariff is the backend's; the facts are ours."""
    received = drive(tmp_path, *a_stay())
    event = received[-1]
    jsonschema.validate(as_document(event, START), SCHEMA, format_checker=jsonschema.FormatChecker())
    assert (event.lane, event.camera, event.sequence, event.passage_id) == ("south-out", "cam-4", 2, "b")
    (details,) = closed(received)
    assert details["duration_s"] == 5430.0
    assert (details["outcome"], details["pairing"], details["corrected"]) == ("exit", "overlap", False)
    assert (details["entry_event_id"], details["exit_event_id"]) == ("event-a", "event-b")
    assert (details["entry_lane"], details["exit_lane"]) == ("north-in", "south-out")
    assert (details["entry_plate"], details["exit_plate"], details["stay_plate"]) == ("AB12CDE", "A812CDE", "AB12CDE")
    assert (details["entered_at"], details["left_at"]) == ("2026-03-02T08:00:00.000Z", "2026-03-02T09:30:30.000Z")
    assert float(str(details["pairing_probability"])) > 0.99


def test_same_event_twice_changes_nothing(tmp_path: Path) -> None:
    """The outbox delivers at least once."""
    with Gate(tmp_path, SETTINGS) as gate:
        for op in a_stay():
            gate.passes(op)
            gate.parking.add([op])
        gate.turn()
        assert len(closed(gate.received)) == 1
        assert (len(gate.parking.state(START).ended), gate.parking.zones()[0].cars) == (1, 0)


def test_what_was_told_is_taken_back_when_it_turns_out_otherwise(tmp_path: Path) -> None:
    """A late fact of another gate: the exit belonged to another car's stay after all."""
    with Gate(tmp_path, SETTINGS) as gate:
        for op in a_stay():
            gate.passes(op)
        gate.parking.add([entry("c", 1, "A812CDE", lane="south-in")])
        gate.turn()
        first, withdrawn, second = closed(gate.received)
    events = [e for e in gate.received if e.type is EventType.SESSION_CLOSED]
    assert (first["session_id"], second["session_id"]) == ("a", "c")
    assert (withdrawn["outcome"], withdrawn["replaces"]) == ("withdrawn", events[0].event_id)
    for event in events:
        jsonschema.validate(as_document(event, START), SCHEMA)


def test_correction_of_a_closed_stay_replaces_what_was_told(tmp_path: Path) -> None:
    """The bill gets the right plate."""
    with Gate(tmp_path, SETTINGS) as gate:
        for op in a_stay():
            gate.passes(op)
        gate.parking.add([says(Kind.CORRECT, "c", 100, target="b", text="AB12CDE")])
        gate.turn()
        first, second = (e for e in gate.received if e.type is EventType.SESSION_CLOSED)
    assert dict(second.details)["replaces"] == first.event_id
    assert (dict(second.details)["exit_plate"], dict(second.details)["corrected"]) == ("AB12CDE", True)


def test_stay_closed_by_a_person_is_told_by_the_gate_of_its_entry(tmp_path: Path) -> None:
    """No exit saw it."""
    with Gate(tmp_path, SETTINGS) as gate:
        gate.passes(a_stay()[0])
        gate.parking.add([says(Kind.CLOSE, "z", 45, target="a")])
        gate.turn()
        (event,) = [e for e in gate.received if e.type is EventType.SESSION_CLOSED]
    assert (event.lane, dict(event.details)["outcome"]) == ("north-in", "closed_by_person")
    assert (dict(event.details)["duration_s"], dict(event.details)["exit_event_id"]) == (2700.0, None)


def test_stay_under_an_unset_clock_keeps_its_order_and_has_no_duration(tmp_path: Path) -> None:
    """A device that boots in 1970 must neither lose the car nor bill it for half a century."""
    came, left = a_stay()
    with Gate(tmp_path, SETTINGS) as gate:
        gate.passes(came)
        unset = replace(
            event_of(left), captured_at=datetime(1970, 1, 1, 0, 1, tzinfo=timezone.utc), clock_synchronised=False
        )
        gate.outbox.append([unset])
        gate.turn()
        (details,) = closed(gate.received)
    assert (details["session_id"], details["outcome"], details["duration_s"]) == ("a", "exit", None)


@pytest.mark.parametrize("together", [True, False])
def test_vehicle_that_called_unread_and_was_read_later_is_one_stay(tmp_path: Path, together: bool) -> None:
    """The loop saw it first; two events of one passage must not be two cars, and the plate must count."""
    came, left = a_stay()
    called = replace(event_of(came), event_id="event-call", type=EventType.UNREAD, plate=None)
    with Gate(tmp_path, SETTINGS) as gate:
        for events in ((called, event_of(came)),) if together else ((called,), (event_of(came),)):
            gate.outbox.append(events)
            gate.turn()
        gate.outbox.append([event_of(came)])
        gate.turn()
        assert [s.plate for s in gate.parking.state(START).open] == ["AB12CDE"]
        gate.passes(left)
        (details,) = closed(gate.received)
    assert (details["pairing"], details["corrected"], details["entry_plate"]) == ("overlap", False, "AB12CDE")


def test_events_out_of_order_find_each_other(tmp_path: Path) -> None:
    """The exit's gate was faster than the entry's."""
    came, left = a_stay()
    assert [d["session_id"] for d in closed(drive(tmp_path, left, came))] == ["a"]


def test_daemon_goes_on_after_a_restart_with_what_it_knew(tmp_path: Path) -> None:
    """An update in the middle of the day."""
    came, left = a_stay()
    drive(tmp_path, came)
    assert [d["session_id"] for d in closed(drive(tmp_path, left))] == ["a"]
    assert closed(drive(tmp_path)) == []


def test_gate_with_a_long_history_need_not_read_it_before_it_sees_cars(tmp_path: Path) -> None:
    """And whoever asks early gets the truth, not an empty car park."""
    settings = SETTINGS.model_copy(update={"path": tmp_path / "parking.db"})
    Parking(settings, START).add([a_stay()[0]])
    early = Parking(settings, START, wait=False)
    assert not early.ready
    assert early.zones()[0].cars == 1
    assert early.ready


def test_person_on_the_command_line_and_daemon_share_the_file(tmp_path: Path) -> None:
    """Another process writes; the daemon takes it up with its next turn."""
    with Gate(tmp_path, SETTINGS) as gate:
        gate.passes(a_stay()[0])
        other = Parking(SETTINGS.model_copy(update={"path": tmp_path / "parking.db"}), START)
        other.add([says(Kind.RECOUNT, "r", 50, zone="site", count=41)])
        gate.turn()
        assert gate.parking.zones()[0].cars == 41


def test_forgetting_keeps_open_stays_and_the_count(tmp_path: Path) -> None:
    """After thirty days what is over is gone from the file; who is still inside is still inside."""
    settings = SETTINGS.model_copy(update={"path": tmp_path / "parking.db", "keep_days": 1.0})
    first = Parking(settings, START)
    first.add([*a_stay(), entry("c", 5, "XY55KLM", lane="north-in"), entry("d", 60 * 24 * 9, "ZZ11ZZZ")])
    assert first.forget(at(60 * 24 * 10)) == 3
    for parking in (first, Parking(settings, START)):
        state = parking.state(START)
        assert [s.session_id for s in state.open] == ["c", "d"]
        assert (state.ended, parking.zones()[0].cars) == ((), 2)
    assert b"AB12CDE" not in (tmp_path / "parking.db").read_bytes()


def test_passage_from_before_what_is_kept_is_said_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A gate that was cut off for longer than that comes back; nobody may wonder later where its cars went."""
    settings = SETTINGS.model_copy(update={"path": tmp_path / "parking.db", "keep_days": 1.0})
    parking = Parking(settings, START)
    parking.add([*a_stay(), entry("d", 60 * 24 * 9, "ZZ11ZZZ")])
    parking.forget(at(60 * 24 * 10))
    parking.add([entry("late", 7, "XY55KLM")])
    assert [s.session_id for s in parking.state(START).open] == ["d"]
    assert "1 passages from before parking.keep_days came too late" in caplog.text
    assert "XY55KLM" not in caplog.text


def test_damaged_file_is_set_aside_and_what_can_be_read_goes_on(tmp_path: Path) -> None:
    """A bad disk costs the stays of the damaged pages, not the service."""
    came, left = a_stay()
    drive(tmp_path, came, *(entry(f"e{k}", k, f"CD{k:02d}XYZ", lane="north-in") for k in range(60)))
    path = tmp_path / "parking.db"
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    content = bytearray(path.read_bytes())
    content[-4096:] = os.urandom(4096)
    path.write_bytes(content)
    with Gate(tmp_path, SETTINGS) as gate:
        assert "set aside as" in gate.parking.alarm
        assert len(gate.parking.state(START).open) > 10
        gate.passes(left)
    assert list(tmp_path.glob("parking.db.damaged-*"))


def test_row_that_the_disk_changed_is_said_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One bad row must not keep the daemon from starting."""
    came, left = a_stay()
    drive(tmp_path, came, left)
    settings = SETTINGS.model_copy(update={"path": tmp_path / "parking.db"})
    with Parking(settings, START).store.changing() as change:
        change.execute("UPDATE operation SET body = ? WHERE op_id = 'b'", (b'{"id": "b", "kind": "pass',))
    assert [s.session_id for s in Parking(settings, START).state(START).open] == ["a"]
    assert "row 2 cannot be read back" in caplog.text


def test_file_of_a_later_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    """A downgrade must not destroy what it does not understand."""
    settings = SETTINGS.model_copy(update={"path": tmp_path / "parking.db"})
    with Parking(settings, START).store.changing() as change:
        change.execute("PRAGMA user_version = 7")
    with pytest.raises(StorageError, match="another version"):
        Parking(settings, START)


def check_numbers(received: Iterable[tuple[str, str, int]]) -> None:
    """An event has one number, however often it comes, and a number is one event's."""
    numbers: dict[str, tuple[str, int]] = {}
    for event_id, lane, number in received:
        assert numbers.setdefault(event_id, (lane, number)) == (lane, number)
    assert len(set(numbers.values())) == len(numbers)


def test_killed_every_few_passages_it_knows_and_tells_the_same(tmp_path: Path) -> None:
    """Between any two steps: outbox, car park, outbox again, broker."""
    park = Simulation(11, 160, 2.0).run()
    random, waiting, lives = Random(1), list(park.seen), 0
    received: list[GateEvent] = []
    while waiting:
        lives += 1
        with Gate(tmp_path, SETTINGS, random, random.randint(1, 80)) as gate:
            try:
                gate.turn()
                while waiting:
                    op = waiting[0]
                    if gate.parking.operation(op.op_id) is None:
                        gate.passes(op)
                    waiting.pop(0)
            except Killed:
                pass
            received += gate.received
    received += drive(tmp_path)
    assert lives > 5
    check_numbers((e.event_id, e.lane, e.sequence or 0) for e in received)
    whole = Ledger(SETTINGS)
    whole.add(park.seen)
    known = Parking(SETTINGS.model_copy(update={"path": tmp_path / "parking.db"}), START)
    assert known.state(START, 1000).open == tuple(s for s in whole.book.sessions() if s.end is None)
    ended = [s for s in whole.book.sessions() if s.end is not None]
    assert {d["session_id"] for d in closed(received)} == {s.session_id for s in ended}
    told_again = {e.event_id for e in received if e.type is EventType.SESSION_CLOSED}
    assert len(told_again) == len(ended)


@pytest.mark.timeout(600)
def test_kill_9_loses_no_promised_passage_and_tells_no_stay_twice(tmp_path: Path) -> None:
    """A process that really dies, at random moments."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.access.simulation.gate"])
    random, stored, seed, passages = Random(7), tmp_path / "stored", 12, 4_000
    stored.touch()
    for _ in range(KILLS):
        begun = [int(line.split()[1]) for line in stored.read_text().splitlines() if line.startswith("begin")]
        before = len(begun)
        victim = processes.Process(target=live, args=(tmp_path, seed, passages, max(begun, default=-1) + 1, stored))
        victim.start()
        deadline_s, goal = time.monotonic() + 60, before + random.randint(3, 15)
        while victim.is_alive() and stored.read_text().count("begin") < goal and time.monotonic() < deadline_s:
            victim.join(0.01)
        assert victim.is_alive()
        victim.kill()
        victim.join(60)
    rest = drive(tmp_path)
    promised = {int(line.split()[1]) for line in stored.read_text().splitlines() if line.startswith("stored")}
    park = Simulation(seed, passages, 3.0).run()
    known = Parking(SETTINGS.model_copy(update={"path": tmp_path / "parking.db"}), START)
    assert all(known.operation(park.seen[number].op_id) is not None for number in promised)
    to_broker = [line.split() for line in (tmp_path / "received").read_text().splitlines()]
    to_broker += [[e.event_id, e.lane, str(e.sequence)] for e in rest]
    check_numbers((event_id, lane, int(number)) for event_id, lane, number in to_broker)
    assert len(promised) >= KILLS
