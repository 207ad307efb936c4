"""Counts what the package's reader takes each character for, look by look, on the held-out crops.

    python -m tests.access.measure_confusions > edge/access/confusions.csv

A read is laid over the true text with the fewest changes; each pair of characters is counted, and each character
that was lost (no `read`) or invented (no `true`). The looks are those of tests/tracking/measure_on_crops.py that are
good enough to weigh in a vote; the others hardly count there.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterable

from edge.tracking.looks import quality
from tests.tracking.measure_on_crops import held_out

GOOD = 0.3  # quality from which a look weighs in a vote: it counts there by its cube

Pair = tuple[str, str]  # true, read; empty: nothing there


def pairs(true: str, read: str) -> list[Pair]:
    """Return what each character became, by the alignment with the fewest changes (Levenshtein)."""
    costs = [[i + j if i * j == 0 else 0 for j in range(len(read) + 1)] for i in range(len(true) + 1)]
    for i, a in enumerate(true, start=1):
        for j, b in enumerate(read, start=1):
            costs[i][j] = min(costs[i - 1][j - 1] + (a != b), costs[i - 1][j] + 1, costs[i][j - 1] + 1)
    i, j, found = len(true), len(read), list[Pair]()
    while i or j:
        here = costs[i][j]
        if i and j and here == costs[i - 1][j - 1] + (true[i - 1] != read[j - 1]):
            i, j = i - 1, j - 1
            found.append((true[i], read[j]))
        elif i and here == costs[i - 1][j] + 1:
            i -= 1
            found.append((true[i], ""))
        else:
            j -= 1
            found.append(("", read[j]))
    return found[::-1]


def counted(looks: Iterable[tuple[str, str]]) -> Counter[Pair]:
    """Return how often each pair occurred in (true, read) texts."""
    return Counter(pair for true, read in looks for pair in pairs(true, read))


def main() -> None:
    """Print the counts as CSV, ordered."""
    looks = ((text, read.text) for text, reads in held_out() for read in reads if read.text and quality(read) >= GOOD)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("true", "read", "count"))
    writer.writerows((true, read, count) for (true, read), count in sorted(counted(looks).items()))


if __name__ == "__main__":
    main()
