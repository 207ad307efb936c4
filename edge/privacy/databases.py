"""Leaving nothing behind in an SQLite file: rebuilt without what was deleted, its log emptied.

`secure_delete` overwrites what a DELETE frees, but pages that SQLite split or
merged earlier may hold stale copies; a rebuilt file has never seen them. Works
beside a running daemon, whose writes wait meanwhile.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from edge.errors import StorageError

PATIENCE_S = 30.0  # for the daemon's transactions, which take milliseconds


def rebuild(path: Path) -> None:
    """Write the database at `path` anew and empty its log.

    Raises:
        StorageError: the disk has no room for a second copy, or somebody holds the file for too long.
    """
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)) as db:
            db.execute("PRAGMA secure_delete = ON")
            db.execute("VACUUM")
            if not empty_log(db):
                raise sqlite3.OperationalError("its log is in use")
    except sqlite3.Error as error:
        raise StorageError(
            f"{path}: cannot be rebuilt: {error}. What was erased is gone from its tables; free as much space as the "
            "file takes, or stop the daemon, and erase again"
        ) from error


def empty_log(db: sqlite3.Connection) -> bool:
    """Put everything from the write-ahead log into the file and cut the log to nothing.

    Returns:
        False: somebody has read for longer than the connection waits; the log is overwritten in the course of time.
    """
    busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
