"""Where things are on the labelled photographs: the plate's corners, and the middle of every character.

The corners are those of the data's own table or labelled by eye (`training/labels/corners.csv`), elsewhere those that
our detector finds in the crop, which is how the gate will frame the plate. Nobody labelled the characters: they lie
where the reader's own slots look, on crops that it reads right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from training.datasets.reviewed import CROP, true_corners
from training.detector.finder import Network, find
from training.recogniser.crops import LabelledCrop
from training.recogniser.network import GRID, INPUT_HEIGHT_PX, INPUT_WIDTH_PX, PlateReader, Reading
from training.recogniser.samples import evaluation_quad, rectify
from training.recogniser.scoring import decode

Floats = NDArray[np.float32]
BATCH = 64
AROUND = 0.35  # of the crop's size is added on each side, so that the detector sees a plate and not a texture
LONG_SIDE_PX = 256
LEAST_SCORE, LEAST_SHARE = 0.4, 0.35  # a find must be likely, and fill this share of the crop


@dataclass(frozen=True, slots=True)
class PlacedCrop:
    """A labelled photograph and what was found in it."""

    crop: LabelledCrop
    corners: Floats | None  # (4, 2) TL TR BR BL in pixels of the photograph; None where the detector sees no plate
    middles: Floats | None  # (len(text), 2) of the characters, pixels; None where the reader misreads the plate


def unplaced(crops: Sequence[LabelledCrop]) -> list[PlacedCrop]:
    """Return the crops with nothing known about places."""
    return [PlacedCrop(crop, None, None) for crop in crops]


def place_crops(
    crops: Sequence[LabelledCrop], reader: PlateReader | None, detector: Network | None
) -> list[PlacedCrop]:
    """Return the crops with labelled corners, or those that `detector` finds, and the middles that `reader` finds."""
    by_eye = true_corners(CROP)
    corners = [_corners(crop, by_eye, detector) for crop in crops]
    middles: list[Floats | None] = [None] * len(crops)
    if reader is not None:
        middles = [m for start in range(0, len(crops), BATCH) for m in _middles(crops[start : start + BATCH], reader)]
    return [PlacedCrop(*row) for row in zip(crops, corners, middles, strict=True)]


def surrounded(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Return a crop with its edge repeated around it, as a detector wants to see a plate, and how wide, in pixels."""
    pad = round(AROUND * max(picture.shape))
    return np.asarray(cv2.copyMakeBorder(picture, pad, pad, pad, pad, cv2.BORDER_REPLICATE), np.uint8), pad


def _corners(crop: LabelledCrop, by_eye: Mapping[str, Floats], detector: Network | None) -> Floats | None:
    if crop.corners is not None:
        return np.asarray(crop.corners, np.float32)
    return by_eye[crop.file][0] if crop.file in by_eye else _found_corners(crop, detector)


def _found_corners(crop: LabelledCrop, detector: Network | None) -> Floats | None:
    """Return the corners that the detector finds; the crops of `china` are cut too close for one to be seen."""
    return corners_in(crop.picture, detector) if detector and crop.source != "china" else None


def corners_in(picture: NDArray[np.uint8], detector: Network) -> Floats | None:
    """Return the corners (4, 2) of the plate that fills the picture, or None where the detector sees none."""
    height, width = picture.shape
    seen, pad = surrounded(picture)
    found = find(detector, seen, LONG_SIDE_PX, LEAST_SCORE)
    if not len(found.scores):
        return None
    corners = np.asarray(found.corners[0] - pad, np.float32)
    area = float(cv2.contourArea(corners))
    return corners if area > LEAST_SHARE * height * width else None


def _middles(crops: Sequence[LabelledCrop], reader: PlateReader) -> list[Floats | None]:
    framed = [rectify(crop.picture, evaluation_quad(crop)) for crop in crops]
    with torch.inference_mode():
        reading = reader(torch.from_numpy(np.stack([picture for picture, _ in framed])))
    texts = [text for text, _ in decode(torch.softmax(reading.logits, 2).numpy())]
    centres = attended(reading)
    return [
        _back(centres[i, : len(crop.text)], framed[i][1]) if texts[i] == crop.text and crop.status == "ok" else None
        for i, crop in enumerate(crops)
    ]


def attended(reading: Reading) -> Floats:
    """Return where each slot looks: the centre of its attention (N, SLOTS, 2), pixels of the reader's input."""
    rows, columns = GRID
    weights = reading.attention[..., :-1].reshape(*reading.attention.shape[:2], rows, columns)
    weights = weights / weights.sum((2, 3), keepdim=True).clamp(min=1e-6)
    xs = (torch.arange(columns) + 0.5) * (INPUT_WIDTH_PX / columns)
    ys = (torch.arange(rows) + 0.5) * (INPUT_HEIGHT_PX / rows)
    return np.asarray(torch.stack([(weights.sum(2) * xs).sum(2), (weights.sum(3) * ys).sum(2)], 2).numpy(), np.float32)


def _back(points: Floats, matrix: Floats) -> Floats:
    """Return points of the reader's input in pixels of the photograph."""
    inverse = np.linalg.inv(matrix.astype(np.float64))
    return np.asarray(cv2.perspectiveTransform(points[None].astype(np.float64), inverse)[0], np.float32)
