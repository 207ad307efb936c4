"""A damaged outbox: found at start, set aside, and what can still be read is carried over.

The damaged file is never deleted; service goes on with a new one. Each row was
stored whole, so whatever SQLite can still read is good.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from edge.sinks.outbox_store import connect, make, translated
from edge.sinks.wire import decode

log = logging.getLogger(__name__)

RESTARTED = "numbering restarted"  # note: lanes that are not in the table had numbers nobody can read any more
DAMAGED = "the outbox was damaged"
Row = tuple[str, str, int, float, int, bytes]  # columns of `event` without the position


@dataclass(slots=True)
class Salvage:
    """What could be read from a damaged outbox."""

    lanes: dict[str, int] = field(default_factory=dict)  # lane -> last number
    events: list[Row] = field(default_factory=list)
    numbering_known: bool = False


def prepare(path: Path, now: datetime) -> str | None:
    """Make sure that a sound outbox lies at `path`; return an alarm if a damaged one had to be set aside.

    Raises:
        StorageError: the file cannot be made, or was written by another version of this program.
    """
    rebuilt = path.with_name(path.name + ".rebuilt")
    with translated(path, "opening"):
        path.parent.mkdir(parents=True, exist_ok=True)
        if rebuilt.exists() and not path.exists():  # the power failed in the middle of an earlier recovery
            rebuilt.rename(path)
        sound = not path.exists() or path.stat().st_size == 0 or _sound(path)
    if sound:
        make(path)
        return None
    with translated(path, "carrying events over"):
        rebuilt.unlink(missing_ok=True)
        saved = _salvage(path)
        make(rebuilt)
        with closing(connect(rebuilt, durable=True)) as connection:
            _adopt(connection, saved)
        damaged = set_aside(path, now)
        rebuilt.rename(path)
    alarm = (
        f"the outbox was damaged and set aside as {damaged}; {len(saved.events)} waiting events were carried over,"
        f" numbering {'goes on' if saved.numbering_known else 'starts again'}. Check the disk; keep that file"
    )
    log.error("%s", alarm)
    return alarm


def _sound(path: Path) -> bool:
    try:
        with closing(connect(path, durable=True)) as connection:
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                return False
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            empty = connection.execute("PRAGMA user_version").fetchone()[0] == 0
            return {"event", "pending", "lane", "dead"} <= tables or (empty and not tables)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
            raise  # locked, read-only, disk error: the file itself may be fine
        return False


def set_aside(path: Path, now: datetime) -> Path:
    """Move a damaged database out of the way, its log included; return where it is now."""
    damaged = path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%S}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(damaged.with_name(damaged.name + suffix))
    return damaged


def _salvage(damaged: Path) -> Salvage:
    saved = Salvage()
    with suppress(sqlite3.Error), closing(connect(damaged, durable=False)) as connection:
        saved.lanes.update(connection.execute("SELECT name, sequence FROM lane").fetchall())
        saved.numbering_known = True
    with suppress(sqlite3.Error), closing(connect(damaged, durable=False)) as connection:
        rows = connection.execute("SELECT event_id, lane, sequence, stored_utc, trusted, body FROM event NOT INDEXED")
        for row in rows:  # breaks off where the damage begins
            if _whole(row):
                saved.events.append(row)
    return saved


def _whole(row: Row) -> bool:
    """Tell whether `row` is an event; pages full of foreign bytes can still look like rows."""
    if [type(value) for value in row] != [str, str, int, float, int, bytes]:
        return False
    try:
        return decode(row[5]).event_id == row[0]
    except ValueError:
        return False


def _adopt(connection: sqlite3.Connection, saved: Salvage) -> None:
    """Put what was saved into the new file; every sink gets those events again, which is harmless."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT OR IGNORE INTO event (event_id, lane, sequence, stored_utc, trusted, body) VALUES (?, ?, ?, ?, ?, ?)",
        saved.events,
    )
    if saved.numbering_known:
        for _, lane, sequence, *_ in saved.events:
            saved.lanes[lane] = max(sequence, saved.lanes.get(lane, 0))
        rows = [(lane, sequence, DAMAGED) for lane, sequence in saved.lanes.items()]
        connection.executemany("INSERT OR REPLACE INTO lane VALUES (?, ?, ?)", rows)
    else:
        connection.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (RESTARTED, DAMAGED))
    connection.execute("COMMIT")
