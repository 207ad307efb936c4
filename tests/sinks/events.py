"""Gate events for tests of delivery: made up, complete, and different from each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from edge.clock import EventIds, seeded_ids
from edge.types import Direction, EventType, Evidence, GateEvent, Software, Verdict

START = datetime(2026, 3, 1, 6, 0, tzinfo=timezone.utc)
_ids = seeded_ids(4)


def a_gate_event(
    plate: str | None = "AB12CDE", *, lane: str = "lane-1", ids: EventIds = _ids, **changes: Any
) -> GateEvent:
    """Return a final passage of `plate` with a new id; `changes` replace fields."""
    event = GateEvent(
        event_id=ids.new(START),
        type=EventType.FINAL,
        site="site-1",
        lane=lane,
        camera="cam-1",
        passage_id=ids.new(START),
        direction=Direction.ENTRY,
        captured_at=START + timedelta(seconds=1.25),
        plate=None if plate is None else _verdict(plate),
        software=Software("0.1.0", "plates-1", "reader-1"),
        decision="allow",
        evidence=Evidence(crop_jpeg=b"\xff\xd8 a small picture \xff\xd9"),
    )
    return replace(event, **changes)


def _verdict(plate: str) -> Verdict:
    return Verdict(plate, 0.998, ((plate, 0.998), ("A812CDE", 0.001)), plate, 7, "GB", 31.5)


def gate_events(count: int, *, lane: str = "lane-1", ids: EventIds = _ids) -> list[GateEvent]:
    """Return `count` passages of one lane, in order."""
    return [a_gate_event(f"AB{n % 10_000:04d}", lane=lane, ids=ids) for n in range(count)]
