"""How likely do two verdicts name the same plate?

A verdict is a belief over texts: the vote names up to three, the rest lies near
the best one, where the reader errs, as measured: one character taken for
another, lost or invented, or two of them. Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import fsum

from edge.access.confusions import Confusions
from edge.access.spelling import ANYWHERE
from edge.types import CHARSET, Verdict

UNSURE_SHARE = 0.03  # of a verdict's doubt, on any one character where the vote itself puts a "?"
SECOND_SHARE = 0.3  # of the doubt that is left after one wrong character, for a second one
LEAST_DOUBT = 0.001  # no reader is surer than that, whatever it says
_MOST_WRONG = 2


@dataclass(frozen=True, slots=True)
class Belief:
    """What a verdict believes, in lookalike form (O is 0, I is 1)."""

    text: str  # likeliest; empty: nothing could be read
    named: tuple[tuple[str, float], ...]  # texts of the vote, likeliest first
    doubt: float  # probability that it is none of them
    unsure: frozenset[int] = frozenset()  # places of the text that the vote masks

    @property
    def probability(self) -> float:
        """Return the probability of the likeliest text."""
        return self.named[0][1] if self.named else 0.0


NOTHING = Belief("", (), 1.0)


def belief(verdict: Verdict | None) -> Belief:
    """Return what `verdict` believes; nothing where there is none."""
    if verdict is None or not verdict.text:
        return NOTHING
    named = {ANYWHERE.key(verdict.text): verdict.probability}
    for text, probability in verdict.alternatives:
        if text != verdict.text:
            key = ANYWHERE.key(text)
            named[key] = named.get(key, 0.0) + probability
    total = max(1.0, sum(named.values()))
    shares = tuple((text, p / total) for text, p in named.items())
    unsure = frozenset(i for i, c in enumerate(verdict.masked) if c == "?")
    return Belief(shares[0][0], shares, max(LEAST_DOUBT, 1.0 - sum(p for _, p in shares)), unsure)


def overlap(a: Belief, b: Belief) -> float:
    """Return the probability in [0, 1] that two looks at plates, read as `a` and `b`, mean the same text."""
    if not a.text or not b.text:
        return 0.0
    if a.text == b.text and len(a.named) == len(b.named) == 1:
        return a.named[0][1] * b.named[0][1]
    if _far_apart(a.text, b.text):
        return 0.0
    texts = {text for text, _ in a.named} | {text for text, _ in b.named}
    return min(1.0, fsum(_share(a, text) * _share(b, text) for text in texts))  # a set has no order


def _share(of: Belief, text: str) -> float:
    """Return the probability that `of` gives to `text`."""
    for named, probability in of.named:
        if named == text:
            return probability
    return of.doubt * _near_share(of, text)


def _near_share(of: Belief, text: str) -> float:
    """Return the share of the doubt of `of` that falls on `text`."""
    errors = _errors(of.text, text)
    if not errors or len(errors) > _MOST_WRONG:
        return 0.0
    usual = sum(_error_rate(read) for read in of.text)
    share = SECOND_SHARE ** (len(errors) - 1)
    for place, read, true in errors:
        share *= max(_rate(true, read) / usual, UNSURE_SHARE if place in of.unsure else 0.0)
    return min(1.0, share)


def _errors(read: str, true: str) -> list[tuple[int, str, str]]:
    """Return (place, read, true) of each difference, a lost or invented character as an empty text."""
    if len(read) == len(true):
        return [(i, x, y) for i, (x, y) in enumerate(zip(read, true, strict=True)) if x != y]
    return _edits(read, true, _MOST_WRONG) or []


def _edits(read: str, true: str, most: int, place: int = 0) -> list[tuple[int, str, str]] | None:
    """Return the fewest changes that make `true` of `read`, as `_errors` does; None when there are more than `most`."""
    same = 0
    while same < min(len(read), len(true)) and read[same] == true[same]:
        same += 1
    read, true, place = read[same:], true[same:], place + same
    if not read and not true:
        return []
    if abs(len(read) - len(true)) > most:
        return None
    steps = (*(((1, 1),) if read and true else ()), *(((1, 0),) if read else ()), *(((0, 1),) if true else ()))
    found = []
    for i, j in steps:
        rest = _edits(read[i:], true[j:], most - 1, place + i) if most else None
        if rest is not None:
            found.append([(place, read[:i], true[:j]), *rest])
    return min(found, key=len, default=None)


@lru_cache(maxsize=2048)
def _rate(true: str, read: str) -> float:
    return Confusions.measured().rate(true, read)


@lru_cache(maxsize=64)
def _error_rate(read: str) -> float:
    """Return how often `read` is read where something else, or nothing, stands; and a neighbour of it is lost."""
    others = sum(_rate(true, read) for true in CHARSET if true != read)
    return others + _rate("", read) + sum(_rate(true, "") for true in CHARSET) / len(CHARSET)


def _far_apart(a: str, b: str) -> bool:
    """Tell cheaply that no text is near both: most pairs of cars end here, after three or four characters."""
    if len(a) != len(b):
        return _edits(a, b, _MOST_WRONG + 1) is None
    wrong = 0
    for x, y in zip(a, b, strict=True):
        if x != y:
            wrong += 1
            if wrong > _MOST_WRONG + 1:
                return True
    return False
