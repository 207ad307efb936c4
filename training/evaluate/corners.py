"""How exact the corners are: on rendered plates, whose true corners are known, and on real ones, labelled by eye.

Rendered plates are pasted into held-out scenes; plates and scenes are none that training saw (validation scenes,
another seed). Real ones are crops of the validation split with corners in `training/labels/corners.csv`. The error
is the mean distance of the four corners in shares of the plate's width. Plates cut by the edge of the picture are
not asked, since their corners cannot be seen, nor are those that no find overlaps: those are the detector's recall,
measured elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from training.detector.finder import Finds, Network, find
from training.detector.samples import FINISH, Material, make_sample
from training.detector.scenes import FloatArray, boxes_of_corners
from training.evaluate.detection import iou
from training.recogniser.crops import LabelledCrop
from training.recogniser.placed import surrounded

SAMPLE_SIZE = (384, 640)
LEAST_SCORE = 0.2
SAME_PLATE_IOU = 0.5
CROP_SIZES_PX = (128, 256)  # long side of a crop with what is put around it, in the network's input
WIDTH_EDGES_PX = (0, 24, 32, 48, 64, 96, 160, 10000)
TURN_EDGES_DEG = (0, 5, 10, 180)


@dataclass(frozen=True)
class CornerErrors:
    """Errors of the plates that were found, with how many there were to find."""

    errors: npt.NDArray[np.float64]  # shares of the plate's width
    widths: npt.NDArray[np.float64]  # px of the network's input
    turns: npt.NDArray[np.float64]  # degrees between the plate's upper edge and the picture's rows
    asked: int

    def median(self, low_px: float = 0.0, high_px: float = np.inf) -> float:
        """Return the median error of found plates of a range of widths, nan where there are none."""
        return _median(self.errors[_between(self.widths, low_px, high_px)])


def _median(errors: npt.NDArray[np.float64]) -> float:
    return float(np.median(errors)) if len(errors) else float("nan")


def _between(values: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.bool_]:
    return np.asarray((values >= low) & (values < high), np.bool_)


def corner_errors(network: Network, material: Material, rounds: Iterable[int], seed: int) -> CornerErrors:
    """Return the corner errors of a composed picture per round; plates whose corners are not exact are not asked."""
    rng = np.random.default_rng(seed)
    odds = material.scene_odds()

    def pictures() -> Iterable[tuple[FloatArray, Finds, float]]:
        for _ in rounds:
            sample = make_sample(material, odds, SAMPLE_SIZE, rng, FINISH)
            finds = find(network, sample.grey, max(SAMPLE_SIZE), LEAST_SCORE)
            yield sample.corners[sample.exact >= 1.0], finds, 1.0

    return errors_of(pictures())


def real_corner_errors(
    network: Network, crops: Iterable[LabelledCrop], truth: Mapping[str, FloatArray]
) -> CornerErrors:
    """Return the corner errors on crops with known corners (1, 4, 2), their edges repeated, seen at CROP_SIZES_PX."""

    def pictures() -> Iterable[tuple[FloatArray, Finds, float]]:
        for crop in crops:
            if crop.file in truth:
                seen, pad = surrounded(crop.picture)
                for side in CROP_SIZES_PX:
                    yield truth[crop.file] + pad, find(network, seen, side, LEAST_SCORE), side / max(seen.shape)

    return errors_of(pictures())


def errors_of(pictures: Iterable[tuple[FloatArray, Finds, float]]) -> CornerErrors:
    """Return the errors of pictures given as true corners (N, 4, 2), finds, and the scale of the network's input."""
    errors: list[float] = []
    widths: list[float] = []
    turns: list[float] = []
    asked = 0
    for truth, finds, scale in pictures:
        asked += len(truth)
        if not len(truth) or not len(finds.scores):
            continue
        overlap = iou(boxes_of_corners(truth), finds.boxes)
        for index, quad in enumerate(truth):
            best = int(overlap[index].argmax())
            if overlap[index, best] >= SAME_PLATE_IOU:
                width = float((np.hypot(*(quad[1] - quad[0])) + np.hypot(*(quad[2] - quad[3]))) / 2)
                distance = np.hypot(*(finds.corners[best] - quad).T).mean()
                errors.append(float(distance / width))
                widths.append(width * scale)
                turns.append(float(np.degrees(np.arctan2(*np.abs(quad[1] - quad[0])[::-1]))))
    return CornerErrors(np.array(errors), np.array(widths), np.array(turns), asked)


def rows_of(result: CornerErrors) -> Sequence[Sequence[str]]:
    """Return the table of medians by plate width and by turn."""
    rows = [["plate", "median corner error, share of width", "plates found"]]
    rows.append(["all", f"{result.median():.4f}", f"{len(result.errors)} of {result.asked}"])
    for low, high in pairwise(WIDTH_EDGES_PX):
        name = f"{low}-{high} px wide" if high < WIDTH_EDGES_PX[-1] else f"{low} px wide and more"
        rows += _row(name, result.errors[_between(result.widths, low, high)])
    for low, high in pairwise(TURN_EDGES_DEG):
        name = f"turned by {low}-{high} degrees" if high < TURN_EDGES_DEG[-1] else f"turned by {low} degrees and more"
        rows += _row(name, result.errors[_between(result.turns, low, high)])
    return rows


def _row(name: str, errors: npt.NDArray[np.float64]) -> list[list[str]]:
    return [[name, f"{_median(errors):.4f}", str(len(errors))]] if len(errors) else []
