"""Textured quads in perspective: the small software renderer under the gate scenes.

A part is a grid of points in space with one picture stretched over it; every cell of the grid is
warped by its own homography and laid over what is behind it. Painter's order, no depth buffer.
Pictures are BGRA with the colours already multiplied by alpha.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from training.scenes.camera import NEAR_M, Array, Camera

Picture = NDArray[np.uint8]
OVERLAP_PX = 1.0  # neighbouring cells share a rim, so that no seam shows
MIN_LEVEL_PX = 8
HALF = 127  # of alpha


@dataclass(eq=False)
class Part:
    """A curved or flat surface: `grid` (rows + 1, columns + 1, 3) metres and `texture` BGRA premultiplied.

    Rows run down and columns to the right as seen from outside; cells seen from inside are not drawn.
    """

    grid: Array
    texture: Picture
    mark: int = 0  # written into the mask where this part is in front
    two_sided: bool = False
    bias_m: float = 0.0  # drawn as if this much nearer: plates and lamps on a body
    levels: list[Picture] = field(init=False)
    solid: bool = field(init=False)  # without holes

    def __post_init__(self) -> None:
        self.levels = [self.texture]
        self.solid = int(self.texture[..., 3].min()) > HALF
        while min(self.levels[-1].shape[:2]) >= 2 * MIN_LEVEL_PX:
            last = self.levels[-1]
            size = (last.shape[1] // 2, last.shape[0] // 2)
            self.levels.append(np.asarray(cv2.resize(last, size, interpolation=cv2.INTER_AREA), np.uint8))

    def moved(self, grid: Array) -> Part:
        """Return the same surface elsewhere; the pictures are shared."""
        copy = object.__new__(Part)
        copy.grid, copy.texture, copy.levels = grid, self.texture, self.levels
        copy.mark, copy.two_sided, copy.bias_m, copy.solid = self.mark, self.two_sided, self.bias_m, self.solid
        return copy


def opaque(bgr: Picture) -> Picture:
    """Return a BGR picture as BGRA without holes."""
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA), np.uint8)


def with_alpha(bgr: Picture, alpha: Picture) -> Picture:
    """Return a BGR picture with a mask, premultiplied."""
    colour = cv2.multiply(bgr, cv2.merge([alpha] * 3), scale=1 / 255)
    return np.asarray(cv2.merge([*cv2.split(colour), alpha]), np.uint8)


def quad(
    top_left: Iterable[float], top_right: Iterable[float], bottom_right: Iterable[float], bottom_left: Iterable[float]
) -> Array:
    """Return the grid of one flat cell."""
    return np.array([[list(top_left), list(top_right)], [list(bottom_left), list(bottom_right)]], np.float64)


def laid_over(canvas: Picture, layer: Picture, x: int, y: int) -> None:
    """Lay premultiplied BGRA `layer` over `canvas` (BGR or BGRA) with its corner at (x, y), in place."""
    top, left = max(0, -y), max(0, -x)
    bottom, right = min(layer.shape[0], canvas.shape[0] - y), min(layer.shape[1], canvas.shape[1] - x)
    if top >= bottom or left >= right:
        return
    piece = layer[top:bottom, left:right]
    target = canvas[y + top : y + bottom, x + left : x + right]
    rest = cv2.merge([255 - piece[..., 3]] * target.shape[2])
    behind = cv2.multiply(target, rest, scale=1 / 255)
    target[:] = cv2.add(behind, piece[..., : target.shape[2]])


@dataclass(eq=False)
class Cell:
    """One quad ready to be drawn."""

    part: Part
    row: int
    column: int
    corners: NDArray[np.float32]  # (4, 2) pixels
    depth: float


def visible_cells(parts: Iterable[Part], camera: Camera) -> list[Cell]:
    """Return the cells that face the camera, farthest first."""
    cells = []
    for part in parts:
        pixels, depth = camera.project(part.grid), camera.depth(part.grid)
        for row in range(part.grid.shape[0] - 1):
            for column in range(part.grid.shape[1] - 1):
                block = depth[row : row + 2, column : column + 2]
                if block.min() <= NEAR_M:
                    continue
                p = pixels[row : row + 2, column : column + 2]
                corners = np.array([p[0, 0], p[0, 1], p[1, 1], p[1, 0]], np.float32)
                d1, d2 = corners[2] - corners[0], corners[3] - corners[1]
                if part.two_sided or d1[0] * d2[1] - d1[1] * d2[0] > 0:
                    cells.append(Cell(part, row, column, corners, float(block.mean()) - part.bias_m))
    return sorted(cells, key=lambda cell: -cell.depth)


def _source(cell: Cell) -> tuple[Picture, NDArray[np.float32]]:
    """Return the piece of texture for a cell, at a fitting resolution, and the cell's corners within it."""
    rows, columns = cell.part.grid.shape[0] - 1, cell.part.grid.shape[1] - 1
    top, right, bottom, left = (float(np.linalg.norm(cell.corners[i] - cell.corners[(i + 1) % 4])) for i in range(4))
    height, width = cell.part.texture.shape[:2]
    ratio = min(width / columns / max(top, bottom, 1.0), height / rows / max(left, right, 1.0))
    level = int(np.clip(np.round(np.log2(max(ratio, 1e-6))), 0, len(cell.part.levels) - 1))
    texture = cell.part.levels[level]
    height, width = texture.shape[:2]
    x1, x2 = width * cell.column / columns, width * (cell.column + 1) / columns
    y1, y2 = height * cell.row / rows, height * (cell.row + 1) / rows
    left_px, right_px = max(0, int(x1 - OVERLAP_PX)), min(width, int(np.ceil(x2 + OVERLAP_PX)))
    top_px, bottom_px = max(0, int(y1 - OVERLAP_PX)), min(height, int(np.ceil(y2 + OVERLAP_PX)))
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32) - [left_px + 0.5, top_px + 0.5]
    return texture[top_px:bottom_px, left_px:right_px], corners.astype(np.float32)


def mark(cells: Iterable[Cell], layer: Picture, place: tuple[int, int], mask: Picture) -> None:
    """Write into `mask` (whole picture) what one drawn thing shows: 0 under its outline, its marks where they show."""
    x, y = place
    area = mask[y : y + layer.shape[0], x : x + layer.shape[1]]
    area[layer[: area.shape[0], : area.shape[1], 3] > HALF] = 0
    begun = False
    for cell in cells:
        begun = begun or cell.part.mark > 0
        if begun and cell.part.solid:
            cv2.fillConvexPoly(mask, np.round(cell.corners).astype(np.int32), cell.part.mark)


def draw(cells: Iterable[Cell], canvas: Picture, origin: tuple[int, int]) -> None:
    """Draw cells in order onto BGR or BGRA `canvas`, whose top-left pixel is `origin` in the picture."""
    height, width = canvas.shape[:2]
    for cell in cells:
        corners = cell.corners - np.array(origin, np.float32)
        low = np.maximum(np.floor(corners.min(0)) - 2, 0).astype(int)
        high = np.minimum(np.ceil(corners.max(0)) + 2, [width, height]).astype(int)
        if (high - low).min() <= 0:
            continue
        piece, source = _source(cell)
        target = (corners - low - 0.5).astype(np.float32)
        homography = cv2.getPerspectiveTransform(source, target)
        warped = cv2.warpPerspective(piece, homography, tuple(int(v) for v in high - low), flags=cv2.INTER_LINEAR)
        laid_over(canvas, np.asarray(warped, np.uint8), int(low[0]), int(low[1]))


def bounds(cells: Iterable[Cell], width: int, height: int, margin: int) -> tuple[int, int, int, int] | None:
    """Return the rectangle (x, y, w, h) of the picture that the cells may touch, or None where they are outside."""
    points = np.concatenate([cell.corners for cell in cells]) if cells else np.empty((0, 2))
    if not len(points):
        return None
    low = np.maximum(np.floor(points.min(0)) - margin, 0).astype(int)
    high = np.minimum(np.ceil(points.max(0)) + margin, [width, height]).astype(int)
    if (high - low).min() <= 0:
        return None
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])
