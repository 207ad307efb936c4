"""Characters as plates press them: one stroke of even width along a skeleton, in endless variants.

Open fonts hold few of the alphabets that are really stamped; here width, weight, roundness and the
details that tell 0 from O, 1 from I and 6 from G vary from one variant to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

CAP_PX = 96  # height of a character
_FINE = 4  # drawn this many times larger, for smooth edges
Points = list[tuple[float, float]]  # in a unit box, y down
NARROW = {"1": 0.55, "J": 0.85, "L": 0.9, "F": 0.92, "E": 0.95, "M": 1.2, "W": 1.25}


@dataclass(frozen=True, slots=True)
class Variant:
    """One invented alphabet."""

    width: float  # of a normal character over its height
    weight: float  # of the stroke over the height
    power: float  # 2 gives round bowls, 4 square ones
    one: int  # 0 a bar, 1 with a flag, 2 with flag and foot
    eye: int  # 0 a bar, 1 with serifs
    zero: int  # 0 as O, 1 slashed, 2 dotted, 3 narrower
    four: int  # 0 closed, 1 open
    three: int  # 0 round, 1 flat top
    seven: int  # 0 plain, 1 crossed
    curl: float  # how far the ends of C, G, S, 6, 9 come round, in degrees
    waist: float  # height of the middle bar


@lru_cache(maxsize=1024)
def variant(number: int) -> Variant:
    """Return invented alphabet `number`; always the same for the same number."""
    rng = np.random.default_rng([71, number])
    return Variant(
        width=float(rng.uniform(0.42, 0.66)),
        weight=float(rng.uniform(0.1, 0.2)),
        power=float(rng.choice((2.0, 2.3, 2.8, 3.5, 5.0))),
        one=int(rng.choice(3, p=(0.25, 0.55, 0.2))),
        eye=int(rng.choice(2, p=(0.65, 0.35))),
        zero=int(rng.choice(4, p=(0.55, 0.2, 0.05, 0.2))),
        four=int(rng.integers(2)) if rng.random() < 0.4 else 0,
        three=int(rng.random() < 0.3),
        seven=int(rng.random() < 0.1),
        curl=float(rng.uniform(15, 60)),
        waist=float(rng.uniform(0.44, 0.54)),
    )


def _arc(v: Variant, centre: tuple[float, float], radius: tuple[float, float], start: float, end: float) -> Points:
    """Return points of a superellipse between two angles in degrees, clockwise when `end` is larger."""
    angles = np.radians(np.linspace(start, end, 40))
    cos, sin = np.cos(angles), np.sin(angles)
    xs = centre[0] + radius[0] * np.sign(cos) * np.abs(cos) ** (2 / v.power)
    ys = centre[1] + radius[1] * np.sign(sin) * np.abs(sin) ** (2 / v.power)
    return list(zip(xs.tolist(), ys.tolist(), strict=True))


def _bowl(v: Variant, top: float, bottom: float, x: float = 0.45, reach: float = 1.0) -> Points:
    """Return a right-hand bowl from the stem, between two heights."""
    middle, half = (top + bottom) / 2, (bottom - top) / 2
    return [(0.0, top), *_arc(v, (x, middle), (reach - x, half), -90, 90), (0.0, bottom)]


def _turned(strokes: list[Points]) -> list[Points]:
    return [[(1 - x, 1 - y) for x, y in stroke] for stroke in strokes]


def _six(v: Variant) -> list[Points]:
    loop = _arc(v, (0.5, 0.69), (0.5, 0.31), 0, 360)
    stem = [(0.0, 0.69), *_arc(v, (0.5, 0.31), (0.5, 0.31), 180, 360 - v.curl)]
    return [loop, stem]


def _zero(v: Variant) -> list[Points]:
    loop = _arc(v, (0.5, 0.5), (0.38 if v.zero == 3 else 0.5, 0.5), 0, 360)
    extra: dict[int, list[Points]] = {1: [[(0.2, 0.78), (0.8, 0.22)]], 2: [[(0.5, 0.48), (0.5, 0.52)]]}
    return [loop, *extra.get(v.zero, [])]


def _one(v: Variant) -> list[Points]:
    stem: list[Points] = [[(0.6, 0.0), (0.6, 1.0)]]
    if v.one:
        stem.append([(0.6, 0.0), (0.0, 0.24)])
    if v.one == 2:
        stem.append([(0.0, 1.0), (1.0, 1.0)])
    return stem


def _four(v: Variant) -> list[Points]:
    if v.four:
        return [[(0.1, 0.0), (0.0, 0.68), (1.0, 0.68)], [(0.75, 0.3), (0.75, 1.0)]]
    return [[(0.75, 1.0), (0.75, 0.0), (0.0, 0.7), (1.0, 0.7)]]


def _three(v: Variant) -> list[Points]:
    low = _arc(v, (0.45, 0.74), (0.55, 0.26), -90, 180 - v.curl)
    if v.three:
        return [[(0.05, 0.0), (0.95, 0.0), (0.42, 0.46), *_arc(v, (0.45, 0.72), (0.55, 0.28), -80, 180 - v.curl)]]
    return [[*_arc(v, (0.45, 0.24), (0.5, 0.24), -180 + v.curl, 90), *low]]


def _ess(v: Variant) -> list[Points]:
    high = _arc(v, (0.5, 0.25), (0.48, 0.25), -v.curl, -270)
    return [[*high, *_arc(v, (0.5, 0.75), (0.5, 0.25), -90, 180 - v.curl)]]


def _five(v: Variant) -> list[Points]:
    return [[(0.92, 0.0), (0.12, 0.0), (0.06, 0.45), *_arc(v, (0.47, 0.67), (0.53, 0.33), -140, 180 - v.curl)]]


def _two(v: Variant) -> list[Points]:
    return [[*_arc(v, (0.5, 0.29), (0.5, 0.29), -180 + v.curl * 0.5, 35), (0.0, 1.0), (1.0, 1.0)]]


def _eye(v: Variant) -> list[Points]:
    bar: list[Points] = [[(0.5, 0.0), (0.5, 1.0)]]
    return bar + ([[(0.0, 0.0), (1.0, 0.0)], [(0.0, 1.0), (1.0, 1.0)]] if v.eye else [])


def _round(v: Variant, start: float, end: float) -> Points:
    return _arc(v, (0.5, 0.5), (0.5, 0.5), start, end)


SKELETONS: dict[str, Callable[[Variant], list[Points]]] = {
    "0": _zero,
    "1": _one,
    "2": _two,
    "3": _three,
    "4": _four,
    "5": _five,
    "6": _six,
    "7": lambda v: [[(0.0, 0.0), (1.0, 0.0), (0.35, 1.0)]] + ([[(0.3, 0.5), (0.85, 0.5)]] if v.seven else []),
    "8": lambda v: [_arc(v, (0.5, 0.24), (0.45, 0.24), 0, 360), _arc(v, (0.5, 0.74), (0.5, 0.26), 0, 360)],
    "9": lambda v: _turned(_six(v)),
    "A": lambda v: [[(0.0, 1.0), (0.45, 0.0), (0.55, 0.0), (1.0, 1.0)], [(0.2, 0.7), (0.8, 0.7)]],
    "B": lambda v: [[(0.0, 0.0), (0.0, 1.0)], _bowl(v, 0.0, v.waist, reach=0.92), _bowl(v, v.waist, 1.0)],
    "C": lambda v: [_round(v, -v.curl, -360 + v.curl)],
    "D": lambda v: [[(0.0, 0.0), (0.0, 1.0)], _bowl(v, 0.0, 1.0, x=0.35)],
    "E": lambda v: [[(1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0)], [(0.0, v.waist), (0.85, v.waist)]],
    "F": lambda v: [[(1.0, 0.0), (0.0, 0.0), (0.0, 1.0)], [(0.0, v.waist), (0.85, v.waist)]],
    "G": lambda v: [[*_round(v, -v.curl, -360 + 20), (1.0, 0.55), (0.55, 0.55)]],
    "H": lambda v: [[(0.0, 0.0), (0.0, 1.0)], [(1.0, 0.0), (1.0, 1.0)], [(0.0, v.waist), (1.0, v.waist)]],
    "I": _eye,
    "J": lambda v: [[(0.95, 0.0), (0.95, 0.68), *_arc(v, (0.475, 0.7), (0.475, 0.3), 0, 180 - v.curl * 0.4)]],
    "K": lambda v: [[(0.0, 0.0), (0.0, 1.0)], [(1.0, 0.0), (0.0, 0.62)], [(0.32, 0.4), (1.0, 1.0)]],
    "L": lambda v: [[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]],
    "M": lambda v: [[(0.0, 1.0), (0.0, 0.0), (0.5, 0.45 + v.waist * 0.6), (1.0, 0.0), (1.0, 1.0)]],
    "N": lambda v: [[(0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0)]],
    "O": lambda v: [_round(v, 0, 360)],
    "P": lambda v: [[(0.0, 1.0), (0.0, 0.0)], _bowl(v, 0.0, v.waist + 0.06)],
    "Q": lambda v: [_round(v, 0, 360), [(0.55, 0.7), (1.0, 1.02)]],
    "R": lambda v: [[(0.0, 1.0), (0.0, 0.0)], _bowl(v, 0.0, v.waist + 0.04), [(0.5, v.waist + 0.04), (1.0, 1.0)]],
    "S": _ess,
    "T": lambda v: [[(0.0, 0.0), (1.0, 0.0)], [(0.5, 0.0), (0.5, 1.0)]],
    "U": lambda v: [[(0.0, 0.0), (0.0, 0.68), *_arc(v, (0.5, 0.68), (0.5, 0.32), 180, 0), (1.0, 0.0)]],
    "V": lambda v: [[(0.0, 0.0), (0.5, 1.0), (1.0, 0.0)]],
    "W": lambda v: [[(0.0, 0.0), (0.24, 1.0), (0.5, 0.3), (0.76, 1.0), (1.0, 0.0)]],
    "X": lambda v: [[(0.0, 0.0), (1.0, 1.0)], [(1.0, 0.0), (0.0, 1.0)]],
    "Y": lambda v: [[(0.0, 0.0), (0.5, 0.5), (1.0, 0.0)], [(0.5, 0.5), (0.5, 1.0)]],
    "Z": lambda v: [[(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]],
}


@lru_cache(maxsize=16384)
def stroke_glyph(number: int, character: str) -> NDArray[np.uint8]:
    """Return the mask (CAP_PX, w) of one character of invented alphabet `number`."""
    v = variant(number)
    size = CAP_PX * _FINE
    thick = max(2, round(v.weight * size))
    share = (1.0 if v.eye else 0.0) * 0.6 if character == "I" else NARROW.get(character, 1.0)
    if character == "1" and v.one == 0:
        share = 0.0
    wide = max(thick, round(v.width * size * share))
    image = np.zeros((size, wide), np.uint8)
    for stroke in SKELETONS[character](v):
        points = np.array(stroke) * (wide - thick, size - thick) + thick / 2
        cv2.polylines(image, [np.round(points).astype(np.int32)], False, 255, thick, cv2.LINE_AA)
    small = (max(2, wide // _FINE), CAP_PX)
    return np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA))
