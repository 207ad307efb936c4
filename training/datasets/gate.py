"""The gate's own labels: plates that a person corrected on the web page, `var/labels` with its labels.csv.

Nobody boxed them. Their pictures show the plate that the detector had found with a known share of the car around it
(`edge.pipeline.evidence`), so the box follows from the picture's size; where the plate stood at the border of the
camera's picture it is somewhat off. A vehicle in which nothing was read may have a picture of the whole scene, which
says nothing about where the plate is: such lines are left for a labelling tool.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edge.pipeline.evidence import MARGIN
from training.datasets.frame import Finding, Note, PlateRow
from training.datasets.labels import clean_text
from training.datasets.pictures import Pictures

TABLE = "labels.csv"
COLUMNS = frozenset({"file", "text", "read_as", "camera"})  # of those that edge.sinks.web.labels writes


def is_gate_table(file: Path) -> bool:
    """Tell whether the file is a table of corrected plates."""
    with file.open(newline="", encoding="utf-8", errors="replace") as lines:
        header = set(next(csv.reader(lines), []))
    return header >= COLUMNS and not header & {"x1", "boxes"}


def read_gate(file: Path, pictures: Pictures, source: str = "", licence: str = "") -> Iterator[Finding]:
    """Yield the corrected plates; each camera is a source of its own, so that it can be left out or judged alone."""
    unread = 0
    with file.open(newline="", encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(csv.DictReader(lines, restval=""), 2):  # line 1 is the header
            if not line["read_as"]:
                unread += 1
                continue
            at, camera = f"{file.name}:{number}", line["camera"] or source
            row = PlateRow(line["file"], None, source=camera, licence=licence, at=at)
            try:
                box = _plate_in(*pictures.size(line["file"]))
            except (KeyError, OSError, ValueError):
                yield row  # whoever builds the table finds out the same, and says so
            else:
                yield replace(row, box=box, text=clean_text(line["text"]))
    if unread:
        yield Note(f"{unread} pictures skipped in which the gate had read nothing: where their plate is, nobody knows")


def _plate_in(width: int, height: int) -> tuple[float, float, float, float]:
    """Return the plate's box in a picture of the gate: what is left without the car around it."""
    x, y = (side * MARGIN / (1 + 2 * MARGIN) for side in (width, height))
    return x, y, width - x, height - y
