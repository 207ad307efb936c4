"""Turns what the gate decided into the events that the world sees.

Identifiers and the software's name come from outside, moments from the frame:
the same frames give the same events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from edge.clock import EventIds
from edge.pipeline.evidence import EvidenceKeeper
from edge.pipeline.waiting import Awaited
from edge.tracking.gate import PassageChange
from edge.types import Direction, EventType, Evidence, Frame, GateEvent, Software, Verdict


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
        evidence = self._evidence.of(change.track_id)
        return self._event(change.kind, passage_id, change.direction, captured_at, change.verdict, evidence)

    def missed(self, awaited: Awaited, passage: int | None, direction: Direction) -> GateEvent:
        """Return the event of a vehicle that called and was not read.

        Args:
            awaited: when and by what it called, with its picture.
            passage: that it probably is; it may be read later, and is then told of under the same identifier.
            direction: of the lane, where it is fixed.
        """
        at = awaited.trigger.captured_at
        passage_id = self._passages.get(passage) if passage is not None else None
        passage_id = passage_id or self._ids.new(at)
        if passage is not None:
            self._passages[passage] = passage_id
        event = self._event(EventType.UNREAD, passage_id, direction, at, None, Evidence(awaited.picture))
        return replace(event, details=(("trigger", awaited.trigger.source),))

    def forget(self, passage: int) -> None:
        """Let go of a passage that is over without another event."""
        self._passages.pop(passage, None)

    def _event(
        self,
        kind: EventType,
        passage_id: str,
        direction: Direction,
        captured_at: datetime,
        plate: Verdict | None,
        evidence: Evidence,
    ) -> GateEvent:
        return GateEvent(
            event_id=self._ids.new(captured_at),
            type=kind,
            site=self._sender.site,
            lane=self._sender.lane,
            camera=self._sender.camera,
            passage_id=passage_id,
            direction=direction,
            captured_at=captured_at,
            plate=plate,
            software=self._sender.software,
            evidence=evidence,
        )
