"""Measures of vehicles: side profiles and what they carry, in metres.

Lengths run from the nose backwards, heights from the road. Only numbers; the faces are built in
`body` and painted in `paint`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """One kind of vehicle."""

    length: float
    width: float
    clearance: float
    bonnet_front: float  # height of the leading edge of the bonnet
    bonnet_back: tuple[float, float]  # (from nose, height) of the foot of the windscreen
    roof_front: tuple[float, float]
    roof_back: tuple[float, float]
    belt_back: tuple[float, float]  # foot of the rear window
    tail_top: float  # height of the rear edge below the window
    wheel_radius: float
    axles: tuple[float, float]
    taper: float = 0.16  # each side leans in by this much up to the roof
    plate_front: float = 0.42  # height of the middle of the plate
    plate_rear: float = 0.75
    side_windows: bool = True


SHAPES: dict[str, Shape] = {
    "hatchback": Shape(
        4.05, 1.74, 0.17, 0.72, (1.05, 0.96), (1.75, 1.44), (3.35, 1.42), (3.92, 0.98), 0.9, 0.31, (0.8, 3.3)
    ),
    "sedan": Shape(
        4.6, 1.80, 0.16, 0.70, (1.25, 0.94), (2.05, 1.42), (3.25, 1.40), (4.0, 1.02), 0.98, 0.32, (0.9, 3.65), 0.18
    ),
    "suv": Shape(
        4.5,
        1.86,
        0.22,
        0.90,
        (1.15, 1.12),
        (1.8, 1.66),
        (3.85, 1.64),
        (4.35, 1.15),
        1.05,
        0.36,
        (0.88, 3.55),
        0.15,
        0.55,
        0.85,
    ),
    "van": Shape(
        5.0,
        1.96,
        0.2,
        0.98,
        (0.75, 1.22),
        (1.45, 1.93),
        (4.85, 1.95),
        (4.95, 1.2),
        1.1,
        0.34,
        (0.95, 4.0),
        0.08,
        0.5,
        0.62,
        False,
    ),
    "truck": Shape(
        6.4,
        2.3,
        0.3,
        1.0,
        (0.18, 1.35),
        (0.45, 2.3),
        (6.3, 2.9),
        (6.38, 1.3),
        1.2,
        0.42,
        (1.1, 5.0),
        0.02,
        0.5,
        0.7,
        False,
    ),
}

COLOURS: dict[str, tuple[int, int, int]] = {  # BGR albedo
    "white": (225, 226, 226),
    "silver": (172, 170, 166),
    "grey": (98, 96, 92),
    "black": (26, 25, 25),
    "red": (38, 30, 176),
    "blue": (128, 66, 26),
    "green": (62, 82, 36),
    "beige": (150, 178, 190),
    "orange": (28, 108, 218),
}
