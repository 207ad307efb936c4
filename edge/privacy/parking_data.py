"""Personal data in the car park's file: passages, stays that were told, and those open at the horizon.

Erasing puts one chance name in the place of a plate: entry and exit still
belong together and the counts stay right, but nobody knows whose stay it was.
A running daemon learns it as a correction, like any other.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edge.access.operations import Kind, Operation, as_document, encode, from_document, person_says
from edge.access.parking_store import BASE, SECRET, ParkingStore, new_secret
from edge.clock import EventIds
from edge.privacy.databases import rebuild
from edge.privacy.disguise import names_a_plate
from edge.protocols import KeepClass, Record, Subject
from edge.sinks import wire
from edge.types import Verdict

NAMELESS = "ERASED"  # begins the name that stands for an erased plate
BY = "privacy erase"
_ENDS = ("entry", "exit")


class ParkingData:
    """The car park at `path`. Implements `PersonalData`; by age the daemon's own ledger forgets (parking.keep_days)."""

    name = "parking"

    def __init__(self, path: Path) -> None:
        self._path = path

    def plates(self) -> frozenset[str]:
        named = {text for op in self._operations() for text in _texts(op)}
        return frozenset(named | {text for content in self._told().values() for text in _plates_told(content)})

    def widen(self, subject: Subject) -> Subject:
        ours = {_vehicle(op) for op in self._operations() if _is_of(op, subject)}
        events = {op.event_id for op in self._operations() if _is_of(op, subject)} - {""}
        for event_id, content in self._told().items():
            passages = {content.get(f"{end}_passage_id") for end in _ENDS} - {None}
            if passages & (subject.passages | ours) or not subject.plates.isdisjoint(_plates_told(content)):
                ours |= {str(passage) for passage in passages}
                events.add(event_id)
        return subject.with_more(passages=ours, events=events)

    def export(self, subject: Subject) -> Iterator[Record]:
        for op in self._operations():
            if _is_of(op, subject):
                yield Record(self.name, {"operation": as_document(op)})
        for event_id, content in self._told().items():
            if event_id in subject.events:
                yield Record(self.name, {"stay": content})

    def erase(self, subject: Subject) -> int:
        if not self._path.is_file():
            return 0
        store = ParkingStore(self._path)
        nameless = person_says(NAMELESS + secrets.token_hex(4).upper())
        before = [op for op in self._operations() if _touches(op, subject)]
        with store.changing() as change:
            for op in before:
                body = encode(_without(op, subject, nameless))
                change.execute("UPDATE operation SET body = ? WHERE op_id = ?", (body, op.op_id))
            base = store.note(BASE)
            if base:
                change.execute("UPDATE note SET text = ? WHERE name = ?", (_base(base, subject, nameless), BASE))
            told = self._forget_told(change, subject, nameless)
            if before or told:  # identifiers made from what was told cannot be checked against plates any more
                change.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (SECRET, new_secret()))
        ours = [op for op in before if op.kind in (Kind.PASSAGE, Kind.ADD) and _is_of(op, subject)]
        store.add(_corrections(ours, nameless))
        return len(before) + told

    def purge(self, until: Mapping[KeepClass, datetime], limit: int) -> Mapping[KeepClass, int]:
        return {}

    def compact(self) -> None:
        if self._path.is_file():
            rebuild(self._path)

    def _operations(self) -> list[Operation]:
        if not self._path.is_file():
            return []
        store = ParkingStore(self._path)
        base = store.note(BASE)
        still = [from_document(entry) for entry in json.loads(base)["open"]] if base else []
        return [*still, *store.since(0)[1]]

    def _told(self) -> dict[str, dict[str, Any]]:
        """Return event id -> what was told with it, withdrawals left out."""
        if not self._path.is_file():
            return {}
        with ParkingStore(self._path).reading() as db:
            rows = db.execute(
                "SELECT event_id, content FROM announced WHERE content != '' ORDER BY position"
            ).fetchall()
        return {event_id: json.loads(content) for event_id, content in rows}

    @staticmethod
    def _forget_told(change: sqlite3.Connection, subject: Subject, nameless: Verdict) -> int:
        """Put the chance name into what was told about stays of `subject`, under identifiers of chance."""
        rows = change.execute("SELECT position, event_id, content, body FROM announced").fetchall()
        changes = []
        for position, event_id, content, body in rows:
            event = wire.decode(body)
            told: dict[str, Any] = json.loads(content or "{}")
            if event_id not in subject.events and subject.plates.isdisjoint(_plates_told(dict(event.details) | told)):
                continue
            details = _nameless(dict(event.details), nameless)
            plate = None if event.plate is None else nameless
            other_id = EventIds().new(event.captured_at)
            erased = replace(event, event_id=other_id, plate=plate, details=tuple(details.items()))
            text = json.dumps(_nameless(told, nameless), sort_keys=True) if told else ""
            changes.append((other_id, text, wire.encode(erased, None), position))
        change.executemany("UPDATE announced SET event_id = ?, content = ?, body = ? WHERE position = ?", changes)
        return len(changes)


def _vehicle(op: Operation) -> str:
    """Return the passage that `op` is about: itself, or what a correction names."""
    return op.target if op.kind is Kind.CORRECT else op.op_id


def _texts(op: Operation) -> frozenset[str]:
    plate = op.plate
    return frozenset({plate.text, *(text for text, _ in plate.alternatives)} - {""}) if plate else frozenset()


def _plates_told(content: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(value) for name, value in content.items() if value and names_a_plate(name))


def _nameless(content: Mapping[str, Any], nameless: Verdict) -> dict[str, Any]:
    return {name: nameless.text if value and names_a_plate(name) else value for name, value in content.items()}


def _is_of(op: Operation, subject: Subject) -> bool:
    return _vehicle(op) in subject.passages or (op.plate is not None and op.plate.text in subject.plates)


def _touches(op: Operation, subject: Subject) -> bool:
    if op.plate is None or op.plate.text.startswith(NAMELESS):
        return False
    return _is_of(op, subject) or not subject.plates.isdisjoint(_texts(op))


def _without(op: Operation, subject: Subject, nameless: Verdict) -> Operation:
    if op.plate is None or not _touches(op, subject):
        return op
    if _is_of(op, subject):
        return replace(op, plate=nameless)
    rivals = tuple(rival for rival in op.plate.alternatives if rival[0] not in subject.plates)
    return replace(op, plate=replace(op.plate, alternatives=rivals))


def _base(text: str, subject: Subject, nameless: Verdict) -> str:
    document = json.loads(text)
    document["open"] = [as_document(_without(from_document(e), subject, nameless)) for e in document["open"]]
    return json.dumps(document, separators=(",", ":"))


def _corrections(ops: list[Operation], nameless: Verdict) -> list[Operation]:
    """Return what tells a running daemon, and the site's other gates, that these passages have no plate any more."""
    now = datetime.now(timezone.utc)
    ids = EventIds()
    return [Operation(ids.new(now), Kind.CORRECT, now, plate=nameless, target=op.op_id, by=BY) for op in ops]
