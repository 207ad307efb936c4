"""Motorcycles with their riders, and people on foot: flat painted shapes at several depths.

Own coordinates as in `body`: u left, s backwards from the nose, z up; metres.
"""

from __future__ import annotations

import numpy as np

from training.scenes.body import Surroundings, baked
from training.scenes.camera import Array
from training.scenes.paint import CHROME, DARK, GLASS, PLASTIC, Colour, Face, darker
from training.scenes.raster import Part

MOTORCYCLE_LENGTH_M = 2.0
PLATE_REAR_M, PLATE_FRONT_M = 0.62, 0.55
STRIDE_M = 1.4
TROUSERS: Colour = (70, 56, 46)


def _upright(width: float, z_low: float, z_high: float, s: float, rear: bool, u: float = 0.0) -> Array:
    """Return the grid of a flat shape across the vehicle, facing the front or the rear."""
    us = np.array([u - width / 2, u + width / 2])
    us = us[::-1] if rear else us
    return np.array([[[x, s, z] for x in us] for z in (z_high, z_low)])


def _ellipse(cx: float, cy: float, rx: float, ry: float) -> list[tuple[float, float]]:
    return [(cx + rx * float(np.cos(a)), cy + ry * float(np.sin(a))) for a in np.linspace(0, 2 * np.pi, 32)]


def motorcycle_parts(colour: Colour, around: Surroundings, jacket: Colour, lamps: bool) -> list[Part]:
    """Return a motorcycle with rider: tyres, tail, fairing, legs, torso, arms, helmet."""
    parts = []
    for rear in (True, False):
        tyre = Face.blank(0.16, 0.62, (24, 24, 25), 0.02)
        tyre.cut(_ellipse(0.5, 0.5, 0.5, 0.5))
        parts.append(baked(_upright(0.16, 0.0, 0.62, 1.62 if rear else 0.3, rear), tyre, around))
        parts.append(
            baked(
                _upright(0.44, 0.42, 0.95, 1.75 if rear else 0.12, rear), _tail(colour, rear, lamps), around, bias_m=0.1
            )
        )
        parts.append(baked(_upright(0.78, 0.22, 0.9, 1.15 if rear else 0.7, rear), _legs(), around))
        parts.append(baked(_upright(0.72, 0.74, 1.42, 1.3 if rear else 0.9, rear), _torso(jacket), around))
        parts.append(
            baked(_upright(0.28, 1.36, 1.7, 1.2 if rear else 0.8, rear), _helmet(darker(colour, 0.8), rear), around)
        )
        parts.append(baked(_upright(0.86, 0.9, 1.24, 0.55, rear), _bars(), around))
    return parts + _side_wheels(around)


def _side_wheels(around: Surroundings) -> list[Part]:
    parts = []
    for sign in (1.0, -1.0):
        for s in (0.3, 1.62):
            disc = Face.blank(0.62, 0.62, (24, 24, 25), 0.02)
            disc.disc(0.5, 0.5, 0.2, (120, 120, 120), 0.4)
            disc.cut(_ellipse(0.5, 0.5, 0.5, 0.5))
            ends = (s - 0.31, s + 0.31) if sign > 0 else (s + 0.31, s - 0.31)
            parts.append(baked(np.array([[[sign * 0.08, e, z] for e in ends] for z in (0.62, 0.0)]), disc, around))
    return parts


def _bars() -> Face:
    face = Face.blank(0.86, 0.34, DARK, PLASTIC)
    upper = [(0.0, 0.1), (0.12, 0.1), (0.14, 0.55), (0.5, 0.75), (0.86, 0.55), (0.88, 0.1), (1, 0.1)]
    face.cut([*upper, (1, 0.4), (0.9, 0.7), (0.5, 0.95), (0.1, 0.7), (0, 0.4)])
    return face


def _tail(colour: Colour, rear: bool, lamps: bool) -> Face:
    face = Face.blank(0.44, 0.53, colour, 0.25)
    face.cut([(0.2, 0.0), (0.8, 0.0), (0.95, 0.25), (0.72, 1.0), (0.28, 1.0), (0.05, 0.25)])
    lamp: Colour = (
        ((40, 30, 235) if lamps else (24, 16, 140)) if rear else ((245, 245, 245) if lamps else (180, 180, 178))
    )
    face.disc(0.5, 0.2, 0.085, lamp, GLASS if rear else CHROME, 0.7)
    return face


def _legs() -> Face:
    face = Face.blank(0.78, 0.68, (58, 46, 40), 0.02)
    face.cut(
        [
            (0.2, 0.0),
            (0.8, 0.0),
            (1.0, 0.45),
            (0.86, 1.0),
            (0.72, 1.0),
            (0.76, 0.5),
            (0.5, 0.3),
            (0.24, 0.5),
            (0.28, 1.0),
            (0.14, 1.0),
            (0.0, 0.45),
        ]
    )
    face.fill([(0.12, 0.9), (0.3, 0.9), (0.3, 1.0), (0.12, 1.0)], DARK, PLASTIC)
    face.fill([(0.7, 0.9), (0.88, 0.9), (0.88, 1.0), (0.7, 1.0)], DARK, PLASTIC)
    return face


def _torso(jacket: Colour) -> Face:
    face = Face.blank(0.72, 0.68, jacket, 0.04)
    face.line([(0.5, 0.05), (0.5, 1.0)], darker(jacket, 0.6), 3)
    face.line([(0.24, 0.3), (0.3, 1.0)], darker(jacket, 0.6), 3)
    face.line([(0.76, 0.3), (0.7, 1.0)], darker(jacket, 0.6), 3)
    face.cut(
        [
            (0.38, 0.0),
            (0.62, 0.0),
            (0.86, 0.12),
            (1.0, 0.62),
            (0.9, 0.72),
            (0.78, 0.4),
            (0.75, 1.0),
            (0.25, 1.0),
            (0.22, 0.4),
            (0.1, 0.72),
            (0.0, 0.62),
            (0.14, 0.12),
        ]
    )
    return face


def _helmet(colour: Colour, rear: bool) -> Face:
    face = Face.blank(0.28, 0.34, colour, 0.35)
    if not rear:
        face.fill([(0.12, 0.34), (0.88, 0.34), (0.84, 0.66), (0.16, 0.66)], (30, 28, 26), GLASS)
    face.cut(_ellipse(0.5, 0.5, 0.5, 0.5))
    return face


def _limbs(colour: Colour, swing: float) -> list[tuple[list[tuple[float, float]], Colour]]:
    """Return leg, arm, leg, arm; the far pair is darker."""
    hip, knee = 0.5, 0.74
    limbs: list[tuple[list[tuple[float, float]], Colour]] = []
    for sign, tint in ((1, darker(TROUSERS, 0.8)), (-1, TROUSERS)):
        foot, middle, hand = 0.5 + sign * swing, 0.48 + sign * swing * 0.55, 0.5 - sign * swing * 0.9
        thigh = [(0.44, hip), (0.56, hip), (middle + 0.06, knee)]
        shin = [(foot + 0.05, 0.97), (foot + 0.1, 1.0), (foot - 0.06, 1.0), (middle - 0.05, knee)]
        limbs.append((thigh + shin, tint))
        arm = [(0.46, 0.2), (0.54, 0.2), (hand + 0.04, 0.52), (hand - 0.04, 0.52)]
        limbs.append((arm, darker(colour, 0.8 if sign > 0 else 1.0)))
    return limbs


def walker_parts(colour: Colour, around: Surroundings, phase: float) -> list[Part]:
    """Return a person walking along s, seen from the side; `phase` is the share of a stride."""
    swing = 0.16 * float(np.sin(2 * np.pi * phase))
    face = Face.blank(0.9, 1.75, TROUSERS, 0.02)
    skin: Colour = (128, 160, 205)
    limbs = _limbs(colour, swing)
    torso = [(0.4, 0.17), (0.58, 0.17), (0.61, 0.52), (0.4, 0.52)]
    head = _ellipse(0.5, 0.085, 0.095, 0.075)
    for points, tint in [*limbs[:2], (torso, colour), *limbs[2:], (head, skin)]:
        face.fill(points, tint, 0.02)
    face.fill([(0.41, 0.08), (0.43, 0.02), (0.52, 0.005), (0.59, 0.04), (0.57, 0.07), (0.46, 0.06)], (30, 34, 44), 0.02)
    keep = face.alpha * 0
    for points, _ in [*limbs, (torso, colour), (head, skin)]:
        part = Face.blank(0.9, 1.75, colour)
        part.cut(points)
        keep = np.maximum(keep, part.alpha)
    face.alpha = np.asarray(keep, np.uint8)
    grid = np.array([[[0.0, s, z] for s in (-0.45, 0.45)] for z in (1.75, 0.0)])
    part_of = baked(grid, face, around)
    part_of.two_sided = True
    return [part_of]
