"""Open a dataset of any supported format by its path alone.

A folder with *.xml is Pascal VOC, with *.txt beside or below it YOLO, a *.json file COCO, a *.csv file a
table; a folder that holds scenes.csv and scenes.zip is this project's own layout, one with the gate's labels.csv
its corrected plates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from training.datasets.classes import of_classes
from training.datasets.coco import read_coco
from training.datasets.frame import Finding, Note, PlateRow, build_frame
from training.datasets.gate import TABLE, is_gate_table, read_gate
from training.datasets.pictures import Pictures
from training.datasets.table import read_table
from training.datasets.voc import read_voc
from training.datasets.yolo import read_yolo

BEGINNING = 2000  # bytes of an XML file in which its root element stands
FORMATS = ("voc", "yolo", "coco", "csv", "gate")


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
    classes: Sequence[str] = (),
) -> Dataset:
    """Return the dataset at `path`.

    Args:
        path: annotation folder or file.
        pictures: where the pictures are, if not beside the annotations.
        source: name for rows that state none; the folder's name if empty.
        licence: likewise.
        skip_broken: leave broken annotations out instead of refusing the dataset.
        limit: take this many pictures, the first ones, and look at no other.
        classes: which of the dataset's classes are plates; needed where it has several.

    Raises:
        FileNotFoundError: nothing there, or nothing that looks like annotations.
        BrokenAnnotations: see `build_frame`.
        UnclearClasses: see `of_classes`.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    annotations = _table_in(path) or path
    kind = format_of(annotations)
    place = pictures or (annotations.parent if kind == "gate" else _beside(annotations))
    store = Pictures(place)
    findings = _findings(
        kind, annotations, store, source or (path.name if path.is_dir() else path.parent.name), licence
    )
    wanted = _first_pictures(of_classes(findings, classes), limit)
    return Dataset(build_frame(wanted, store, skip_broken), store, kind)


def _table_in(folder: Path) -> Path | None:
    """Return the table that makes `folder` a layout of our own, None if it is none."""
    if (folder / "scenes.csv").is_file():
        return folder / "scenes.csv"
    table = folder / TABLE
    return table if table.is_file() and is_gate_table(table) else None


def format_of(path: Path) -> str:
    """Return which of FORMATS is at `path`; raises FileNotFoundError if none."""
    if path.is_file() and path.suffix in (".json", ".csv"):
        if path.suffix == ".json":
            return "coco"
        return "gate" if is_gate_table(path) else "csv"
    if path.is_dir():
        texts = any(path.rglob("*.txt"))
        if any(not texts or _speaks_of_a_picture(file) for file in path.rglob("*.xml")):
            return "voc"
        if texts:
            return "yolo"
    raise FileNotFoundError(
        f"{path}: no annotations. Fix: give a folder of VOC XML or YOLO txt, a COCO .json or a .csv"
    )


def _speaks_of_a_picture(file: Path) -> bool:
    """Tell VOC from the settings and project files that programs leave behind, by the beginning alone."""
    with file.open("rb") as opened:
        return re.search(rb"<annotation[\s>]", opened.read(BEGINNING)) is not None


def _beside(annotations: Path) -> Path:
    """Return the usual place of the pictures: a zip of the same name, a folder images/, or right there."""
    folder = annotations if annotations.is_dir() else annotations.parent
    archive = annotations.with_suffix(".zip")
    if annotations.is_file() and archive.is_file():
        return archive
    if folder.name == "labels" and (folder.parent / "images").is_dir():
        return folder.parent / "images"
    return next((p for p in (folder / "images", folder.parent / "images") if p.is_dir()), folder)


def _first_pictures(findings: Iterable[Finding], limit: int | None) -> Iterator[Finding]:
    """Yield what concerns the first `limit` pictures, everything where it is None."""
    files: set[str] = set()
    for one in findings:
        if limit is None or isinstance(one, Note):
            yield one
        elif not isinstance(one, PlateRow):
            if one.picture in files or len(files) < limit:
                yield one
        elif one.file in files or len(files) < limit:
            files.add(one.file)
            yield one


def _findings(kind: str, path: Path, pictures: Pictures, source: str, licence: str) -> Iterator[Finding]:
    if kind == "voc":
        return read_voc(path, pictures, source, licence)
    if kind == "yolo":
        return read_yolo(path, pictures, source, licence)
    if kind == "coco":
        return read_coco(path, source, licence)
    if kind == "gate":
        return read_gate(path, pictures, source, licence)
    return read_table(path, source, licence)
