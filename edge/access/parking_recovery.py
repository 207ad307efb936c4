"""A damaged file of the car park: set aside at start, and what can still be read goes into a new one.

Each operation was stored whole, so whatever SQLite can still read is good. What
other gates of the site have of it comes back from them.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.access.operations import decode
from edge.access.parking_store import BASE, ParkingStore
from edge.sinks.outbox_recovery import set_aside
from edge.sinks.outbox_store import translated

log = logging.getLogger(__name__)

Rows = list[tuple[Any, ...]]


def prepare(path: Path, now: datetime) -> str:
    """Make sure that a sound file lies at `path`; return an alarm if a damaged one had to be set aside.

    Raises:
        StorageError: the file cannot be read or moved.
    """
    with translated(path, "opening"):
        if not path.exists() or path.stat().st_size == 0 or _sound(path):
            return ""
        saved = {table: _read(path, table) for table in ("operation", "origin", "announced", "note")}
        damaged = set_aside(path, now)
    with ParkingStore(path).changing() as change:
        operations = _adopt(change, saved)
    alarm = (
        f"the file of the car park was damaged and set aside as {damaged}; {operations} passages and acts were carried"
        " over. Check the disk, then the stays and the count"
    )
    log.error("%s", alarm)
    return alarm


def _sound(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as db:
            if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                return False
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return {"operation", "origin", "announced", "note"} <= tables
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
            raise  # locked, read-only, disk error: the file itself may be fine
        return False


def _read(path: Path, table: str) -> Rows:
    """Return the rows of `table` up to where the damage begins."""
    found: Rows = []
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as db:
        for row in db.execute(f"SELECT * FROM {table} NOT INDEXED"):  # noqa: S608  (fixed names)
            found.append(row)
    return found


def _adopt(change: sqlite3.Connection, saved: dict[str, Rows]) -> int:
    """Put what was saved into the new file; return how many operations that are.

    The new file has an epoch of its own: numbers that were lost must not be given twice under one name.
    """
    sound = [row for row in saved["operation"] if _whole(row)]
    for number, row in enumerate(sound, 1):
        change.execute(
            "INSERT OR IGNORE INTO operation (op_id, origin, number, at_ms, body) VALUES (?, '', ?, ?, ?)",
            (row[1], number, row[4], row[5]),
        )
    change.execute("INSERT OR REPLACE INTO origin VALUES ('', ?)", (len(sound),))
    told = [row for row in saved["announced"] if len(row) == 6 and isinstance(row[4], bytes)]
    change.executemany("INSERT OR IGNORE INTO announced VALUES (?, ?, ?, ?, ?, ?)", told)
    base = [row for row in saved["note"] if row[0] == BASE]
    change.executemany("INSERT OR REPLACE INTO note VALUES (?, ?)", base)
    return len(sound)


def _whole(row: tuple[Any, ...]) -> bool:
    if [type(value) for value in row] != [int, str, str, int, int, bytes]:
        return False
    with suppress(ValueError):
        return bool(decode(row[5]).op_id == row[1])
    return False
