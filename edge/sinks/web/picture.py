"""Pictures for people: a frame scaled to JPEG, and what was seen in it as plain values.

Works on a `Sight` only; who looks, how often and over which wire is `live`'s.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import cv2
import numpy as np

from edge.board import Sight, Vehicle
from edge.pipeline.evidence import mosaic
from edge.privacy.disguise import Disguise
from edge.sinks.web.aim import measure
from edge.types import Detection, Point, UInt8Array

JPEG_QUALITY = 72
HIDDEN_MARGIN = 0.25  # of a blurred plate, for the motion between the look and the picture


def message(sight: Sight, width_px: int, disguise: Disguise = Disguise()) -> bytes:
    """Return the JSON of one frame: the picture, at most `width_px` wide, and everything drawn over it."""
    seen = overlay(sight, disguise)
    seen["jpeg"] = base64.b64encode(jpeg(shown(sight, disguise), width_px)).decode("ascii")
    return json.dumps(seen, separators=(",", ":"), allow_nan=False).encode()


def overlay(sight: Sight, disguise: Disguise = Disguise()) -> dict[str, Any]:
    """Return what was seen, in pixels of the full frame."""
    frame = sight.frame
    return {
        "camera": frame.camera,
        "sequence": frame.sequence,
        "at": frame.captured_at.isoformat(timespec="milliseconds"),
        "width": frame.width,
        "height": frame.height,
        "looked": sight.looked,
        "vehicles": [_vehicle(v, disguise) for v in sight.vehicles],
        "aim": measure(sight),
    }


def shown(sight: Sight, disguise: Disguise) -> UInt8Array:
    """Return the picture as people may see it: where plates are not shown, those that are followed are blurred."""
    picture = sight.frame.bgr()
    if disguise.clear:
        return picture
    picture = np.array(picture, np.uint8)
    height, width = picture.shape[:2]
    for vehicle in sight.vehicles:
        box = vehicle.track.box
        dx, dy = HIDDEN_MARGIN * box.width, HIDDEN_MARGIN * box.height
        x1, x2 = (int(min(max(x, 0), width)) for x in (box.x1 - dx, box.x2 + dx))
        y1, y2 = (int(min(max(y, 0), height)) for y in (box.y1 - dy, box.y2 + dy))
        if x2 > x1 and y2 > y1:
            picture[y1:y2, x1:x2] = mosaic(picture[y1:y2, x1:x2])
    return picture


def jpeg(picture: UInt8Array, width_px: int) -> bytes:
    """Return BGR `picture` as JPEG, scaled down to `width_px` when it is wider."""
    height, width = picture.shape[:2]
    if width > width_px:
        size = (width_px, max(1, round(height * width_px / width)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    ok, data = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    assert ok  # uint8 BGR of at least one pixel always encodes
    return data.tobytes()


def _vehicle(vehicle: Vehicle, disguise: Disguise) -> dict[str, Any]:
    track, verdict = vehicle.track, vehicle.verdict
    return {
        "id": track.id,
        "state": vehicle.state,
        "predicted": track.detection is None,
        "quad": [[round(x, 1), round(y, 1)] for x, y in corners(vehicle)],
        "text": disguise.text(verdict.text) if verdict else "",
        "masked": verdict.masked if verdict and disguise.clear else "",
        "probability": round(verdict.probability, 4) if verdict else None,
        "reads": verdict.reads if verdict else 0,
    }


def corners(vehicle: Vehicle) -> tuple[Point, Point, Point, Point]:
    """Return the plate's corners, those of the predicted box while it is not seen."""
    detection = vehicle.track.detection
    return (detection or Detection(vehicle.track.box, 0.0)).quad
