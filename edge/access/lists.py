"""The site's lists: who may pass, who may not, whom to watch for. Values and look-up, no files.

Plates are kept in canonical form; look-up by a plate costs the same for ten
entries and for a hundred thousand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, tzinfo
from enum import Enum

from edge.access.spelling import ANYWHERE, Spelling
from edge.tracking.grammar import canonical

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class ListKind(str, Enum):
    """What an entry means."""

    ALLOW = "allow"
    DENY = "deny"
    WATCH = "watch"


@dataclass(frozen=True, slots=True)
class Entry:
    """One listed plate."""

    plate: str  # canonical
    kind: ListKind
    holder: str = ""
    valid_from: datetime | None = None  # aware
    valid_to: datetime | None = None
    weekdays: frozenset[int] = frozenset()  # 0 is Monday; empty: every day
    hours: tuple[time, time] | None = None  # local time of the site; from 22:00 to 06:00 runs over midnight
    lanes: frozenset[str] = frozenset()  # empty: every lane
    note: str = ""

    def __post_init__(self) -> None:
        if not self.plate or canonical(self.plate) != self.plate:
            raise ValueError(f"a listed plate must be in canonical form (A-Z, 0-9), got {self.plate!r}")
        for moment in (self.valid_from, self.valid_to):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("validity must carry its time zone")

    @property
    def needs_clock(self) -> bool:
        """Tell whether the entry cannot be judged without knowing the time."""
        return bool(self.valid_from or self.valid_to or self.weekdays or self.hours)

    def applies(self, lane: str, at: datetime, zone: tzinfo) -> bool:
        """Tell whether the entry is valid in `lane` at the aware moment `at`, the site's clock being `zone`."""
        if self.lanes and lane not in self.lanes:
            return False
        if (self.valid_from and at < self.valid_from) or (self.valid_to and at > self.valid_to):
            return False
        local = at.astimezone(zone)
        if self.weekdays and local.weekday() not in self.weekdays:
            return False
        return self.hours is None or _within(local.time(), *self.hours)


@dataclass(frozen=True, slots=True)
class PlateLists:
    """All lists in force; replaced as a whole, never changed."""

    entries: tuple[Entry, ...] = ()
    version: str = ""  # SHA-256 of the file they came from; empty: no list
    spelling: Spelling = field(default=ANYWHERE, repr=False, compare=False)
    _by_key: dict[str, tuple[Entry, ...]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, entries: Iterable[Entry], version: str, spelling: Spelling = ANYWHERE) -> PlateLists:
        """Return lists ready for look-up."""
        kept = tuple(entries)
        by_key: dict[str, list[Entry]] = {}
        for entry in kept:
            by_key.setdefault(spelling.key(entry.plate), []).append(entry)
        return cls(kept, version, spelling, {k: tuple(v) for k, v in by_key.items()})

    def find(self, plate: str) -> tuple[Entry, ...]:
        """Return the entries of `plate`, canonical, whichever way the site may spell it."""
        return self._by_key.get(self.spelling.key(plate), ())

    def entries_of(self, key: str) -> tuple[Entry, ...]:
        """Return the entries under a key of the site's spelling."""
        return self._by_key.get(key, ())


def _within(now: time, begin: time, end: time) -> bool:
    return begin <= now < end if begin <= end else now >= begin or now < end
