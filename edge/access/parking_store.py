"""The file of the car park: operations, who has which, and the stays that were announced.

Operations are the truth; everything else can be worked out again. Opened for
each piece of work, by the daemon's threads and by the command line alike:
SQLite keeps them apart. A commit returns when the disk has it.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge import private_files
from edge.access.operations import Operation, decode, encode, milliseconds
from edge.errors import StorageError
from edge.sinks.outbox_store import translated

log = logging.getLogger(__name__)

VERSION = 1
BUSY_TIMEOUT_S = 10.0
EPOCH, BASE, SECRET = "epoch", "base", "secret"  # notes
OURS = ""  # origin of operations made here; other gates know it by the epoch of this file
TABLES = """
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE IF NOT EXISTS operation (
    position INTEGER PRIMARY KEY AUTOINCREMENT, op_id TEXT NOT NULL UNIQUE,
    origin TEXT NOT NULL, number INTEGER NOT NULL, at_ms INTEGER NOT NULL, body BLOB NOT NULL,
    UNIQUE (origin, number)
);
CREATE TABLE IF NOT EXISTS origin (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS announced (
    position INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, session_id TEXT NOT NULL,
    content TEXT NOT NULL, body BLOB NOT NULL, stored INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS announced_session ON announced (session_id);
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class Numbered:
    """An operation with its place among those of its origin."""

    origin: str
    number: int
    op: Operation


@dataclass(frozen=True, slots=True)
class Announced:
    """A closed session as it was told."""

    event_id: str
    session_id: str
    content: str  # what was told, for comparison; empty: that it was withdrawn
    body: bytes  # the event on the wire


class ParkingStore:
    """The tables; every method is one transaction.

    Args:
        path: SQLite file, made when missing.

    Raises:
        StorageError: (from any method) the file cannot be made, read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with translated(path, "opening"):
            path.parent.mkdir(parents=True, exist_ok=True)
            private_files.reserve(path)  # plates are personal data
        with self.changing() as change:
            found = change.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, VERSION):
                raise StorageError(f"{path}: written by another version of this program ({found}). Update this one")
        if found == 0:
            self._make()

    # ---- operations ----------------------------------------------------------------------------------------------

    def add(self, ops: Iterable[Operation]) -> int:
        """Store operations made here, each once; return how many were new."""
        with self.changing() as change:
            last = _number(change, OURS)
            fresh = 0
            for op in ops:
                fresh += change.execute(
                    "INSERT OR IGNORE INTO operation (op_id, origin, number, at_ms, body) VALUES (?, ?, ?, ?, ?)",
                    (op.op_id, OURS, last + fresh + 1, milliseconds(op.at), encode(op)),
                ).rowcount
            change.execute("INSERT OR REPLACE INTO origin VALUES (?, ?)", (OURS, last + fresh))
            return fresh

    def take(self, origin: str, after: int, found: Sequence[Numbered]) -> bool:
        """Store operations of another gate that follow its number `after`; False when some before them are missing."""
        with self.changing() as change:
            have = _number(change, origin)
            if after > have:
                return False
            change.executemany(
                "INSERT OR IGNORE INTO operation (op_id, origin, number, at_ms, body) VALUES (?, ?, ?, ?, ?)",
                [
                    (one.op.op_id, origin, one.number, milliseconds(one.op.at), encode(one.op))
                    for one in found
                    if one.number > have
                ],
            )
            last = max([have, *(one.number for one in found)])
            change.execute("INSERT OR REPLACE INTO origin VALUES (?, ?)", (origin, last))
            return True

    def since(self, position: int) -> tuple[int, list[Operation]]:
        """Return operations stored after `position`, and the position of the last one."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT position, body FROM operation WHERE position > ? ORDER BY position", (position,)
            ).fetchall()
        return (rows[-1][0] if rows else position), [op for _, op in self._readable(rows)]

    def have(self) -> dict[str, int]:
        """Return origin -> number of its newest operation here."""
        with self.reading() as db:
            return dict(db.execute("SELECT name, number FROM origin").fetchall())

    def after(self, origin: str, number: int, limit: int) -> list[Numbered]:
        """Return the next operations of `origin` after `number`."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT number, body FROM operation WHERE origin = ? AND number > ? ORDER BY number LIMIT ?",
                (origin, number, limit),
            ).fetchall()
        return [Numbered(origin, n, op) for n, op in self._readable(rows)]

    def forget(self, op_ids: Collection[str], session_ids: Collection[str], base: str) -> None:
        """Delete operations whose effect is in `base` now, and what was told about sessions that are over."""
        with self.changing() as change:
            change.executemany("DELETE FROM operation WHERE op_id = ?", [(i,) for i in op_ids])
            change.executemany("DELETE FROM announced WHERE session_id = ? AND stored", [(i,) for i in session_ids])
            change.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (BASE, base))

    # ---- what was told -------------------------------------------------------------------------------------------

    def announce(self, told: Iterable[Announced]) -> None:
        """Remember what is about to be told; `stored` comes later."""
        with self.changing() as change:
            change.executemany(
                "INSERT OR IGNORE INTO announced (event_id, session_id, content, body, stored) VALUES (?, ?, ?, ?, 0)",
                [(a.event_id, a.session_id, a.content, a.body) for a in told],
            )

    def stored(self, event_ids: Collection[str]) -> None:
        """Note that the outbox has these events."""
        with self.changing() as change:
            change.executemany("UPDATE announced SET stored = 1 WHERE event_id = ?", [(i,) for i in event_ids])

    def untold(self) -> list[Announced]:
        """Return what may not be in the outbox yet, in the order of its making."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT event_id, session_id, content, body FROM announced WHERE NOT stored ORDER BY position"
            ).fetchall()
        return [Announced(*row) for row in rows]

    def last_told(self) -> dict[str, Announced]:
        """Return session -> the newest that was told about it."""
        with self.reading() as db:
            rows = db.execute("SELECT event_id, session_id, content, body FROM announced ORDER BY position").fetchall()
        return {row[1]: Announced(*row) for row in rows}

    # ---- notes ---------------------------------------------------------------------------------------------------

    def epoch(self) -> str:
        """Return a name of this file: a new file is a new origin, whatever the gate is called."""
        return self.note(EPOCH)

    def note(self, name: str) -> str:
        """Return a note; empty when there is none."""
        with self.reading() as db:
            row = db.execute("SELECT text FROM note WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def secret(self) -> str:
        """Return the secret of this file, made when missing: nobody else can tell an identifier's contents by trial."""
        if not self.note(SECRET):
            with self.changing() as change:
                change.execute("INSERT OR IGNORE INTO note VALUES (?, ?)", (SECRET, new_secret()))
        return self.note(SECRET)

    # ---- inside --------------------------------------------------------------------------------------------------

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection inside a transaction that is committed at the end."""
        with self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection without a transaction."""
        with (
            translated(self.path, "using it"),
            closing(sqlite3.connect(self.path, isolation_level=None, timeout=BUSY_TIMEOUT_S)) as db,
        ):
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA secure_delete = ON")  # a forgotten plate leaves no trace in the file
            yield db

    def _readable(self, rows: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, Operation]]:
        """Yield number and operation of each row that the disk gave back as it was: SQLite does not check contents."""
        for number, body in rows:
            try:
                yield number, decode(body)
            except ValueError as error:
                log.error("%s: row %d cannot be read back (%s); check the disk", self.path, number, error)

    def _make(self) -> None:
        with self.reading() as db:
            db.executescript(TABLES)
            db.execute("INSERT OR IGNORE INTO note VALUES (?, ?)", (EPOCH, secrets.token_hex(4)))


def new_secret() -> str:
    """Return a secret that nobody knows yet."""
    return secrets.token_hex(32)


def _number(change: sqlite3.Connection, origin: str) -> int:
    row = change.execute("SELECT number FROM origin WHERE name = ?", (origin,)).fetchone()
    return 0 if row is None else int(row[0])
