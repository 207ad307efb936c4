"""What the outbox does not keep for ever: by age and by size, oldest first, never silently.

Each run of dropped numbers is replaced, in its place, by one gap event, so
that every consumer learns in order what will never come.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from edge.clock import EventIds
from edge.sinks.gaps import first_sequence, gap_event
from edge.sinks.outbox_rows import insert_gap
from edge.sinks.wire import decode
from edge.types import EventType, GateEvent

MIB = 1 << 20
DAY_S = 86_400.0
BLOCK = 500  # events dropped per transaction: no append waits longer than that takes


@dataclass(frozen=True, slots=True)
class Limits:
    """When the outbox stops keeping what nobody fetched, and when it refuses more."""

    max_age_s: float = 30 * DAY_S
    max_bytes: int = 1_000 * MIB
    min_free_bytes: int = 16 * MIB  # left on the disk so that acknowledgements can still be written


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return the bytes of the file that hold something."""
    return _pragma(connection, "page_count") * _pragma(connection, "page_size") - unused_bytes(connection)


def unused_bytes(connection: sqlite3.Connection) -> int:
    """Return the bytes of the file that the next events can have."""
    return _pragma(connection, "freelist_count") * _pragma(connection, "page_size")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def excess(change: sqlite3.Connection, limits: Limits, now: float, *, trusted: bool) -> tuple[float, str]:
    """Return until which moment of storing (Unix seconds) events must go, and why; an empty reason if none.

    While UTC is not trusted nothing is too old: a clock that starts in 1970 and then leaps must cost no event.
    """
    if trusted:
        change.execute("UPDATE event SET stored_utc = ?, trusted = 1 WHERE NOT trusted", (now,))
    if used_bytes(change) > limits.max_bytes:
        return float("inf"), f"the outbox is larger than {limits.max_bytes / MIB:g} MiB"
    oldest = change.execute("SELECT MIN(stored_utc) FROM event").fetchone()[0]
    limit = now - limits.max_age_s
    if trusted and oldest is not None and oldest < limit:
        return limit, f"older than {limits.max_age_s / DAY_S:g} days"
    return 0.0, ""


def drop_block(change: sqlite3.Connection, until: float, reason: str, now: datetime, ids: EventIds) -> int:
    """Drop the oldest events stored before `until`, at most BLOCK; return how many real events went."""
    rows = change.execute(
        "SELECT position, body FROM event WHERE stored_utc < ? ORDER BY position LIMIT ?", (until, BLOCK)
    ).fetchall()
    found = [(position, event) for position, body in rows if (event := _readable(body)) is not None]
    lost = len(rows) - len(found)
    for position in {position for position, _ in rows} - {position for position, _ in found}:
        _delete(change, position)  # unreadable: its number is missing, and nothing more can be said about it
    if all(event.type is EventType.GAP for _, event in found):
        return lost
    for run in _runs(found):
        lost += _drop_run(change, run, reason, now, ids)
    return lost


def _drop_run(
    change: sqlite3.Connection, run: Sequence[tuple[int, GateEvent]], reason: str, now: datetime, ids: EventIds
) -> int:
    owed_by: set[str] = set()
    lost = 0
    for position, event in run:
        owers = {
            row[0]
            for table in ("pending", "dead")
            for row in change.execute(f"SELECT sink FROM {table} WHERE position = ?", (position,))  # noqa: S608
        }
        lost += bool(owers) and event.type is not EventType.GAP
        owed_by |= owers - {""}
        _delete(change, position)
    if owed_by:
        position, newest = run[-1]
        numbers = {"first": first_sequence(run[0][1]), "last": newest.sequence or 0, "sequence": newest.sequence or 0}
        gap = gap_event(newest, ids.new(now), now, reason=reason, **numbers)
        insert_gap(change, gap, position, owed_by, now=now.timestamp())
    return lost


def _delete(change: sqlite3.Connection, position: int) -> None:
    for table in ("pending", "dead", "event"):
        change.execute(f"DELETE FROM {table} WHERE position = ?", (position,))  # noqa: S608  (fixed names)


def _readable(body: bytes) -> GateEvent | None:
    try:
        return decode(body)
    except ValueError:
        return None


def _runs(found: Sequence[tuple[int, GateEvent]]) -> Iterator[list[tuple[int, GateEvent]]]:
    """Yield, lane by lane, stretches whose numbers follow each other."""
    by_lane = sorted(found, key=lambda item: (item[1].lane, item[0]))
    for _, group in groupby(by_lane, key=lambda item: item[1].lane):
        run: list[tuple[int, GateEvent]] = []
        for item in group:
            if run and first_sequence(item[1]) != (run[-1][1].sequence or 0) + 1:
                yield run
                run = []
            run.append(item)
        yield run
