"""CSV tables: one line per plate, or one line per picture with its boxes as JSON.

Per plate: file, x1, y1, x2, y2 and, where known, text, split, source, licence, group and the corners as
eight columns c0x c0y ... c3x c3y. Per picture: file, boxes (JSON list of x1 y1 x2 y2) and texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from training.datasets.frame import BrokenAnnotations, Corners, PlateRow, Problem
from training.datasets.labels import clean_text, tidy_corners

CORNER_COLUMNS = [f"c{i}{axis}" for i in range(4) for axis in "xy"]
FACTS = ("split", "source", "licence", "group")


def read_table(file: Path, source: str = "", licence: str = "") -> Iterator[PlateRow]:
    """Yield the plates of a CSV file.

    Raises:
        BrokenAnnotations: columns are missing or a line cannot be read; all are named.
    """
    table = pd.read_csv(file, keep_default_na=False, dtype=str)
    per_picture = "boxes" in table.columns
    missing = [name for name in (["file"] if per_picture else ["file", "x1", "y1", "x2", "y2"]) if name not in table]
    if missing:
        raise BrokenAnnotations([Problem(file.name, f"columns {', '.join(missing)} are missing")])
    problems: list[Problem] = []
    rows: list[PlateRow] = []
    for number, line in enumerate(table.to_dict("records"), 2):  # line 1 is the header
        record = {str(key): str(value) for key, value in line.items()}
        record = {"source": source, "licence": licence} | record
        try:
            rows += (
                _of_picture(record, f"{file.name}:{number}")
                if per_picture
                else [_of_plate(record, f"{file.name}:{number}")]
            )
        except (ValueError, KeyError, TypeError) as error:
            problems.append(Problem(f"{file.name}:{number}", str(error)))
    if problems:
        raise BrokenAnnotations(problems)
    yield from rows


def _size(record: dict[str, str]) -> tuple[int, int] | None:
    return (int(record["width"]), int(record["height"])) if record.get("width") and record.get("height") else None


def _of_picture(record: dict[str, str], at: str) -> list[PlateRow]:
    boxes = json.loads(record["boxes"])
    texts = json.loads(record["texts"]) if record.get("texts") else [""] * len(boxes)
    if len(texts) != len(boxes):
        raise ValueError(f"{len(boxes)} boxes but {len(texts)} texts")
    facts = {name: record.get(name, "") for name in FACTS}
    size = _size(record)
    if not boxes:
        return [PlateRow(record["file"], None, size=size, at=at, **facts)]  # type: ignore[arg-type]
    return [
        PlateRow(record["file"], tuple(map(float, box)), text=clean_text(text), size=size, at=at, **facts)  # type: ignore[arg-type]
        for box, text in zip(boxes, texts, strict=True)
    ]


def _of_plate(record: dict[str, str], at: str) -> PlateRow:
    facts = {name: record.get(name, "") for name in FACTS}
    box = None
    if record["x1"] != "":
        box = (float(record["x1"]), float(record["y1"]), float(record["x2"]), float(record["y2"]))
    text = clean_text(record.get("text", ""))
    return PlateRow(record["file"], box, _corners(record), text, size=_size(record), at=at, **facts)


def _corners(record: dict[str, str]) -> Corners | None:
    if not all(record.get(name) for name in CORNER_COLUMNS):
        return None
    return tidy_corners([(float(record[f"c{i}x"]), float(record[f"c{i}y"])) for i in range(4)])
