"""Finds the plates in a still picture of any size: look at all of it, then closer in tiles, and join what was seen.

A still picture is looked at once, so it gets more looks than a frame: each
round of tiles shows three times as much detail as the one before, until plates
of 20 pixels would be found or the number of tiles would get out of hand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from edge.config.models import ModelSettings
from edge.protocols import Detector
from edge.types import Box, Detection, UInt8Array

_STEP = 3.0  # detail of one round over that of the one before: detectors find plates over a tenfold range of widths
_OVERLAP = 0.3  # of a tile's width and height: the plates that a round is for lie whole in one of two neighbours
_MOST_TILES = 128  # in one round; a 20,000 x 20,000 picture is looked at with a sixth of its detail
_SAME_IOU = 0.4  # finds that overlap more are one plate
_INSIDE = 0.7  # share of the smaller find that lies in the other: one plate, seen whole and in part
_SMALL_PX = 90.0  # narrower than this in the network's input, a plate is looked at again from close by
_AROUND = 1.5  # plate widths to each side of its centre that the closer look takes in
_FINEST = 2.0  # enlarged so much, plates of 20 to 30 pixels are found nearly as well as large ones


def find_plates(luma: UInt8Array, detector: Detector, settings: ModelSettings) -> tuple[Detection, ...]:
    """Return the plates in `luma`, each once, best first: whole picture, tiles, and a closer look at small finds.

    Raises:
        InferenceError: the model failed on this picture.
    """
    height, width = luma.shape
    size = settings.detector.height, settings.detector.width
    scale = min(size[0] / height, size[1] / width)
    found = [(d, min(scale, 4.0)) for d in detector.detect(luma)]
    while scale < _FINEST and _tiles_count(luma.shape, size, min(scale * _STEP, _FINEST)) <= _MOST_TILES:
        scale = min(scale * _STEP, _FINEST)
        tiles = _tiles(luma.shape, size, scale)
        found += [(d, scale) for tile in tiles for d in detector.detect_in(luma, tile, size)]
    kept = without_doubles([(d, s) for d, s in found if d.score >= settings.detector.threshold])
    closer = [_closer(luma, detector, d, s) for d, s in kept]
    return tuple(d for d, _ in without_doubles([(d, 1.0) for d in closer]))


def without_doubles(found: list[tuple[Detection, float]]) -> list[tuple[Detection, float]]:
    """Return the finds (detection, scale of the look), best first, without those that show a better one's plate."""
    kept: list[tuple[Detection, float]] = []
    for find in sorted(found, key=_rank):
        if not any(_same_plate(find[0].box, other.box) for other, _ in kept):
            kept.append(find)
    return kept


def _rank(find: tuple[Detection, float]) -> float:
    """Order finds by score, where a look that showed the plate small weighs less: its corners are coarse."""
    detection, scale = find
    shown = min(1.0, max(detection.box.width * scale, 1.0) / _SMALL_PX)
    return -detection.score * math.sqrt(math.sqrt(shown))


def _same_plate(a: Box, b: Box) -> bool:
    across = min(a.x2, b.x2) - max(a.x1, b.x1)
    down = min(a.y2, b.y2) - max(a.y1, b.y1)
    if across <= 0 or down <= 0:
        return False
    shared = across * down
    return shared > _SAME_IOU * (a.area + b.area - shared) or shared > _INSIDE * min(a.area, b.area)


def _closer(luma: UInt8Array, detector: Detector, find: Detection, scale: float) -> Detection:
    """Return the same plate from a closer look, if it was small and the picture shows more; else the find itself."""
    if scale >= _FINEST or find.box.width * scale >= _SMALL_PX:
        return find
    (x, y), reach = find.box.centre, _AROUND * max(find.box.width, find.box.height)
    seen = detector.detect_in(luma, Box(x - reach, y - reach, x + reach, y + reach))
    same = [d for d in seen if _same_plate(d.box, find.box)]
    if not same:
        return find
    best = max(same, key=lambda d: d.score)
    return Detection(best.box, max(best.score, find.score), best.corners)


def _tiles_count(shape: tuple[int, ...], size: tuple[int, int], scale: float) -> int:
    return len(_starts(shape[0], size[0] / scale)) * len(_starts(shape[1], size[1] / scale))


def _tiles(shape: tuple[int, ...], size: tuple[int, int], scale: float) -> Iterator[Box]:
    """Yield overlapping regions that `size` shows at `scale`, together the whole picture."""
    height, width = size[0] / scale, size[1] / scale
    for top in _starts(shape[0], height):
        for left in _starts(shape[1], width):
            yield Box(left, top, min(left + width, shape[1]), min(top + height, shape[0]))


def _starts(length: int, tile: float) -> list[float]:
    """Return where tiles begin along one side: evenly spread, overlapping by at least `_OVERLAP`."""
    if tile >= length:
        return [0.0]
    number = 1 + math.ceil((length - tile) / (tile * (1 - _OVERLAP)))
    return [i * (length - tile) / (number - 1) for i in range(number)]
