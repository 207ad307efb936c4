"""The outbox's file: its tables, its lock, its connections, its errors.

The one place that decides how durable a commit is. Knows SQLite and paths;
what the rows mean is in outbox_rows.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from edge import private_files
from edge.errors import StorageError

VERSION = 1
BUSY_TIMEOUT_MS = 10_000  # longer than any checkpoint of ours; only the `outbox` command competes
CHECKPOINT_PAGES = 256  # 1 MiB of log at most in the normal case: small disks fill less, a start reads less
WAL_LIMIT_BYTES = 4 << 20  # the log file shrinks back to this after a burst

TABLES = """
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE lane (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, announce TEXT) WITHOUT ROWID;
CREATE TABLE sink (name TEXT PRIMARY KEY, active INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE note (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE event (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    lane TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    stored_utc REAL NOT NULL,
    trusted INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE pending (
    sink TEXT NOT NULL, position INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sink, position)
) WITHOUT ROWID;
CREATE INDEX pending_position ON pending (position);
CREATE TABLE dead (
    sink TEXT NOT NULL, position INTEGER NOT NULL, attempts INTEGER NOT NULL,
    reason TEXT NOT NULL, at_utc REAL NOT NULL,
    PRIMARY KEY (sink, position)
) WITHOUT ROWID;
CREATE INDEX dead_position ON dead (position);
PRAGMA user_version = 1;
COMMIT;
"""
# Positions only grow: AUTOINCREMENT never gives a number twice, so "ORDER BY position" is the order of storing.


@contextmanager
def translated(path: Path, doing: str) -> Iterator[None]:
    """Turn SQLite's and the file system's errors into StorageError, with what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"{path}: {doing} failed: {error}. {_advice(str(error), path)}") from error
    except OSError as error:
        raise StorageError(f"{path}: {doing} failed: {error.strerror or error}. {_advice('', path)}") from error


def _advice(text: str, path: Path) -> str:
    if "full" in text:
        return f"Free space on the disk of {path.parent}"
    if "readonly" in text or "unable to open" in text:
        return f"Make {path.parent} exist and be writable by this user"
    if "locked" in text:
        return "Close other programs that hold the file open"
    return f"Check the disk that holds {path.parent} (dmesg, smartctl)"


def lock(path: Path) -> int:
    """Return the descriptor of a lock that only one daemon can hold on the outbox at `path`.

    Raises:
        StorageError: another process has it, or the folder cannot be written.
    """
    with translated(path, "locking"):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StorageError(
            f"{path}: another process uses this outbox. Stop it, or give each daemon its own outbox.path"
        ) from error
    return descriptor


def is_locked(path: Path) -> bool:
    """Tell whether a daemon holds the outbox at `path`."""
    file = path.with_name(path.name + ".lock")
    if not file.exists():
        return False
    with translated(path, "asking for its lock"), file.open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def connect(path: Path, *, durable: bool) -> sqlite3.Connection:
    """Return a connection for explicit transactions, usable from any thread that holds the outbox's lock.

    Args:
        durable: True: a commit returns when the disk has it. False: the newest commits may be undone by a power
            cut, never damaged; good enough for acknowledgements, whose loss only repeats a delivery.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_MS / 1000)
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("PRAGMA secure_delete = ON")  # a delivered plate leaves no trace in the file
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
    return connection


def make(path: Path) -> None:
    """Make the tables in a new file; leave an existing one alone.

    Raises:
        StorageError: the file cannot be made, or was written by a newer version of this program.
    """
    with translated(path, "opening"):
        private_files.reserve(path)  # plates are personal data
    with translated(path, "opening"), closing(connect(path, durable=True)) as connection:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            connection.executescript(TABLES)
        elif found != VERSION:
            raise StorageError(f"{path}: written by another version of this program ({found}). Update this one")
