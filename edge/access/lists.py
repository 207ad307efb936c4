"""The site's lists: who may pass, who may not, whom to watch for. Values and look-up, no files.

Plates are kept in canonical form; look-up by a plate costs the same for ten
entries and for a hundred thousand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, tzinfo
from enum import Enum

import numpy as np

from edge.tracking.grammar import LOOKALIKES, canonical
from edge.types import UInt8Array

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TWINS = str.maketrans({a: b for a, b in LOOKALIKES if (a, b) in {("O", "0"), ("Q", "0"), ("I", "1")}})


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


def lookalike_key(plate: str) -> str:
    """Return `plate` with characters that many countries print alike made one: O and Q as 0, I as 1."""
    return plate.translate(_TWINS)


@dataclass(frozen=True, slots=True)
class PlateLists:
    """All lists in force; replaced as a whole, never changed."""

    entries: tuple[Entry, ...] = ()
    version: str = ""  # SHA-256 of the file they came from; empty: no list
    _by_key: dict[str, tuple[Entry, ...]] = field(default_factory=dict, repr=False, compare=False)
    _by_length: dict[int, tuple[UInt8Array, tuple[str, ...]]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, entries: Iterable[Entry], version: str) -> PlateLists:
        """Return lists ready for look-up."""
        kept = tuple(entries)
        by_key: dict[str, list[Entry]] = {}
        for entry in kept:
            by_key.setdefault(lookalike_key(entry.plate), []).append(entry)
        lengths: dict[int, list[str]] = {}
        for key in by_key:
            lengths.setdefault(len(key), []).append(key)
        tables = {n: (_table(keys, n), tuple(keys)) for n, keys in lengths.items()}
        return cls(kept, version, {k: tuple(v) for k, v in by_key.items()}, tables)

    def find(self, plate: str) -> tuple[Entry, ...]:
        """Return the entries of `plate`, canonical, lookalikes included."""
        return self._by_key.get(lookalike_key(plate), ())

    def near(self, plate: str) -> tuple[str, ...]:
        """Return the lookalike keys of listed plates that differ from `plate` in exactly one character."""
        key = lookalike_key(plate)
        if len(key) not in self._by_length:
            return ()
        table, keys = self._by_length[len(key)]
        differing: UInt8Array = np.zeros(len(keys), np.uint8)
        for place, character in enumerate(key.encode()):
            differing += table[place] != character
        return tuple(keys[i] for i in np.flatnonzero(differing == 1))

    def entries_of(self, key: str) -> tuple[Entry, ...]:
        """Return the entries under a lookalike key that `near` gave."""
        return self._by_key.get(key, ())


def _table(keys: list[str], length: int) -> UInt8Array:
    """Return the characters of equally long keys, uint8 (length, N): one row per place, so that a scan is linear."""
    return np.ascontiguousarray(np.frombuffer("".join(keys).encode(), np.uint8).reshape(-1, length).T)


def _within(now: time, begin: time, end: time) -> bool:
    return begin <= now < end if begin <= end else now >= begin or now < end
