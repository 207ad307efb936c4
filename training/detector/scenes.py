"""Scenes for the detector: grey pictures in memory, each with its labelled plates.

Every picture is decoded once; a run that decodes WebP anew for every sample spends more on
decoding than on learning. Corners of a hand-drawn box are those of the box, marked as not exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.datasets.load import Dataset, load_dataset
from training.datasets.reviewed import PLATE, SCENE, UNSURE, true_corners, unlabelled

FloatArray = npt.NDArray[np.float32]
GreyImage = npt.NDArray[np.uint8]
SAME_PLATE_PX_SHARE = 0.5  # corners belong to a box whose centre is nearer than this share of its width


def _no_boxes() -> FloatArray:
    return np.zeros((0, 4), np.float32)


@dataclass(frozen=True)
class Scene:
    """One picture and its plates; `exact` says whose corners are true corners and not the box's."""

    file: str
    source: str
    grey: GreyImage  # (H, W)
    corners: FloatArray  # (N, 4, 2) top-left, top-right, bottom-right, bottom-left of the plate as read, px
    exact: npt.NDArray[np.bool_]  # (N,)
    ignore: FloatArray = field(default_factory=_no_boxes)  # (K, 4) plates that the labels miss


def corners_of_boxes(boxes: FloatArray) -> FloatArray:
    """Return the (N, 4, 2) corners of (N, 4) boxes x1 y1 x2 y2, from the top-left clockwise."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    return boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)


def boxes_of_corners(corners: FloatArray) -> FloatArray:
    """Return the (N, 4) boxes that just hold (N, 4, 2) corners."""
    corners = np.asarray(corners, np.float32).reshape(-1, 4, 2)
    return np.concatenate((corners.min(1), corners.max(1)), 1)


def load_scenes(data: Path, split: str, limit: int | None = None) -> list[Scene]:
    """Return the scenes of one split of the dataset at `data`, any format; '' takes every split."""
    return scenes_of(load_dataset(data), split, limit)


def scenes_of(dataset: Dataset, split: str, limit: int | None = None) -> list[Scene]:
    """Return the scenes of one split; labels of our own join the train scenes, and are zones to ignore elsewhere."""
    frame = dataset.frame if not split else dataset.frame[dataset.frame.split == split]
    by_hand, plates, unsure = true_corners(SCENE), unlabelled(PLATE), unlabelled(UNSURE)
    scenes: list[Scene] = []
    for file, rows in frame.groupby("file", sort=False):
        if limit is not None and len(scenes) >= limit:
            break
        name = str(file)
        corners, exact = _labels(rows, by_hand.get(name))
        ignore, extra = unsure.get(name, _no_boxes()), plates.get(name, _no_boxes())
        if split == "train":
            corners = np.concatenate((corners, corners_of_boxes(extra)))
            exact = np.append(exact, np.zeros(len(extra), bool))
        else:
            ignore = np.concatenate((ignore, extra))
        grey = dataset.pictures.grey(name)
        scenes.append(Scene(name, str(rows.source.iloc[0]), grey, corners, exact, ignore))
    return scenes


def _labels(rows: pd.DataFrame, by_hand: FloatArray | None) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return corners and whether each is exact, taking the hand-made ones where they lie on a box."""
    plates = rows.dropna(subset=["x1"])
    corners = corners_of_boxes(plates[["x1", "y1", "x2", "y2"]].to_numpy(np.float32))
    exact = np.zeros(len(corners), bool)
    for index, known in enumerate(plates.corners):
        if known is not None:
            corners[index], exact[index] = np.asarray(known, np.float32), True
    for quad in by_hand if by_hand is not None else ():
        distance = np.hypot(*(corners.mean(1) - quad.mean(0)).T)
        nearest = int(distance.argmin())
        if distance[nearest] < SAME_PLATE_PX_SHARE * np.ptp(corners[nearest, :, 0]):
            corners[nearest], exact[nearest] = quad, True
    return corners, exact
