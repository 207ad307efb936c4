"""Short ways to say what happened in a car park, for tests."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from edge.access.book import Book
from edge.access.ledger import Ledger
from edge.access.operations import Kind, Operation, person_says
from edge.access.sessions import Session
from edge.config.parking import ParkingSettings, ZoneSettings
from edge.types import Direction, Verdict

START = datetime(2026, 3, 2, 8, 0, tzinfo=timezone.utc)
SETTINGS = ParkingSettings(enabled=True, zones=(ZoneSettings(name="yard", capacity=10, lanes=("in", "out")),))


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def plate(text: str, probability: float = 0.998, *others: tuple[str, float]) -> Verdict:
    return Verdict(text, probability, ((text, probability), *others), text, 7, "GB", 30.0)


def passage(
    name: str, minutes: float, direction: str, read: Verdict | str | None, lane: str = "", **more: Any
) -> Operation:
    verdict = plate(read) if isinstance(read, str) else read
    lane = lane or {"entry": "in", "exit": "out"}.get(direction, "in")
    return Operation(
        name, Kind.PASSAGE, at(minutes), lane, Direction(direction), verdict, f"event-{name}", "open", **more
    )


def entry(name: str, minutes: float, read: Verdict | str | None, **more: Any) -> Operation:
    return passage(name, minutes, "entry", read, **more)


def exit_(name: str, minutes: float, read: Verdict | str | None, **more: Any) -> Operation:
    return passage(name, minutes, "exit", read, **more)


def says(kind: Kind, name: str, minutes: float, **more: Any) -> Operation:
    text = more.pop("text", None)
    return Operation(name, kind, at(minutes), plate=None if text is None else person_says(text), by="otto", **more)


def book_of(*ops: Operation, settings: ParkingSettings = SETTINGS) -> Book:
    ledger = Ledger(settings)
    ledger.add(ops)
    return ledger.book


def stay(book: Book, name: str) -> Session:
    found = book.session(name)
    assert found is not None
    return found


def cars(book: Book) -> int:
    return sum(count.cars for count in book.counts())


def told(book: Book) -> tuple[object, ...]:
    """Everything that a book says, in a form that can be compared."""
    return (
        tuple(book.sessions()),
        tuple((one.exit, one.zone, one.candidates, one.counted) for one in book.loose()),
        tuple(book.counts()),
    )
