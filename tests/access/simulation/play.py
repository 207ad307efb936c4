"""Plays a simulated car park: through the ledger alone, or through a real gate that is killed again and again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

from edge.access.ledger import Ledger
from edge.config.parking import ParkingSettings
from edge.types import EventType
from tests.access.simulation.car_park import CarPark, Passed, Simulation
from tests.access.simulation.gate import Gate, Killed
from tests.access.simulation.score import Score, score

SETTINGS = ParkingSettings(enabled=True)
STEPS_PER_PASSAGE = 12  # at each of which the gate may be killed, about


@dataclass(frozen=True, slots=True)
class Played:
    """What came out."""

    score: Score
    kills: int = 0
    told: int = 0  # session.closed events that the broker got, each counted once
    told_twice: int = 0  # of those, told under two numbers or with two contents


def play(seed: int, passages: int, days: float, settings: ParkingSettings = SETTINGS) -> Played:
    """Return how well one car park was understood."""
    park = Simulation(seed, passages, days).run()
    ledger, count = Ledger(settings), _Count()
    for passed in park.passages:
        if passed.op is not None:
            ledger.add([passed.op])
        count.compare(passed, sum(c.cars for c in ledger.book.counts()))
    return Played(score(park, ledger.book, count.worst, settings.well_read))


def play_with_kills(folder: Path, seed: int, passages: int, days: float, every: int) -> Played:
    """Return the same for a gate that is killed about every `every` passages, anywhere between two steps."""
    park, random, count = Simulation(seed, passages, days).run(), Random(seed), _Count()
    waiting, kills, told = list(reversed(park.passages)), 0, _Told()
    while waiting:
        with Gate(folder, SETTINGS, random, random.randint(1, 2 * every * STEPS_PER_PASSAGE)) as gate:
            try:
                gate.turn()
                while waiting:
                    _pass(gate, waiting[-1])
                    count.compare(waiting[-1], sum(z.cars for z in gate.parking.zones()))
                    waiting.pop()
            except Killed:
                kills += 1
            told.hear(gate)
    with Gate(folder, SETTINGS) as gate:
        gate.turn()
        told.hear(gate)
        return Played(_score(park, gate, count), kills, len(told.numbers), told.twice)


def _pass(gate: Gate, passed: Passed) -> None:
    if passed.op is not None and gate.parking.operation(passed.op.op_id) is None:
        gate.passes(passed.op)


def _score(park: CarPark, gate: Gate, count: _Count) -> Score:
    ledger = Ledger(SETTINGS)
    ledger.add(gate.parking.store.since(0)[1])
    return score(park, ledger.book, count.worst, SETTINGS.well_read)


class _Count:
    """The true number of cars beside the counted one."""

    def __init__(self) -> None:
        self.cars = self.worst = 0

    def compare(self, passed: Passed, counted: int) -> None:
        self.cars += 1 if passed.direction.value == "entry" else -1
        self.worst = max(self.worst, abs(self.cars - counted))


class _Told:
    """The closed stays that the broker got."""

    def __init__(self) -> None:
        self.numbers: dict[str, tuple[int | None, object]] = {}
        self.twice = 0

    def hear(self, gate: Gate) -> None:
        for event in gate.received:
            if event.type is EventType.SESSION_CLOSED:
                told = (event.sequence, event.details)
                self.twice += self.numbers.setdefault(event.event_id, told) != told
