"""Turns what the gate decided into the events that the world sees.

Identifiers and the software's name come from outside, moments from the frame:
the same frames give the same events.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from edge.clock import EventIds
from edge.pipeline.evidence import EvidenceKeeper
from edge.tracking.gate import PassageChange
from edge.types import EventType, Frame, GateEvent, Software


@dataclass(frozen=True, slots=True)
class Sender:
    """Where events come from."""

    site: str
    lane: str
    camera: str
    software: Software


class Announcer:
    """Makes the events of one camera; remembers the identifier of each open passage."""

    def __init__(self, sender: Sender, ids: EventIds, evidence: EvidenceKeeper) -> None:
        self._sender = sender
        self._ids = ids
        self._evidence = evidence
        self._passages: dict[int, str] = {}

    def announce(self, change: PassageChange, frame: Frame) -> GateEvent:
        """Return the event that tells of `change`, decided while looking at `frame`."""
        captured_at = frame.captured_at - timedelta(seconds=frame.monotonic_s - change.at_s)
        passage_id = self._passages.get(change.passage) or self._ids.new(captured_at)
        self._passages[change.passage] = passage_id
        if change.kind is not EventType.PROVISIONAL:
            del self._passages[change.passage]
        return GateEvent(
            event_id=self._ids.new(captured_at),
            type=change.kind,
            site=self._sender.site,
            lane=self._sender.lane,
            camera=self._sender.camera,
            passage_id=passage_id,
            direction=change.direction,
            captured_at=captured_at,
            plate=change.verdict,
            software=self._sender.software,
            evidence=self._evidence.of(change.track_id),
        )
