"""Detection figures: matches, precision, recall, average precision, and recall by plate width.

Pure NumPy on boxes; who found them does not matter. A labelled plate is found once: the best-scored
find that overlaps enough takes it, any other find is a false alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
WIDTH_EDGES_PX = (0, 12, 16, 24, 32, 48, 64, 96, 160, 10000)
IOU_STEPS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))  # COCO's ten


@dataclass(frozen=True)
class Picture:
    """Labels and finds of one picture. Finds on `ignore` boxes count neither way."""

    labels: FloatArray  # (G, 4)
    scores: FloatArray  # (N,)
    boxes: FloatArray  # (N, 4)
    ignore: FloatArray  # (K, 4) real plates that the labels miss, looked at and listed


def iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the (N, M) overlaps of boxes a (N, 4) and b (M, 4), in [0, 1]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.maximum(high - low, 0), axis=-1)
    area_a, area_b = np.prod(a[:, 2:] - a[:, :2], axis=1), np.prod(b[:, 2:] - b[:, :2], axis=1)
    return np.asarray(inter / np.maximum(area_a[:, None] + area_b[None] - inter, 1e-6), np.float32)


def match(picture: Picture, least_iou: float) -> tuple[npt.NDArray[np.int64], BoolArray]:
    """Return for each find the label it takes or -1, and whether it counts (not on an ignore box)."""
    order = np.argsort(-picture.scores, kind="stable")
    overlap = iou(picture.boxes, picture.labels)
    taken = np.full(len(picture.scores), -1, np.int64)
    free = np.ones(len(picture.labels), bool)
    for index in order:
        options = np.where(free, overlap[index], -1.0)
        if len(options) and options.max() >= least_iou:
            taken[index] = int(options.argmax())
            free[taken[index]] = False
    on_ignore = (
        (iou(picture.boxes, picture.ignore) >= 0.3).any(1) if len(picture.ignore) else np.zeros(len(taken), bool)
    )
    return taken, (taken >= 0) | ~on_ignore


@dataclass(frozen=True)
class Curve:
    """Precision and recall after each find, best first."""

    scores: FloatArray
    precision: FloatArray
    recall: FloatArray

    @property
    def average_precision(self) -> float:
        """Return the area under the precision envelope (all-point interpolation, as COCO and VOC 2010)."""
        if not len(self.recall):
            return 0.0
        envelope = np.maximum.accumulate(self.precision[::-1])[::-1]
        return float(np.sum(np.diff(np.concatenate(([0.0], self.recall))) * envelope))

    def at_score(self, score: float) -> tuple[float, float]:
        """Return precision and recall of the finds that score at least `score`."""
        count = int((self.scores >= score).sum())
        return (float(self.precision[count - 1]), float(self.recall[count - 1])) if count else (1.0, 0.0)

    def at_precision(self, precision: float) -> tuple[float, float]:
        """Return the highest recall at no less than `precision`, and the score threshold that gives it."""
        fine = np.flatnonzero(self.precision >= precision)
        return (float(self.recall[fine[-1]]), float(self.scores[fine[-1]])) if len(fine) else (0.0, 1.0)


def curve(pictures: Sequence[Picture], least_iou: float = 0.5) -> Curve:
    """Return the precision-recall curve over all pictures."""
    scores, hits = [], []
    for picture in pictures:
        taken, counts = match(picture, least_iou)
        scores.append(picture.scores[counts])
        hits.append(taken[counts] >= 0)
    score, hit = np.concatenate(scores), np.concatenate(hits)
    order = np.argsort(-score, kind="stable")
    right = np.cumsum(hit[order])
    total = max(sum(len(p.labels) for p in pictures), 1)
    return Curve(
        score[order], (right / np.arange(1, len(right) + 1)).astype(np.float32), (right / total).astype(np.float32)
    )


def mean_average_precision(pictures: Sequence[Picture]) -> float:
    """Return mAP50-95: the mean average precision over COCO's ten overlaps."""
    return float(np.mean([curve(pictures, step).average_precision for step in IOU_STEPS]))


def recall_by_width(pictures: Sequence[Picture], score: float) -> dict[str, tuple[int, int]]:
    """Return found and labelled plates by label width in px, at IoU 0.5 and the given threshold."""
    widths, found = [], []
    for picture in pictures:
        strong = picture.scores >= score
        taken, _ = match(Picture(picture.labels, picture.scores[strong], picture.boxes[strong], picture.ignore), 0.5)
        widths.append(picture.labels[:, 2] - picture.labels[:, 0])
        found.append(np.isin(np.arange(len(picture.labels)), taken))
    width, hit = np.concatenate(widths), np.concatenate(found)
    table = {}
    for low, high in pairwise(WIDTH_EDGES_PX):
        inside = (width >= low) & (width < high)
        name = f"{low}-{high}" if high < WIDTH_EDGES_PX[-1] else f"{low}+"
        table[name] = (int(hit[inside].sum()), int(inside.sum()))
    return table
