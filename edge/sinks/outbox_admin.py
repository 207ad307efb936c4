"""Looking into the outbox from outside, while the daemon runs: list, put back, export.

Opens the file without the daemon's lock; SQLite keeps both consistent. Changes
one thing only: a dead letter may become a waiting event again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Literal

from edge.errors import ConfigError, StorageError
from edge.sinks.outbox_store import VERSION, connect, translated

State = Literal["waiting", "dead"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event that one sink still owes, or has given up."""

    sink: str
    state: State
    event_id: str
    lane: str
    sequence: int
    type: str
    stored_at: datetime
    attempts: int
    reason: str  # why it is a dead letter; empty while it waits


@dataclass(frozen=True, slots=True)
class PutBack:
    """What became of dead letters that should be sent again."""

    count: int  # of a sink and an event each
    unknown: tuple[str, ...]  # ids that were asked for and are no dead letters


def entries(path: Path, *, sink: str | None = None, state: State | None = None, limit: int = 1000) -> list[Entry]:
    """Return what is in the outbox at `path`, oldest first.

    Raises:
        StorageError: there is no outbox there, or it cannot be read.
        ConfigError: it has never had that sink.
    """
    with _opened(path, sink) as connection:
        return [entry for entry, _ in _select(connection, sink, state, limit)]


def export(path: Path, *, sink: str | None = None, state: State | None = None) -> Iterator[bytes]:
    """Yield each event once, as one line of JSON in the wire schema, oldest first.

    Raises:
        StorageError: there is no outbox there, or it cannot be read.
        ConfigError: it has never had that sink.
    """
    with _opened(path, sink) as connection:
        seen: set[str] = set()
        for entry, body in _select(connection, sink, state, -1):
            if entry.event_id not in seen:
                seen.add(entry.event_id)
                yield body + b"\n"


def put_back(path: Path, *, sink: str | None = None, event_ids: Collection[str] = ()) -> PutBack:
    """Make dead letters wait again, all or those named. The daemon sends them within a second.

    Raises:
        StorageError: there is no outbox there, or it cannot be written.
        ConfigError: it has never had that sink.
    """
    with _opened(path, sink) as connection:
        connection.execute("BEGIN IMMEDIATE")
        chosen = [
            (owner, position, event_id)
            for owner, position, event_id in connection.execute(
                "SELECT sink, position, event_id FROM dead JOIN event USING (position)"
            ).fetchall()
            if owner and sink in (None, owner) and (not event_ids or event_id in event_ids)
        ]
        rows = [row[:2] for row in chosen]
        connection.executemany("INSERT OR IGNORE INTO pending VALUES (?, ?, 0)", rows)
        connection.executemany("DELETE FROM dead WHERE sink = ? AND position = ?", rows)
        connection.execute("COMMIT")
        found = {event_id for _, _, event_id in chosen}
        return PutBack(len(chosen), tuple(i for i in dict.fromkeys(event_ids) if i not in found))


@contextmanager
def _opened(path: Path, sink: str | None) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise StorageError(f"{path}: there is no outbox. Name the settings of the daemon with -c")
    with translated(path, "looking into it"), closing(connect(path, durable=True)) as connection:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found != VERSION:
            raise StorageError(f"{path}: not an outbox of this program (version {found})")
        known = sorted(name for (name,) in connection.execute("SELECT name FROM sink").fetchall())
        if sink is not None and sink not in known:
            fix = f"name one of: {', '.join(known)}" if known else "start the daemon first: no sink was there yet"
            raise ConfigError("--sink", f"{sink!r} is no sink of {path}", fix)
        yield connection


def _select(
    connection: sqlite3.Connection, sink: str | None, state: State | None, limit: int
) -> Iterator[tuple[Entry, bytes]]:
    rows = connection.execute(
        "SELECT sink, 'waiting', attempts, '' AS reason, event.* FROM pending JOIN event USING (position)"
        " UNION ALL SELECT sink, 'dead', attempts, reason, event.* FROM dead JOIN event USING (position)"
        " ORDER BY position, sink"
    )
    chosen = (row for row in rows if sink in (None, row[0]) and state in (None, row[1]))
    for owner, found, attempts, reason, _, event_id, lane, sequence, stored_utc, _, body in islice(
        chosen, None if limit < 0 else limit
    ):
        kind = str(json.loads(body)["type"])
        at = datetime.fromtimestamp(stored_utc, timezone.utc)
        yield Entry(owner, found, event_id, lane, sequence, kind, at, attempts, reason), body
