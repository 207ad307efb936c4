"""YOLO text files: one line per plate, shares of the picture's size.

Told apart by the number of values after the class: 4 a box (detect), 8 four corners (oriented boxes),
12 or 16 a box and four key points (pose, without or with visibility). Tools put other texts beside them, lists
of pictures and notes; what has no picture and does not look like labels is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import yaml

from training.datasets.frame import Corners, Finding, Note, PlateRow, Problem
from training.datasets.labels import tidy_corners
from training.datasets.matching import WITHOUT_LABEL, match, split_of
from training.datasets.pictures import Pictures

VALUES = (4, 8, 12, 16)  # after the class


def read_yolo(folder: Path, pictures: Pictures, source: str = "", licence: str = "") -> Iterator[Finding]:
    """Yield the plates of every label file under `folder`, what is wrong with them, and pictures without labels.

    A folder named train, val(id) or test is the split. Classes are named as data.yaml or classes.txt name them.
    """
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.txt"))}
    matched = match({at: at for at in files}, pictures.names())
    names, above = class_names(folder), folder.parts[-2:]  # `folder` may be train/labels itself
    for at, path in files.items():
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        picture = matched.pictures.get(at)
        if picture is not None:
            facts = (source, licence, split_of((*above, *PurePosixPath(at).parts[:-1])))
            yield from _read(text, at, picture, pictures, names, facts)
        elif at in matched.reasons and _are_labels(text):
            yield Problem(at, matched.reasons[at])
        else:
            yield Note(f"{at}: holds no labels, skipped")
    if matched.pictures:
        for name in matched.unlabelled:
            split = split_of((*above, *PurePosixPath(name).parts[:-1]))
            yield PlateRow(name, None, split=split, source=source, licence=licence)
        if matched.unlabelled:
            yield Note(WITHOUT_LABEL.format(len(matched.unlabelled)))


def class_names(folder: Path) -> dict[str, str]:
    """Return number -> name of the classes, from the files that tools leave in `folder` or above it; may be empty."""
    for place in (folder, folder.parent):
        for file in (place / "data.yaml", place / "dataset.yaml"):
            if file.is_file() and (named := _named_in(file)):
                return named
        for file in (place / "classes.txt", place / "obj.names"):
            if file.is_file():
                lines = file.read_text(encoding="utf-8-sig", errors="replace").split("\n")
                return {str(number): line.strip() for number, line in enumerate(lines) if line.strip()}
    return {}


def _named_in(file: Path) -> dict[str, str]:
    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return {}  # names are a comfort; the numbers do as well
    names = loaded.get("names") if isinstance(loaded, dict) else None
    if isinstance(names, list):
        return {str(number): str(name) for number, name in enumerate(names)}
    return {str(number): str(name) for number, name in names.items()} if isinstance(names, dict) else {}


def _are_labels(text: str) -> bool:
    """Tell whether a text without a picture was meant as labels: every line is a class and enough numbers."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    try:
        return bool(lines) and all(len([float(word) for word in words]) > min(VALUES) for words in lines)
    except ValueError:
        return False


def _read(
    text: str, at: str, picture: str, pictures: Pictures, names: dict[str, str], facts: tuple[str, str, str]
) -> Iterator[Finding]:
    source, licence, split = facts
    try:
        size = pictures.size(picture)
    except (OSError, ValueError):
        yield PlateRow(picture, None, at=at)  # whoever builds the table finds out the same, and says so
        return
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for number, (kind, *words) in lines:
        label = names.get(kind, kind) if kind.isdigit() else ""
        try:
            if not label:
                raise ValueError(f"class {kind!r} is no number")
            box, corners = _geometry([float(word) for word in words], size)
        except ValueError as error:
            yield Problem(at, f"line {number}: {error}", picture, label)
            continue
        where = f"{at}:{number}"
        yield PlateRow(picture, box, corners, split=split, source=source, licence=licence, label=label, at=where)
    if not lines:
        yield PlateRow(picture, None, split=split, source=source, licence=licence, at=at)


def _geometry(
    values: Sequence[float], size: tuple[int, int]
) -> tuple[tuple[float, float, float, float], Corners | None]:
    if len(values) not in VALUES:
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
