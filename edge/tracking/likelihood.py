"""Likelihood: how well one look fits a text, when looks lose characters, invent some, or are rubbish altogether.

A text makes a look character by character: each is lost with probability `LOST`, and the reader invents rows
with probability `INVENTED`. All ways to lay the rows over the text are summed (forward algorithm of a pair
hidden Markov model), for all looks and texts at once. Numbers are ratios to a random row. Pure NumPy.

Source: Durbin, Eddy, Krogh, Mitchison, Biological Sequence Analysis, 1998, chapter 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge.tracking.iou import Float64Array
from edge.types import BLANK, CHARSET, CLASSES, FloatArray

IntArray = npt.NDArray[np.int64]

LOST = 0.04  # probability that a look has no row for a character that is there; our reader: 0.005, PP-OCRv4: 0.04
INVENTED = 0.015  # probability of a row that is no character of the plate, per place where it could be
DOUBT = 0.02  # share of a look's opinion of a row that is chance, however sure the look is
EMPTY_ROW = 0.95  # a slot that is this surely empty is no row
ANY_LENGTH = 0.1  # probability of the number of rows when a look shows something else

_RATIO = float(len(CHARSET))  # a random row gives each character 1 / 36


def rows_of(posterior: FloatArray) -> Float64Array:
    """Return the rows of a left-packed posterior that may hold a character, softened by `DOUBT`, float64 (n, 37)."""
    rows = np.clip(np.asarray(posterior, dtype=np.float64), 0.0, None)
    rows = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray((1 - DOUBT) * rows[rows[:, BLANK] < EMPTY_ROW] + DOUBT / CLASSES)


def log_likelihoods(looks: Sequence[Float64Array], texts: Sequence[str], rubbish: Float64Array) -> Float64Array:
    """Return how well each look fits each text: log of the ratio to random rows, float64 (looks, texts).

    Args:
        looks: as `rows_of` gives them, at least one.
        texts: of A-Z and 0-9, at least one.
        rubbish: (looks,) probability that the look shows something else: it bounds what one look can do.
    """
    counts = np.array([len(rows) for rows in looks])
    lengths = np.array([len(text) for text in texts])
    table = _forward(_padded(looks), _codes(texts))
    fits = table[lengths[None, :], counts[:, None], np.arange(len(looks))[:, None], np.arange(len(texts))[None, :]]
    return np.asarray(np.log((1 - rubbish[:, None]) * fits + rubbish[:, None] * ANY_LENGTH))


def _forward(rows: Float64Array, codes: IntArray) -> Float64Array:
    """Return the sums over all ways, indexed [characters used, rows used, look, text]."""
    places, most = codes.shape[1], rows.shape[1]
    alike = _RATIO * (1 - LOST) * rows[:, :, codes].transpose(3, 1, 0, 2)  # [character, row, look, text]
    empty = rows[:, :, BLANK].T[:, :, None]
    extra = empty + (1 - empty) * INVENTED  # [row, look, 1]
    used = np.arange(places + 1)
    losing = np.tril(LOST ** np.maximum(used[:, None] - used[None, :], 0.0))  # [characters after, before], no row used
    table = np.zeros((places + 1, most + 1, len(rows), len(codes)))
    table[:, 0] = losing[:, :1, None]
    for j in range(most):
        ways = table[:, j] * extra[j]
        ways[1:] += table[:-1, j] * alike[:, j]
        table[:, j + 1] = np.tensordot(losing, ways, 1)
    return table


def _padded(looks: Sequence[Float64Array]) -> Float64Array:
    padded = np.zeros((len(looks), max(1, *(len(rows) for rows in looks)), CLASSES))
    for i, rows in enumerate(looks):
        padded[i, : len(rows)] = rows
    return padded


def _codes(texts: Sequence[str]) -> IntArray:
    codes = np.full((len(texts), max(len(text) for text in texts)), BLANK)
    for i, text in enumerate(texts):
        codes[i, : len(text)] = [CHARSET.index(c) + 1 for c in text]
    return codes
