"""Personal data in the outbox: events that wait for delivery, dead letters, and damaged files that were set aside.

An event stays in its place with its number, so that a consumer can still
prove completeness; what is erased is the plate and the picture in it.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path

from edge.privacy.databases import empty_log, rebuild
from edge.privacy.erasure import erased, is_erased, plates_of, texts_of, without
from edge.privacy.keeping import keep_class
from edge.protocols import KeepClass, Record, Subject
from edge.sinks.outbox_store import connect, translated
from edge.sinks.wire import as_document, decode, encode
from edge.types import EventType, GateEvent


class OutboxData:
    """The outbox at `path`. Implements `PersonalData`."""

    name = "outbox"

    def __init__(self, path: Path) -> None:
        self._path = path

    def plates(self) -> frozenset[str]:
        with self._opened() as db:
            return frozenset().union(*(texts_of(event) for _, event in _events(db)))

    def widen(self, subject: Subject) -> Subject:
        with self._opened() as db:
            found = [event for _, event in _events(db) if _is_of(event, subject)]
        return subject.with_more(passages={e.passage_id for e in found} - {""}, events={e.event_id for e in found})

    def export(self, subject: Subject) -> Iterator[Record]:
        with self._opened() as db:
            for _, event in _events(db):
                if _is_of(event, subject):
                    facts = as_document(event, None) | {"evidence": None}
                    yield Record(self.name, facts, event.evidence.crop_jpeg)

    def erase(self, subject: Subject) -> int:
        with self._opened() as db:
            changes = [
                (encode(after, None), position, event.event_id)
                for position, event in _events(db)
                if (after := _after(event, subject)) != event
            ]
            _replace(db, changes)
        return len(changes) + self._drop_damaged(containing=subject.plates)

    def purge(self, until: Mapping[KeepClass, datetime], limit: int) -> Mapping[KeepClass, int]:
        gone: Counter[KeepClass] = Counter()
        newest = max(until.values())
        with self._opened() as db:
            changes = []
            for position, event in _events(db, newest):
                kept_as = keep_class(event)
                if event.captured_at < until[kept_as] and not is_erased(event) and gone[kept_as] < limit:
                    changes.append((encode(erased(event), None), position, event.event_id))
                    gone[kept_as] += 1
            if changes:
                _replace(db, changes)
                empty_log(db)
        gone[KeepClass.UNLISTED] += self._drop_damaged(before=min(until.values()))
        return +gone

    def compact(self) -> None:
        if self._path.is_file():
            rebuild(self._path)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Give a connection, to an empty outbox where there is none."""
        if not self._path.is_file():
            with closing(sqlite3.connect(":memory:", isolation_level=None)) as nothing:
                nothing.execute("CREATE TABLE event (position, event_id, stored_utc, body)")
                yield nothing
            return
        with translated(self._path, "looking for personal data"), closing(connect(self._path, durable=True)) as db:
            yield db

    def _drop_damaged(self, *, containing: frozenset[str] = frozenset(), before: datetime | None = None) -> int:
        """Delete files that were set aside as damaged: nothing single can be taken out of them."""
        gone = 0
        for file in self._path.parent.glob(f"{self._path.name}.damaged-*"):
            with translated(file, "deleting"):
                content = file.read_bytes() if containing else b""
                made = datetime.fromtimestamp(file.stat().st_mtime, timezone.utc)
                if any(plate.encode() in content for plate in containing) or (before is not None and made < before):
                    file.unlink()
                    gone += 1
        return gone


def _events(db: sqlite3.Connection, until: datetime | None = None) -> Iterator[tuple[int, GateEvent]]:
    """Yield position and event, in order; what cannot be read is the outbox's to set aside."""
    stored = float("inf") if until is None else until.timestamp() + 1
    rows = db.execute("SELECT position, body FROM event WHERE stored_utc < ? ORDER BY position", (stored,))
    for position, body in rows:
        try:
            event = decode(body)
        except ValueError:
            continue
        if event.type is not EventType.GAP:
            yield position, event


def _is_of(event: GateEvent, subject: Subject) -> bool:
    return (
        event.passage_id in subject.passages
        or event.event_id in subject.events
        or not subject.plates.isdisjoint(plates_of(event))
    )


def _after(event: GateEvent, subject: Subject) -> GateEvent:
    """Return what `event` is once `subject` is erased."""
    if is_erased(event):
        return event
    if _is_of(event, subject):
        return erased(event)
    return without(event, subject.plates)


def _replace(db: sqlite3.Connection, changes: Sequence[tuple[bytes, int, str]]) -> None:
    """Put other bodies in place; what was delivered or dropped since it was looked at is gone anyway."""
    db.execute("BEGIN IMMEDIATE")
    try:
        db.executemany("UPDATE event SET body = ? WHERE position = ? AND event_id = ?", changes)
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
