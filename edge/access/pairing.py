"""Which stay does an exit end? The likeliest one, if it is likely enough. Pure functions.

Two plates that are both well read and differ are two cars, whatever else
speaks for it: a wrong bill is worse than a question to the attendant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.access.likeness import Belief, overlap
from edge.access.sessions import Session

# An overlap this small is as likely between strangers: of a hundred exits one has no stay, and among a hundred cars
# inside one of a million carries a given plate.
CHANCE_OF_EXIT = 2e-6
# A car that comes in while it is inside is rare (its exit was missed): the plates must really be alike.
CHANCE_OF_ENTRY = 1e-2
WORTH_A_THOUGHT = 0.02  # a stay less likely than that is none that the exit may belong to
SAME_CAR = 0.05  # overlap from which two passages of one lane, minutes apart, are one car


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stay and how likely it is the one."""

    session: Session
    overlap: float
    probability: float


def candidates(seen: Belief, stays: Iterable[Session], chance: float, well_read: float) -> list[Candidate]:
    """Return the stays that a plate read as `seen` may belong to, likeliest first, the earlier of equals first.

    Args:
        seen: of the passage.
        stays: that are open.
        chance: overlap that is as likely between strangers.
        well_read: probability from which two different texts are two cars.
    """
    found = [
        (stay, alike)
        for stay in stays
        if not strangers(seen, stay.belief, well_read) and (alike := overlap(seen, stay.belief)) > 0.0
    ]
    total = chance + sum(alike for _, alike in found)
    ranked = sorted(found, key=lambda one: (-one[1], one[0].entry.order))
    return [Candidate(stay, alike, alike / total) for stay, alike in ranked if alike / total >= WORTH_A_THOUGHT]


def strangers(a: Belief, b: Belief, well_read: float) -> bool:
    """Tell whether both are well read and differ."""
    return a.text != b.text and a.probability >= well_read and b.probability >= well_read


def same_car(a: Belief, b: Belief, well_read: float) -> bool:
    """Tell whether two passages of one lane, shortly after each other, are one car."""
    return not strangers(a, b, well_read) and overlap(a, b) >= SAME_CAR
