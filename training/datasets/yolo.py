"""YOLO text files: one line per plate, shares of the picture's size.

Told apart by the number of values after the class: 4 a box (detect), 8 four corners (oriented boxes),
12 or 16 a box and four key points (pose, without or with visibility).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from training.datasets.frame import BrokenAnnotations, Corners, PlateRow, Problem
from training.datasets.labels import tidy_corners
from training.datasets.pictures import Pictures

NOT_LABELS = ("classes.txt", "readme.txt", "requirements.txt")
SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "test": "test"}


def read_yolo(folder: Path, pictures: Pictures, source: str = "", licence: str = "") -> Iterator[PlateRow]:
    """Yield the plates of every label file under `folder`; a folder named train, val(id) or test is the split.

    Raises:
        BrokenAnnotations: a line is not a label, or a label file has no picture; all are named.
    """
    problems: list[Problem] = []
    rows: list[PlateRow] = []
    by_stem = {Path(name).stem: name for name in pictures.names()}
    for path in sorted(folder.rglob("*.txt")):
        if path.name.lower() in NOT_LABELS:
            continue
        file = by_stem.get(path.stem)
        if file is None:
            problems.append(Problem(path.name, "no picture of that name"))
            continue
        split = next((SPLIT_NAMES[part] for part in path.parts[::-1] if part in SPLIT_NAMES), "")
        try:
            rows += _read_file(path, file, pictures.size(file), (source, licence, split))
        except ValueError as error:
            problems.append(Problem(path.name, str(error)))
    if problems:
        raise BrokenAnnotations(problems)
    yield from rows


def _read_file(path: Path, file: str, size: tuple[int, int], facts: tuple[str, str, str]) -> list[PlateRow]:
    source, licence, split = facts
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            values = [float(word) for word in line.split()[1:]]
            box, corners = _geometry(values, size)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        at = f"{path.name}:{number}"
        rows.append(PlateRow(file, box, corners, split=split, source=source, licence=licence, at=at))
    return rows or [PlateRow(file, None, split=split, source=source, licence=licence, at=path.name)]


def _geometry(
    values: Sequence[float], size: tuple[int, int]
) -> tuple[tuple[float, float, float, float], Corners | None]:
    if len(values) not in (4, 8, 12, 16):
        raise ValueError(f"{len(values)} values after the class, expected 4, 8, 12 or 16")
    if len(values) == 8:
        corners = _points(values, 2, size)
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return (min(xs), min(ys), max(xs), max(ys)), corners
    if any(value > 1.5 for value in values[:4]):
        raise ValueError(f"values {values[:4]} are not shares of the picture; are they pixels?")
    x, y, w, h = values[:4]
    box = ((x - w / 2) * size[0], (y - h / 2) * size[1], (x + w / 2) * size[0], (y + h / 2) * size[1])
    if len(values) == 4:
        return box, None
    step = 2 if len(values) == 12 else 3
    return box, _points(values[4:], step, size)


def _points(values: Sequence[float], step: int, size: tuple[int, int]) -> Corners:
    return tidy_corners([(values[i] * size[0], values[i + 1] * size[1]) for i in range(0, 4 * step, step)])
