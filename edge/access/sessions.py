"""Sessions: one car's stay from entry to exit. Frozen values; who belongs together is decided in `book`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from edge.access.likeness import NOTHING, Belief
from edge.access.operations import Operation


class End(str, Enum):
    """How a stay ended."""

    EXIT = "exit"
    REVERSED = "reversed"  # the car backed out through the lane it came in by
    EXIT_NOT_SEEN = "exit_not_seen"  # the same car came in again
    GONE = "presumed_gone"  # inside for too long to be true; its exit may still come
    PERSON = "closed_by_person"


class Pairing(str, Enum):
    """Why an entry and an exit belong together."""

    EXACT = "exact"  # the same plate was read
    OVERLAP = "overlap"  # different texts, most likely the same plate
    ELIMINATION = "elimination"  # one end is unread, and nobody else was left
    PERSON = "person"  # at least one plate was corrected by hand
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Session:
    """One stay; open while `end` is None."""

    session_id: str  # of its entry
    entry: Operation
    zone: str
    belief: Belief = field(repr=False, compare=False, default=NOTHING)
    end: End | None = None
    ended_at: datetime | None = None
    exit: Operation | None = None
    pairing: Pairing = Pairing.NONE
    probability: float = 0.0  # that entry and exit are of one car
    tailgated: bool = False  # it followed an opened barrier without having been let in

    @property
    def corrected(self) -> bool:
        """Tell whether a person had a hand in it."""
        return bool(self.entry.by or (self.exit is not None and self.exit.by) or self.end is End.PERSON)

    @property
    def plate(self) -> str:
        """Return the plate as well as it is known; empty: unread at both ends."""
        ends = [op.plate for op in (self.entry, self.exit) if op is not None and op.plate is not None]
        return max(ends, key=lambda verdict: verdict.probability).text if ends else ""


@dataclass(frozen=True, slots=True)
class LooseExit:
    """An exit that belongs to no stay, so far."""

    exit: Operation
    zone: str
    belief: Belief = field(repr=False, compare=False)
    candidates: frozenset[str]  # sessions that it may have ended
    counted: bool  # it took a car out of the count
