"""Feeds the car park from the outbox, like any other sink, and puts what it has to tell back into it.

An event is acknowledged when the car park's file has it. What is told about
stays is in that file before it is in the outbox, and counts as told once it has
come round through the outbox: a kill at any moment loses nothing and tells
nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from edge.access.operations import Kind, Operation
from edge.access.parking import Parking
from edge.clock import Clock
from edge.errors import SinkUnavailable, StorageError
from edge.sinks.wire import decode
from edge.types import EventType, GateEvent

log = logging.getLogger(__name__)

NAME = "parking"
FORGET_EVERY_S = 6 * 3600.0
_PASSAGES = (EventType.FINAL, EventType.UNREAD)

Append = Callable[[Iterable[GateEvent]], object]


class ParkingSink:
    """A sink; only its publish thread calls it.

    Args:
        parking: the car park.
        lanes: of this gate, each with the camera that stands for it.
        site: name of the installation.
        append: puts events into the outbox.
        clock: for forgetting.
        changed: called when something was taken in.
        forgotten: told how many facts went because of their age.
    """

    def __init__(
        self,
        parking: Parking,
        lanes: Mapping[str, str],
        site: str,
        append: Append,
        clock: Clock,
        changed: Callable[[], None] = lambda: None,
        forgotten: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._parking, self._lanes, self._site = parking, dict(lanes), site
        self._append, self._clock, self._changed, self._forgotten = append, clock, changed, forgotten
        self._in_outbox: set[str] = set()  # told in this life, on their way round
        self._forget_due_s = float("-inf")

    @property
    def name(self) -> str:
        return NAME

    def write(self, batch: Sequence[GateEvent]) -> None:
        try:
            self._take_in(batch)
            self._tell()
            self._forget_sometimes()
        except StorageError as error:
            raise SinkUnavailable(str(error)) from error

    def interrupt(self) -> None:
        """Nothing blocks for longer than the disk does."""

    def close(self) -> None:
        """Nothing is held open between calls."""

    def _take_in(self, batch: Sequence[GateEvent]) -> None:
        told = [e.event_id for e in batch if e.type is EventType.SESSION_CLOSED]
        if told:
            self._parking.store.stored(told)
            self._in_outbox -= set(told)
        ops = self._operations([e for e in batch if e.type in _PASSAGES])
        if ops:
            self._parking.add(ops)
            self._changed()
        else:
            self._parking.catch_up()

    def _tell(self) -> None:
        self._parking.announce(self._lanes, self._site)
        new = [told for told in self._parking.store.untold() if told.event_id not in self._in_outbox]
        if new:
            self._append([decode(told.body) for told in new])
            self._in_outbox |= {told.event_id for told in new}

    def _operations(self, events: Sequence[GateEvent]) -> list[Operation]:
        """Return what happened: a vehicle that called unread and was read later is one passage, read after all."""
        found: list[Operation] = []
        told: dict[str, str] = {}
        for event in events:
            known = self._parking.operation(event.passage_id)
            first = told.setdefault(event.passage_id, event.event_id if known is None else known.event_id)
            op = self._operation(event)
            if first != event.event_id:
                op = replace(op, op_id=event.event_id, kind=Kind.CORRECT, target=event.passage_id)
            found.append(op)
        return found

    def _operation(self, event: GateEvent) -> Operation:
        at = event.captured_at
        if not event.clock_synchronised:  # a clock that begins in 1970: it was after everything that is known
            at = max(at, self._parking.newest or at)
        return Operation(
            event.passage_id,
            Kind.PASSAGE,
            at,
            event.lane,
            event.direction,
            event.plate,
            event.event_id,
            event.decision or "",
            event.clock_synchronised,
        )

    def _forget_sometimes(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s >= self._forget_due_s:
            self._forget_due_s = now_s + FORGET_EVERY_S
            gone = self._parking.forget(self._clock.utc())
            if gone:
                self._forgotten(gone)
