"""Alignment: reads that miss a character or have one too many are laid over one another, to find likely texts.

A profile is a list of columns, each the weighted sum of log-likelihoods of all looks so far. A look joins by
dynamic programming (Needleman-Wunsch on distributions): a row without a column opens one, a column without a
row says "lost here, or nothing is there". Only proposes texts; `likelihood` judges them. Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edge.tracking.iou import Float64Array
from edge.tracking.likelihood import INVENTED, LOST
from edge.types import BLANK, CHARSET, CLASSES

ALIKE_SHARE = 0.6  # equally long texts that agree on so many characters need no dynamic programming
OPTIONS_PER_COLUMN = 6
MIN_OPTION = 1e-5  # less likely characters are not tried
MIN_SCORE = 1e-4  # of a match, so that its logarithm exists

_CHARACTERS = ("", *CHARSET)  # by index in a posterior; the blank is no character
_ANY = 1.0 / len(CHARSET)


def _no_row() -> Float64Array:
    opinion = np.full(CLASSES, LOST)
    opinion[BLANK] = 1.0
    return np.asarray(np.log(opinion))


_NO_ROW = _no_row()


@dataclass(slots=True)
class Profile:
    """The looks joined so far; columns are (37,) sums of weighted log-likelihoods of each character, and of none."""

    columns: list[Float64Array] = field(default_factory=list)
    weight: float = 0.0  # of all looks joined so far

    def join(self, rows: Float64Array, weight: float) -> None:
        """Add one look: `rows` (n, 37) as `likelihood.rows_of` gives them, `weight` >= 0."""
        path = _align(self._distributions(), rows) if self.columns else [(-1, row) for row in range(len(rows))]
        votes = _opinions(rows)
        columns: list[Float64Array] = []
        for column, row in path:
            base = self.columns[column] if column >= 0 else self.weight * _NO_ROW
            columns.append(base + weight * (votes[row] if row >= 0 else _NO_ROW))
        self.columns = columns
        self.weight += weight

    def texts(self, count: int) -> list[str]:
        """Return the `count` likeliest texts, best first, every character being equally likely beforehand."""
        codes, scores = np.zeros((1, 0), dtype=np.int64), np.zeros(1)
        for column in _posteriors(np.array(self.columns)) if self.columns else ():
            options = np.argsort(-column, kind="stable")[:OPTIONS_PER_COLUMN]
            options = options[column[options] >= MIN_OPTION]
            grown = (scores[:, None] + np.log(column[options])[None, :]).ravel()
            best = np.argsort(-grown, kind="stable")[:count]
            scores = grown[best]
            codes = np.column_stack([codes[best // len(options)], options[best % len(options)]])
        found = ("".join(_CHARACTERS[k] for k in row) for row in codes.tolist())
        return [text for text in dict.fromkeys(found) if text]

    def _distributions(self) -> Float64Array:
        """Return what an average look thinks of each column."""
        return _posteriors(np.array(self.columns) / max(self.weight, 1e-9))


def _opinions(rows: Float64Array) -> Float64Array:
    """Return the log-likelihood of each row for each character and for none, as ratio to a random row."""
    likelihood = (1 - LOST) * rows / _ANY
    likelihood[:, BLANK] = rows[:, BLANK] + INVENTED
    return np.asarray(np.log(likelihood))


def _posteriors(columns: Float64Array) -> Float64Array:
    prior = np.full(CLASSES, np.log(_ANY))
    prior[BLANK] = 0.0
    weighed = columns + prior
    shares = np.exp(weighed - weighed.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _align(columns: Float64Array, rows: Float64Array) -> list[tuple[int, int]]:
    """Return the best path as (column, row) pairs in order; -1 stands for no column or no row."""
    if len(columns) == len(rows) and (columns.argmax(axis=1) == rows.argmax(axis=1)).mean() >= ALIKE_SHARE:
        return [(i, i) for i in range(len(rows))]
    match = np.log((columns @ rows.T) / _ANY + MIN_SCORE)
    skip_column = np.log(columns[:, BLANK] + LOST)
    skip_row = np.log(rows[:, BLANK] + INVENTED)
    return _trace_back(len(columns), len(rows), _best_steps(match, skip_column, skip_row))


def _best_steps(match: Float64Array, skip_column: Float64Array, skip_row: Float64Array) -> dict[tuple[int, int], int]:
    """Return the last step of the best way into each cell: 0 both, 1 only the column, 2 only the row."""
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
    return step


def _trace_back(i: int, j: int, step: dict[tuple[int, int], int]) -> list[tuple[int, int]]:
    path: list[tuple[int, int]] = []
    while i or j:
        kind = step[i, j]
        path.append((i - 1 if kind != 2 else -1, j - 1 if kind != 1 else -1))
        i, j = i - (kind != 2), j - (kind != 1)
    return path[::-1]
