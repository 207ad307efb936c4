"""Keeps the most telling picture of each followed plate and packs it for an event.

Only the region around the plate is converted to colour, and only when it is
clearly better than the picture kept so far. Nothing is written to disk here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge.config.service import EvidenceSettings
from edge.types import Box, Evidence, Frame, PlateRead, Track, TrackState, UInt8Array

BETTER_BY = 1.1
MARGIN = 0.35  # of the plate's width and height: some of the car around it
LARGEST_WIDTH_PX = 480
SMALLEST_PX = 16
MOSAIC_TILES = 8  # across the picture: a plate of seven characters, two thirds of its width, gets five
QUALITIES = (85, 70, 55, 40, 25)  # of JPEG, tried until the picture is small enough


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    value: float
    bgr: UInt8Array


class EvidenceKeeper:
    """Best picture per live track of one camera."""

    def __init__(self, settings: EvidenceSettings) -> None:
        self._settings = settings
        self._best: dict[int, _Picture] = {}

    def see(self, frame: Frame, tracks: Sequence[Track], reads: Sequence[PlateRead]) -> None:
        """Keep the plates of this frame that are shown better than ever before."""
        if not self._settings.enabled:
            return
        read = {r.track_id: r for r in reads}
        for track in tracks:
            if track.detection is not None and track.state is not TrackState.ENDED:
                value = _value(track, read.get(track.id))
                kept = self._best.get(track.id)
                if kept is None or value > BETTER_BY * kept.value:
                    self._best[track.id] = _Picture(value, frame.bgr(_around(track.detection.box)).copy())

    def of(self, track_id: int) -> Evidence:
        """Return the best picture of that track as a JPEG within the limit, or nothing if there is none."""
        picture = self._best.get(track_id)
        return Evidence(crop_jpeg=encode(picture.bgr, self._settings.max_bytes)) if picture else Evidence()

    def whole(self, frame: Frame) -> bytes | None:
        """Return the whole picture as a small JPEG within the limit; None when no pictures are wanted."""
        return encode(frame.bgr(), self._settings.max_bytes) if self._settings.enabled else None

    def keep_only(self, track_ids: Collection[int]) -> None:
        """Let go of the pictures of all other tracks: no event will mention them any more."""
        for gone in self._best.keys() - track_ids:
            del self._best[gone]


def encode(bgr: UInt8Array, max_bytes: int) -> bytes | None:
    """Return `bgr` as the best JPEG of at most `max_bytes`; None when even the smallest is larger."""
    if bgr.shape[1] > LARGEST_WIDTH_PX:
        height = round(bgr.shape[0] * LARGEST_WIDTH_PX / bgr.shape[1])
        bgr = cv2.resize(bgr, (LARGEST_WIDTH_PX, max(1, height)), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    for jpeg_quality in QUALITIES:
        done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality])
        if done and len(data) <= max_bytes:
            return bytes(data)
    return None


def shrink(jpeg: bytes, max_bytes: int) -> bytes | None:
    """Return the same picture as a JPEG of at most `max_bytes`, or None when it cannot be made that small."""
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    while bgr is not None and min(bgr.shape[:2]) >= SMALLEST_PX:
        smaller = encode(np.asarray(bgr, np.uint8), max_bytes)
        if smaller is not None:
            return smaller
        bgr = cv2.resize(bgr, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return None


def blur(jpeg: bytes) -> bytes | None:
    """Return the picture with all of it averaged over a few tiles, so that nothing in it can be read; None: no picture.

    What is averaged is gone: no sharpening brings a plate back from less than one number per character.
    """
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        return None
    return encode(mosaic(np.asarray(bgr, np.uint8)), len(jpeg))


def mosaic(bgr: UInt8Array) -> UInt8Array:
    """Return BGR `bgr` averaged over square tiles, MOSAIC_TILES of them across."""
    height, width = bgr.shape[:2]
    tiles = (min(width, MOSAIC_TILES), max(1, min(height, round(height * MOSAIC_TILES / width))))
    small = cv2.resize(bgr, tiles, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def _value(track: Track, read: PlateRead | None) -> float:
    """Rank by size, then by what the reader makes of it: an unread look counts half."""
    assert track.detection is not None
    return track.detection.box.height * track.detection.score * (0.5 + 0.5 * (read.legible if read else 0.0))


def _around(box: Box) -> Box:
    dx, dy = MARGIN * box.width, MARGIN * box.height
    return Box(box.x1 - dx, box.y1 - dy, box.x2 + dx, box.y2 + dy)
