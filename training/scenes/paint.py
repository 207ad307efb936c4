"""Pictures of the faces of a vehicle: lamps, grille, glass, doors, wheels. Flat, before any light falls on them.

Each painter returns albedo BGR, gloss (H, W) and alpha (H, W); coordinates inside are shares of the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.scenes.glyphs import lettering
from training.scenes.shapes import Shape

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]
PX_PER_M = 300
PAINT, GLASS, CHROME, PLASTIC = 0.22, 0.75, 0.8, 0.05
DARK: Colour = (26, 26, 27)
GLASS_COLOUR: Colour = (34, 32, 28)
SHIFT = 4  # sub-pixel bits of OpenCV's drawing


@dataclass(eq=False)
class Face:
    """A face being painted."""

    colour: Picture
    gloss: NDArray[np.float32]
    alpha: Picture

    @classmethod
    def blank(cls, width_m: float, height_m: float, colour: Colour, gloss: float = PAINT) -> Face:
        """Return a face of one material."""
        size = (max(16, round(height_m * PX_PER_M)), max(16, round(width_m * PX_PER_M)))
        return cls(
            np.full((*size, 3), colour, np.uint8), np.full(size, gloss, np.float32), np.full(size, 255, np.uint8)
        )

    def _pixels(self, points: Points) -> NDArray[np.int32]:
        height, width = self.alpha.shape
        scaled = np.array(points, np.float64) * [width, height] * (1 << SHIFT)
        return np.round(scaled).astype(np.int32).reshape(-1, 1, 2)

    def fill(self, points: Points, colour: Colour, gloss: float = PAINT) -> None:
        """Paint a polygon."""
        pixels = self._pixels(points)
        cv2.fillPoly(self.colour, [pixels], colour, cv2.LINE_AA, SHIFT)
        cv2.fillPoly(self.gloss, [pixels], gloss, cv2.LINE_8, SHIFT)

    def line(
        self, points: Points, colour: Colour, width_px: int = 2, gloss: float = PAINT, closed: bool = False
    ) -> None:
        """Draw a line of constant width."""
        pixels = self._pixels(points)
        cv2.polylines(self.colour, [pixels], closed, colour, width_px, cv2.LINE_AA, SHIFT)
        cv2.polylines(self.gloss, [pixels], closed, gloss, width_px, cv2.LINE_8, SHIFT)

    def disc(
        self, x: float, y: float, radius_m: float, colour: Colour, gloss: float = PAINT, squash: float = 1.0
    ) -> None:
        """Paint a disc or ellipse; the radius is in metres."""
        r = radius_m * PX_PER_M
        angles = np.linspace(0, 2 * np.pi, 40)
        height, width = self.alpha.shape
        self.fill([(x + r * np.cos(a) / width, y + r * squash * np.sin(a) / height) for a in angles], colour, gloss)

    def cut(self, points: Points) -> None:
        """Keep only what lies inside the polygon."""
        keep = np.zeros_like(self.alpha)
        cv2.fillPoly(keep, [self._pixels(points)], 255, cv2.LINE_AA, SHIFT)
        self.alpha = np.minimum(self.alpha, keep)

    def write(self, text: str, x: float, y: float, height: float, colour: Colour) -> None:
        """Letter a text centred on (x, y); `height` is a share of the face's height."""
        rows, columns = self.alpha.shape
        mask = lettering(text, max(8, round(height * rows)))
        top, left = round(y * rows - mask.shape[0] / 2), round(x * columns - mask.shape[1] / 2)
        area = self.colour[max(0, top) : top + mask.shape[0], max(0, left) : left + mask.shape[1]]
        share = mask[max(0, -top) :, max(0, -left) :][: area.shape[0], : area.shape[1], None] / np.float32(255)
        area[:] = np.round(area * (1 - share) + np.array(colour, np.float32) * share)

    def flip(self) -> None:
        """Swap left and right."""
        self.colour = np.ascontiguousarray(self.colour[:, ::-1])
        self.gloss = np.ascontiguousarray(self.gloss[:, ::-1])
        self.alpha = np.ascontiguousarray(self.alpha[:, ::-1])

    def shade(self, top: float, bottom: float) -> None:
        """Darken from top to bottom by these factors: dirt and the shadow under a bumper."""
        ramp = np.linspace(top, bottom, self.alpha.shape[0], dtype=np.float32)[:, None, None]
        self.colour = np.asarray(np.clip(self.colour * ramp, 0, 255), np.uint8)


def mirrored(points: Points) -> list[tuple[float, float]]:
    """Return the polygon on the other side of the face."""
    return [(1 - x, y) for x, y in points]


def darker(colour: Colour, factor: float) -> Colour:
    """Return a colour scaled towards black."""
    b, g, r = (int(c * factor) for c in colour)
    return b, g, r


def front(shape: Shape, colour: Colour, rng: np.random.Generator, lamps: bool) -> Face:
    """Paint the front: lamps, grille, badge, bumper with lower intake and fog lamps, plate recess."""
    face = Face.blank(shape.width, shape.bonnet_front - shape.clearance, colour)
    g1, g2 = rng.uniform(0.12, 0.2), rng.uniform(0.40, 0.5)
    inset = rng.uniform(0.27, 0.33)
    lamp = [(0.03, 0.16), (inset - 0.03, g1 + 0.04), (inset - 0.05, g2 - 0.02), (0.05, g2 + 0.02), (0.01, 0.3)]
    grille = [(inset, g1), (1 - inset, g1), (1 - inset - 0.03, g2), (inset + 0.03, g2)]
    face.fill(grille, DARK, 0.1)
    for level in np.linspace(g1 + 0.05, g2 - 0.04, int(rng.integers(3, 6))):
        face.line([(inset + 0.02, level), (1 - inset - 0.02, level)], (120, 120, 120), 3, CHROME)
    face.line(grille, (160, 160, 160), 4, CHROME, closed=True)
    face.disc(0.5, (g1 + g2) / 2, 0.06, (150, 150, 150), CHROME)
    face.disc(0.5, (g1 + g2) / 2, 0.045, (60, 60, 60), CHROME)
    glass: Colour = (235, 235, 235) if lamps else (190, 188, 184)
    for side in (lamp, mirrored(lamp)):
        face.fill(side, (120, 118, 115), GLASS)
        face.line(side, (40, 40, 40), 3, PLASTIC, closed=True)
    for x in (0.115, 0.885):
        face.disc(x, (0.16 + g2) / 2 + 0.03, 0.085, glass, CHROME, 0.8)
        face.disc(x + (0.08 if x < 0.5 else -0.08), (g1 + g2) / 2 + 0.05, 0.05, darker(glass, 0.85), CHROME, 0.8)
    face.line([(0.0, 0.56), (1.0, 0.56)], darker(colour, 0.55), 3, PLASTIC)
    intake = [(0.22, 0.74), (0.78, 0.74), (0.73, 0.93), (0.27, 0.93)]
    face.fill(intake, DARK, PLASTIC)
    for level in (0.79, 0.84, 0.89):
        face.line([(0.25, level), (0.75, level)], (58, 58, 58), 2, PLASTIC)
    fog = [(0.06, 0.72), (0.16, 0.75), (0.15, 0.86), (0.07, 0.84)]
    for side in (fog, mirrored(fog)):
        face.fill(side, DARK, PLASTIC)
    face.fill([(0, 0.94), (1, 0.94), (1, 1), (0, 1)], DARK, PLASTIC)
    face.shade(1.0, 0.82)
    return face


def rear(shape: Shape, colour: Colour, rng: np.random.Generator, braking: bool) -> Face:
    """Paint the rear below the window: tail lamps, lid, handle, badge, bumper, reflectors."""
    face = Face.blank(shape.width, shape.tail_top - shape.clearance, colour)
    low = rng.uniform(0.34, 0.44)
    width = rng.uniform(0.16, 0.24)
    lamp = [(0.015, 0.08), (width, 0.1), (width - 0.03, low), (0.02, low - 0.03)]
    red: Colour = (40, 30, 235) if braking else (24, 16, 130)
    for side in (lamp, mirrored(lamp)):
        face.fill(side, red, GLASS)
        face.line(side, (24, 22, 60), 3, PLASTIC, closed=True)
    x = width * 0.45
    for centre in (x, 1 - x):
        face.disc(centre, low - 0.08, 0.05, (170, 175, 190), GLASS, 0.7)
    face.line([(width, 0.12), (width + 0.02, 0.58), (0.98 - width, 0.58), (1 - width, 0.12)], darker(colour, 0.5), 3)
    face.line([(0.0, 0.6), (1.0, 0.6)], darker(colour, 0.5), 3, PLASTIC)
    face.disc(0.5, 0.12, 0.045, (170, 170, 170), CHROME)
    face.fill([(0.04, 0.84), (0.96, 0.84), (0.93, 1), (0.07, 1)], DARK, PLASTIC)
    for reflector in ([(0.06, 0.74), (0.17, 0.74), (0.17, 0.78), (0.06, 0.78)],):
        face.fill(reflector, (30, 22, 150), GLASS)
        face.fill(mirrored(reflector), (30, 22, 150), GLASS)
    face.shade(1.0, 0.8)
    return face


def bonnet(shape: Shape, colour: Colour) -> Face:
    """Paint the bonnet: two creases and the gap at the windscreen."""
    face = Face.blank(shape.width, max(0.3, shape.bonnet_back[0]), colour, 0.28)
    for x in (0.24, 0.76):
        face.line([(x, 0.0), (x + (0.05 if x < 0.5 else -0.05), 1.0)], darker(colour, 0.75), 3)
    face.fill([(0, 0), (1, 0), (1, 0.04), (0, 0.04)], DARK, PLASTIC)
    return face


def glass(width_m: float, height_m: float, colour: Colour, top: float, bottom: float, rng: np.random.Generator) -> Face:
    """Paint a window in its frame, people behind it; `top` and `bottom` are the widths of the pillars as shares."""
    face = Face.blank(width_m, max(0.25, height_m), colour)
    face.fill([(top, 0.05), (1 - top, 0.05), (1 - bottom, 0.97), (bottom, 0.97)], GLASS_COLOUR, GLASS)
    for x in (0.28, 0.72):
        tone = int(rng.integers(40, 62))
        face.disc(x, 0.88, 0.13 * width_m, (tone, tone, tone + 3), GLASS * 0.95, 1.0)
        face.disc(x, 0.56, 0.055 * width_m, (tone, tone, tone + 3), GLASS * 0.95, 1.1)
    face.fill([(0.47, 0.05), (0.53, 0.05), (0.52, 0.16), (0.48, 0.16)], (12, 12, 12), 0.1)
    face.line([(0.12, 0.96), (0.46, 0.9)], (10, 10, 10), 5, PLASTIC)
    face.line([(0.54, 0.96), (0.88, 0.9)], (10, 10, 10), 5, PLASTIC)
    return face


def panel(width_m: float, height_m: float, colour: Colour, text: str = "") -> Face:
    """Paint a plain panel, with lettering where a van carries a telephone number."""
    face = Face.blank(width_m, max(0.2, height_m), colour)
    if text:
        face.write(text, 0.5, 0.45, 0.2, (130, 50, 20) if sum(colour) > 380 else (225, 225, 225))
    return face


def side(shape: Shape, colour: Colour, flipped: bool, text: str) -> Face:
    """Paint a side below the windows, nose at the left unless `flipped`: arches, doors, handles, sill, lettering."""
    top = max(shape.bonnet_back[1], shape.belt_back[1])
    height = top - shape.clearance
    face = Face.blank(shape.length, height, colour)

    def at(s: float, z: float) -> tuple[float, float]:
        return s / shape.length, (top - z) / height

    for s in (shape.axles[0] + 0.45, (shape.axles[0] + shape.axles[1]) / 2 + 0.2, shape.axles[1] - 0.3):
        face.line([at(s, top), at(s, shape.clearance + 0.12)], darker(colour, 0.45), 3, PLASTIC)
        face.line([at(s + 0.25, top - 0.14), at(s + 0.42, top - 0.14)], darker(colour, 0.5), 7, PLASTIC)
    face.fill(
        [
            at(0.2, shape.clearance + 0.1),
            at(shape.length - 0.2, shape.clearance + 0.1),
            at(shape.length - 0.2, shape.clearance),
            at(0.2, shape.clearance),
        ],
        DARK,
        PLASTIC,
    )
    for s in shape.axles:
        face.disc(s / shape.length, (top - shape.wheel_radius) / height, shape.wheel_radius * 1.18, (12, 12, 12), 0.0)
    nose = [at(0.10, shape.clearance), at(0.06, shape.bonnet_front - 0.05), at(0.12, shape.bonnet_front)]
    tail = [at(shape.length - 0.06, shape.tail_top), at(shape.length - 0.05, shape.clearance)]
    face.cut([*nose, at(*shape.bonnet_back), at(*shape.belt_back), *tail])
    if flipped:
        face.flip()
    if text:
        face.write(text, 0.5, 0.3, 0.22, (130, 50, 20) if sum(colour) > 380 else (225, 225, 225))
    return face


def cabin_side(shape: Shape, colour: Colour, flipped: bool, text: str) -> Face:
    """Paint the windows' side between belt and roof, cut to the slope of the screens."""
    low = min(shape.bonnet_back[1], shape.belt_back[1])
    high = max(shape.roof_front[1], shape.roof_back[1])
    start, end = shape.bonnet_back[0], shape.belt_back[0]
    face = Face.blank(end - start, high - low, colour)

    def at(s: float, z: float) -> tuple[float, float]:
        return (s - start) / (end - start), (high - z) / (high - low)

    face.cut([at(start, low), at(*shape.bonnet_back), at(*shape.roof_front), at(*shape.roof_back), at(end, low)])
    door = (shape.axles[0] + shape.axles[1]) / 2 + 0.2
    last = shape.roof_back[0] - 0.1 if shape.side_windows else door
    rail = high - 0.09
    panes = [
        [
            at(start + 0.28, low + 0.05),
            at(shape.roof_front[0] + 0.12, rail),
            at(door - 0.06, rail),
            at(door - 0.06, low + 0.05),
        ]
    ]
    if shape.side_windows:
        panes.append([at(door + 0.04, low + 0.05), at(door + 0.04, rail), at(last, rail), at(last + 0.22, low + 0.05)])
    for pane in panes:
        face.fill(pane, GLASS_COLOUR, GLASS)
    if flipped:
        face.flip()
    if text and not shape.side_windows:
        face.write(text, 0.38 if flipped else 0.62, 0.5, 0.3, (130, 50, 20) if sum(colour) > 380 else (225, 225, 225))
    return face


def wheel(radius_m: float, rng: np.random.Generator) -> Face:
    """Paint a wheel: tyre, rim, spokes, hub."""
    face = Face.blank(2 * radius_m, 2 * radius_m, (24, 24, 25), 0.02)
    face.disc(0.5, 0.5, radius_m * 0.66, (150, 150, 150), 0.4)
    for turn in np.linspace(0, 2 * np.pi, 5, endpoint=False) + rng.uniform(0, 1):
        a, b = turn + 0.22, turn + 1.03
        r = 0.31
        face.fill(
            [
                (0.5 + 0.1 * np.cos((a + b) / 2), 0.5 + 0.1 * np.sin((a + b) / 2)),
                (0.5 + r * np.cos(a), 0.5 + r * np.sin(a)),
                (0.5 + r * np.cos(b), 0.5 + r * np.sin(b)),
            ],
            (30, 30, 30),
            0.0,
        )
    angles = np.linspace(0, 2 * np.pi, 60)
    face.cut([(0.5 + 0.5 * np.cos(a), 0.5 + 0.5 * np.sin(a)) for a in angles])
    return face
