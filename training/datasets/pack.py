"""Turn any labelled dataset into this project's layout: scenes and crops, each a table and a zip file.

The reader learns from crops: plates straightened by their corners (or cut by their box), with a margin of
CROP_MARGIN, as wide as the picture shows them but at most MAX_CROP_PX. Scenes are shrunk to MAX_SCENE_PX.
Nothing that a person labelled is lost: texts, corners, lines and licences go into the tables.
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

from training.datasets.frame import Corners
from training.datasets.labels import corners_to_json
from training.datasets.load import Dataset
from training.datasets.splitting import on_both_sides
from training.datasets.twins import between_splits, find_twins

CROP_MARGIN = (0.06, 0.12)  # shares of the plate's width and height on each side; the reader's contract
MAX_CROP_PX, MAX_SCENE_PX = 320, 1280
# Narrower plates than this have two lines where nobody says how many. One-line plates of 2:1 (United States) are boxed
# as narrow as 1.5 when they hang askew; in 2505 one-line and 626 two-line plates labelled by eye this makes 183 and 162
# mistakes, 2.3 would make 1040 and 19.
TWO_LINE_ASPECT = 1.5
LEAKS_SHOWN = 20
WEBP_QUALITY = 90


@dataclass(frozen=True)
class Packed:
    """How much was written."""

    scenes: int
    crops: int


def pack(dataset: Dataset, folder: Path, twins: bool = True, keep_leaks: bool = False) -> Packed:
    """Write scenes.csv, scenes.zip, crops.csv and crops.zip.

    Args:
        dataset: every row with its split.
        folder: made where it is missing; what is there of an earlier packing is written over.
        twins: look for nearly the same picture in several splits.
        keep_leaks: pack even what would be learned from and judged on.

    Raises:
        ValueError: a row has no split, or a vehicle, a group or nearly the same picture stands in several.
    """
    if (dataset.frame.split == "").any():
        raise ValueError("some pictures have no split. Fix: run `anpr-train dataset split` first and pack its table")
    if not keep_leaks and (leaks := _leaks(dataset, twins)):
        shown = "\n  ".join([*leaks[:LEAKS_SHOWN], *["..."] * (len(leaks) > LEAKS_SHOWN)])
        raise ValueError(
            f"{len(leaks)} times the same would be learned from and judged on. Fix: clear their column split and run "
            "`anpr-train dataset split` again; where one fixed camera only makes pictures look alike, --no-twins; or "
            f"pack with --keep-leaks and believe no figure:\n  {shown}"
        )
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


def _leaks(dataset: Dataset, twins: bool) -> list[str]:
    """Return in words what stands in more than one split."""
    found = between_splits(dataset.frame, find_twins(dataset.frame, dataset.pictures)) if twins else []
    return on_both_sides(dataset.frame) + [f"nearly the same: {one.first}, {one.second}" for one in found]


CROP_COLUMNS = [
    *("file", "source", "split", "text", "lines", "status", "width", "height", "scene"),
    *("corners", "licence"),
]


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
        "corners": corners_to_json(_scaled(corners, scale) for corners in plates.corners),
        "lines": json.dumps([int(lines) for lines in plates.lines]),
        "licence": first.licence,
    }


def _scaled(corners: Corners | None, scale: float) -> Corners | None:
    return corners and tuple((x * scale, y * scale) for x, y in corners)


def _crops(image: npt.NDArray[np.uint8], rows: pd.DataFrame) -> Iterator[tuple[Any, npt.NDArray[np.uint8]]]:
    """Yield every plate with a text, straightened."""
    for row in rows[(rows.text != "") & rows.x1.notna()].itertuples():
        x1, y1, x2, y2 = (float(v) for v in (row.x1, row.y1, row.x2, row.y2))
        quad = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)] if row.corners is None else row.corners
        yield row, straighten(image, np.asarray(quad, np.float32))


def straighten(image: npt.NDArray[np.uint8], quad: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the plate inside `quad` (4, 2) seen straight on, with CROP_MARGIN around it."""
    size, corners = _layout(quad)
    matrix = cv2.getPerspectiveTransform(quad, np.array(corners, np.float32))
    straight = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(straight, np.uint8)


def _layout(quad: npt.NDArray[np.float32]) -> tuple[tuple[int, int], Corners]:
    """Return width and height of the crop of a plate at `quad` (4, 2), and where the plate's corners are in it."""
    wide = max(np.hypot(*(quad[1] - quad[0])), np.hypot(*(quad[2] - quad[3])))
    high = max(np.hypot(*(quad[3] - quad[0])), np.hypot(*(quad[2] - quad[1])))
    scale = min(1.0, MAX_CROP_PX / (wide * (1 + 2 * CROP_MARGIN[0])))
    plate_w, plate_h = float(max(wide * scale, 4.0)), float(max(high * scale, 4.0))
    left, top = plate_w * CROP_MARGIN[0], plate_h * CROP_MARGIN[1]
    corners = ((left, top), (left + plate_w, top), (left + plate_w, top + plate_h), (left, top + plate_h))
    return (round(plate_w + 2 * left), round(plate_h + 2 * top)), corners


def _crop_record(row: Any, name: str, scene: str, crop: npt.NDArray[np.uint8]) -> dict[str, Any]:
    height, width = crop.shape[:2]
    aspect = (width / (1 + 2 * CROP_MARGIN[0])) / (height / (1 + 2 * CROP_MARGIN[1]))
    lines = row.lines or (2 if aspect < TWO_LINE_ASPECT else 1)
    corners = corners_to_json([_layout(np.asarray(row.corners, np.float32))[1]]) if row.corners else ""
    values = (name, row.source, row.split, row.text, lines, "ok", width, height, scene, corners, row.licence)
    return dict(zip(CROP_COLUMNS, values, strict=True))
