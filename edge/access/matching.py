"""How likely is the vehicle to carry a listed plate?

The plate that was read has the vote's probability. A listed plate one character away has what the reads leave
for it, and at least what the reader is known to confuse: it can make a person look, it never opens. Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.access.confusions import Confusions, one_change
from edge.access.lists import Entry, PlateLists
from edge.tracking.voting import probabilities
from edge.types import Verdict

MOST_NEAR = 16  # listed plates weighed against the reads, those first that the reader confuses most easily


@dataclass(frozen=True, slots=True)
class Match:
    """A listed plate and the probability that the vehicle carries it."""

    key: str
    entries: tuple[Entry, ...]
    probability: float
    read: bool  # it is the plate that was read, in the site's spelling


def matches(lists: PlateLists, verdict: Verdict) -> tuple[Match, ...]:
    """Return the listed plates that the vehicle may carry, likeliest first."""
    named = _named(lists, verdict)
    answer = lists.spelling.key(verdict.text)
    near = _near(lists, verdict, answer)
    found = [
        Match(key, entries, min(1.0, max(named.get(key, 0.0), near.get(key, 0.0))), key == answer)
        for key in {*named, *near}
        if (entries := lists.entries_of(key))
    ]
    return tuple(sorted(found, key=lambda m: (-m.probability, m.key)))


def _named(lists: PlateLists, verdict: Verdict) -> dict[str, float]:
    """Return the probability of each plate that the vote names, by key."""
    texts = {**dict(verdict.alternatives), verdict.text: verdict.probability}
    named: dict[str, float] = {}
    for text, probability in texts.items():
        key = lists.spelling.key(text)
        named[key] = named.get(key, 0.0) + probability
    return named


def _near(lists: PlateLists, verdict: Verdict, answer: str) -> dict[str, float]:
    """Return the probability of each listed plate one character away from the answer, by key."""
    confusions = Confusions.measured()
    odds = {key: confusions.odds(key, answer) for key in one_change(answer) if lists.entries_of(key)}
    likeliest = sorted(odds, key=lambda k: (-odds[k], k))[:MOST_NEAR]
    left_over = max(0.0, 1.0 - verdict.probability)
    seen = probabilities(verdict, likeliest)
    return {
        key: max(verdict.probability * odds[key], min(left_over, float(p)))
        for key, p in zip(likeliest, seen, strict=True)
    }
