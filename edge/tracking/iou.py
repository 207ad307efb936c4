"""Overlap of boxes, for many boxes at once.

Boxes are rows x1 y1 x2 y2 in pixels. Pure NumPy; knows nothing of tracks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge.types import Box

Float64Array = npt.NDArray[np.float64]


def box_rows(boxes: Sequence[Box]) -> Float64Array:
    """Return `boxes` as float64 (N, 4), x1 y1 x2 y2; (0, 4) when there are none."""
    return np.array([b.as_tuple() for b in boxes], dtype=np.float64).reshape(-1, 4)


def iou_matrix(a: npt.ArrayLike, b: npt.ArrayLike) -> Float64Array:
    """Return how much every box in `a` overlaps every box in `b`.

    Args:
        a: (N, 4), corners x1 y1 x2 y2 in frame pixels, x1 <= x2, y1 <= y2.
        b: (M, 4), same convention.

    Returns:
        float64 (N, M) in [0, 1]; zero where the union has no area.

    Raises:
        ValueError: the last axis of `a` or `b` is not 4.

    Source: Jaccard index; the cases in tests/tracking/test_iou.py are worked by hand.
    """
    rows, columns = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if rows.ndim != 2 or columns.ndim != 2 or rows.shape[1] != 4 or columns.shape[1] != 4:
        raise ValueError(f"boxes must be (N, 4) and (M, 4), got {rows.shape} and {columns.shape}")
    corner = np.minimum(rows[:, None, 2:], columns[None, :, 2:]) - np.maximum(rows[:, None, :2], columns[None, :, :2])
    shared = np.clip(corner, 0.0, None).prod(axis=2)
    union = _areas(rows)[:, None] + _areas(columns)[None, :] - shared
    overlap: Float64Array = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0.0)
    return overlap


def _areas(boxes: Float64Array) -> Float64Array:
    areas: Float64Array = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas
