"""Measures on real crops how often a listed plate opens, and how often its neighbour opens in its place.

    python -m tests.access.measure_matching            # all held-out crops of ANPR_DATA

Each crop becomes a vehicle of 4 to 10 looks, as in tests/tracking/measure_on_crops.py: the looks share the mistakes
of their one picture. The neighbour's list holds one plate, a random substitution away from what the vehicle carries.
"""

from __future__ import annotations

import sys

import numpy as np

from edge.access.decision import Decision, rule
from edge.access.lists import Entry, ListKind, PlateLists
from edge.tracking.voting import Ballot
from edge.types import CHARSET, Verdict
from tests.access.test_decision import LANE, UTC, event
from tests.tracking.measure_on_crops import held_out

NEIGHBOURS = 100  # lists tried per vehicle


def decided(answer: Verdict, listed: str) -> Decision:
    """Return what a lane with this one listed plate does."""
    return rule(event(answer), LANE, PlateLists.of([Entry(listed, ListKind.ALLOW)], "v1"), UTC).decision


def main() -> None:
    """Print both shares, and the rate that the lane's threshold allows."""
    rng = np.random.default_rng(3)
    own, others, tried = [], 0, 0
    for text, reads in held_out(int(sys.argv[1]) if len(sys.argv) > 1 else None):
        ballot = Ballot()
        for read in reads:
            ballot.add(read)
        answer = ballot.verdict()
        if answer is None:
            continue
        own.append(decided(answer, text) is Decision.OPEN)
        for _ in range(NEIGHBOURS):
            place = int(rng.integers(len(text)))
            listed = text[:place] + str(rng.choice([c for c in CHARSET if c != text[place]])) + text[place + 1 :]
            if PlateLists().spelling.key(listed) != PlateLists().spelling.key(text):
                others, tried = others + (decided(answer, listed) is Decision.OPEN), tried + 1
    print(f"its own plate listed: {np.mean(own):.3f} of {len(own)} vehicles open")
    print(
        f"a neighbour listed: {others} of {tried} open, {others / tried:.5f}; allowed {1 - LANE.open_probability:.2f}"
    )


if __name__ == "__main__":
    main()
