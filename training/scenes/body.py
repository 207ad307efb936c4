"""A vehicle as curved, painted, lit faces in its own coordinates, and its move into the world.

Own coordinates: u to the vehicle's left, s from the nose backwards, z up; metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.scenes import paint
from training.scenes.camera import Array
from training.scenes.plate import Picture
from training.scenes.raster import Part, opaque, with_alpha
from training.scenes.shading import Light, lit, normals
from training.scenes.shadows import box
from training.scenes.shapes import Shape

Panel = tuple[Array, paint.Face]  # where a face lies, and what is painted on it
WAIST = 0.95  # width at the belt line, as a share of the greatest


@dataclass(frozen=True)
class Heading:
    """Which way a vehicle points, as unit vectors on the ground."""

    ahead: tuple[float, float]

    @property
    def basis(self) -> Array:
        """Rows: world vectors of u, s and z."""
        x, y = self.ahead
        return np.array([[-y, x, 0.0], [-x, -y, 0.0], [0.0, 0.0, 1.0]])

    def to_world(self, points: Array, nose: Array) -> Array:
        """Return points of the vehicle in the world, its nose on the ground at `nose` (3,)."""
        return np.asarray(points @ self.basis + nose)


@dataclass(eq=False)
class Surroundings:
    """What baking needs to know of the scene."""

    light: Light
    heading: Heading
    to_camera: Array  # unit vector in the world


def baked(grid: Array, face: paint.Face, around: Surroundings, **options: float) -> Part:
    """Return the part of one painted face with its light."""
    height, width = face.alpha.shape
    normal = normals(grid @ around.heading.basis, width, height)
    colour = lit(face.colour, face.gloss, normal, around.to_camera, around.light)
    part = Part(grid, with_alpha(colour, face.alpha))
    part.bias_m = options.get("bias_m", 0.0)
    return part


def _across(width: float, columns: int, rear: bool) -> NDArray[np.float64]:
    us = np.linspace(-width / 2, width / 2, columns + 1)
    return us[::-1] if rear else us


def _loft(
    edges: list[tuple[float, float, float]], columns: int, rear: bool, crown: float, round_m: float, bulge: float = 0.0
) -> Array:
    """Return the grid between edges (s, z, width), first row on top; ends curve back by `round_m`, up by `crown`."""
    direction = -1.0 if rear else 1.0
    rows = []
    for index, (s, z, width) in enumerate(edges):
        u = _across(width, columns, rear)
        share = np.abs(2 * u / width)
        belly = bulge * np.sin(np.pi * index / (len(edges) - 1))
        rows.append(np.stack([u, s + direction * (round_m * share**3 - belly), z + crown * (1 - share**2)], axis=1))
    return np.array(rows)


def car_parts(
    shape: Shape, colour: paint.Colour, around: Surroundings, rng: np.random.Generator, lamps: bool, text: str
) -> list[Part]:
    """Return every face of a car, van or lorry, nose at the origin."""
    # The order of these three decides what each draws from `rng`.
    faces = [
        *_nose_faces(shape, colour, rng, lamps),
        *_cabin_faces(shape, colour, rng, text),
        *_tail_faces(shape, colour, rng, lamps),
    ]
    return (
        _underbody(shape, around)
        + _wheels(shape, around, rng)
        + [baked(grid, face, around) for grid, face in faces]
        + _sides(shape, colour, around, text)
        + _mirrors(shape, colour, around)
    )


def car_solids(shape: Shape) -> list[Array]:
    """Return the convex solids, (N, 3) points each, that cast a car's shadow: body and cabin."""
    half, roof, belt = shape.width / 2, shape.width / 2 - shape.taper, max(shape.bonnet_back[1], shape.belt_back[1])
    body = box((-half, 0.0, 0.0), (half, shape.length, min(shape.bonnet_front, shape.tail_top)))
    spots = [(half, shape.bonnet_back[0], belt), (half, shape.belt_back[0], belt)]
    spots += [(roof, *shape.roof_front), (roof, *shape.roof_back)]
    return [body, np.array([[sign * u, s, z] for u, s, z in spots for sign in (1, -1)])]


def _nose_faces(shape: Shape, colour: paint.Colour, rng: np.random.Generator, lamps: bool) -> list[Panel]:
    """Return the front and the bonnet, which share an edge."""
    w, edge = shape.width, (0.06, shape.bonnet_front, shape.width * 0.97)
    waist, blunt = w * WAIST, 0.3 if shape.bonnet_back[0] > 0.5 else 0.1
    rise = shape.bonnet_back[1] - shape.bonnet_front
    front = [edge, (0.0, shape.bonnet_front * 0.72, w), (0.0, shape.bonnet_front * 0.5, w)]
    front.append((0.04, shape.clearance, w * 0.97))
    middle = (0.06 + shape.bonnet_back[0] * 0.35, shape.bonnet_front + 0.72 * rise, waist)
    return [
        (_loft(front, 10, False, 0.0, blunt, 0.03), paint.front(shape, colour, rng, lamps)),
        (_loft([(*shape.bonnet_back, waist), middle, edge], 10, False, 0.0, blunt), paint.bonnet(shape, colour)),
    ]


def _cabin_faces(shape: Shape, colour: paint.Colour, rng: np.random.Generator, text: str) -> list[Panel]:
    """Return windscreen, roof and rear window (a closed panel on vans and lorries)."""
    roof_w, waist = shape.width - 2 * shape.taper, shape.width * WAIST
    foot, front, back, belt = shape.bonnet_back, shape.roof_front, shape.roof_back, shape.belt_back
    screen_m = float(np.hypot(front[0] - foot[0], front[1] - foot[1]))
    window_m = float(np.hypot(belt[0] - back[0], back[1] - belt[1]))
    screen = paint.glass(waist, screen_m, colour, 0.05, 0.03, rng)
    if shape.side_windows:
        window = paint.glass(waist, window_m, colour, 0.08, 0.05, rng)
    else:
        window = paint.panel(waist, window_m, colour, text)
    return [
        (_loft([(*front, roof_w), (*foot, waist)], 6, False, 0.03, 0.1), screen),
        (
            _loft([(*back, roof_w), (*front, roof_w)], 4, False, 0.03, 0.0),
            paint.panel(roof_w, back[0] - front[0], colour),
        ),
        (_loft([(*back, roof_w), (*belt, waist)], 6, True, 0.02, 0.06), window),
    ]


def _tail_faces(shape: Shape, colour: paint.Colour, rng: np.random.Generator, lamps: bool) -> list[Panel]:
    """Return the lid below the rear window and the rear."""
    w, length = shape.width, shape.length
    lid = [(*shape.belt_back, w * WAIST), (length - 0.05, shape.tail_top, w * 0.97)]
    rear = [(length - 0.06, shape.tail_top, w * 0.97), (length, shape.tail_top * 0.62, w)]
    rear.append((length - 0.02, shape.clearance, w * 0.97))
    return [
        (_loft(lid, 6, True, 0.01, 0.05), paint.panel(w, max(0.2, length - shape.belt_back[0]), colour)),
        (_loft(rear, 10, True, 0.0, 0.16, 0.02), paint.rear(shape, colour, rng, lamps)),
    ]


def _sides(shape: Shape, colour: paint.Colour, around: Surroundings, text: str) -> list[Part]:
    """Return both flanks and both rows of windows."""
    parts = []
    top, low = max(shape.bonnet_back[1], shape.belt_back[1]), shape.clearance
    high, base = max(shape.roof_front[1], shape.roof_back[1]), min(shape.bonnet_back[1], shape.belt_back[1])
    for sign in (1.0, -1.0):
        flipped = sign < 0
        s = np.linspace(0.0, shape.length, 5)
        s = s[::-1] if flipped else s
        bow = 0.04 * (1 - np.abs(2 * s / shape.length - 1) ** 3)
        rows = [
            np.stack(
                [np.full_like(s, sign * shape.width / 2 * scale) - sign * 0.04 + sign * bow, s, np.full_like(s, z)],
                axis=1,
            )
            for z, scale in ((top, 0.95), (0.5 * (top + low), 1.0), (low, 0.97))
        ]
        parts.append(
            baked(np.array(rows), paint.side(shape, colour, flipped, text if shape.side_windows else ""), around)
        )
        s = np.array([shape.bonnet_back[0], shape.belt_back[0]])
        s = s[::-1] if flipped else s
        rows = [
            np.stack([np.full_like(s, sign * u), s, np.full_like(s, z)], axis=1)
            for z, u in ((high, shape.width / 2 - shape.taper), (base, shape.width * 0.475))
        ]
        parts.append(baked(np.array(rows), paint.cabin_side(shape, colour, flipped, text), around))
    return parts


def _wheels(shape: Shape, around: Surroundings, rng: np.random.Generator) -> list[Part]:
    """Return four wheels: a disc outside and a dark tread seen from the front and the rear."""
    parts = []
    r = shape.wheel_radius
    face = paint.wheel(r, rng)
    rubber = paint.Face.blank(0.21, 2 * r, (22, 22, 23), 0.0)
    for sign in (1.0, -1.0):
        outer = sign * (shape.width / 2 - 0.015)
        for s in shape.axles:
            ends = np.array([s - r, s + r]) if sign > 0 else np.array([s + r, s - r])
            grid = np.array([[[outer, e, z] for e in ends] for z in (2 * r, 0.0)])
            parts.append(baked(grid, face, around, bias_m=0.3))
            for offset, order in ((-r * 0.55, 1), (r * 0.55, -1)):
                us = np.array([outer - sign * 0.21, outer])
                us = np.sort(us)[::order]
                grid = np.array([[[u, s + offset, z] for u in us] for z in (r * 1.5, 0.0)])
                parts.append(baked(grid, rubber, around))
    return parts


def _underbody(shape: Shape, around: Surroundings) -> list[Part]:
    """Return the darkness under a car, seen between the wheels."""
    dark = paint.Face.blank(shape.width, shape.clearance, (8, 8, 8), 0.0)
    w = shape.width / 2 - 0.22
    parts = []
    for s, order in ((0.35, 1), (shape.length - 0.35, -1)):
        us = np.array([-w, w])[::order]
        parts.append(baked(np.array([[[u, s, z] for u in us] for z in (shape.clearance + 0.05, 0.09)]), dark, around))
    return parts


def _mirrors(shape: Shape, colour: paint.Colour, around: Surroundings) -> list[Part]:
    """Return the two mirrors as small rounded faces, front and back."""
    parts = []
    s, z = shape.bonnet_back[0] + 0.42, shape.bonnet_back[1] + 0.04
    for sign in (1.0, -1.0):
        inner, outer = sign * (shape.width / 2 - 0.04), sign * (shape.width / 2 + 0.17)
        for order, tint in ((1, colour), (-1, (70, 70, 70))):
            face = paint.Face.blank(0.21, 0.15, tint, 0.3 if order > 0 else 0.7)
            angles = np.linspace(0, 2 * np.pi, 30)
            face.cut(
                [
                    (
                        0.5 + 0.5 * np.sign(np.cos(a)) * abs(np.cos(a)) ** 0.6,
                        0.5 + 0.5 * np.sign(np.sin(a)) * abs(np.sin(a)) ** 0.6,
                    )
                    for a in angles
                ]
            )
            us = np.sort([inner, outer])[::order]
            grid = np.array([[[u, s + 0.02 * order, h] for u in us] for h in (z + 0.15, z)])
            parts.append(baked(grid, face, around, bias_m=0.2))
    return parts


def plate_part(texture: Picture, grid: Array, light: Light, gain: float, mark: int) -> Part:
    """Return a plate: reflective, so it is never much darker than `gain` says."""
    level = np.clip(
        np.asarray(light.sky) * 0.75 + np.asarray(light.ground) * 0.4 + np.asarray(light.sun) * 0.45, 0, 1.2
    )
    colour = np.clip(texture.astype(np.float32) * np.maximum(level, gain), 0, 255).astype(np.uint8)
    part = Part(grid, opaque(colour), mark=mark)
    part.bias_m = 0.6
    return part
