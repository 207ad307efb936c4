"""The rows of the outbox: what each change means, inside a transaction that the caller opened.

Every function takes the connection of that transaction; none commits.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import replace

from edge.clock import EventIds
from edge.errors import EventRejected
from edge.sinks.gaps import gap_event, restart_event
from edge.sinks.outbox_recovery import RESTARTED
from edge.sinks.wire import decode, encode
from edge.types import Evidence, GateEvent

log = logging.getLogger(__name__)

AS_TEXT = "as_text"  # addition that holds what is left of an event without JSON form
REPR_LIMIT = 2_000  # characters of an event without JSON form that are kept for a person to look at


def store_event(
    change: sqlite3.Connection, event: GateEvent, sinks: Sequence[str], *, now: float, trusted: bool, ids: EventIds
) -> GateEvent:
    """Number and insert `event`, owed by every one of `sinks`; return it as stored.

    An event that is already here keeps its number: a caller may repeat an append whose outcome it could not see.
    """
    already = change.execute("SELECT body FROM event WHERE event_id = ?", (event.event_id,)).fetchone()
    if already is not None:
        return decode(already[0])
    last = _last_number(change, event, sinks, now=now, trusted=trusted, ids=ids)
    stored = replace(event, sequence=last + 1, clock_synchronised=event.clock_synchronised and trusted)
    change.execute("INSERT OR REPLACE INTO lane VALUES (?, ?, NULL)", (event.lane, last + 1))
    try:
        _insert(change, stored, encode(stored, None), sinks, now=now, trusted=trusted)
    except EventRejected as error:
        position = _insert(change, stored, encode(_remains(stored), None), (), now=now, trusted=trusted)
        for sink in sinks or ("",):
            bury(change, sink, position, error.reason, now)
    return stored


def insert_gap(
    change: sqlite3.Connection, gap: GateEvent, position: int, sinks: Collection[str], *, now: float
) -> None:
    """Put `gap` where the last event that it replaces was, so that it goes out in order."""
    change.execute(
        "INSERT INTO event VALUES (?, ?, ?, ?, ?, 1, ?)",
        (position, gap.event_id, gap.lane, gap.sequence, now, encode(gap, None)),
    )
    change.executemany("INSERT INTO pending VALUES (?, ?, 0)", [(sink, position) for sink in sinks])


def positions(change: sqlite3.Connection, event_ids: Collection[str]) -> list[int]:
    """Return where these events are; ids that are not stored any more are left out."""
    found = (change.execute("SELECT position FROM event WHERE event_id = ?", (i,)).fetchone() for i in event_ids)
    return [row[0] for row in found if row is not None]


def strike(change: sqlite3.Connection, sink: str, position: int) -> None:
    """`sink` has delivered this one; delete the event when nobody owes it any more."""
    change.execute("DELETE FROM pending WHERE sink = ? AND position = ?", (sink, position))
    owed = "SELECT 1 FROM pending WHERE position = :p UNION ALL SELECT 1 FROM dead WHERE position = :p"
    if change.execute(owed, {"p": position}).fetchone() is None:
        change.execute("DELETE FROM event WHERE position = ?", (position,))


def bury(change: sqlite3.Connection, sink: str, position: int, reason: str, now: float) -> None:
    """Make the event a dead letter of `sink`."""
    row = change.execute("SELECT attempts FROM pending WHERE sink = ? AND position = ?", (sink, position)).fetchone()
    change.execute("DELETE FROM pending WHERE sink = ? AND position = ?", (sink, position))
    change.execute(
        "INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?)",
        (sink, position, (row[0] if row else 0) + 1, reason, now),
    )


def oldest(connection: sqlite3.Connection, sink: str | None, limit: int) -> list[tuple[int, bytes]]:
    """Return position and body of the oldest events that `sink` (None: any) owes."""
    one = "SELECT position, body FROM pending JOIN event USING (position) WHERE sink = ? ORDER BY position LIMIT ?"
    any_of_them = "SELECT DISTINCT position, body FROM pending JOIN event USING (position) ORDER BY position LIMIT ?"
    found = connection.execute(any_of_them, (limit,)) if sink is None else connection.execute(one, (sink, limit))
    return found.fetchall()


def bury_unreadable(change: sqlite3.Connection, found: Sequence[tuple[int, bytes]], now: float) -> None:
    """Set aside what the disk gave back changed: SQLite does not check the contents of a row."""
    for position, body in found:
        fault = _fault(body)
        if fault:
            log.error("outbox: the event at position %d cannot be read back (%s); check the disk", position, fault)
            for (sink,) in change.execute("SELECT sink FROM pending WHERE position = ?", (position,)).fetchall():
                bury(change, sink, position, f"cannot be read back: {fault}", now)


def _fault(body: bytes) -> str:
    try:
        decode(body)
    except ValueError as error:
        return str(error) or type(error).__name__
    return ""


def _last_number(
    change: sqlite3.Connection, event: GateEvent, sinks: Sequence[str], *, now: float, trusted: bool, ids: EventIds
) -> int:
    """Return the lane's last number, after telling consumers about numbers that a damaged file took along."""
    row = change.execute("SELECT sequence, announce FROM lane WHERE name = ?", (event.lane,)).fetchone()
    last, announce = row or (0, None)
    marker: GateEvent | None = None
    if row is None and change.execute("SELECT 1 FROM note WHERE name = ?", (RESTARTED,)).fetchone():
        marker = restart_event(event, ids.new(event.captured_at), event.captured_at)
    elif announce is not None:
        new_id = ids.new(event.captured_at)
        marker = gap_event(
            event, new_id, event.captured_at, sequence=last + 1, first=1, last=last, reason=str(announce)
        )
    if marker is None:
        return int(last)
    _insert(change, marker, encode(marker, None), sinks, now=now, trusted=trusted)
    return marker.sequence or 1


def _insert(
    change: sqlite3.Connection, event: GateEvent, body: bytes, sinks: Sequence[str], *, now: float, trusted: bool
) -> int:
    position = change.execute(
        "INSERT INTO event (event_id, lane, sequence, stored_utc, trusted, body) VALUES (?, ?, ?, ?, ?, ?)",
        (event.event_id, event.lane, event.sequence, now, int(trusted), body),
    ).lastrowid
    assert position is not None  # an INSERT that did not raise has a row
    change.executemany("INSERT INTO pending VALUES (?, ?, 0)", [(sink, position) for sink in sinks])
    return position


def _remains(event: GateEvent) -> GateEvent:
    """Return what can be kept of an event that has no JSON form: enough for a person to see what it was."""
    text = repr(replace(event, evidence=Evidence()))[:REPR_LIMIT]
    return replace(event, plate=None, evidence=Evidence(), details=((AS_TEXT, text),))
