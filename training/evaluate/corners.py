"""How exact the corners are: rendered plates pasted into held-out scenes, whose true corners are known.

Plates and scenes are none that training saw (validation scenes, another seed). The error is the mean distance of
the four corners in shares of the plate's width. Plates cut by the edge of the picture are not asked, since their
corners cannot be seen, nor are those that no find overlaps: those are the detector's recall, measured elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from training.detector.finder import Network, find
from training.detector.samples import FINISH, Material, make_sample
from training.detector.scenes import boxes_of_corners
from training.evaluate.detection import iou

SAMPLE_SIZE = (384, 640)
LEAST_SCORE = 0.2
SAME_PLATE_IOU = 0.5
WIDTH_EDGES_PX = (0, 24, 32, 48, 64, 96, 160, 10000)


@dataclass(frozen=True)
class CornerErrors:
    """Errors of the plates that were found, with how many there were to find."""

    errors: npt.NDArray[np.float64]  # shares of the plate's width
    widths: npt.NDArray[np.float64]  # px
    asked: int

    def median(self, low_px: float = 0.0, high_px: float = np.inf) -> float:
        """Return the median error of found plates of a range of widths, nan where there are none."""
        inside = (self.widths >= low_px) & (self.widths < high_px)
        return float(np.median(self.errors[inside])) if inside.any() else float("nan")


def corner_errors(network: Network, material: Material, count: int, seed: int) -> CornerErrors:
    """Return the corner errors of `count` composed pictures; plates whose corners are not exact are not asked."""
    rng = np.random.default_rng(seed)
    odds = material.scene_odds()
    errors: list[float] = []
    widths: list[float] = []
    asked = 0
    for _ in range(count):
        sample = make_sample(material, odds, SAMPLE_SIZE, rng, FINISH)
        truth = sample.corners[sample.exact >= 1.0]
        asked += len(truth)
        finds = find(network, sample.grey, max(SAMPLE_SIZE), LEAST_SCORE)
        if not len(truth) or not len(finds.scores):
            continue
        overlap = iou(boxes_of_corners(truth), finds.boxes)
        for index, quad in enumerate(truth):
            best = int(overlap[index].argmax())
            if overlap[index, best] >= SAME_PLATE_IOU:
                width = float((np.hypot(*(quad[1] - quad[0])) + np.hypot(*(quad[2] - quad[3]))) / 2)
                distance = np.hypot(*(finds.corners[best] - quad).T).mean()
                errors.append(float(distance / width))
                widths.append(width)
    return CornerErrors(np.array(errors), np.array(widths), asked)


def rows_of(result: CornerErrors) -> Sequence[Sequence[str]]:
    """Return the table of medians by plate width."""
    rows = [["plate width", "median corner error, share of width", "plates found"]]
    rows.append(["all", f"{result.median():.4f}", f"{len(result.errors)} of {result.asked}"])
    for low, high in pairwise(WIDTH_EDGES_PX):
        inside = int(((result.widths >= low) & (result.widths < high)).sum())
        if inside:
            name = f"{low}-{high} px" if high < WIDTH_EDGES_PX[-1] else f"{low} px and more"
            rows.append([name, f"{result.median(low, high):.4f}", str(inside)])
    return rows
