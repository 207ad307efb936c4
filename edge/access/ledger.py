"""The ledger: all operations of a site in their order, and the book that they lead to.

An operation that comes late is put where it belongs: the book goes back to
that moment and on from there. Corrections and voids change the operation that
they name, not the moment at which they were made. No clock, no I/O.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from edge.access.book import Book
from edge.access.occupancy import ZoneCount
from edge.access.operations import Kind, Operation
from edge.config.parking import ParkingSettings

Order = tuple[datetime, str]


class Ledger:
    """Owns the book. One thread at a time.

    Args:
        settings: section `parking`.
        counts: zones at the horizon; empty: nothing was inside.
        horizon: what happened before it is final.
    """

    def __init__(
        self, settings: ParkingSettings, counts: Sequence[ZoneCount] = (), horizon: datetime | None = None
    ) -> None:
        self.book = Book(settings, counts)
        self.horizon = horizon
        self.late = 0  # operations from before the horizon, which change nothing any more
        self._ops: list[Operation] = []  # as they happened, in order; corrections and voids apart
        self._orders: list[Order] = []
        self._marks: list[int] = []  # of the book, before each of them
        self._known: set[str] = set()
        self._places: dict[str, Order] = {}
        self._says: dict[tuple[Kind, str], Operation] = {}  # the newest correction, and the void, of each operation

    def __len__(self) -> int:
        return len(self._ops)

    def __contains__(self, op_id: str) -> bool:
        return op_id in self._known

    @property
    def newest(self) -> datetime | None:
        """Return the moment of the newest operation."""
        return self._orders[-1][0] if self._orders else None

    def get(self, op_id: str) -> Operation | None:
        """Return one operation with what persons said about it; None when it is unknown or void."""
        order = self._places.get(op_id)
        return None if order is None else self._effective(self._ops[bisect_left(self._orders, order)])

    def closing_of(self, session_id: str) -> str | None:
        """Return the newest act by which a person ended a stay, if it still counts."""
        acts = (op for op in reversed(self._ops) if op.kind is Kind.CLOSE and op.target == session_id)
        return next((op.op_id for op in acts if self._effective(op) is not None), None)

    def add(self, ops: Iterable[Operation]) -> int:
        """Take in `ops`, in any order, each once; return how many were new."""
        fresh = [op for op in ops if self._is_new(op)]
        if not fresh:
            return 0
        first = min(self._insert(op) for op in sorted(fresh, key=lambda op: op.order))
        self._replay_from(first)
        return len(fresh)

    def forget_before(self, horizon: datetime) -> None:
        """Make everything before `horizon` final; what ended before it is forgotten."""
        place = bisect_left(self._orders, (horizon, ""))
        mark = self._marks[place] if place < len(self._marks) else self.book.mark()
        for op in self._ops[:place]:
            del self._places[op.op_id]
        del self._ops[:place], self._orders[:place], self._marks[:place]
        self.book.forget_before(mark, horizon)
        self.horizon = horizon

    # ---- inside --------------------------------------------------------------------------------------------------

    def _is_new(self, op: Operation) -> bool:
        if op.op_id in self._known:
            return False
        self._known.add(op.op_id)
        if self.horizon is not None and op.at < self.horizon:
            self.late += 1
            return False
        return True

    def _insert(self, op: Operation) -> Order:
        """Put `op` in its place; return the order from which the book must be written again."""
        if op.kind in (Kind.CORRECT, Kind.VOID):
            says = self._says.get((op.kind, op.target))
            if says is None or says.order < op.order:
                self._says[op.kind, op.target] = op
            return self._places.get(op.target, op.order)
        place = bisect_left(self._orders, op.order)
        self._ops.insert(place, op)
        self._orders.insert(place, op.order)
        self._marks.insert(place, self._marks[place] if place < len(self._marks) else self.book.mark())
        self._places[op.op_id] = op.order
        # What was said about it before it was known counts too; it is found when the operation is applied.
        return op.order

    def _replay_from(self, order: Order) -> None:
        place = bisect_left(self._orders, order)
        if place >= len(self._ops):
            return
        self.book.undo(self._marks[place])
        for k in range(place, len(self._ops)):
            self._marks[k] = self.book.mark()
            op = self._effective(self._ops[k])
            if op is not None:
                self.book.apply(op)

    def _effective(self, op: Operation) -> Operation | None:
        if (Kind.VOID, op.op_id) in self._says:
            return None
        says = self._says.get((Kind.CORRECT, op.op_id))
        if says is None:
            return op
        direction = op.direction if says.by else says.direction  # a person says the plate, the gate all it knows later
        return replace(op, plate=says.plate, by=says.by, direction=direction)
