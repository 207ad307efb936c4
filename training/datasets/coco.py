"""COCO JSON: pictures and plates of a whole dataset in one file.

A segmentation of four points, or four key points, gives the corners. The text is looked for where the
usual tools put it: `text` or `attributes.text` of the annotation. Crowd regions are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from training.datasets.frame import BrokenAnnotations, Corners, PlateRow, Problem
from training.datasets.labels import clean_text, tidy_corners


def read_coco(file: Path, source: str = "", licence: str = "", split: str = "") -> Iterator[PlateRow]:
    """Yield the plates of one COCO file; pictures without annotation come as rows without a box.

    Raises:
        BrokenAnnotations: not COCO, an unknown picture, or a box that is none; all are named.
    """
    try:
        loaded = json.loads(file.read_text(encoding="utf-8"))
        images = {image["id"]: image for image in loaded["images"]}
        annotations = list(loaded["annotations"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise BrokenAnnotations([Problem(file.name, f"not a COCO file: {error!r}")]) from error
    problems: list[Problem] = []
    rows: list[PlateRow] = []
    seen = set()
    for number, one in enumerate(annotations):
        at = f"{file.name} annotation {one.get('id', number)}"
        image = images.get(one.get("image_id"))
        if image is None:
            problems.append(Problem(at, f"no picture with id {one.get('image_id')!r}"))
            continue
        seen.add(image["id"])
        if one.get("iscrowd"):
            continue
        try:
            rows.append(_row(one, image, (source, licence, split), at))
        except (KeyError, ValueError, TypeError) as error:
            problems.append(Problem(at, str(error)))
    if problems:
        raise BrokenAnnotations(problems)
    yield from rows
    for key, image in images.items():
        if key not in seen:
            yield PlateRow(image["file_name"], None, split=split, source=source, licence=licence, at=file.name)


def _row(one: Mapping[str, Any], image: Mapping[str, Any], facts: tuple[str, str, str], at: str) -> PlateRow:
    source, licence, split = facts
    x, y, w, h = (float(value) for value in one["bbox"])
    size = (int(image["width"]), int(image["height"])) if "width" in image and "height" in image else None
    text = clean_text(str(one.get("text") or one.get("attributes", {}).get("text") or ""))
    box = (x, y, x + w, y + h)
    return PlateRow(
        image["file_name"], box, _corners(one), text, split=split, source=source, licence=licence, size=size, at=at
    )


def _corners(one: Mapping[str, Any]) -> Corners | None:
    points = one.get("keypoints")
    if points and len(points) == 12:
        return tidy_corners([(points[i], points[i + 1]) for i in range(0, 12, 3)])
    rings = one.get("segmentation")
    if isinstance(rings, list) and len(rings) == 1 and len(rings[0]) == 8:
        ring = rings[0]
        return tidy_corners([(ring[i], ring[i + 1]) for i in range(0, 8, 2)])
    return None
