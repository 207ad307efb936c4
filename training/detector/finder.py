"""Run a plate network on a picture of any size: letterbox, infer, suppress doubles, map back.

The same steps as the edge's detector, but over any callable, so that a checkpoint can be judged before
it is exported. Scores and geometry are untouched; only the threshold and the overlap decide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from training.detector.scenes import FloatArray, GreyImage
from training.files import open_session

Network = Callable[[GreyImage], FloatArray]  # uint8 (N, H, W) -> float32 (N, A, 13)
INPUT = "image"  # name of the network's input
STEP_PX = 32  # the network takes multiples of this
PADDING = 114
NMS_OVERLAP = 0.45
NMS_INSIDE = 0.7  # share of the smaller box: a find inside a find is the same plate


@dataclass(frozen=True)
class Finds:
    """What was found in one picture, best first."""

    scores: FloatArray  # (N,)
    boxes: FloatArray  # (N, 4) pixels of the picture
    corners: FloatArray  # (N, 4, 2)


def onnx_network(model: Path, threads: int = 1) -> Network:
    """Return a network that runs an ONNX file on the CPU; raises ModelError where it cannot be opened."""
    session = open_session(model, INPUT, threads)
    return lambda images: np.asarray(session.run(None, {INPUT: images})[0], np.float32)


def letterbox(grey: GreyImage, long_side: int) -> tuple[GreyImage, float]:
    """Return the picture scaled so that its long side is `long_side`, padded right and below, and the scale."""
    scale = long_side / max(grey.shape)
    width, height = max(round(grey.shape[1] * scale), 1), max(round(grey.shape[0] * scale), 1)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(grey, (width, height), interpolation=method) if scale != 1 else grey
    canvas = np.full((-(-height // STEP_PX) * STEP_PX, -(-width // STEP_PX) * STEP_PX), PADDING, np.uint8)
    canvas[:height, :width] = resized
    return canvas, scale


def suppress(scores: FloatArray, boxes: FloatArray) -> list[int]:
    """Return the indices of the finds to keep, best first: no two overlap much, none lies inside a better one."""
    order = list(np.argsort(-scores))
    area = np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1e-6)
    keep: list[int] = []
    while order:
        best = int(order.pop(0))
        keep.append(best)
        rest = np.array(order, int)
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        inter = np.prod(np.maximum(high - low, 0), axis=1)
        same = inter / (area[best] + area[rest] - inter) > NMS_OVERLAP
        same |= inter / np.minimum(area[best], area[rest]) > NMS_INSIDE
        order = [int(i) for i in rest[~same]]
    return keep


def find(network: Network, grey: GreyImage, long_side: int, least_score: float = 0.05) -> Finds:
    """Return the plates that `network` finds in `grey` seen at `long_side` pixels."""
    canvas, scale = letterbox(grey, long_side)
    plates = network(canvas[None])[0]
    plates = plates[plates[:, 0] >= least_score]
    plates = plates[suppress(plates[:, 0], plates[:, 1:5])]
    return Finds(plates[:, 0], plates[:, 1:5] / scale, (plates[:, 5:] / scale).reshape(-1, 4, 2))
