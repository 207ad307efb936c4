"""CSV tables: one line per plate, or one line per picture with its boxes as JSON.

Per plate: file, x1, y1, x2, y2 and, where known, text, split, source, licence, group, lines and the corners as
eight columns c0x c0y ... c3x c3y. Per picture: file, boxes (JSON list of x1 y1 x2 y2) and, as JSON lists in the
same order, texts, corners (four points or null) and lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from training.datasets.frame import Corners, Finding, PlateRow, Problem
from training.datasets.labels import clean_text, corners_of_json, tidy_corners

CORNER_COLUMNS = [f"c{i}{axis}" for i in range(4) for axis in "xy"]
FACTS = ("split", "source", "licence", "group")


def read_table(file: Path, source: str = "", licence: str = "") -> Iterator[Finding]:
    """Yield the plates of a CSV file, and what is wrong with its lines."""
    try:
        table = pd.read_csv(file, keep_default_na=False, dtype=str)
    except (ValueError, pd.errors.ParserError) as error:  # an empty file and a wrong encoding are ValueErrors
        yield Problem(file.name, f"not a CSV table: {error}")
        return
    per_picture = "boxes" in table.columns
    missing = [name for name in (["file"] if per_picture else ["file", "x1", "y1", "x2", "y2"]) if name not in table]
    if missing:
        yield Problem(file.name, f"columns {', '.join(missing)} are missing")
        return
    for number, line in enumerate(table.to_dict("records"), 2):  # line 1 is the header
        record = {str(key): str(value) for key, value in line.items()}
        record |= {key: record.get(key) or value for key, value in (("source", source), ("licence", licence))}
        at = f"{file.name}:{number}"
        try:
            rows = _of_picture(record, at) if per_picture else [_of_plate(record, at)]
        except (ValueError, TypeError) as error:
            yield Problem(at, str(error), record["file"])
        else:
            yield from rows


def write_table(frame: pd.DataFrame, file: Path) -> None:
    """Write the validated table with a line per plate, as `read_table` reads it."""
    flat = [[value for point in corners for value in point] if corners else [""] * 8 for corners in frame.corners]
    columns = {name: [row[i] for row in flat] for i, name in enumerate(CORNER_COLUMNS)}
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.drop(columns="corners").assign(**columns).to_csv(file, index=False)


def _size(record: dict[str, str]) -> tuple[int, int] | None:
    return (int(record["width"]), int(record["height"])) if record.get("width") and record.get("height") else None


def _of_picture(record: dict[str, str], at: str) -> list[PlateRow]:
    boxes = _list(record, "boxes")
    texts = _list(record, "texts") or [""] * len(boxes)
    corners = corners_of_json(record["corners"]) if record.get("corners") else [None] * len(boxes)
    lines = _list(record, "lines") or [0] * len(boxes)
    for name, values in (("texts", texts), ("corners", corners), ("lines", lines)):
        if len(values) != len(boxes):
            raise ValueError(f"{len(boxes)} boxes but {len(values)} {name}")
    facts = {name: record.get(name, "") for name in FACTS}
    size = _size(record)
    if not boxes:
        return [PlateRow(record["file"], None, size=size, at=at, **facts)]  # type: ignore[arg-type]
    return [
        PlateRow(record["file"], _box(box), quad, clean_text(str(text)), lines=int(n), size=size, at=at, **facts)
        for box, text, quad, n in zip(boxes, texts, corners, lines, strict=True)
    ]


def _list(record: dict[str, str], name: str) -> list[Any]:
    """Return a column's JSON list, empty where there is none."""
    loaded = json.loads(record[name]) if record.get(name) else []
    if not isinstance(loaded, list):
        raise ValueError(f"{name} {record[name]!r} are no list")
    return loaded


def _box(values: Sequence[Any]) -> tuple[float, float, float, float]:
    if len(values) != 4:
        raise ValueError(f"box of {len(values)} values, expected x1 y1 x2 y2")
    x1, y1, x2, y2 = map(float, values)
    return x1, y1, x2, y2


def _of_plate(record: dict[str, str], at: str) -> PlateRow:
    facts = {name: record.get(name, "") for name in FACTS}
    box = _box([record[name] for name in ("x1", "y1", "x2", "y2")]) if record["x1"] != "" else None
    text, lines = clean_text(record.get("text", "")), int(record.get("lines") or 0)
    return PlateRow(record["file"], box, _corners(record), text, lines=lines, size=_size(record), at=at, **facts)


def _corners(record: dict[str, str]) -> Corners | None:
    if not all(record.get(name) for name in CORNER_COLUMNS):
        return None
    return tidy_corners([(float(record[f"c{i}x"]), float(record[f"c{i}y"])) for i in range(4)])
