"""Motion gate: may this picture be skipped because nothing moves in it?

Works on the structure of the quarter-size luma plane (what is left when its
local mean is taken away), so clouds, headlights' glow and the camera's own
exposure do not count. Rule: when in doubt it says "moving"; an idle detector
costs a car, a busy one only time. Never looks at a clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from edge.config.camera import MotionSettings
from edge.pipeline.image import region_mask, resize
from edge.types import Point, UInt8Array

_QUARTER = 4
_NEIGHBOURHOOD_PX = 11  # of the quarter-size picture: light that varies more slowly than this is no structure
_CELL_PX = 4  # quarter-size pixels; changes are counted per cell
_ADAPT_S = 20.0  # time constant of the background; a car that creeps in takes longer than to be learned away
_STILL_S = 10.0  # what has changed but not moved for so long is background: a waiting car, a switched lamp
_STILL_CELLS = 2  # fewer changed cells than this in `_STILL_S` are noise
_UPDATE_S = 0.5  # the background is refreshed this often; between, a look costs only a comparison
_LEVELS = (18.0, 2.7)  # grey levels of structure that count as change at sensitivity 0 and 1
_CELLS = (24.0, 3.0)  # connected cells that make a moving thing at sensitivity 0 and 1
_SHARE = 0.2  # of a cell's pixels must have changed
_NOISE = 5.0  # times the picture's own noise is never a change
_CONTRAST = 0.5  # share of the background's structure that light may change without anything moving
_ALL = 0.5  # share of the cells: so much change at once is the light or the camera, learn anew
_STAMP_BAND = 1 / 6  # of the height, at top and bottom: where cameras write the time
_STAMP_HEIGHT = 0.06  # of the height: letters of a time stamp are lower than this


class MotionGate:
    """Remembers what one camera's idle picture looks like. One thread."""

    def __init__(self, settings: MotionSettings, region: Sequence[Point] = ()) -> None:
        self._enabled = settings.enabled
        self._region = tuple(region)
        blend = settings.sensitivity
        self._level = _LEVELS[0] * (_LEVELS[1] / _LEVELS[0]) ** blend
        self._least_cells = round(_CELLS[0] * (_CELLS[1] / _CELLS[0]) ** blend)
        self._scene: _Scene | None = None

    def step(self, luma: UInt8Array, now_s: float) -> bool:
        """Tell whether something moves in `luma`, uint8 (H, W), seen at `now_s` seconds (monotonic).

        Also true for the first picture, after a change of resolution, and always when the gate is disabled.
        """
        if not self._enabled:
            return True
        structure = _structure(luma)
        if self._scene is None or self._scene.shape != structure.shape:
            self._scene = _Scene(structure, self._region, now_s)
            return True
        return self._differs(self._scene, structure, now_s)

    def _differs(self, scene: _Scene, structure: UInt8Array, now_s: float) -> bool:
        cells = scene.changed_cells(structure, self._level)
        moving = _has_thing(cells, self._least_cells)
        if np.count_nonzero(cells) > _ALL * scene.watched_cells:
            scene.learn_anew(structure, now_s)
            return True
        scene.adapt(structure, now_s, self._level, changed=moving)
        return moving


class _Scene:
    """The background: mean structure, the tolerance around it, and the cells that are watched."""

    def __init__(self, structure: UInt8Array, region: Sequence[Point], now_s: float) -> None:
        self.shape = structure.shape
        rows, columns = -(-structure.shape[0] // _CELL_PX), -(-structure.shape[1] // _CELL_PX)
        self._cells = (rows, columns)
        self._watched = region_mask(region, rows, columns)
        self.watched_cells = max(1, int(np.count_nonzero(self._watched)))
        self._noise = 0.0
        self.learn_anew(structure, now_s)

    def learn_anew(self, structure: UInt8Array, now_s: float) -> None:
        self._mean: Any = structure.astype(np.float32)
        self._updated_s = now_s
        self._before, self._before_s = structure, now_s
        self._refresh()

    def adapt(self, structure: UInt8Array, now_s: float, level: float, *, changed: bool) -> None:
        """Let the background follow slowly, and at once what has stood still long enough."""
        passed_s = now_s - self._updated_s
        if 0 <= passed_s < _UPDATE_S:
            return
        share = 1 - math.exp(-max(passed_s, 0.0) / _ADAPT_S)
        sample = cv2.absdiff(structure[::4, ::4], self._background[::4, ::4])
        self._noise += 0.1 * (float(np.median(sample)) - self._noise)
        if not changed or np.count_nonzero(self._cells_that_differ(structure, self._before, level)) >= _STILL_CELLS:
            self._before, self._before_s = structure, now_s
        elif now_s - self._before_s >= _STILL_S:
            self.learn_anew(structure, now_s)
            return
        cv2.accumulateWeighted(structure, self._mean, share)
        self._updated_s = now_s
        self._refresh()

    def changed_cells(self, structure: UInt8Array, level: float) -> UInt8Array:
        """Return 1 for each watched cell of which enough pixels differ from the background, else 0."""
        return self._cells_that_differ(structure, self._background, level, self._tolerance)

    def _cells_that_differ(self, now: UInt8Array, then: UInt8Array, level: float, tolerance: Any = 0) -> UInt8Array:
        difference = cv2.subtract(cv2.absdiff(now, then), tolerance)
        _, changed = cv2.threshold(difference, max(level, _NOISE * self._noise), 255, cv2.THRESH_BINARY)
        rows, columns = self._cells
        shares = resize(np.asarray(changed, np.uint8), rows, columns)
        _, cells = cv2.threshold(shares, 255 * _SHARE, 1, cv2.THRESH_BINARY)
        return np.asarray(cv2.bitwise_and(cells, self._watched), np.uint8)

    def _refresh(self) -> None:
        self._background: Any = cv2.convertScaleAbs(self._mean)
        self._tolerance: Any = cv2.convertScaleAbs(self._mean, alpha=_CONTRAST, beta=-128 * _CONTRAST)


def _structure(luma: UInt8Array) -> UInt8Array:
    """Return the quarter-size picture without its local mean, around 128."""
    small = resize(luma, max(1, luma.shape[0] // _QUARTER), max(1, luma.shape[1] // _QUARTER))
    mean = cv2.blur(small, (_NEIGHBOURHOOD_PX, _NEIGHBOURHOOD_PX))
    return np.asarray(cv2.addWeighted(small, 1, mean, -1, 128), np.uint8)


def _has_thing(cells: UInt8Array, least: int) -> bool:
    """Tell whether enough changed cells hang together and are no time stamp of the camera."""
    if np.count_nonzero(cells) < least:
        return False
    rows = cells.shape[0]
    _, _, stats, _ = cv2.connectedComponentsWithStats(cells, connectivity=8)
    band, low = rows * _STAMP_BAND, max(1.0, rows * _STAMP_HEIGHT) + 1
    for _, top, _, height, area in stats[1:]:
        in_band = top + height <= band or top >= rows - band
        if area >= least and not (in_band and height <= low):
            return True
    return False
