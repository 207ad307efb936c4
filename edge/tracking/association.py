"""Which detection belongs to which track: two rounds of optimal assignment, strong detections first.

A pair is allowed when the track explains the detection better than chance does: the likelihood of the
detection under the track's prediction against that of clutter somewhere in the picture. So a plate that jumps
by its own width between two looks still finds its track, while a track that has lost its plate does not hop
to lettering elsewhere. Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from edge.tracking.iou import Float64Array, box_rows, iou_matrix
from edge.tracking.kalman import MEASURED, PlateFilter, measure
from edge.types import Box

GATE = 18.47  # largest squared Mahalanobis distance: chi-square, 4 degrees of freedom, 99.9 %
OVERLAP_SUFFICES = 0.3  # such an overlap is a match even when the size jumped (half a plate hidden)
NEAR_WIDTHS, NEAR_GROWTH = 0.8, 0.5  # two plates are never this near and of one size: it is the same plate
MAX_GROWTH = 0.7  # change of log width between expectation and detection that no plate makes
SIZE_RANGE = 3.0  # log widths and log aspects among which clutter is spread, together
_FORBIDDEN = 1e6  # dearer than any allowed pair

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Clutter:
    """What chance offers: how many false detections a look has, and where they could be."""

    per_look: float
    area_px: float  # of the picture

    @property
    def log_odds_limit(self) -> float:
        """Return the largest d2 + ln |S| at which a track explains a detection better than clutter does.

        Source: likelihood ratio of a normal density in four dimensions against a uniform one.
        """
        volume = self.area_px * SIZE_RANGE / self.per_look
        return 2.0 * math.log(volume) - MEASURED * math.log(2.0 * math.pi)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who belongs to whom; indices into the sequences that were passed in."""

    pairs: tuple[tuple[int, int], ...]  # (track, detection)
    free_tracks: tuple[int, ...]
    free_detections: tuple[int, ...]


def assign(filters: Sequence[PlateFilter], boxes: Sequence[Box], clutter: Clutter) -> Assignment:
    """Return the cheapest assignment of `boxes` to `filters`, all of them predicted to the moment of the boxes.

    Args:
        filters: one per track.
        boxes: one per detection, frame pixels.
        clutter: what else the detections could be.
    """
    if not filters or not boxes:
        return Assignment((), tuple(range(len(filters))), tuple(range(len(boxes))))
    cost, allowed = _costs(filters, boxes, clutter)
    rows, columns = linear_sum_assignment(np.where(allowed, cost, _FORBIDDEN))
    pairs = tuple((int(r), int(c)) for r, c in zip(rows, columns, strict=True) if allowed[r, c])
    used_tracks, used_boxes = {r for r, _ in pairs}, {c for _, c in pairs}
    return Assignment(
        pairs,
        tuple(i for i in range(len(filters)) if i not in used_tracks),
        tuple(j for j in range(len(boxes)) if j not in used_boxes),
    )


def _costs(filters: Sequence[PlateFilter], boxes: Sequence[Box], clutter: Clutter) -> tuple[Float64Array, BoolArray]:
    """Return the cost of every pair (N, M), twice the negative log-likelihood, and whether it is allowed."""
    expected = [f.expectation() for f in filters]
    means = np.stack([mean for mean, _ in expected])
    spreads = np.stack([spread for _, spread in expected])
    seen = np.stack([measure(b) for b in boxes])
    difference = seen[None, :, :] - means[:, None, :]
    squared = np.einsum("nmi,nij,nmj->nm", difference, np.linalg.inv(spreads), difference)
    surprise = squared + np.linalg.slogdet(spreads)[1][:, None]
    width = np.exp(np.maximum(seen[None, :, 2], means[:, 2][:, None]))
    away = np.hypot(difference[..., 0], difference[..., 1]) / width
    growth = np.abs(difference[..., 2])
    likely = (squared <= GATE) & (growth <= MAX_GROWTH) & (surprise <= clutter.log_odds_limit)
    near = (away <= NEAR_WIDTHS) & (growth <= NEAR_GROWTH)
    overlap = iou_matrix(box_rows([f.box for f in filters]), box_rows(boxes))
    allowed = likely | near | (overlap >= OVERLAP_SUFFICES)
    return np.minimum(surprise, GATE + clutter.log_odds_limit), allowed
