"""Contradiction: do looks show another plate, or the same plate badly?

A plate half hidden by the barrier reads as a part of its text; that is no contradiction. Another plate differs
in characters that are there. Pure functions on texts.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.tracking.looks import quality
from edge.types import PlateRead

HIDDEN_COST = 0.3  # of a character of the vote that a look does not show; a differing one costs 1
OTHER_PLATE = 0.4  # share of differing characters from which two texts are two plates
SAME_PLATE = 0.2  # and up to which they are one
MIN_DEFECTORS = 2
MIN_LOYAL = 2  # looks that must agree on the first plate before another can contradict it
MIN_CHARACTERS = 4  # shorter texts contradict nobody
MIN_QUALITY = 0.1


def contradiction(vote: str, look: str) -> float:
    """Return the share of `look` that differs from `vote`, in [0, 1]; hidden characters cost little.

    Source: Levenshtein distance with a cheap deletion, divided by the length of `look`.
    """
    if not look:
        return 0.0
    above = [HIDDEN_COST * i for i in range(len(vote) + 1)]
    for count, character in enumerate(look, start=1):
        row = [float(count)]
        for i, voted in enumerate(vote, start=1):
            row.append(min(above[i - 1] + (character != voted), row[i - 1] + HIDDEN_COST, above[i] + 1.0))
        above = row
    return min(1.0, above[-1] / len(look))


def defecting(recent: Sequence[PlateRead], kept: Sequence[PlateRead]) -> tuple[PlateRead, ...]:
    """Return the looks at the end of `recent` that agree on another plate than the other looks in `kept`.

    Args:
        recent: newest looks, in order of arrival.
        kept: the looks that vote, best first; some of `recent` among them.
    """
    usable = [r for r in recent if len(r.text) >= MIN_CHARACTERS and quality(r) >= MIN_QUALITY]
    if len(usable) < MIN_DEFECTORS or not _differ(usable[-1], usable[0], kept):
        return ()
    newest = usable[-1].text
    run: list[PlateRead] = []
    for read in reversed(usable):
        if contradiction(newest, read.text) > SAME_PLATE:
            break
        run.insert(0, read)
    marks = {id(r) for r in run}
    loyal = [r for r in kept if id(r) not in marks and contradiction(newest, r.text) > SAME_PLATE]
    if len(run) < MIN_DEFECTORS or len(loyal) < MIN_LOYAL:
        return ()
    leader = loyal[0].text
    agree = sum(contradiction(leader, r.text) <= SAME_PLATE for r in loyal)
    opposed = all(contradiction(leader, r.text) >= OTHER_PLATE for r in run)
    earlier = all(r.at_s < run[0].at_s for r in loyal)
    return tuple(run) if opposed and earlier and agree >= MIN_LOYAL and agree * 2 >= len(loyal) else ()


def _differ(newest: PlateRead, oldest: PlateRead, kept: Sequence[PlateRead]) -> bool:
    """Tell cheaply whether anything contradicts the newest look at all: nearly always nothing does."""
    best = kept[0] if kept else oldest
    return any(
        contradiction(other.text, newest.text) >= OTHER_PLATE for other in {id(o): o for o in (best, oldest)}.values()
    )
