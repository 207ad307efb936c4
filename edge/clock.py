"""Clocks and identifiers: the only places where time and chance enter.

Logic receives a moment; only the edges of the program hold a `Clock`. A replay
uses the virtual ones, so that two runs give the same events bit for bit.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds for intervals, UTC for events."""

    def monotonic_s(self) -> float:
        """Return seconds that never go backwards."""

    def utc(self) -> datetime:
        """Return now as aware UTC."""


class SystemClock:
    """The machine's clocks."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.now(timezone.utc)


class VirtualClock:
    """A clock that only moves when told to: replays and tests."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._elapsed_s = 0.0

    def monotonic_s(self) -> float:
        return self._elapsed_s

    def utc(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_s)

    def advance_to(self, elapsed_s: float) -> None:
        """Move to `elapsed_s` seconds after the start; never backwards."""
        self._elapsed_s = max(self._elapsed_s, elapsed_s)


class EventIds:
    """Makes UUIDv7 identifiers (RFC 9562): sortable by time, unique without coordination.

    Args:
        random_bits: returns that many random bits; `seeded_ids` makes it repeatable.
    """

    def __init__(self, random_bits: Callable[[int], int] = secrets.randbits) -> None:
        self._random_bits = random_bits

    def new(self, at: datetime) -> str:
        """Return a new identifier whose time part is `at`."""
        milliseconds = int(at.timestamp() * 1000) & ((1 << 48) - 1)
        value = milliseconds << 80 | 0x7 << 76 | self._random_bits(12) << 64 | 0b10 << 62 | self._random_bits(62)
        return str(uuid.UUID(int=value))


def seeded_ids(seed: int) -> EventIds:
    """Return a source of identifiers that repeats itself: for replays, never for a live gate."""
    return EventIds(Random(seed).getrandbits)  # noqa: S311  (identifiers of a replay need no secrecy)
