"""Pascal VOC: one XML file per picture, the format of LabelImg and of the Kaggle plate sets.

Read with defusedxml, since annotation files travel. The text is taken from a `text`, `plate` or
`registration` element of the object, or an attribute of that name (CVAT); a `polygon` of four points
(x1 y1 … x4 y4, as Roboflow writes it) gives the corners.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from defusedxml import ElementTree

from training.datasets.frame import Corners, Finding, Note, PlateRow, Problem
from training.datasets.labels import clean_text, tidy_corners
from training.datasets.matching import WITHOUT_LABEL, match
from training.datasets.pictures import Pictures

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

TEXT_NAMES = ("text", "plate", "registration", "number", "plate_number")


def read_voc(folder: Path, pictures: Pictures, source: str = "", licence: str = "") -> Iterator[Finding]:
    """Yield the plates of every *.xml under `folder`, what is wrong with them, and pictures without labels."""
    roots: dict[str, Element] = {}
    wanted: dict[str, str] = {}
    for path in sorted(folder.rglob("*.xml")):
        at = path.relative_to(folder).as_posix()
        wanted[at] = at  # a file that cannot be read still has its picture, which is not one without plates
        try:
            root = ElementTree.parse(path).getroot()
        except (ElementTree.ParseError, ValueError) as error:
            yield Problem(at, f"cannot be read as XML: {error}")
            continue
        if root.tag == "annotation":
            roots[at], wanted[at] = root, _picture_named(root, at)
        else:
            del wanted[at]
            yield Note(f"{at}: root element is <{root.tag}>, not <annotation>: holds no labels, skipped")
    matched = match(wanted, pictures.names())
    for at, root in roots.items():
        if at in matched.pictures:
            yield from _read(root, at, matched.pictures[at], (source, licence))
        else:
            yield Problem(at, f"{matched.reasons[at]} ({wanted[at]})")
    if matched.pictures:
        yield from (PlateRow(name, None, source=source, licence=licence) for name in matched.unlabelled)
        if matched.unlabelled:
            yield Note(WITHOUT_LABEL.format(len(matched.unlabelled)))


def _picture_named(root: Element, at: str) -> str:
    """Return the picture's path: as <filename> says, in the folder of the annotation unless it names one."""
    file = _text(root, "filename").replace("\\", "/")
    if not file:
        return at
    return file if "/" in file else (PurePosixPath(at).parent / file).as_posix()


def _read(root: Element, at: str, picture: str, facts: tuple[str, str]) -> Iterator[Finding]:
    source, licence = facts
    size, stated = root.find("size"), None
    try:
        stated = (int(_number(size, "width")), int(_number(size, "height"))) if size is not None else None
    except ValueError as error:
        yield Problem(at, str(error), picture)
    objects = root.findall("object")
    for one in objects:
        label = _text(one, "name")
        try:
            row = PlateRow(picture, _box(one), _corners(one), _plate_text(one), label=label, size=stated, at=at,
                           source=source, licence=licence)  # fmt: skip
        except ValueError as error:
            yield Problem(at, str(error), picture, label)
        else:
            yield row
    if not objects:
        yield PlateRow(picture, None, source=source, licence=licence, size=stated, at=at)


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
