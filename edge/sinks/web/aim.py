"""Is the camera right? Measures the plate in view against what the reader needs.

Each figure gets green, amber or red and an instruction; the worst one is the
verdict. Pure functions of a `Sight`; the limits are named with their source.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.board import Sight, Vehicle
from edge.types import GOOD_PLATE_PX, LEAST_PLATE_PX, Detection, Frame, Point

GREEN, AMBER, RED = "green", "amber", "red"
GLARE = 250  # luma at or above this holds no detail


@dataclass(frozen=True, slots=True)
class Scale:
    """From which value on a figure is amber and green (rising), or up to which (falling)."""

    name: str
    unit: str
    green: float
    amber: float
    advice: str

    def grade(self, value: float) -> str:
        """Return green, amber or red."""
        rising = self.green > self.amber
        if value >= self.green if rising else value <= self.green:
            return GREEN
        return AMBER if (value >= self.amber if rising else value <= self.amber) else RED


# Angle: installation guides of plate readers ask for less than 30 degrees.
WIDTH = Scale("width", "px", GOOD_PLATE_PX, LEAST_PLATE_PX, "zoom in or move the camera closer")
ANGLE = Scale("angle", "°", 15, 30, "turn the camera until the plate is level")
# Sharpness of rectified plates runs from 0.05 to 0.6 (edge.pipeline.image).
SHARPNESS = Scale("sharpness", "", 0.08, 0.03, "focus, clean the lens, or shorten the exposure time")
BRIGHTNESS = Scale("brightness", "", 60, 35, "add light, or lengthen the exposure time a little")
GLARE_SHARE = Scale("glare", "%", 15, 40, "shorten the exposure time, or lower the infrared light")
LEGIBLE = Scale("legible", "%", 80, 50, "all of the above; a clean plate reads better")
SCALES = {s.name: s for s in (WIDTH, ANGLE, SHARPNESS, BRIGHTNESS, GLARE_SHARE, LEGIBLE)}


def measure(sight: Sight) -> dict[str, Any] | None:
    """Return the figures of the clearest plate really seen in this frame, each graded; None without a plate."""
    seen = [v for v in sight.vehicles if v.track.detection is not None] or [v for v in sight.vehicles if v.read]
    if not seen:
        return None
    vehicle = max(seen, key=_clarity)
    figures = [
        {
            "name": scale.name,
            "value": round(value, 3),
            "unit": scale.unit,
            "grade": scale.grade(value),
            "green": scale.green,
            "amber": scale.amber,
            "advice": scale.advice,
        }
        for scale, value in _values(sight.frame, vehicle)
    ]
    return {"verdict": worst([str(f["grade"]) for f in figures]), "figures": figures}


def _clarity(vehicle: Vehicle) -> tuple[float, float]:
    """Order plates so that a real one goes before lettering and shadows, and a large one before a small one."""
    sure = vehicle.verdict.probability if vehicle.verdict else 0.0
    return (vehicle.read.legible if vehicle.read else 0.0) + sure, vehicle.track.box.area


def worst(grades: list[str]) -> str:
    """Return the worst of `grades`."""
    return next((g for g in (RED, AMBER) if g in grades), GREEN)


def _values(frame: Frame, vehicle: Vehicle) -> list[tuple[Scale, float]]:
    quad = (vehicle.track.detection or Detection(vehicle.track.box, 0.0)).quad
    brightness, glare = _light(frame, vehicle)
    found = [(WIDTH, _width(quad)), (ANGLE, _angle(quad)), (BRIGHTNESS, brightness), (GLARE_SHARE, glare)]
    if vehicle.read is not None:
        found[2:2] = [(SHARPNESS, vehicle.read.sharpness)]
        found.append((LEGIBLE, 100 * vehicle.read.legible))
    return found


def _width(quad: tuple[Point, Point, Point, Point]) -> float:
    return (math.dist(quad[0], quad[1]) + math.dist(quad[3], quad[2])) / 2


def _angle(quad: tuple[Point, Point, Point, Point]) -> float:
    """Return how far the plate's upper and lower edges lean, degrees, without sign."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad
    return abs(math.degrees(math.atan2((by - ay) + (cy - dy), (bx - ax) + (cx - dx))))


def _light(frame: Frame, vehicle: Vehicle) -> tuple[float, float]:
    """Return how bright the plate's bright parts are (90th percentile of luma) and the share of glare, percent."""
    box = vehicle.track.box
    x1, x2 = (int(min(max(x, 0), frame.width)) for x in (box.x1, math.ceil(box.x2)))
    y1, y2 = (int(min(max(y, 0), frame.height)) for y in (box.y1, math.ceil(box.y2)))
    plate = frame.luma[y1:y2, x1:x2]
    if plate.size == 0:
        return 0.0, 0.0
    return float(np.percentile(plate, 90)), 100.0 * float(np.mean(plate >= GLARE))
