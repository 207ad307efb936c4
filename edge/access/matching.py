"""How likely is a read to be a listed plate?

The vote gives probabilities of whole texts; a listed plate gets what the texts
that look like it got, and, if it was not read at all, a share of what the vote
left over. Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.access.lists import Entry, PlateLists, lookalike_key
from edge.types import Verdict

# Of the probability that the vote gives to no text it names, at most this much can belong to one listed plate that
# differs in a single character: a wrong character is one of about 35, in one of about 7 places, and lookalikes
# (8 and B, 0 and D) take a large part of the errors.
LARGEST_NEAR_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Match:
    """A listed plate and the probability that the vehicle carries it."""

    key: str
    entries: tuple[Entry, ...]
    probability: float
    exact: bool  # one of the texts of the vote is this plate


def matches(lists: PlateLists, verdict: Verdict) -> tuple[Match, ...]:
    """Return the listed plates that the vehicle may carry, likeliest first."""
    named = {verdict.text: verdict.probability}
    for text, probability in verdict.alternatives:
        named.setdefault(text, probability)
    by_key: dict[str, float] = {}
    for text, probability in named.items():
        by_key[lookalike_key(text)] = by_key.get(lookalike_key(text), 0.0) + probability
    found = [
        Match(key, entries, min(1.0, probability), True)
        for key, probability in by_key.items()
        if (entries := lists.entries_of(key))
    ]
    left_over = max(0.0, 1.0 - sum(named.values()))
    near = [key for key in lists.near(verdict.text) if key not in by_key]
    found += [Match(k, lists.entries_of(k), left_over * LARGEST_NEAR_SHARE / max(1, len(near)), False) for k in near]
    return tuple(sorted(found, key=lambda m: (-m.probability, m.key)))
