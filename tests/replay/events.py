"""Events of passages, made by hand."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from edge.replay.scoring import TimedEvent
from edge.types import Direction, EventType, Evidence, GateEvent, Software, Verdict

START = datetime(2000, 1, 1, tzinfo=timezone.utc)


def a_verdict(text: str, probability: float = 0.98, reads: int = 6) -> Verdict:
    return Verdict(text, probability, ((text, probability),), text, reads, None, 28.0)


def an_event(
    at_s: float,
    text: str,
    passage: str = "p1",
    kind: EventType = EventType.FINAL,
    direction: Direction = Direction.ENTRY,
    probability: float = 0.98,
    jpeg: bytes | None = None,
) -> TimedEvent:
    """Return an event sent `at_s` seconds into the video."""
    event = GateEvent(
        event_id=f"{passage}-{at_s}",
        type=kind,
        site="site",
        lane="lane-1",
        camera="gate-1",
        passage_id=passage,
        direction=direction,
        captured_at=START + timedelta(seconds=at_s),
        plate=a_verdict(text, probability) if text else None,
        software=Software("1", "detector", "reader"),
        evidence=Evidence(crop_jpeg=jpeg),
    )
    return TimedEvent(at_s, event)


def early(at_s: float, text: str, passage: str = "p1", direction: Direction = Direction.ENTRY) -> TimedEvent:
    return an_event(at_s, text, passage, EventType.PROVISIONAL, direction)


def unread(at_s: float, passage: str = "p1") -> TimedEvent:
    return an_event(at_s, "", passage, EventType.UNREAD, Direction.UNKNOWN)
