"""Scenes for the detector: grey pictures in memory, each with its labelled plates.

Every picture is decoded once; a run that decodes WebP anew for every sample spends more on
decoding than on learning. Corners of a hand-drawn box are those of the box, marked as not exact.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float32]
GreyImage = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """One picture and its plates; `exact` says whose corners are true corners and not the box's."""

    file: str
    source: str
    grey: GreyImage  # (H, W)
    corners: FloatArray  # (N, 4, 2) top-left, top-right, bottom-right, bottom-left of the plate as read, px
    exact: npt.NDArray[np.bool_]  # (N,)


def corners_of_boxes(boxes: FloatArray) -> FloatArray:
    """Return the (N, 4, 2) corners of (N, 4) boxes x1 y1 x2 y2, from the top-left clockwise."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    return boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)


def boxes_of_corners(corners: FloatArray) -> FloatArray:
    """Return the (N, 4) boxes that just hold (N, 4, 2) corners."""
    corners = np.asarray(corners, np.float32).reshape(-1, 4, 2)
    return np.concatenate((corners.min(1), corners.max(1)), 1)


def decode_grey(data: bytes) -> GreyImage:
    """Return the luma of an encoded picture; raises ValueError if it cannot be decoded."""
    grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise ValueError("not a picture that OpenCV can decode")
    return grey.astype(np.uint8, copy=False)


def load_scenes(data: Path, split: str, limit: int | None = None) -> list[Scene]:
    """Return the scenes of one split from a folder that holds scenes.csv and scenes.zip."""
    table = pd.read_csv(data / "scenes.csv", keep_default_na=False)
    table = table[table.split == split].head(limit) if limit else table[table.split == split]
    scenes = []
    with zipfile.ZipFile(data / "scenes.zip") as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        for row in table.itertuples():
            corners = corners_of_boxes(np.array(json.loads(str(row.boxes)), np.float32))
            grey = decode_grey(archive.read(names[str(row.file)]))
            scenes.append(Scene(str(row.file), str(row.source), grey, corners, np.zeros(len(corners), bool)))
    return scenes
