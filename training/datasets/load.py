"""Open a dataset of any supported format by its path alone.

A folder with *.xml is Pascal VOC, with *.txt beside or below it YOLO, a *.json file COCO, a *.csv file a
table; a folder that holds scenes.csv and scenes.zip is this project's own layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from training.datasets.coco import read_coco
from training.datasets.frame import PlateRow, build_frame
from training.datasets.pictures import Pictures
from training.datasets.table import read_table
from training.datasets.voc import read_voc
from training.datasets.yolo import read_yolo

FORMATS = ("voc", "yolo", "coco", "csv")


@dataclass(frozen=True)
class Dataset:
    """A validated table and the pictures it speaks of."""

    frame: pd.DataFrame
    pictures: Pictures
    format: str


def load_dataset(
    path: Path,
    pictures: Path | None = None,
    source: str = "",
    licence: str = "",
    skip_broken: bool = False,
    limit: int | None = None,
) -> Dataset:
    """Return the dataset at `path`.

    Args:
        path: annotation folder or file.
        pictures: where the pictures are, if not beside the annotations.
        source: name for rows that state none; the folder's name if empty.
        licence: likewise.
        skip_broken: leave broken annotations out instead of refusing the dataset.
        limit: take this many pictures, the first ones, and look at no other.

    Raises:
        FileNotFoundError: nothing there, or nothing that looks like annotations.
        BrokenAnnotations: see `build_frame`.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    annotations = path / "scenes.csv" if (path / "scenes.csv").is_file() else path
    kind = format_of(annotations)
    place = pictures or _beside(annotations)
    store = Pictures(place)
    rows = _rows(kind, annotations, store, source or (path.name if path.is_dir() else path.parent.name), licence)
    return Dataset(build_frame(_first_pictures(rows, limit), store, skip_broken), store, kind)


def format_of(path: Path) -> str:
    """Return which of FORMATS is at `path`; raises FileNotFoundError if none."""
    if path.is_file() and path.suffix in (".json", ".csv"):
        return "coco" if path.suffix == ".json" else "csv"
    if path.is_dir():
        if any(path.rglob("*.xml")):
            return "voc"
        if any(path.rglob("*.txt")):
            return "yolo"
    raise FileNotFoundError(
        f"{path}: no annotations. Fix: give a folder of VOC XML or YOLO txt, a COCO .json or a .csv"
    )


def _beside(annotations: Path) -> Path:
    """Return the usual place of the pictures: a zip of the same name, a folder images/, or right there."""
    folder = annotations if annotations.is_dir() else annotations.parent
    archive = annotations.with_suffix(".zip")
    if annotations.is_file() and archive.is_file():
        return archive
    if folder.name == "labels" and (folder.parent / "images").is_dir():
        return folder.parent / "images"
    return next((p for p in (folder / "images", folder.parent / "images") if p.is_dir()), folder)


def _first_pictures(rows: Iterable[PlateRow], limit: int | None) -> Iterator[PlateRow]:
    """Yield the plates of the first `limit` pictures, of all where it is None."""
    files: set[str] = set()
    for row in rows:
        if limit is None or row.file in files or len(files) < limit:
            files.add(row.file)
            yield row


def _rows(kind: str, path: Path, pictures: Pictures, source: str, licence: str) -> Iterable[PlateRow]:
    if kind == "voc":
        return read_voc(path, source, licence)
    if kind == "yolo":
        return read_yolo(path, pictures, source, licence)
    if kind == "coco":
        return read_coco(path, source, licence)
    return read_table(path, source, licence)
