"""Gap events: how a consumer learns that numbers of a lane will never come.

Meaning on the wire: of the numbers `first_sequence` to `last_sequence`, those
that the consumer has not got by now are lost at the source. With `restarted`
the lane counts from 1 again. Pure functions over events.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from edge.types import Direction, EventType, Evidence, GateEvent


def gap_event(
    like: GateEvent, event_id: str, at: datetime, *, sequence: int, first: int, last: int, reason: str
) -> GateEvent:
    """Return the marker for `first` to `last` of the lane of `like`, itself numbered `sequence`."""
    details = (("reason", reason), ("first_sequence", first), ("last_sequence", last), ("restarted", False))
    return replace(_bare(like, event_id, at), sequence=sequence, details=details)


def restart_event(like: GateEvent, event_id: str, at: datetime) -> GateEvent:
    """Return the marker that the lane of `like` counts from 1 again, because its last number is not known."""
    details = (
        ("reason", "the outbox was damaged and its numbering could not be read"),
        ("first_sequence", 1),
        ("last_sequence", None),
        ("restarted", True),
    )
    return replace(_bare(like, event_id, at), sequence=1, details=details)


def first_sequence(event: GateEvent) -> int:
    """Return the lowest number that `event` stands for: its own, or the first that a gap covers."""
    covered = dict(event.details).get("first_sequence") if event.type is EventType.GAP else None
    return covered if isinstance(covered, int) else event.sequence or 0


def _bare(like: GateEvent, event_id: str, at: datetime) -> GateEvent:
    return replace(
        like,
        event_id=event_id,
        type=EventType.GAP,
        passage_id="",
        direction=Direction.UNKNOWN,
        captured_at=at,
        plate=None,
        decision=None,
        evidence=Evidence(),
    )
