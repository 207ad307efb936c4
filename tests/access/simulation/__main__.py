"""`python -m tests.access.simulation`: the whole form, 10,000 passages over 30 days; prints the figures."""

from __future__ import annotations

import argparse
import time

from edge.access.ledger import Ledger
from edge.config.parking import ParkingSettings
from tests.access.simulation.car_park import Simulation
from tests.access.simulation.score import Score, score

SETTINGS = ParkingSettings(enabled=True)


def play(seed: int, passages: int, days: float, settings: ParkingSettings = SETTINGS) -> Score:
    """Return how well one car park was understood."""
    park = Simulation(seed, passages, days).run()
    ledger = Ledger(settings)
    worst, cars = 0, 0
    for passed in park.passages:
        cars += {"entry": 1}.get(passed.direction.value, -1)
        if passed.op is not None:
            ledger.add([passed.op])
        worst = max(worst, abs(cars - sum(c.cars for c in ledger.book.counts())))
    return score(park, ledger.book, worst, settings.well_read)


def main() -> None:
    """Print the figures of some seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--days", type=float, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    for seed in range(asked.seeds):
        began_s = time.perf_counter()
        figures = play(seed, asked.passages, asked.days)
        print(f"seed {seed}, {time.perf_counter() - began_s:.1f} s", *figures.lines(), sep="\n  ")


if __name__ == "__main__":
    main()
