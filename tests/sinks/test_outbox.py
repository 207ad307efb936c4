"""The outbox: on disk before anyone sees it, numbered without gaps, lost only by decision."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from edge import app
from edge.clock import VirtualClock
from edge.config import parse
from edge.errors import StorageError
from edge.sinks.outbox import Limits, Outbox
from edge.sinks.outbox_retention import DAY_S
from edge.sinks.timekeeping import ClockWatch
from edge.types import EventType, GateEvent
from tests.sinks.events import START, a_gate_event, gate_events


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def outbox(tmp_path: Path, clock: VirtualClock) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.db", clock) as opened:
        opened.register("mqtt")
        yield opened


def _numbers(events: tuple[GateEvent, ...]) -> list[int | None]:
    return [event.sequence for event in events]


def test_event_stays_until_it_is_acknowledged(tmp_path: Path, clock: VirtualClock) -> None:
    """Power may fail between publish and acknowledgement; then the event is sent again."""
    with Outbox(tmp_path / "o.db", clock) as outbox:
        outbox.register("mqtt")
        stored = outbox.append([a_gate_event()])
    with Outbox(tmp_path / "o.db", clock) as reopened:
        assert reopened.pending("mqtt") == stored
        reopened.acknowledge("mqtt", [stored[0].event_id])
    with Outbox(tmp_path / "o.db", clock) as again:
        assert again.pending("mqtt") == ()
        assert again.backlog().depth == 0


def test_numbers_are_gapless_per_lane_across_restarts(tmp_path: Path, clock: VirtualClock) -> None:
    given: list[tuple[str, int | None]] = []
    for _ in range(3):
        with Outbox(tmp_path / "o.db", clock) as outbox:
            outbox.register("mqtt")
            batch = [*gate_events(2, lane="in"), *gate_events(1, lane="out")]
            given += [(event.lane, event.sequence) for event in outbox.append(batch)]
    assert [n for lane, n in given if lane == "in"] == [1, 2, 3, 4, 5, 6]
    assert [n for lane, n in given if lane == "out"] == [1, 2, 3]


def test_a_failed_append_uses_up_no_number(outbox: Outbox) -> None:
    """A number without an event would look like a loss to every consumer."""
    outbox.append([a_gate_event()])
    with pytest.raises(StorageError):
        outbox.append([a_gate_event(), a_gate_event(event_id=object())])  # the second breaks the whole transaction
    assert _numbers(outbox.append([a_gate_event()])) == [2]
    assert _numbers(outbox.pending("mqtt")) == [1, 2]


def test_repeated_append_keeps_the_number(outbox: Outbox) -> None:
    """After an error nobody knows whether the commit reached the disk, so the caller asks again."""
    event = a_gate_event()
    assert outbox.append([event]) == outbox.append([event])
    assert outbox.backlog("mqtt").depth == 1


def test_each_sink_has_its_own_position(outbox: Outbox) -> None:
    """A dead webhook must not hold up MQTT, nor lose anything itself."""
    outbox.register("webhook")
    stored = outbox.append(gate_events(3))
    outbox.acknowledge("mqtt", [event.event_id for event in stored])
    assert outbox.pending("mqtt") == ()
    assert outbox.pending("webhook") == stored
    outbox.acknowledge("webhook", [stored[0].event_id])
    assert _numbers(outbox.pending("webhook")) == [2, 3]


def test_sink_that_is_new_gets_what_was_stored_before_it_came(tmp_path: Path, clock: VirtualClock) -> None:
    with Outbox(tmp_path / "o.db", clock) as outbox:
        stored = outbox.append(gate_events(2))
        outbox.register("mqtt")
        assert outbox.pending("mqtt") == stored


def test_retired_sink_keeps_its_debt_but_gets_nothing_new(outbox: Outbox) -> None:
    outbox.append(gate_events(1))
    outbox.retire(keep=[])
    outbox.append(gate_events(1))
    outbox.register("mqtt")
    outbox.append(gate_events(1))
    assert _numbers(outbox.pending("mqtt")) == [1, 3]


def test_dead_letter_steps_aside_with_its_reason(outbox: Outbox) -> None:
    stored = outbox.append(gate_events(3))
    outbox.reject("mqtt", stored[1].event_id, "topic refused")
    assert _numbers(outbox.pending("mqtt")) == [1, 3]
    assert outbox.backlog("mqtt").dead_letters == 1


def test_event_without_json_form_becomes_a_dead_letter_and_the_rest_goes_on(outbox: Outbox) -> None:
    bad = a_gate_event(details=(("speed", float("nan")),))
    stored = outbox.append([a_gate_event(), bad, a_gate_event()])
    assert _numbers(stored) == [1, 2, 3]
    assert _numbers(outbox.pending("mqtt")) == [1, 3]
    assert outbox.backlog("mqtt").dead_letters == 1


def test_second_daemon_on_the_same_file_is_refused(outbox: Outbox, clock: VirtualClock) -> None:
    """Two writers would deliver everything twice and fight over the client id."""
    with pytest.raises(StorageError, match="another process"), Outbox(outbox.path, clock):
        pass


def test_parallel_lanes_share_one_outbox_without_losing_a_number(outbox: Outbox) -> None:
    lanes = ["a", "b", "c"]

    def feed(lane: str) -> None:
        for event in gate_events(30, lane=lane):
            outbox.append([event])

    threads = [threading.Thread(target=feed, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    stored = outbox.pending("mqtt", 1000)
    for lane in lanes:
        assert [e.sequence for e in stored if e.lane == lane] == list(range(1, 31))


def test_waiting_reader_wakes_when_an_event_arrives(outbox: Outbox) -> None:
    seen = outbox.arrivals
    woken: list[bool] = []
    reader = threading.Thread(target=lambda: woken.append(outbox.wait_for_new(seen, 30)))
    reader.start()
    outbox.append(gate_events(1))
    reader.join(timeout=60)
    assert woken == [True]
    assert not outbox.wait_for_new(outbox.arrivals, 0)


def test_nearly_full_disk_stops_promises_before_acknowledgements_fail(tmp_path: Path, clock: VirtualClock) -> None:
    with Outbox(tmp_path / "o.db", clock, limits=Limits(min_free_bytes=1 << 60)) as outbox:
        with pytest.raises(StorageError, match="Free space"):
            outbox.append(gate_events(1))
        assert "no event is stored" in outbox.problem


def test_event_too_old_is_dropped_and_a_gap_event_takes_its_place(tmp_path: Path, clock: VirtualClock) -> None:
    """A consumer must be able to tell "lost at the source" from "still on the way"."""
    with Outbox(tmp_path / "o.db", clock, limits=Limits(max_age_s=DAY_S)) as outbox:
        outbox.register("mqtt")
        outbox.append(gate_events(4))
        clock.advance_to(2 * DAY_S)
        outbox.append(gate_events(1))
        gap, fresh = outbox.pending("mqtt")
        assert gap.type is EventType.GAP
        assert dict(gap.details) == {
            "reason": "older than 1 days",
            "first_sequence": 1,
            "last_sequence": 4,
            "restarted": False,
        }
        assert (gap.sequence, fresh.sequence) == (4, 5)
        assert outbox.dropped == 4
        assert outbox.alarm is not None


def test_event_that_the_disk_gave_back_changed_steps_aside(outbox: Outbox) -> None:
    """SQLite does not check what is inside a row; one bad block must not stop the gate again and again."""
    stored = outbox.append(gate_events(3))
    with sqlite3.connect(outbox.path) as connection:
        connection.execute("UPDATE event SET body = X'7B00FF' WHERE sequence = 2")
    connection.close()
    assert _numbers(outbox.pending("mqtt")) == [1, 3]
    assert outbox.pending("mqtt", 1) == stored[:1]
    assert outbox.backlog("mqtt").dead_letters == 1


def test_limits_tell_what_they_have_cost(tmp_path: Path, clock: VirtualClock) -> None:
    told: list[tuple[str, int]] = []
    limits = Limits(max_age_s=DAY_S)
    with Outbox(tmp_path / "o.db", clock, limits=limits, on_drop=lambda why, n: told.append((why, n))) as outbox:
        outbox.register("mqtt")
        outbox.append(gate_events(4))
        clock.advance_to(2 * DAY_S)
        outbox.append(gate_events(1))
    assert told == [("too_old", 4)]


def test_gap_grows_while_the_outbox_stays_too_large(tmp_path: Path, clock: VirtualClock) -> None:
    with Outbox(tmp_path / "o.db", clock, limits=Limits(max_bytes=400_000)) as outbox:
        outbox.register("mqtt")
        outbox.register("webhook")
        for batch in range(8):
            clock.advance_to(batch * 61.0)
            stored = outbox.append(gate_events(200))
            assert _numbers(stored) == list(range(batch * 200 + 1, batch * 200 + 201))
        waiting = outbox.pending("mqtt", 5000)
        gap = waiting[0]
        last = dict(gap.details)["last_sequence"]
        assert isinstance(last, int)
        assert gap.type is EventType.GAP
        assert dict(gap.details)["first_sequence"] == 1
        assert _numbers(waiting) == list(range(last, 1601))
        assert outbox.pending("webhook", 5000) == waiting
        assert outbox.backlog().size_bytes < 700_000


def test_clock_that_starts_in_1970_costs_no_event(tmp_path: Path) -> None:
    """A device without a clock battery stores events "56 years ago", then the time is set."""
    clock = VirtualClock(START - timedelta(days=365 * 50))
    good = [False]
    watch = ClockWatch(clock, kernel=lambda: good[0])
    with Outbox(tmp_path / "o.db", clock, watch=watch) as outbox:
        outbox.register("mqtt")
        (early,) = outbox.append(gate_events(1))
        assert not early.clock_synchronised
    leaped = VirtualClock(START)
    with Outbox(tmp_path / "o.db", leaped, watch=ClockWatch(leaped, kernel=lambda: True)) as outbox:
        (late,) = outbox.append(gate_events(1))
        assert late.clock_synchronised
        assert _numbers(outbox.pending("mqtt")) == [1, 2]


def _damage(path: Path, *, offset: int, length: int) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * length)


def test_damaged_file_is_set_aside_and_service_goes_on(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "o.db"
    with Outbox(path, clock) as outbox:
        outbox.register("mqtt")
        outbox.append(gate_events(300))
    _damage(path, offset=path.stat().st_size - 40_960, length=20_000)
    with Outbox(path, clock) as outbox:
        outbox.register("mqtt")
        assert outbox.alarm is not None
        assert list(tmp_path.glob("o.db.damaged-*"))
        rescued = outbox.pending("mqtt", 1000)
        assert len(rescued) > 50
        (fresh,) = outbox.append(gate_events(1))
        *_, gap, last = outbox.pending("mqtt", 1000)
        assert last == fresh
        assert gap.type is EventType.GAP
        assert (gap.sequence, fresh.sequence) == (301, 302)
        assert dict(gap.details)["last_sequence"] == 300


def test_damage_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two lines of one moment look like two faults."""
    path = tmp_path / "o.db"
    path.write_bytes(b"this was a database once" * 1000)
    settings = parse({"cameras": [{"name": "a", "url": "x.mp4"}], "outbox": {"path": str(path)}})
    with ExitStack() as stack:
        site = app._site(settings, stack)
        assert site.outbox.alarm is not None
    assert [r.levelname for r in caplog.records if "was damaged and set aside" in r.getMessage()] == ["ERROR"]


def test_unreadable_file_restarts_the_numbering_and_says_so(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "o.db"
    path.write_bytes(b"this was a database once" * 1000)
    with Outbox(path, clock) as outbox:
        outbox.register("mqtt")
        outbox.append(gate_events(1))
        gap, event = outbox.pending("mqtt")
        assert dict(gap.details)["restarted"] is True
        assert (gap.sequence, event.sequence) == (1, 2)


def test_sudden_end_of_the_file_is_noticed(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "o.db"
    with Outbox(path, clock) as outbox:
        outbox.append(gate_events(300))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with Outbox(path, clock) as outbox:
        assert outbox.alarm is not None
        assert outbox.append(gate_events(1))


def test_power_cut_in_the_middle_of_a_recovery_loses_nothing_of_it(tmp_path: Path, clock: VirtualClock) -> None:
    """The new file is complete before the damaged one is moved; only the last renaming may be missing."""
    path = tmp_path / "o.db"
    with Outbox(path, clock) as outbox:
        outbox.register("mqtt")
        stored = outbox.append(gate_events(3))
    path.rename(tmp_path / "o.db.rebuilt")
    with Outbox(path, clock) as outbox:
        assert outbox.pending("mqtt") == stored
