"""Does the camera hang, or is it carried by hand or by a vehicle?

A fixed camera, even on a swaying mast, shows most of its picture again two seconds later; one that is carried shows
nearly nothing where it was. Before such a camera nobody can tell a standing vehicle from a passing one.
Never looks at a clock.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from edge.pipeline.image import resize
from edge.types import FloatArray, UInt8Array

_TILE_PX, _ROWS, _COLUMNS = 64, 3, 4
_EVERY_S = 0.25
_APART_S = 2.0  # a mast sways faster than this, and comes back
_TEXTURE = 6.0  # grey levels of spread: a flatter tile tells nothing
_LEAST_TILES = 4  # with texture; a night with one lamp tells nothing
_STAYS_PX = 4.0  # of a tile: 1.6 % of the width of the picture
_ALIKE = 0.15  # height of the correlation's peak; below it the tile shows something else
_REMEMBERED = 9  # comparisons that decide, by their median
# Median share of tiles that stay: 0.00 on three clips of moving cameras, 0.5 to 1 on two real fixed cameras and 20
# rendered conditions, a swaying mast (0.96) and heavy rain among them.
_CARRIED_BELOW = 0.2

_Tiles = list[FloatArray]


class Steadiness:
    """Watches one camera. One thread."""

    def __init__(self) -> None:
        self._window = cv2.createHanningWindow((_TILE_PX, _TILE_PX), cv2.CV_32F)
        self._seen: deque[tuple[float, _Tiles]] = deque()
        self._stay: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def carried(self) -> bool:
        """Tell whether the camera has been moving lately; False while that is not known."""
        return bool(self._stay) and float(np.median(self._stay)) < _CARRIED_BELOW

    def step(self, luma: UInt8Array, now_s: float) -> None:
        """Take in the picture `luma`, uint8 (H, W), of the moment `now_s`."""
        if self._seen and 0.0 <= now_s - self._seen[-1][0] < _EVERY_S:
            return
        if self._seen and now_s < self._seen[-1][0]:
            self._seen.clear()
        tiles = _tiles(luma)
        self._seen.append((now_s, tiles))
        while len(self._seen) > 1 and now_s - self._seen[1][0] >= _APART_S:
            self._seen.popleft()
        then_s, then = self._seen[0]
        if now_s - then_s >= _APART_S:
            pairs = [(a, b) for a, b in zip(then, tiles, strict=True) if min(a.std(), b.std()) >= _TEXTURE]
            if len(pairs) >= _LEAST_TILES:
                self._stay.append(sum(self._stays(a, b) for a, b in pairs) / len(pairs))

    def _stays(self, then: FloatArray, now: FloatArray) -> bool:
        (dx, dy), peak = cv2.phaseCorrelate(then, now, self._window)
        return peak >= _ALIKE and float(np.hypot(dx, dy)) <= _STAYS_PX


def _tiles(luma: UInt8Array) -> _Tiles:
    small = resize(luma, _ROWS * _TILE_PX, _COLUMNS * _TILE_PX).astype(np.float32)
    return [
        small[y : y + _TILE_PX, x : x + _TILE_PX]
        for y in range(0, _ROWS * _TILE_PX, _TILE_PX)
        for x in range(0, _COLUMNS * _TILE_PX, _TILE_PX)
    ]
