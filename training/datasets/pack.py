"""Turn any labelled dataset into this project's layout: scenes and crops, each a table and a zip file.

The reader learns from crops: plates straightened by their corners (or cut by their box), with a margin of
CROP_MARGIN, as wide as the picture shows them but at most MAX_CROP_PX. Scenes are shrunk to MAX_SCENE_PX.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from training.datasets.load import Dataset

CROP_MARGIN = (0.06, 0.12)  # shares of the plate's width and height on each side; the reader's contract
MAX_CROP_PX, MAX_SCENE_PX = 320, 1280
TWO_LINE_ASPECT = 2.3  # narrower plates than this are taken to have two lines
WEBP_QUALITY = 90


@dataclass(frozen=True)
class Packed:
    """How much was written."""

    scenes: int
    crops: int


def pack(dataset: Dataset, folder: Path) -> Packed:
    """Write scenes.csv, scenes.zip, crops.csv and crops.zip; every row needs its split."""
    if (dataset.frame.split == "").any():
        raise ValueError("some pictures have no split. Fix: run `anpr-train dataset split` first and pack its table")
    folder.mkdir(parents=True, exist_ok=True)
    scenes: list[dict[str, Any]] = []
    crops: list[dict[str, Any]] = []
    with (
        zipfile.ZipFile(folder / "scenes.zip", "w") as scene_zip,
        zipfile.ZipFile(folder / "crops.zip", "w") as crop_zip,
    ):
        for number, (file, rows) in enumerate(dataset.frame.groupby("file", sort=False)):
            image = dataset.pictures.colour(str(file))
            name = f"{number:05d}_{Path(str(file)).stem}.webp"
            scenes.append(_write_scene(scene_zip, name, image, rows))
            for row, crop in _crops(image, rows):
                crop_name = f"{name[:-5]}_{len(crops):05d}.webp"
                _write(crop_zip, crop_name, crop)
                crops.append(_crop_record(row, crop_name, name, crop))
    pd.DataFrame(scenes).to_csv(folder / "scenes.csv", index=False)
    pd.DataFrame(crops, columns=CROP_COLUMNS).to_csv(folder / "crops.csv", index=False)
    return Packed(len(scenes), len(crops))


CROP_COLUMNS = ["file", "source", "split", "text", "lines", "status", "width", "height", "scene"]


def _write(archive: zipfile.ZipFile, name: str, image: npt.NDArray[np.uint8]) -> None:
    _, data = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY])
    archive.writestr(name, data.tobytes())


def _write_scene(
    archive: zipfile.ZipFile, name: str, image: npt.NDArray[np.uint8], rows: pd.DataFrame
) -> dict[str, Any]:
    scale = min(1.0, MAX_SCENE_PX / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    _write(archive, name, np.asarray(small, np.uint8))
    plates = rows.dropna(subset=["x1"])
    boxes = (plates[["x1", "y1", "x2", "y2"]].to_numpy(float) * scale).round(1).tolist()
    first = rows.iloc[0]
    return {
        "file": name,
        "source": first.source,
        "split": first.split,
        "width": small.shape[1],
        "height": small.shape[0],
        "boxes": json.dumps(boxes),
        "texts": json.dumps(list(plates.text)),
    }


def _crops(image: npt.NDArray[np.uint8], rows: pd.DataFrame) -> Iterator[tuple[Any, npt.NDArray[np.uint8]]]:
    """Yield every plate with a text, straightened."""
    for row in rows[(rows.text != "") & rows.x1.notna()].itertuples():
        x1, y1, x2, y2 = (float(v) for v in (row.x1, row.y1, row.x2, row.y2))
        quad = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)] if row.corners is None else row.corners
        yield row, straighten(image, np.asarray(quad, np.float32))


def straighten(image: npt.NDArray[np.uint8], quad: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the plate inside `quad` (4, 2) seen straight on, with CROP_MARGIN around it."""
    wide = max(np.hypot(*(quad[1] - quad[0])), np.hypot(*(quad[2] - quad[3])))
    high = max(np.hypot(*(quad[3] - quad[0])), np.hypot(*(quad[2] - quad[1])))
    scale = min(1.0, MAX_CROP_PX / (wide * (1 + 2 * CROP_MARGIN[0])))
    plate_w, plate_h = max(wide * scale, 4.0), max(high * scale, 4.0)
    left, top = plate_w * CROP_MARGIN[0], plate_h * CROP_MARGIN[1]
    size = (round(plate_w + 2 * left), round(plate_h + 2 * top))
    corners = [(left, top), (left + plate_w, top), (left + plate_w, top + plate_h), (left, top + plate_h)]
    matrix = cv2.getPerspectiveTransform(quad, np.array(corners, np.float32))
    straight = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(straight, np.uint8)


def _crop_record(row: Any, name: str, scene: str, crop: npt.NDArray[np.uint8]) -> dict[str, Any]:
    height, width = crop.shape[:2]
    aspect = (width / (1 + 2 * CROP_MARGIN[0])) / (height / (1 + 2 * CROP_MARGIN[1]))
    values = (name, row.source, row.split, row.text, 2 if aspect < TWO_LINE_ASPECT else 1, "ok", width, height, scene)
    return dict(zip(CROP_COLUMNS, values, strict=True))
