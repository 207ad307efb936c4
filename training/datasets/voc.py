"""Pascal VOC: one XML file per picture, the format of LabelImg and of the Kaggle plate sets.

Read with defusedxml, since annotation files travel. The text is taken from a `text`, `plate` or
`registration` element of the object, or an attribute of that name (CVAT); four `corner` or polygon points
give the corners.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from defusedxml import ElementTree

from training.datasets.frame import BrokenAnnotations, Corners, PlateRow, Problem
from training.datasets.labels import clean_text, tidy_corners

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

TEXT_NAMES = ("text", "plate", "registration", "number", "plate_number")


def read_voc(folder: Path, source: str = "", licence: str = "") -> Iterator[PlateRow]:
    """Yield the plates of every *.xml under `folder`.

    Raises:
        BrokenAnnotations: a file is not XML or an object has no usable box; all are named.
    """
    problems: list[Problem] = []
    rows: list[PlateRow] = []
    for path in sorted(folder.rglob("*.xml")):
        try:
            rows += _read_file(path, source, licence)
        except (ElementTree.ParseError, ValueError) as error:
            problems.append(Problem(path.name, str(error)))
    if problems:
        raise BrokenAnnotations(problems)
    yield from rows


def _read_file(path: Path, source: str, licence: str) -> list[PlateRow]:
    root = ElementTree.parse(path).getroot()
    if root.tag != "annotation":
        raise ValueError(f"root element is <{root.tag}>, expected <annotation>")
    file = _text(root, "filename") or f"{path.stem}.jpg"
    size = root.find("size")
    stated = (int(_number(size, "width")), int(_number(size, "height"))) if size is not None else None
    common = {"source": source, "licence": licence, "size": stated, "at": path.name}
    objects = root.findall("object")
    if not objects:
        return [PlateRow(file, None, **common)]  # type: ignore[arg-type]
    return [
        PlateRow(file, _box(one), corners=_corners(one), text=_plate_text(one), **common)  # type: ignore[arg-type]
        for one in objects
    ]


def _text(element: Element, name: str) -> str:
    found = element.find(name)
    return (found.text or "").strip() if found is not None else ""


def _number(element: Element, name: str) -> float:
    try:
        return float(_text(element, name))
    except ValueError:
        raise ValueError(f"<{element.tag}> has no number in <{name}>") from None


def _box(one: Element) -> tuple[float, float, float, float]:
    box = one.find("bndbox")
    if box is None:
        raise ValueError("object without <bndbox>")
    return _number(box, "xmin"), _number(box, "ymin"), _number(box, "xmax"), _number(box, "ymax")


def _corners(one: Element) -> Corners | None:
    polygon = one.find("polygon")
    if polygon is None or polygon.find("x4") is None or polygon.find("x5") is not None:
        return None
    return tidy_corners([(_number(polygon, f"x{i}"), _number(polygon, f"y{i}")) for i in range(1, 5)])


def _plate_text(one: Element) -> str:
    for name in TEXT_NAMES:
        if found := _text(one, name):
            return clean_text(found)
    for attribute in one.iter("attribute"):
        if _text(attribute, "name").lower() in TEXT_NAMES:
            return clean_text(_text(attribute, "value"))
    return ""
