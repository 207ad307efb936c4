"""Retention: each class goes when its days are over, from every store, without a trace, and on the record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.access.audit import Audit
from edge.clock import VirtualClock
from edge.config.privacy import KeepSettings
from edge.privacy.history_data import HistoryData
from edge.privacy.keeping import keep_class
from edge.privacy.labels_data import LabelsData
from edge.privacy.outbox_data import OutboxData
from edge.privacy.retention import BATCH, EVERY_S, Retention
from edge.protocols import KeepClass, PersonalData
from edge.sinks.history import History, Query
from edge.sinks.outbox import Outbox
from edge.sinks.web.labels import Labels
from edge.types import EventType, GateEvent
from tests.sinks.events import START, a_gate_event

KEEP = KeepSettings(listed_days=30, unlisted_days=3, session_days=60, watch_days=10, label_days=100)
DAY_S = 86_400.0
CLASSES = {
    "LISTED": {"details": (("listed", True),)},
    "UNLISTED": {"details": (("listed", False),)},
    "SESSION": {"type": EventType.SESSION_CLOSED},
    "WATCH": {"type": EventType.WATCH_HIT, "details": (("listed", True),)},
}


class Stores:
    """The stores of a gate on a clock that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock(START)
        self.trusted = True
        self.history = History(folder / "history.db", self.clock, keep_events=10_000)
        self.labels = Labels(folder / "labels")
        self.outbox = Outbox(folder / "outbox.db", self.clock)
        self.log = folder / "privacy.jsonl"
        stores: list[PersonalData] = [
            OutboxData(folder / "outbox.db"),
            HistoryData(folder / "history.db"),
            LabelsData(folder / "labels"),
        ]
        self.retention = Retention(stores, KEEP, self.clock, lambda: self.trusted, Audit(self.log, self.clock))

    def after_days(self, days: float) -> None:
        """Let that time pass since the start, and the chore do all that is due."""
        self.clock.advance_to(days * DAY_S)
        for _ in range(50):
            self.retention()

    def kept(self) -> list[str]:
        """Return the plates in the history."""
        return sorted(r.event.plate.text for r in self.history.search(Query(limit=10_000)) if r.event.plate)

    def record(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    made = Stores(tmp_path)
    with made.outbox:
        yield made


def one_of_each() -> list[GateEvent]:
    return [replace(a_gate_event(f"{name}1"), **changes) for name, changes in CLASSES.items()]


def test_events_say_to_which_class_they_belong() -> None:
    """What is known by no list is kept the shortest."""
    assert [keep_class(event).name for event in one_of_each()] == list(CLASSES)
    assert keep_class(a_gate_event()) is KeepClass.UNLISTED


@pytest.mark.parametrize(
    ("days", "left"),
    [
        (2.9, ["LISTED1", "SESSION1", "UNLISTED1", "WATCH1"]),
        (3.1, ["LISTED1", "SESSION1", "WATCH1"]),
        (10.1, ["LISTED1", "SESSION1"]),
        (30.1, ["SESSION1"]),
        (60.1, []),
    ],
)
def test_each_class_goes_when_its_days_are_over(stores: Stores, days: float, left: list[str]) -> None:
    """From the history whole; an undelivered event stays with its number, without its plate."""
    events = one_of_each()
    stores.history.write(events)
    stores.outbox.register("mqtt")
    stores.outbox.append(events)
    stores.after_days(days)
    assert stores.kept() == left
    waiting = stores.outbox.pending("mqtt")
    assert [e.sequence for e in waiting] == [1, 2, 3, 4]
    assert sorted(e.plate.text for e in waiting if e.plate and e.plate.text) == left
    gone = [f"{name}1".encode() for name in CLASSES if f"{name}1" not in left]
    files = [f for f in stores.folder.iterdir() if f.name.startswith(("history", "outbox"))]
    assert not any(plate in f.read_bytes() for f in files for plate in gone if plate != b"LISTED1")
    assert not any(f.read_bytes().count(b"LISTED1") > f.read_bytes().count(b"UNLISTED1") for f in files) or (
        "LISTED1" in left
    )


def test_labels_have_days_of_their_own(stores: Stores) -> None:
    """They teach the reader for longer than a passage is of interest, and not for ever."""
    event = a_gate_event("AB12CDE")
    stores.history.write([event])
    corrected = stores.history.correct(event.event_id, "AB12CDF", "kim")
    assert corrected is not None
    stores.labels.add(corrected)
    stores.after_days(99)
    assert len(stores.labels.read()) == 1 and stores.kept() == []
    stores.after_days(101)
    assert stores.labels.read() == [] and not list((stores.folder / "labels").glob("*.jpg"))


def test_purge_is_recorded_by_store_and_class_without_plates(stores: Stores) -> None:
    """A data protection officer asks for it."""
    stores.history.write([replace(a_gate_event(f"AA{k:04}"), details=(("listed", True),)) for k in range(5)])
    stores.history.write([a_gate_event("ZZ9999")])
    stores.after_days(31)
    assert [(r["what"], r["store"], r["kept_as"], r["records"]) for r in stores.record()] == [
        ("purge", "history", "listed", 5),
        ("purge", "history", "unlisted", 1),
    ]
    assert stores.record()[0]["older_than"] == (START + timedelta(days=1)).isoformat()
    assert "AA00" not in stores.log.read_text()


def test_many_go_in_small_steps_and_are_recorded_once(stores: Stores) -> None:
    """No step keeps the housekeeping from its other work."""
    stores.history.write([a_gate_event(f"AA{k:04}") for k in range(BATCH + 30)])
    stores.clock.advance_to(4 * DAY_S)
    stores.retention()
    assert len(stores.kept()) == 30 and stores.record() == []
    stores.retention()
    assert stores.kept() == [] and [r["records"] for r in stores.record()] == [BATCH + 30]


def test_next_round_is_an_hour_later(stores: Stores) -> None:
    """A gate computer has other things to do."""
    stores.after_days(4)
    stores.history.write([a_gate_event()])  # captured four days ago: delivered late
    stores.retention()
    assert len(stores.kept()) == 1
    stores.clock.advance_to(4 * DAY_S + EVERY_S + 1)
    stores.retention()
    assert stores.kept() == []


class JumpingClock(VirtualClock):
    """A clock whose UTC somebody sets."""

    leap = timedelta()

    def utc(self) -> datetime:
        return super().utc() + self.leap


def test_nothing_is_forgotten_by_a_clock_that_leaps(stores: Stores) -> None:
    """A clock that is suddenly in 2036 must not cost a month of passages; a person has a day to see it."""
    stores.history.write([a_gate_event()])
    clock = JumpingClock(START)
    audit = Audit(stores.log, clock)
    retention = Retention([HistoryData(stores.folder / "history.db")], KEEP, clock, lambda: False, audit)
    clock.leap = timedelta(days=3650)
    retention()
    clock.advance_to(0.9 * DAY_S)
    retention()
    assert len(stores.kept()) == 1


def test_gate_without_a_time_server_forgets_too(stores: Stores) -> None:
    """Nothing ever calls its clock synchronised; one that has run evenly for a day is good enough."""
    stores.history.write([a_gate_event()])
    stores.trusted = False
    stores.after_days(0.9)
    stores.clock.advance_to(3.5 * DAY_S)
    stores.retention()
    assert stores.kept() == []


def test_broken_store_is_said_and_tried_again(stores: Stores, caplog: pytest.LogCaptureFixture) -> None:
    """Housekeeping goes on."""
    stores.history.write([a_gate_event()])
    for file in stores.folder.glob("history.db*"):
        file.write_bytes(b"no database at all" * 300)
    stores.after_days(4)
    assert "could not be forgotten" in caplog.text
    assert len([r for r in caplog.records if "could not be forgotten" in r.message]) == 1


def test_history_of_an_older_version_gets_its_classes(tmp_path: Path) -> None:
    """An update must not lose the history; what was there counts as on no list."""
    import sqlite3

    path = tmp_path / "history.db"
    clock = VirtualClock(START)
    History(path, clock, keep_events=100).write([a_gate_event()])
    with sqlite3.connect(path) as db:
        db.execute("DROP INDEX events_by_class")
        db.execute("ALTER TABLE events DROP COLUMN keep")
    again = History(path, clock, keep_events=100)
    again.write([replace(a_gate_event("ZZ99ZZZ"), details=(("listed", True),))])
    with sqlite3.connect(path) as db:
        assert sorted(r[0] for r in db.execute("SELECT keep FROM events")) == ["listed", "unlisted"]
    assert len(again.search(Query())) == 2
