"""COCO JSON: pictures and plates of a whole dataset in one file.

A segmentation of four points, or four key points, gives the corners. The text is looked for where the
usual tools put it: `text` or `attributes.text` of the annotation. Crowd regions are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from training.datasets.frame import Corners, Finding, PlateRow, Problem
from training.datasets.labels import clean_text, tidy_corners


def read_coco(file: Path, source: str = "", licence: str = "", split: str = "") -> Iterator[Finding]:
    """Yield the plates of one COCO file and what is wrong; pictures without annotation come as rows without a box."""
    try:
        loaded = json.loads(file.read_text(encoding="utf-8-sig"))
        images = {image["id"]: image for image in loaded["images"] if image["file_name"]}
        categories = {one.get("id"): str(one.get("name", one.get("id"))) for one in loaded.get("categories") or ()}
        annotations: list[Mapping[str, Any]] = [dict(one) for one in loaded["annotations"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        yield Problem(file.name, f"not a COCO file: {error!r}")
        return
    seen = set()
    for number, one in enumerate(annotations):
        at = f"{file.name} annotation {one.get('id', number)}"
        image = images.get(one.get("image_id"))
        if image is None:
            yield Problem(at, f"no picture with id {one.get('image_id')!r}")
            continue
        seen.add(image["id"])
        if one.get("iscrowd"):
            continue
        label = categories.get(one.get("category_id"), str(one.get("category_id", "")))
        try:
            row = _row(one, image, (source, licence, split, label), at)
        except (KeyError, ValueError, TypeError) as error:
            yield Problem(at, _reason(error), str(image["file_name"]), label)
        else:
            yield row
    for key, image in images.items():
        if key not in seen:
            yield PlateRow(image["file_name"], None, split=split, source=source, licence=licence, at=file.name)


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _row(one: Mapping[str, Any], image: Mapping[str, Any], facts: tuple[str, str, str, str], at: str) -> PlateRow:
    source, licence, split, label = facts
    x, y, w, h = (float(value) for value in one["bbox"])
    size = (int(image["width"]), int(image["height"])) if "width" in image and "height" in image else None
    attributes = one.get("attributes")
    text = one.get("text") or (attributes.get("text") if isinstance(attributes, dict) else "") or ""
    return PlateRow(
        image["file_name"], (x, y, x + w, y + h), _corners(one), clean_text(str(text)),
        split=split, source=source, licence=licence, size=size, label=label, at=at,
    )  # fmt: skip


def _corners(one: Mapping[str, Any]) -> Corners | None:
    points = one.get("keypoints")
    if points and len(points) == 12:
        return tidy_corners([(points[i], points[i + 1]) for i in range(0, 12, 3)])
    rings = one.get("segmentation")
    if isinstance(rings, list) and len(rings) == 1 and len(rings[0]) == 8:
        ring = rings[0]
        return tidy_corners([(ring[i], ring[i + 1]) for i in range(0, 8, 2)])
    return None
