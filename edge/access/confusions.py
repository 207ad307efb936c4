"""What the reader takes characters for, as measured: how far a listed plate may hide behind the text that was read.

The vote knows what its looks say; it cannot know that dirt or a typeface deceives all of them alike. How often
that happens, per pair of characters, was counted on real crops: confusions.csv, by
`python -m tests.access.measure_confusions`. Pure data and text.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from edge.types import CHARSET

UNSEEN = 0.1  # counts for a pair that was never seen: rare is not impossible


@dataclass(frozen=True, slots=True)
class Confusions:
    """How often each character was read as each other, or as nothing; invented ones stand under no character."""

    counts: Counter[tuple[str, str]]  # (true, read); empty: nothing there
    totals: Counter[str]  # looks at each true character

    @classmethod
    @lru_cache(maxsize=1)
    def measured(cls) -> Confusions:
        """Return those of the reader that comes with the package."""
        text = files("edge.access").joinpath("confusions.csv").read_text(encoding="utf-8")
        counts = Counter({(r["true"], r["read"]): int(r["count"]) for r in csv.DictReader(text.splitlines())})
        totals: Counter[str] = Counter()
        for (true, _), count in counts.items():
            totals[true] += count
        return cls(counts, totals)

    def rate(self, true: str, read: str) -> float:
        """Return the probability in (0, 1) that one look takes `true` for `read`; either may be empty."""
        seen = self.totals[true] if true else sum(n for t, n in self.totals.items() if t)
        return (self.counts[true, read] + UNSEEN) / (seen + UNSEEN * (len(CHARSET) + 1))

    def odds(self, true: str, read: str) -> float:
        """Return how likely `read` comes from `true` against from itself; the texts are one change apart."""
        a, b = _change(true, read)
        right = self.rate(b, b) if b else 1.0
        return min(1.0, self.rate(a, b) / right)


def one_change(text: str) -> Iterator[str]:
    """Yield every text that differs from `text` by one character: another, a missing or an added one."""
    for i in range(len(text) + 1):
        head, tail = text[:i], text[i:]
        for c in CHARSET:
            yield head + c + tail
        if tail:
            yield head + tail[1:]
            for c in CHARSET:
                if c != tail[0]:
                    yield head + c + tail[1:]


def _change(true: str, read: str) -> tuple[str, str]:
    """Return the characters in which the two texts differ; empty where one has none there."""
    begin = next((i for i, (a, b) in enumerate(zip(true, read, strict=False)) if a != b), min(len(true), len(read)))
    ends = begin + (len(true) >= len(read)), begin + (len(read) >= len(true))
    return true[begin : ends[0]], read[begin : ends[1]]
