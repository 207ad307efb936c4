"""How well did the gates understand the car park?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from edge.access.book import Book
from edge.access.likeness import belief
from edge.access.sessions import End, Session
from tests.access.simulation.car_park import CarPark, Stay


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one run."""

    passages: int
    misread: int
    unread: int
    unseen: int
    stays: int  # whose two ends were seen, or that are not over
    exact: int
    wrong_pairs: int  # two different cars
    wrong_well_read: int  # of those, both well read
    errors: dict[str, int]
    cars: int
    cars_counted: int
    worst_count: int  # largest difference at any passage

    @property
    def exact_share(self) -> float:
        return self.exact / self.stays

    @property
    def count_error(self) -> float:
        """Return the worst error of the count as a share of the traffic."""
        return self.worst_count / self.passages

    def lines(self) -> list[str]:
        """Return the figures for people."""
        return [
            f"passages {self.passages}: misread {self.misread / self.passages:.2%}, unread"
            f" {self.unread / self.passages:.2%}, unseen {self.unseen / self.passages:.2%}",
            f"stays paired exactly {self.exact} of {self.stays}: {self.exact_share:.2%}",
            f"pairs of two different cars {self.wrong_pairs}, both well read {self.wrong_well_read}",
            f"not exact because: {', '.join(f'{k} {v}' for k, v in sorted(self.errors.items())) or 'nothing'}",
            f"cars inside at the end {self.cars}, counted {self.cars_counted}",
            f"count: worst difference {self.worst_count} cars, {self.count_error:.2%} of the traffic",
        ]


def score(park: CarPark, book: Book, worst_count: int, well_read: float) -> Score:
    """Return the figures of `book` against what was really so."""
    by_entry = {s.session_id: s for s in book.sessions()}
    seen = [stay for stay in park.stays if stay.entry is not None and (stay.exit is not None or not stay.left)]
    verdicts = Counter(_judge(stay, by_entry.get(stay.entry.op_id)) for stay in seen if stay.entry is not None)
    plates = {p.op.op_id: p.plate for p in park.passages if p.op is not None}
    pairs = [s for s in by_entry.values() if s.exit is not None and s.end in (End.EXIT, End.REVERSED)]
    wrong = [s for s in pairs if s.exit is not None and plates[s.entry.op_id] != plates[s.exit.op_id]]
    last: datetime = park.passages[-1].at
    return Score(
        passages=len(park.passages),
        misread=sum(p.op is not None and p.read and p.wrong for p in park.passages),
        unread=sum(p.op is not None and not p.read for p in park.passages),
        unseen=sum(p.op is None for p in park.passages),
        stays=len(seen),
        exact=verdicts.pop("exact", 0),
        wrong_pairs=len(wrong),
        wrong_well_read=sum(_well_read(s, well_read) for s in wrong),
        errors=dict(verdicts),
        cars=park.cars(last),
        cars_counted=sum(c.cars for c in book.counts()),
        worst_count=worst_count,
    )


def _judge(stay: Stay, session: Session | None) -> str:
    blank = any(op is not None and op.plate is None for op in (stay.entry, stay.exit))
    if session is None:
        return "entry not taken for one"
    wanted = None if stay.exit is None else stay.exit.op_id
    got = None if session.exit is None else session.exit.op_id
    if wanted == got and (session.end is End.REVERSED) == stay.turned:
        return "exact"
    if blank:
        return "an end was blank"
    if got is None:
        return "not paired"
    return "paired with another exit" if wanted is not None else "ended too early"


def _well_read(session: Session, well_read: float) -> bool:
    ends = [belief(op.plate) for op in (session.entry, session.exit) if op is not None]
    return all(end.probability >= well_read for end in ends)
