"""Finds the plates in a still picture of any size: look at all of it, then closer in tiles, then at each find again.

A still picture is seen once, so it gets more looks than a frame. Each round of tiles shows three times as much
detail as the one before, until plates of 20 pixels would be found or the number of tiles would get out of hand.
What was found is looked at once more in several sizes: a plate is one in all of them, lettering and lamps rarely
are, and the middle of several finds of its corners is nearer the truth than any one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from edge.config.models import ModelSettings
from edge.pipeline.image import whole_strides
from edge.protocols import Detector
from edge.tracking.calibration import log_odds
from edge.types import Box, Detection, UInt8Array

_STEP = 3.0  # detail of one round over that of the one before: detectors find plates over a tenfold range of widths
_OVERLAP = 0.3  # of a tile's width and height: the plates that a round is for lie whole in one of two neighbours
_MOST_TILES = 128  # in one round; a 20,000 x 20,000 picture is looked at with a sixth of its detail
_SAME_IOU = 0.4  # finds that overlap more are one plate
_INSIDE = 0.7  # share of the smaller find that lies in the other: one plate, seen whole and in part
_SMALL_PX = 90.0  # narrower than this in the network's input, the corners of a plate are coarse
# Widths of the plate in the network's input at which a find is looked at again. On the validation scenes this finds
# 96.0 % of the labelled plates at a precision of 0.97, the finds of the first looks alone 91.3 %; one look at 60 pixels
# does nearly as well, larger ones (190 pixels) add nothing.
_AGAIN_PX = (40.0, 60.0, 90.0, 130.0)
_FIELD = (192, 320)  # height and width of the network's input for such a look
_LEAST = 1e-3  # no look says less than this, or more than its complement
_UNSEEN = 0.02  # the score of a look that does not find the plate
_FINEST = 2.0  # enlarged so much, plates of 20 to 30 pixels are found nearly as well as large ones


def find_plates(luma: UInt8Array, detector: Detector, settings: ModelSettings) -> tuple[Detection, ...]:
    """Return what may be plates in `luma`, each once, best first, however low its score.

    The score is the mean opinion (log-odds) of several looks; a find counts for the first where it is no less than
    `models.detector.weak_threshold`.

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
    judged = [(_judged(luma, detector, d), 1.0) for d, _ in without_doubles(found)]
    return tuple(d for d, _ in without_doubles(judged))


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


def _judged(luma: UInt8Array, detector: Detector, find: Detection) -> Detection:
    """Return the find as it is seen in several sizes: the mean of the opinions, the middle of the places."""
    seen, opinions = [find], [_opinion(find.score)]
    for region, size in _looks_at(find.box, luma.shape):
        same = [d for d in detector.detect_in(luma, region, size) if _same_plate(d.box, find.box)]
        best = max(same, key=lambda d: d.score, default=None)
        opinions.append(_opinion(_UNSEEN if best is None else best.score))
        seen += [] if best is None else [best]
    score = 1 / (1 + math.exp(-sum(opinions) / len(opinions)))
    x1, y1, x2, y2 = np.median([d.box.as_tuple() for d in seen], axis=0).tolist()
    quads = [d.corners for d in seen if d.corners is not None]
    if not quads:
        return Detection(Box(x1, y1, x2, y2), score)
    tl, tr, br, bl = (tuple(corner) for corner in np.median(quads, axis=0).tolist())
    return Detection(Box(x1, y1, x2, y2), score, (tl, tr, br, bl))


def _looks_at(box: Box, shape: tuple[int, ...]) -> Iterator[tuple[Box, tuple[int, int]]]:
    """Yield the region of the picture and the (height, width) of the network's input for each look at one find."""
    (x, y), (height, width) = box.centre, shape
    for shown_px in _AGAIN_PX:
        scale = min(shown_px / max(box.width, 1.0), _FINEST)
        across, down = _FIELD[1] / scale / 2, _FIELD[0] / scale / 2
        region = Box(max(x - across, 0), max(y - down, 0), min(x + across, width), min(y + down, height))
        inside = whole_strides((region.y2 - region.y1) * scale), whole_strides((region.x2 - region.x1) * scale)
        yield region, (min(_FIELD[0], inside[0]), min(_FIELD[1], inside[1]))


def _opinion(score: float) -> float:
    """Return the log-odds of a look's score; none is so sure that it outweighs all others."""
    return log_odds(min(max(score, _LEAST), 1 - _LEAST))


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
