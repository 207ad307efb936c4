"""History: the events that people search, on disk, apart from the outbox.

A sink like any other: it writes what the outbox hands it, once per event id,
and forgets the oldest beyond a number; by age, `edge.privacy` forgets. Readers
open their own connection, so a search never waits for a write. Corrections stand beside an event and never change it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.clock import Clock
from edge.errors import SinkUnavailable, StorageError
from edge.privacy.disguise import PRIVACY
from edge.privacy.keeping import keep_class
from edge.private_files import reserve
from edge.sinks import wire
from edge.sinks.misread import patterns
from edge.tracking.account import Account
from edge.types import GateEvent

NAME = "history"
BUSY_TIMEOUT_S = 5.0
PRUNE_EVERY_S = 600.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    event_id TEXT PRIMARY KEY, captured_at TEXT NOT NULL, lane TEXT NOT NULL, camera TEXT NOT NULL,
    type TEXT NOT NULL, passage_id TEXT NOT NULL, plate TEXT, body BLOB NOT NULL,
    keep TEXT NOT NULL DEFAULT 'unlisted') WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_by_time ON events (captured_at, event_id);
CREATE INDEX IF NOT EXISTS events_by_passage ON events (passage_id);
CREATE TABLE IF NOT EXISTS names (  -- what a search by plate finds: the answer, its rivals, the correction
    event_id TEXT NOT NULL REFERENCES events ON DELETE CASCADE, text TEXT NOT NULL, PRIMARY KEY (text, event_id))
    WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS names_by_event ON names (event_id);
CREATE TABLE IF NOT EXISTS corrections (
    event_id TEXT PRIMARY KEY REFERENCES events ON DELETE CASCADE, text TEXT NOT NULL, by TEXT NOT NULL,
    at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (  -- why the plate was read so
    event_id TEXT PRIMARY KEY REFERENCES events ON DELETE CASCADE, body TEXT NOT NULL) WITHOUT ROWID;
"""
_ROWS = "SELECT e.body, c.text, c.by, c.at FROM events e LEFT JOIN corrections c USING (event_id)"
_BY_CLASS = "CREATE INDEX IF NOT EXISTS events_by_class ON events (keep, captured_at)"
_WITHOUT_CLASS = "ALTER TABLE events ADD COLUMN keep TEXT NOT NULL DEFAULT 'unlisted'"
# Of the event itself, else of the newest of its passage: a hit on a list has no looks of its own.
_ACCOUNT = """
SELECT a.body FROM accounts a JOIN events e USING (event_id)
WHERE e.passage_id = (SELECT passage_id FROM events WHERE event_id = ?1)
ORDER BY a.event_id = ?1 DESC, e.captured_at DESC LIMIT 1
"""
# A provisional event is shown only until the final one of its passage is there.
_CURRENT = """
NOT (e.type = 'passage.provisional' AND EXISTS (
    SELECT 1 FROM events f WHERE f.passage_id = e.passage_id AND f.type IN ('passage.final', 'passage.unread')))
"""


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person says the plate really was."""

    text: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Remembered:
    """One event with its correction, if any."""

    event: GateEvent
    correction: Correction | None


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; empty fields do not restrict."""

    plate: str = ""  # A-Z and 0-9; one misread character is forgiven from four characters on
    lane: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[str, str] | None = None  # captured_at as on the wire and event id of the last one already seen
    limit: int = 50


class History:
    """The sink and its readers; `write` belongs to one publish thread, everything else may be called from any.

    Args:
        path: SQLite file, made when missing.
        keep_events: older events beyond this number are forgotten.
        account_of: gives the account of an event that is being remembered, by its id; None: there is none.

    Raises:
        StorageError: the file cannot be made or is not a database.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        keep_events: int,
        account_of: Callable[[str], Account | None] = lambda event_id: None,
    ) -> None:
        self._path = path
        self._clock = clock
        self._keep_events = keep_events
        self._account_of = account_of
        self._pruned_s: float | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{path.parent}: cannot be made: {error.strerror}. Fix: web.history.path") from error
        prepare(path)

    @property
    def name(self) -> str:
        """Return the sink's name."""
        return NAME

    def write(self, batch: Sequence[GateEvent]) -> None:
        """Remember `batch`; an event already known is left as it is."""
        try:
            with self._open() as db:
                for event in batch:
                    if _insert(db, event):
                        self._explain(db, event)
            self._prune_sometimes()
        except StorageError as error:
            raise SinkUnavailable(str(error)) from error

    def interrupt(self) -> None:
        """Nothing blocks for longer than the disk does."""

    def close(self) -> None:
        """Nothing is held open between calls."""

    def search(self, query: Query) -> list[Remembered]:
        """Return what fits, newest first."""
        conditions, values = _conditions(query)
        where = " AND ".join([_CURRENT, *conditions])
        sql = f"{_ROWS} WHERE {where} ORDER BY e.captured_at DESC, e.event_id DESC LIMIT ?"
        with self._open() as db:
            return [_remembered(row) for row in db.execute(sql, (*values, query.limit))]

    def get(self, event_id: str) -> Remembered | None:
        """Return one event, or None when it is unknown or forgotten."""
        with self._open() as db:
            row = db.execute(f"{_ROWS} WHERE e.event_id = ?", (event_id,)).fetchone()
        return None if row is None else _remembered(row)

    def account(self, event_id: str) -> dict[str, Any] | None:
        """Return why the plate of an event's passage was read so, or None when nothing is known about that."""
        with self._open() as db:
            row = db.execute(_ACCOUNT, (event_id,)).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def correct(self, event_id: str, text: str, by: str) -> Remembered | None:
        """Note that the plate of the event was really `text`; return the event, or None when it is unknown."""
        at = wire.utc_text(self._clock.utc())
        with self._open() as db:
            if db.execute("SELECT 1 FROM events WHERE event_id = ?", (event_id,)).fetchone() is None:
                return None
            db.execute("INSERT OR REPLACE INTO corrections VALUES (?, ?, ?, ?)", (event_id, text, by, at))
            db.execute("INSERT OR IGNORE INTO names VALUES (?, ?)", (event_id, text))
        return self.get(event_id)

    def prune(self) -> None:
        """Forget what is too much."""
        with self._open() as db:
            db.execute(
                "DELETE FROM events WHERE event_id IN (SELECT event_id FROM events "
                "ORDER BY captured_at DESC, event_id DESC LIMIT -1 OFFSET ?)",
                (self._keep_events,),
            )

    def _explain(self, db: sqlite3.Connection, event: GateEvent) -> None:
        found = self._account_of(event.event_id)
        if found is not None and PRIVACY not in dict(event.details):  # an account spells the plate
            db.execute("INSERT INTO accounts VALUES (?, ?)", (event.event_id, json.dumps(found.as_document())))

    def _prune_sometimes(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._pruned_s is None or now_s - self._pruned_s >= PRUNE_EVERY_S:
            self._pruned_s = now_s
            self.prune()

    def _open(self) -> AbstractContextManager[sqlite3.Connection]:
        return opened(self._path)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection to the history at `path` whose work is committed as a whole; the library's errors end here.

    Raises:
        StorageError: the file cannot be used.
    """
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as db:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA secure_delete = ON")  # a forgotten plate leaves no trace in the file
            with db:
                yield db
    except sqlite3.Error as error:
        raise StorageError(
            f"{path}: {error}. Fix: check the disk and web.history.path; the file may be deleted, "
            "events in the outbox are not affected"
        ) from error


def prepare(path: Path) -> None:
    """Make the tables at `path`, for this user only, or bring those of an older version up to date.

    Raises:
        StorageError: the file cannot be made or is not a database.
    """
    try:
        reserve(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be made: {error.strerror}. Fix: web.history.path") from error
    with opened(path) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(_SCHEMA)
        if "keep" not in {row[1] for row in db.execute("PRAGMA table_info(events)")}:
            db.execute(_WITHOUT_CLASS)
        db.execute(_BY_CLASS)


def _insert(db: sqlite3.Connection, event: GateEvent) -> bool:
    """Remember `event`; False when it was known."""
    plate = event.plate
    known = db.execute("SELECT 1 FROM events WHERE event_id = ?", (event.event_id,)).fetchone()
    if known is not None:
        return False
    row = (
        event.event_id,
        wire.utc_text(event.captured_at),
        event.lane,
        event.camera,
        event.type.value,
        event.passage_id,
        None if plate is None else plate.text,
        wire.encode(event, None),
        keep_class(event).value,
    )
    db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    if plate is not None:
        texts = {plate.text, *(text for text, _ in plate.alternatives)}
        db.executemany("INSERT INTO names VALUES (?, ?)", [(event.event_id, text) for text in sorted(texts)])
    return True


def _conditions(query: Query) -> tuple[list[str], list[str]]:
    conditions: list[str] = []
    values: list[str] = []
    if query.plate:
        likes = patterns(query.plate)
        any_of = " OR ".join(["text LIKE ?"] * len(likes))
        conditions.append(f"e.event_id IN (SELECT event_id FROM names WHERE {any_of})")  # noqa: S608  (only marks)
        values += likes
    for column, sign, moment in (("captured_at", ">=", query.since), ("captured_at", "<", query.until)):
        if moment is not None:
            conditions.append(f"e.{column} {sign} ?")
            values.append(wire.utc_text(moment))
    if query.lane:
        conditions.append("e.lane = ?")
        values.append(query.lane)
    if query.before is not None:
        conditions.append("(e.captured_at, e.event_id) < (?, ?)")
        values += query.before
    return conditions, values


def _remembered(row: tuple[bytes, str | None, str, str]) -> Remembered:
    body, text, by, at = row
    correction = None if text is None else Correction(text, by, wire.utc_moment(at))
    return Remembered(wire.decode(body), correction)
