"""Letters and digits drawn from strokes, in the manner of DIN 1451: no font file is needed.

Every glyph is a set of centre lines in a box of 1 x 1; a stroke of constant width follows them.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Line = tuple[tuple[float, float], ...]
STROKE = 0.145  # of the height, as on European plates
WIDTH = 0.52  # of the height, outer edge to outer edge
R = 0.27  # vertical radius of the round ends
SUPERSAMPLE = 4
NARROW = {"I": 0.145, "1": 0.34, "J": 0.46, "0": 0.48}
WIDE = {"M": 0.62, "W": 0.72, "O": 0.56, "Q": 0.56, "A": 0.56, "V": 0.56, "4": 0.54}


def _arc(cx: float, cy: float, rx: float, ry: float, start: float, end: float) -> Line:
    angles = np.radians(np.linspace(start, end, 25))
    return tuple((float(cx + rx * np.cos(a)), float(cy + ry * np.sin(a))) for a in angles)


def _bowl(cx: float, top: float, bottom: float, right: float) -> Line:
    """Return the right-hand bowl of B, P and R."""
    middle, half = (top + bottom) / 2, (bottom - top) / 2
    return ((0.0, top), *_arc(cx, middle, right - cx, half, -90, 90), (0.0, bottom))


_ROUND = (*_arc(0.5, R, 0.5, R, 180, 360), *_arc(0.5, 1 - R, 0.5, R, 0, 180), (0.0, R))
_OPEN = (*_arc(0.5, R, 0.5, R, 340, 180), *_arc(0.5, 1 - R, 0.5, R, 180, 20))
_STEM: Line = ((0.0, 0.0), (0.0, 1.0))

STROKES: dict[str, tuple[Line, ...]] = {
    "0": (_ROUND,),
    "1": (((0.0, 0.24), (1.0, 0.0), (1.0, 1.0)),),
    "2": ((*_arc(0.5, R, 0.5, R, 185, 375), (0.0, 1.0), (1.0, 1.0)),),
    "3": (_arc(0.48, 0.25, 0.44, 0.25, 200, 450), _arc(0.48, 0.74, 0.52, 0.26, 270, 515)),
    "4": (((0.74, 1.0), (0.74, 0.45)), ((0.62, 0.0), (0.0, 0.73), (1.0, 0.73))),
    "5": (((0.93, 0.0), (0.13, 0.0), (0.07, 0.47)), _arc(0.48, 0.69, 0.52, 0.31, 218, 505)),
    "6": (_arc(0.5, 0.69, 0.5, 0.31, 0, 360), ((0.02, 0.62), (0.2, 0.33), (0.66, 0.0))),
    "7": (((0.0, 0.0), (1.0, 0.0), (0.34, 1.0)),),
    "8": (_arc(0.5, 0.24, 0.43, 0.24, 0, 360), _arc(0.5, 0.74, 0.5, 0.26, 0, 360)),
    "9": (_arc(0.5, 0.31, 0.5, 0.31, 0, 360), ((0.98, 0.38), (0.8, 0.67), (0.34, 1.0))),
    "A": (((0.0, 1.0), (0.5, 0.0), (1.0, 1.0)), ((0.17, 0.68), (0.83, 0.68))),
    "B": (_STEM, _bowl(0.5, 0.0, 0.48, 0.93), _bowl(0.55, 0.48, 1.0, 1.0)),
    "C": (_OPEN,),
    "D": (_STEM, ((0.0, 0.0), *_arc(0.45, 0.3, 0.55, 0.3, -90, 0), *_arc(0.45, 0.7, 0.55, 0.3, 0, 90), (0.0, 1.0))),
    "E": (((1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0)), ((0.0, 0.48), (0.85, 0.48))),
    "F": (((1.0, 0.0), (0.0, 0.0), (0.0, 1.0)), ((0.0, 0.48), (0.85, 0.48))),
    "G": (_OPEN, ((0.55, 0.55), (1.0, 0.55), (1.0, 0.82))),
    "H": (_STEM, ((1.0, 0.0), (1.0, 1.0)), ((0.0, 0.48), (1.0, 0.48))),
    "I": (((0.5, 0.0), (0.5, 1.0)),),
    "J": (((1.0, 0.0), *_arc(0.5, 1 - R, 0.5, R, 0, 170)),),
    "K": (_STEM, ((0.95, 0.0), (0.0, 0.62)), ((0.34, 0.4), (1.0, 1.0))),
    "L": (((0.0, 0.0), (0.0, 1.0), (1.0, 1.0)),),
    "M": (((0.0, 1.0), (0.0, 0.0), (0.5, 0.6), (1.0, 0.0), (1.0, 1.0)),),
    "N": (((0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0)),),
    "O": (_arc(0.5, 0.5, 0.5, 0.5, 0, 360),),
    "P": (_STEM, _bowl(0.5, 0.0, 0.54, 1.0)),
    "Q": (_arc(0.5, 0.5, 0.5, 0.5, 0, 360), ((0.6, 0.72), (1.0, 1.0))),
    "R": (_STEM, _bowl(0.5, 0.0, 0.52, 1.0), ((0.45, 0.52), (1.0, 1.0))),
    "S": ((*_arc(0.5, 0.25, 0.46, 0.25, 335, 90), *_arc(0.5, 0.75, 0.5, 0.25, 270, 515)),),
    "T": (((0.0, 0.0), (1.0, 0.0)), ((0.5, 0.0), (0.5, 1.0))),
    "U": (((0.0, 0.0), *_arc(0.5, 1 - R, 0.5, R, 180, 0), (1.0, 0.0)),),
    "V": (((0.0, 0.0), (0.5, 1.0), (1.0, 0.0)),),
    "W": (((0.0, 0.0), (0.26, 1.0), (0.5, 0.25), (0.74, 1.0), (1.0, 0.0)),),
    "X": (((0.0, 0.0), (1.0, 1.0)), ((1.0, 0.0), (0.0, 1.0))),
    "Y": (((0.0, 0.0), (0.5, 0.52), (1.0, 0.0)), ((0.5, 0.52), (0.5, 1.0))),
    "Z": (((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)),),
    "-": (((0.2, 0.5), (0.8, 0.5)),),
    ".": (((0.5, 0.93), (0.5, 0.95)),),
}


@lru_cache(maxsize=1024)
def glyph(character: str, height_px: int, narrow: float = 1.0, stroke: float = STROKE) -> Mask:
    """Return the mask (height_px, w) of one character; `narrow` squeezes it sideways."""
    width = NARROW.get(character, WIDE.get(character, 0.3 if character in "-." else WIDTH)) * narrow
    scale = height_px * SUPERSAMPLE
    pen = max(1, round(stroke * scale))
    box = np.array([max(width * scale - pen, 0.0), scale - pen])
    image = np.zeros((scale, max(pen, round(width * scale))), np.uint8)
    for line in STROKES[character]:
        points = np.round(np.array(line) * box + pen / 2).astype(np.int32)
        cv2.polylines(image, [points.reshape(-1, 1, 2)], False, 255, pen, cv2.LINE_AA)
    size = (max(1, image.shape[1] // SUPERSAMPLE), height_px)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def lettering(
    text: str, height_px: int, narrow: float = 1.0, gap: float = 0.15, space: float = 0.35, stroke: float = STROKE
) -> Mask:
    """Return the mask of a whole line; blanks and gaps are shares of the height."""
    pieces: list[Mask] = []
    for index, character in enumerate(text):
        if character == " ":
            pieces.append(np.zeros((height_px, max(1, round(space * height_px * narrow))), np.uint8))
            continue
        if index and text[index - 1] != " ":
            pieces.append(np.zeros((height_px, max(1, round(gap * height_px * narrow))), np.uint8))
        pieces.append(glyph(character, height_px, narrow, stroke))
    return np.concatenate(pieces, axis=1) if pieces else np.zeros((height_px, 1), np.uint8)
