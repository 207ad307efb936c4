"""Vehicles that were announced from outside and must be read: a loop, a button or another system says "one is here".

Each vehicle that the gate tells of answers one trigger, the oldest. A trigger that nothing answers within its window
is a vehicle whose plate nobody could read: a person must look. Pure logic: time comes with the triggers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edge.tracking.gate import PassageChange, PassageState
from edge.types import Trigger

SAME_VEHICLE_S = 2.0  # a second axle or a bouncing relay calls again this soon
IN_VIEW_S = 1.0  # a passage seen this lately may be the vehicle that called
REMEMBERED = 200  # passages


@dataclass(slots=True)
class Awaited:
    """One vehicle that called and was not read yet."""

    trigger: Trigger
    picture: bytes | None = None  # of the moment of the call, JPEG


class Waiting:
    """The triggers of one camera. Belongs to its vision thread.

    Args:
        window_s: how long a vehicle that called may take to be read, before and after its call.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._pending: list[Awaited] = []
        self._free: dict[int, float] = {}  # passages told that answered no trigger, and when
        self._used: dict[int, None] = {}  # passages that answered one
        self._last_s = float("-inf")

    @property
    def pending(self) -> bool:
        """Tell whether a vehicle is waited for: then the camera looks, even if nothing moves."""
        return bool(self._pending)

    def expect(self, triggers: Iterable[Trigger], in_lane: Sequence[PassageState]) -> None:
        """Take in new triggers; one whose vehicle has been told of already is answered at once."""
        for trigger in triggers:
            again = trigger.at_s - self._last_s < SAME_VEHICLE_S
            self._last_s = max(self._last_s, trigger.at_s)
            if again:
                continue
            passage = self._answered(trigger, in_lane)
            if passage is None:
                self._pending.append(Awaited(trigger))
            else:
                self._use(passage)

    def photograph(self, picture: Callable[[], bytes | None]) -> None:
        """Give those that have none a picture of now."""
        blind = [a for a in self._pending if a.picture is None]
        taken = picture() if blind else None
        for awaited in blind:
            awaited.picture = taken

    def answer(self, changes: Iterable[PassageChange], now_s: float) -> None:
        """Take in what the gate told: each new passage answers the oldest trigger."""
        for change in changes:
            if change.passage in self._used or change.passage in self._free:
                continue
            if self._pending:
                self._pending.pop(0)
                self._use(change.passage)
            else:
                self._free[change.passage] = now_s
        self._free = {p: s for p, s in self._free.items() if now_s - s <= self._window_s}

    def overdue(self, now_s: float) -> tuple[Awaited, ...]:
        """Return the vehicles that were not read in time; they are waited for no longer."""
        late = tuple(a for a in self._pending if now_s - a.trigger.at_s >= self._window_s)
        self._pending = [a for a in self._pending if a not in late]
        return late

    def called_for(self, in_lane: Sequence[PassageState], now_s: float) -> int | None:
        """Return the passage of a vehicle in view that nobody was told of: most likely the one that is overdue."""
        known = (*self._used, *self._free)
        seen = [p for p in in_lane if not p.announced and p.last_s >= now_s - IN_VIEW_S and p.passage not in known]
        if not seen:
            return None
        passage = min(p.passage for p in seen)
        self._use(passage)
        return passage

    def _answered(self, trigger: Trigger, in_lane: Sequence[PassageState]) -> int | None:
        since_s = trigger.at_s - self._window_s
        told = [p for p, s in self._free.items() if s >= since_s]
        told += [p.passage for p in in_lane if p.announced and p.passage not in self._used and p.last_s >= since_s]
        return min(told, default=None)

    def _use(self, passage: int) -> None:
        self._free.pop(passage, None)
        self._used[passage] = None
        while len(self._used) > REMEMBERED:
            del self._used[next(iter(self._used))]
