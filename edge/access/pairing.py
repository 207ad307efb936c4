"""Which stay does an exit end? The likeliest one, if it is likely enough. Pure functions.

Two plates that are both well read and differ are two cars, whatever else
speaks for it: a wrong bill is worse than a question to the attendant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import fsum

from edge.access.likeness import Belief, overlap
from edge.access.sessions import Session
from edge.config.parking import ParkingSettings

# An overlap this small is as likely between strangers: of a hundred exits one has no stay, and one of a hundred cars
# inside is meant by chance once in a million.
CHANCE_OF_EXIT = 1e-6
# A car that comes in while it is inside is rare (its exit was missed): the plates must really be alike.
CHANCE_OF_ENTRY = 1e-2
LONG_STAY = 0.2  # weight of a stay beyond parking.overstay_h: its exit was missed, more often than not
WORTH_A_THOUGHT = 0.02  # a stay less likely than that is none that the exit may belong to
SAME_CAR = 0.05  # overlap from which two passages of one lane, minutes apart, are one car


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stay and how likely it is the one."""

    session: Session
    probability: float


def candidates(
    seen: Belief, at: datetime, stays: Iterable[Session], chance: float, rules: ParkingSettings
) -> list[Candidate]:
    """Return the stays that a plate read as `seen` may belong to, likeliest first, the later of equals first.

    Args:
        seen: of the passage.
        at: when it passed.
        stays: that are open.
        chance: overlap that is as likely between strangers.
        rules: from which probability two different texts are two cars, and how long a stay usually is at most.
    """
    found = [
        (stay, alike * (LONG_STAY if at - stay.entry.at > timedelta(hours=rules.overstay_h) else 1.0))
        for stay in stays
        if not strangers(seen, stay.belief, rules.well_read) and (alike := overlap(seen, stay.belief)) > 0.0
    ]
    total = fsum([chance, *(alike for _, alike in found)])  # exact in any order: gates must agree
    ranked = sorted(found, key=lambda one: (one[1], one[0].entry.order), reverse=True)
    return [Candidate(stay, alike / total) for stay, alike in ranked if alike / total >= WORTH_A_THOUGHT]


def likeliest(seen: Belief, found: list[Candidate], least: float) -> Candidate | None:
    """Return the stay that a passage belongs to; None when none of them is likely enough.

    Several stays with just this plate are one car whose exits were missed: it is the newest of them.
    """
    twins = [c for c in found if c.session.belief.text == seen.text] or found[:1]
    together = fsum(c.probability for c in twins)
    if together < least:
        return None
    return Candidate(max(twins, key=lambda c: c.session.entry.order).session, together)


def strangers(a: Belief, b: Belief, well_read: float) -> bool:
    """Tell whether both are well read and differ."""
    return a.text != b.text and a.probability >= well_read and b.probability >= well_read


def same_car(a: Belief, b: Belief, well_read: float) -> bool:
    """Tell whether two passages of one lane, shortly after each other, are one car."""
    return not strangers(a, b, well_read) and overlap(a, b) >= SAME_CAR
