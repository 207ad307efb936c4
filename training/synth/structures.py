"""Regular structures that are no plates: rows of windows, fences, grilles, stripes, tiles, lamps; and nothing at all.

Dark marks in even rows on a bright ground are what a plate is to a small network, whatever their size. Grey pictures.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Image = NDArray[np.uint8]
SIDES_PX = (60, 320)  # of a picture
MARK_PX = 9.0  # a mark is drawn at least this large


def structure(rng: Generator) -> Image:
    """Return a picture of one of them, uint8 (H, W), of any shape from a tall post to a long fence."""
    width = int(rng.integers(*SIDES_PX))
    height = int(np.clip(width / np.exp(rng.uniform(np.log(0.7), np.log(6.0))), 24, SIDES_PX[1]))
    ground = rng.uniform(20, 235)
    picture = np.full((height, width), ground, np.float32)
    picture += np.linspace(-1, 1, height, dtype=np.float32)[:, None] * rng.normal(0, 18)
    mark = float(np.clip(ground + rng.choice((-1, -1, 1)) * rng.uniform(35, 150), 2, 253))
    paint: Callable[[Generator, NDArray[np.float32], float], None] = _KINDS[int(rng.integers(len(_KINDS)))]
    paint(rng, picture, mark)
    picture += rng.normal(0, rng.uniform(0, 5), picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _windows(rng: Generator, picture: NDArray[np.float32], mark: float) -> None:
    """A front with windows: one to four rows, now and then a ledge, a door, a frame or a cross in each window."""
    height, width = picture.shape
    rows, columns = int(rng.integers(1, 5)), int(rng.integers(3, 13))
    across, down = width / columns, height / rows
    wide, tall = across * rng.uniform(0.35, 0.8), down * rng.uniform(0.35, 0.8)
    missing = rng.random() * 0.25
    crossed, framed = rng.random() < 0.3, rng.random() < 0.3
    for row in range(rows):
        for column in range(columns):
            if rng.random() < missing:
                continue
            x, y = (column + 0.5) * across, (row + 0.5) * down
            box = (round(x - wide / 2), round(y - tall / 2)), (round(x + wide / 2), round(y + tall / 2))
            cv2.rectangle(picture, *box, mark + rng.normal(0, 8), -1)
            if framed:
                cv2.rectangle(picture, *box, 255 - mark, max(1, round(wide / 12)))
            if crossed:
                cv2.line(picture, (round(x), box[0][1]), (round(x), box[1][1]), 255 - mark, max(1, round(wide / 14)))
    if rng.random() < 0.4:
        y = int(rng.integers(height))
        cv2.line(picture, (0, y), (width, y), mark, max(1, height // 40))


def _bars(rng: Generator, picture: NDArray[np.float32], mark: float) -> None:
    """Upright bars, lying slats, or both: a fence, a grille, a shutter, a drain."""
    height, width = picture.shape
    kind = rng.random()
    if kind < 0.7:
        step = rng.uniform(MARK_PX, max(MARK_PX + 1, width / 4))
        thick = max(1, round(step * rng.uniform(0.15, 0.65)))
        for x in np.arange(rng.uniform(0, step), width, step):
            cv2.line(picture, (round(x), 0), (round(x), height), mark, thick, cv2.LINE_AA)
    if kind > 0.5:
        step = rng.uniform(MARK_PX, max(MARK_PX + 1, height / 2))
        for y in np.arange(rng.uniform(0, step), height, step):
            thick = max(1, round(step * rng.uniform(0.1, 0.5)))
            cv2.line(picture, (0, round(y)), (width, round(y)), mark, thick, cv2.LINE_AA)


def _stripes(rng: Generator, picture: NDArray[np.float32], mark: float) -> None:
    """Slanting or straight broad bands: a barrier's arm, a post, a kerb, a crossing."""
    height, width = picture.shape
    step, lean = rng.uniform(0.25, 1.6) * height, rng.uniform(-0.9, 0.9) * height
    for x in np.arange(-abs(lean), width + abs(lean), max(step, MARK_PX)):
        band = [(x, 0), (x + step / 2, 0), (x + step / 2 + lean, height), (x + lean, height)]
        cv2.fillPoly(picture, [np.round(band).astype(np.int32)], mark, cv2.LINE_AA)


def _tiles(rng: Generator, picture: NDArray[np.float32], mark: float) -> None:
    """Bricks, slabs or tiles with their joints."""
    height, width = picture.shape
    rows = int(rng.integers(2, 9))
    down, across = height / rows, height / rows * rng.uniform(1.0, 3.0)
    picture += cv2.resize(rng.normal(0, 10, (rows, max(1, round(width / across)))), (width, height), interpolation=0)
    joint = max(1, round(down * rng.uniform(0.04, 0.18)))
    for row in range(rows + 1):
        cv2.line(picture, (0, round(row * down)), (width, round(row * down)), mark, joint)
        for x in np.arange((row % 2) * across / 2, width, across):
            top = round(row * down)
            cv2.line(picture, (round(x), top), (round(x), round(top + down)), mark, joint)


def _lamps(rng: Generator, picture: NDArray[np.float32], mark: float) -> None:
    """A row of round things: lamps, bolts, reflectors, the holes of a vent."""
    height, width = picture.shape
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(2, 12))
    radius = max(2, round(min(width / columns, height / rows) * rng.uniform(0.2, 0.45)))
    for row in range(rows):
        for column in range(columns):
            centre = round((column + 0.5) * width / columns), round((row + 0.5) * height / rows)
            cv2.circle(picture, centre, radius, mark, -1 if rng.random() < 0.8 else 2, cv2.LINE_AA)


def _nothing(rng: Generator, picture: NDArray[np.float32], mark: float) -> None:
    """Noise of any strength and grain, as of a camera at night."""
    height, width = picture.shape
    grain = float(rng.uniform(1, 4))
    noise = rng.normal(0, rng.uniform(0, 70), (max(1, round(height / grain)), max(1, round(width / grain))))
    picture += cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR if grain > 1.5 else 0)


_KINDS = (_windows, _windows, _windows, _bars, _stripes, _tiles, _lamps, _nothing)
