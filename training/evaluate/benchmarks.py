"""Folders in the layout of openalpr/benchmarks: NAME.jpg beside NAME.txt, one labelled plate a file.

A label is one tab-separated line: file, x, y, width, height, text. A picture counts as read when the
plate on the labelled box is read exactly; other plates in the picture count neither way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import SourceUnavailable
from edge.pipeline.still import load_picture
from training.datasets.frame import BrokenAnnotations, Problem
from training.datasets.labels import clean_text
from training.evaluate.chain import Chain, best_on
from training.evaluate.reading import Answer

FIELDS = 6


@dataclass(frozen=True)
class BenchmarkPlate:
    """One labelled picture."""

    picture: Path
    box: tuple[float, float, float, float]  # x1 y1 x2 y2 px
    text: str


def folders_of(root: Path) -> list[Path]:
    """Return `root` if it holds labels itself, else every folder below it that does, sorted."""
    if any(_labels(root)):
        return [root]
    return sorted(folder for folder in root.rglob("*") if folder.is_dir() and any(_labels(folder)))


def _labels(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.txt"))
    return [path for path in found if "\t" in path.read_text(encoding="utf-8", errors="replace")]


def read_folder(folder: Path) -> list[BenchmarkPlate]:
    """Return the labelled pictures of one folder.

    Raises:
        BrokenAnnotations: a label is not of this layout or names no picture; all are named.
    """
    problems, plates = [], []
    for path in _labels(folder):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if not line.strip():
                continue
            try:
                plates.append(_plate(folder, line))
            except ValueError as error:
                problems.append(Problem(path.name, str(error)))
    if problems:
        raise BrokenAnnotations(problems)
    return plates


def _plate(folder: Path, line: str) -> BenchmarkPlate:
    fields = [field.strip() for field in line.split("\t")]
    if len(fields) < FIELDS:
        raise ValueError(f"{len(fields)} fields, expected file, x, y, width, height, text with tabs between")
    picture = folder / Path(fields[0]).name
    if not picture.is_file():
        raise ValueError(f"there is no picture {picture.name}")
    x, y, width, height = (float(field) for field in fields[1:5])
    if width <= 0 or height <= 0:
        raise ValueError(f"box of {width:g} x {height:g} px")
    return BenchmarkPlate(picture, (x, y, x + width, y + height), clean_text(fields[5]))


def run_folder(chain: Chain, folder: Path) -> Iterator[Answer]:
    """Yield the chain's answer on every labelled picture of a folder; unreadable pictures are answers without text."""
    for plate in read_folder(folder):
        try:
            grey = load_picture(plate.picture)
        except SourceUnavailable:
            grey = np.zeros((32, 32), np.uint8)
        best = best_on(np.array(plate.box, np.float32), chain.read(grey))
        height = plate.box[3] - plate.box[1]
        yield Answer(
            str(plate.picture), folder.name, plate.text, best.text if best else "",
            best.probability if best else 0.0, height, 0, float(grey.mean()), plate.box,
        )  # fmt: skip
