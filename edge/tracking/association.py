"""Which detection belongs to which track: two rounds of optimal assignment, strong detections first.

The cost is the negative log-likelihood of the detection under the track's prediction, so a plate that jumps
by its own width between two looks still finds its track, and a young, unsure track does not steal the
detection of an old, sure one. A pair outside the gate is never joined. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from edge.tracking.iou import Float64Array, box_rows, iou_matrix
from edge.tracking.kalman import PlateFilter, measure
from edge.types import Box

GATE_STRONG = 18.47  # chi-square, 4 degrees of freedom, 99.9 %
GATE_WEAK = 9.49  # 95 %: a weak detection must lie where it is expected
OVERLAP_SUFFICES = 0.3  # such an overlap is a match even when the size jumped (half a plate hidden)
NEAR_WIDTHS, NEAR_GROWTH = 0.8, 0.5  # two plates are never this near and of one size: it is the same plate
MAX_JUMP_WIDTHS = 6.0  # between two looks no plate moves farther than this, however unsure the prediction
BoolArray = npt.NDArray[np.bool_]
_FORBIDDEN = 1e6  # dearer than any allowed pair


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who belongs to whom; indices into the sequences that were passed in."""

    pairs: tuple[tuple[int, int], ...]  # (track, detection)
    free_tracks: tuple[int, ...]
    free_detections: tuple[int, ...]


def assign(filters: Sequence[PlateFilter], boxes: Sequence[Box], *, gate: float = GATE_STRONG) -> Assignment:
    """Return the cheapest assignment of `boxes` to `filters`, all of them predicted to the moment of the boxes.

    Args:
        filters: one per track.
        boxes: one per detection, frame pixels.
        gate: largest squared Mahalanobis distance of an allowed pair.
    """
    if not filters or not boxes:
        return Assignment((), tuple(range(len(filters))), tuple(range(len(boxes))))
    cost, allowed = _costs(filters, boxes, gate)
    rows, columns = linear_sum_assignment(np.where(allowed, cost, _FORBIDDEN))
    pairs = tuple((int(r), int(c)) for r, c in zip(rows, columns, strict=True) if allowed[r, c])
    used_tracks, used_boxes = {r for r, _ in pairs}, {c for _, c in pairs}
    return Assignment(
        pairs,
        tuple(i for i in range(len(filters)) if i not in used_tracks),
        tuple(j for j in range(len(boxes)) if j not in used_boxes),
    )


def _costs(filters: Sequence[PlateFilter], boxes: Sequence[Box], gate: float) -> tuple[Float64Array, BoolArray]:
    """Return the cost of every pair (N, M) and whether it is allowed."""
    expected = [f.expectation() for f in filters]
    means = np.stack([mean for mean, _ in expected])
    spreads = np.stack([spread for _, spread in expected])
    seen = np.stack([measure(b) for b in boxes])
    difference = seen[None, :, :] - means[:, None, :]
    squared = np.einsum("nmi,nij,nmj->nm", difference, np.linalg.inv(spreads), difference)
    width = np.exp(np.maximum(seen[None, :, 2] + seen[None, :, 3], (means[:, 2] + means[:, 3])[:, None]))
    jump = np.hypot(difference[..., 0], difference[..., 1]) / width
    overlap = iou_matrix(box_rows([f.box for f in filters]), box_rows(boxes))
    near = (jump <= NEAR_WIDTHS) & (np.abs(difference[..., 2]) <= NEAR_GROWTH)
    allowed = ((squared <= gate) & (jump <= MAX_JUMP_WIDTHS)) | near | (overlap >= OVERLAP_SUFFICES)
    surprise = np.minimum(squared, gate) + np.linalg.slogdet(spreads)[1][:, None]
    return surprise, allowed
