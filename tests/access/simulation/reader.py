"""A plate reader that errs as ours does: calibrated, with the confusions that were measured.

Of its verdicts with probability p a share p is right. About 5 % have one wrong
character, drawn from confusions.csv; 1 % of the passages stay unread, a third of
those without any guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from edge.access.confusions import Confusions
from edge.types import CHARSET, Verdict

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
# How sure the votes of a gate are: share of passages, and the range of their probability.
SURENESS = ((0.72, 0.99, 0.9998), (0.18, 0.90, 0.99), (0.10, 0.45, 0.90))
UNREAD = 0.01
BLANK = 0.3  # of the unread ones: nothing at all could be read
TRUTH_NAMED = 0.8  # share of the wrong verdicts that name the true plate among their alternatives


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader says about one passage."""

    verdict: Verdict | None
    read: bool  # False: passage.unread
    wrong: bool


def a_plate(random: Random) -> str:
    """Return a plate like AB12CDE."""
    letters = "".join(random.choice(LETTERS) for _ in range(5))
    return f"{letters[:2]}{random.randint(0, 99):02d}{letters[2:]}"


def neighbour(plate: str, random: Random) -> str:
    """Return a plate that differs in one character: the next car of a company's fleet."""
    place = random.choice((2, 3, 4, 5, 6))
    others = [c for c in ("0123456789" if place in (2, 3) else LETTERS) if c != plate[place]]
    return plate[:place] + random.choice(others) + plate[place + 1 :]


def read(plate: str, random: Random) -> Reading:
    """Return what the reader makes of `plate`."""
    if random.random() < UNREAD:
        return _unread(plate, random)
    probability = _sureness(random)
    wrong = random.random() > probability
    text = misread(plate, random) if wrong else plate
    rivals = [plate] if wrong and random.random() < TRUTH_NAMED else []
    while len(rivals) < 2:
        rival = misread(text, random)
        if rival not in (text, *rivals):
            rivals.append(rival)
    first = random.uniform(0.5, 0.9)
    left = (1 - probability) * 0.95
    named = ((text, probability), (rivals[0], left * first), (rivals[1], left * (1 - first) * 0.8))
    return Reading(Verdict(text, probability, named, _masked(text, named), 7, "GB", 30.0), True, wrong)


def misread(plate: str, random: Random) -> str:
    """Return `plate` with one error, as often as it was measured: a character taken for another, or lost."""
    errors = [(i, read) for i, true in enumerate(plate) for read in ("", *CHARSET) if read != true]
    place, read = random.choices(errors, [Confusions.measured().rate(plate[i], read) for i, read in errors])[0]
    return plate[:place] + read + plate[place + 1 :]


def _unread(plate: str, random: Random) -> Reading:
    if random.random() < BLANK:
        return Reading(None, False, True)
    text = misread(plate, random)
    if random.random() < 0.3:
        text = misread(text, random)
    probability = random.uniform(0.15, 0.5)
    named = ((text, probability), (misread(text, random), probability / 3), (misread(text, random), probability / 5))
    return Reading(Verdict(text, probability, named, _masked(text, named), 2, None, 17.0), False, True)


def _sureness(random: Random) -> float:
    (shares, *_rest), chosen = zip(*SURENESS, strict=True), random.random()
    for (_, low, high), limit in zip(SURENESS, _sums(shares), strict=True):
        if chosen <= limit:
            return random.uniform(low, high)
    return SURENESS[-1][2]


def _sums(shares: tuple[float, ...]) -> list[float]:
    return [sum(shares[: k + 1]) for k in range(len(shares))]


def _masked(text: str, named: tuple[tuple[str, float], ...]) -> str:
    """Mask where the named texts of equal length disagree too much, as the vote does."""
    rivals = [(t, p) for t, p in named if len(t) == len(text)]
    total = sum(p for _, p in rivals)
    sure = [sum(p for t, p in rivals if t[i] == c) >= 0.9 * total for i, c in enumerate(text)]
    return "".join(c if ok else "?" for c, ok in zip(text, sure, strict=True))
