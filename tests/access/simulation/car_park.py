"""A car park over weeks: who comes and goes, what the gates see of it, and what was really so.

Regulars come back, visitors do not; fleets have plates one character apart.
Tailgaters pass unseen, drivers turn round, exits are lost, and while the power
is cut nothing is seen at all. Deterministic for a seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from random import Random

from edge.access.operations import Kind, Operation
from edge.clock import EventIds, seeded_ids
from edge.types import Direction
from tests.access.simulation.reader import a_plate, neighbour, read

START = datetime(2026, 3, 2, tzinfo=timezone.utc)
ENTRIES, EXITS = ("north-in", "south-in"), ("north-out", "south-out")
REGULARS, FLEETS, FLEET_SIZE = 140, 12, 6
VISITORS = 0.35  # share of the stays
UNSEEN = 0.003  # share of the passages that no camera notices: bumper to bumper, lost exits
TURNED = 0.004  # share of the entries that back out again
POWER_CUT_EVERY_DAYS, POWER_CUT_MINUTES = 10, 4.0


@dataclass(frozen=True, slots=True)
class Passed:
    """One passage as it really was, with what the gate made of it."""

    at: datetime
    lane: str
    direction: Direction
    plate: str
    op: Operation | None  # None: nobody saw it
    read: bool
    wrong: bool


@dataclass(frozen=True, slots=True)
class Stay:
    """One true stay."""

    plate: str
    entry: Operation | None
    exit: Operation | None  # None: unseen, or not over yet
    left: bool
    turned: bool = False


@dataclass(slots=True)
class CarPark:
    """What happened."""

    passages: list[Passed] = field(default_factory=list)  # in order
    stays: list[Stay] = field(default_factory=list)

    @property
    def seen(self) -> list[Operation]:
        """Return what the gates reported, in order."""
        return [p.op for p in self.passages if p.op is not None]

    def cars(self, at: datetime) -> int:
        """Return how many cars were really inside just after `at`."""
        steps = {Direction.ENTRY: 1, Direction.EXIT: -1, Direction.UNKNOWN: -1}  # unknown: one that turned round
        return sum(steps[p.direction] for p in self.passages if p.at <= at)


class Simulation:
    """Makes a car park of about `passages` passages over `days`."""

    def __init__(self, seed: int, passages: int, days: float) -> None:
        self._random = Random(seed)
        self._ids: EventIds = seeded_ids(seed)
        self._days = days
        self._stays = passages // 2
        regulars = [a_plate(self._random) for _ in range(REGULARS)]
        for _ in range(FLEETS):
            first = a_plate(self._random)
            regulars += [first, *(neighbour(first, self._random) for _ in range(FLEET_SIZE - 1))]
        self._regulars = sorted(set(regulars))
        self._cuts = [START + timedelta(days=d, hours=8.2) for d in range(3, int(days), POWER_CUT_EVERY_DAYS)]

    def run(self) -> CarPark:
        """Return what happened, the same for the same seed."""
        park = CarPark()
        inside_until: dict[str, datetime] = {}
        for came in self._arrivals():
            free = [p for p in self._regulars if inside_until.get(p, START) < came]
            visitor = not free or self._random.random() < VISITORS
            plate = a_plate(self._random) if visitor else self._random.choice(free)
            inside_until[plate] = self._one_stay(park, plate, came) + timedelta(minutes=10)
        park.passages.sort(key=lambda p: p.at)
        return park

    def _one_stay(self, park: CarPark, plate: str, came: datetime) -> datetime:
        lane = self._random.choice(ENTRIES)
        entry = self._pass(park, plate, lane, Direction.ENTRY, came)
        if self._random.random() < TURNED:
            left = came + timedelta(seconds=self._random.uniform(8, 60))
            back = self._pass(park, plate, lane, Direction.UNKNOWN, left)
            park.stays.append(Stay(plate, entry, back, True, turned=True))
            return left
        left = came + self._length()
        if left > START + timedelta(days=self._days):
            park.stays.append(Stay(plate, entry, None, False))
            return left
        gone = self._pass(park, plate, self._random.choice(EXITS), Direction.EXIT, left)
        park.stays.append(Stay(plate, entry, gone, True))
        return left

    def _pass(self, park: CarPark, plate: str, lane: str, direction: Direction, at: datetime) -> Operation | None:
        reading = read(plate, self._random)
        dark = any(cut <= at <= cut + timedelta(minutes=POWER_CUT_MINUTES) for cut in self._cuts)
        op = Operation(self._ids.new(at), Kind.PASSAGE, at, lane, direction, reading.verdict, self._ids.new(at), "open")
        unseen = dark or self._random.random() < UNSEEN
        park.passages.append(Passed(at, lane, direction, plate, None if unseen else op, reading.read, reading.wrong))
        return None if unseen else op

    def _arrivals(self) -> list[datetime]:
        """Return moments with two peaks a day, the second smaller."""
        found = []
        for _ in range(self._stays):
            day = self._random.randrange(int(self._days))
            hour = self._random.gauss(8.5, 1.2) if self._random.random() < 0.6 else self._random.gauss(14.0, 3.0)
            found.append(START + timedelta(days=day, hours=min(21.5, max(5.0, hour))))
        return sorted(found)

    def _length(self) -> timedelta:
        if self._random.random() < 0.02:
            return timedelta(hours=self._random.uniform(20, 70))  # over night, over the week-end
        return timedelta(hours=max(0.05, self._random.lognormvariate(0.9, 0.9)))
