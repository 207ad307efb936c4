"""Alignment: reads that miss a character or have one too many are laid over one another, slot on slot.

A profile is a list of columns, each the weighted sum of log-probabilities of all looks so far. A look joins by
dynamic programming (Needleman-Wunsch on distributions): a row without a column opens one, a column without a
row gets a vote for "no character". Pure functions on arrays; who weighs how much is the vote's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edge.tracking.iou import Float64Array
from edge.types import BLANK, CLASSES, FloatArray

MISSED = 0.05  # probability that a look has no row for a character that is there
EXTRA = 0.03  # probability that a row of a look is no character of the plate
GARBAGE = 0.03  # share of a look's opinion of a slot that is pure chance, however sure the look is
EMPTY_ROW = 0.95  # a slot that is this surely empty is no row
ALIKE_SHARE = 0.6  # equally long texts that agree on so many characters need no dynamic programming


@dataclass(slots=True)
class Profile:
    """The looks joined so far; columns are (37,) sums of weighted log-probabilities."""

    columns: list[Float64Array] = field(default_factory=list)
    weight: float = 0.0  # of all looks joined so far

    def join(self, rows: Float64Array, weight: float) -> None:
        """Add one look: `rows` (n, 37) as `rows_of` gives them, `weight` >= 0."""
        path = (
            _align(np.array(self.columns), rows, self.weight) if self.columns else [(-1, r) for r in range(len(rows))]
        )
        columns: list[Float64Array] = []
        votes = softened(rows)
        for column, row in path:
            base = self.columns[column] if column >= 0 else self.weight * _NOTHING
            vote = votes[row] if row >= 0 else _NOTHING
            columns.append(base + weight * vote)
        self.columns = columns
        self.weight += weight


def rows_of(posterior: FloatArray) -> Float64Array:
    """Return the rows of a left-packed posterior that may hold a character, each summing to one, float64 (n, 37)."""
    rows = np.clip(np.asarray(posterior, dtype=np.float64), 0.0, None)
    rows = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray(rows[rows[:, BLANK] < EMPTY_ROW])


def softened(rows: Float64Array) -> Float64Array:
    """Return the log of each row after mixing it with chance: no look is ever surer than `GARBAGE` allows."""
    return np.asarray(np.log((1 - GARBAGE) * rows + GARBAGE / CLASSES))


def normalised(column: Float64Array) -> Float64Array:
    """Return the distribution (37,) that a column of summed logs stands for."""
    shifted = np.exp(column - column.max())
    return np.asarray(shifted / shifted.sum())


def _nothing() -> Float64Array:
    """Return the opinion of a look that has no row where others have one: most likely nothing is there."""
    opinion = np.full(CLASSES, MISSED / (CLASSES - 1))
    opinion[BLANK] = 1 - MISSED
    return np.asarray(np.log(opinion))


_NOTHING = _nothing()


def _align(columns: Float64Array, rows: Float64Array, weight: float) -> list[tuple[int, int]]:
    """Return the best path as (column, row) pairs in order; -1 stands for no column or no row."""
    mean = np.exp(columns / max(weight, 1e-9))
    mean /= mean.sum(axis=1, keepdims=True)
    if len(mean) == len(rows) and (mean.argmax(axis=1) == rows.argmax(axis=1)).mean() >= ALIKE_SHARE:
        return [(i, i) for i in range(len(rows))]
    match = np.log(mean @ rows.T + 1e-4)
    skip_column = np.log(mean[:, BLANK] + MISSED)
    skip_row = np.log(rows[:, BLANK] + EXTRA)
    return _trace_back(*_best_scores(match, skip_column, skip_row))


def _best_scores(
    match: Float64Array, skip_column: Float64Array, skip_row: Float64Array
) -> tuple[int, int, dict[tuple[int, int], int]]:
    """Fill the table of best scores; return its size and the last step into each cell (0 both, 1 column, 2 row)."""
    n, m = match.shape
    score = [[0.0] * (m + 1) for _ in range(n + 1)]
    step: dict[tuple[int, int], int] = {}
    gains, over_column, over_row = match.tolist(), skip_column.tolist(), skip_row.tolist()
    for i in range(n + 1):
        for j in range(m + 1):
            if i == j == 0:
                continue
            options = (
                score[i - 1][j - 1] + gains[i - 1][j - 1] if i and j else -np.inf,
                score[i - 1][j] + over_column[i - 1] if i else -np.inf,
                score[i][j - 1] + over_row[j - 1] if j else -np.inf,
            )
            step[i, j] = max(range(3), key=options.__getitem__)
            score[i][j] = options[step[i, j]]
    return n, m, step


def _trace_back(i: int, j: int, step: dict[tuple[int, int], int]) -> list[tuple[int, int]]:
    path: list[tuple[int, int]] = []
    while i or j:
        kind = step[i, j]
        path.append((i - 1 if kind != 2 else -1, j - 1 if kind != 1 else -1))
        i, j = i - (kind != 2), j - (kind != 1)
    return path[::-1]
