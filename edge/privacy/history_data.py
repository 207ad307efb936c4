"""Personal data in the history: events with their pictures, accounts and corrections."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from edge.privacy.databases import empty_log, rebuild
from edge.privacy.erasure import without
from edge.protocols import KeepClass, Record, Subject
from edge.sinks import history, wire
from edge.sinks.wire import as_document, utc_text

_OF_SUBJECT = """
SELECT event_id, passage_id FROM events WHERE plate = ?1
UNION SELECT event_id, passage_id FROM corrections JOIN events USING (event_id) WHERE text = ?1
UNION SELECT event_id, passage_id FROM events WHERE passage_id = ?1
UNION SELECT event_id, passage_id FROM events WHERE event_id = ?1
"""
_ROW = """
SELECT e.body, c.text, c.by, c.at, a.body FROM events e
LEFT JOIN corrections c USING (event_id) LEFT JOIN accounts a USING (event_id) WHERE e.event_id = ?
"""

_WITH_NAME = "SELECT event_id, body FROM names JOIN events USING (event_id) WHERE text = ?"


class HistoryData:
    """The history at `path`. Implements `PersonalData`."""

    name = "history"

    def __init__(self, path: Path) -> None:
        self._path = path

    def plates(self) -> frozenset[str]:
        if not self._path.is_file():
            return frozenset()
        with history.opened(self._path) as db:
            return frozenset(text for (text,) in db.execute("SELECT DISTINCT text FROM names"))

    def widen(self, subject: Subject) -> Subject:
        found = self._find(subject)
        return subject.with_more(passages=set(found.values()) - {""}, events=found)

    def export(self, subject: Subject) -> Iterator[Record]:
        for event_id in sorted(self._find(subject)):  # identifiers begin with the time
            with history.opened(self._path) as db:
                row = db.execute(_ROW, (event_id,)).fetchone()
            if row is None:
                continue
            event = wire.decode(row[0])
            facts = as_document(event, None) | {"evidence": None}
            facts["correction"] = None if row[1] is None else {"text": row[1], "by": row[2], "at": row[3]}
            facts["account"] = None if row[4] is None else json.loads(row[4])
            yield Record(self.name, facts, event.evidence.crop_jpeg)

    def erase(self, subject: Subject) -> int:
        found = self._find(subject)
        if not self._path.is_file():
            return 0
        with history.opened(self._path) as db:
            db.executemany("DELETE FROM events WHERE event_id = ?", [(event_id,) for event_id in found])
            return len(found) + sum(_erase_rival(db, plate) for plate in subject.plates)

    def purge(self, until: Mapping[KeepClass, datetime], limit: int) -> Mapping[KeepClass, int]:
        if not self._path.is_file():
            return {}
        gone: dict[KeepClass, int] = {}
        history.prepare(self._path)
        with history.opened(self._path) as db:
            for kept_as, moment in until.items():
                rows = db.execute(
                    "DELETE FROM events WHERE event_id IN "
                    "(SELECT event_id FROM events WHERE keep = ? AND captured_at < ? LIMIT ?)",
                    (kept_as.value, utc_text(moment), limit),
                )
                if rows.rowcount:
                    gone[kept_as] = rows.rowcount
        if gone:
            with history.opened(self._path) as db:
                empty_log(db)
        return gone

    def compact(self) -> None:
        if self._path.is_file():
            rebuild(self._path)

    def _find(self, subject: Subject) -> dict[str, str]:
        """Return event id -> passage id of what is known to be of the same vehicle."""
        found: dict[str, str] = {}
        if self._path.is_file():
            with history.opened(self._path) as db:
                for value in subject.plates | subject.passages | subject.events:
                    found.update(db.execute(_OF_SUBJECT, (value,)).fetchall())
        return found


def _erase_rival(db: sqlite3.Connection, plate: str) -> int:
    """Take `plate` out of other vehicles' events, where it was a rival of the answer; return of how many."""
    rows = db.execute(_WITH_NAME, (plate,)).fetchall()
    cleaned = [(wire.encode(without(wire.decode(body), {plate}), None), event_id) for event_id, body in rows]
    db.executemany("UPDATE events SET body = ? WHERE event_id = ?", cleaned)
    db.execute("DELETE FROM names WHERE text = ?", (plate,))
    return len(cleaned)
