"""Sight: looks from near: neighbours share one, but never at the price of a small plate's detail."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np

from edge.pipeline.attention import Look, Plan
from edge.pipeline.sight import Sight, distinct, merged
from edge.types import Box, Detection, Frame, Track, TrackState, UInt8Array


def test_two_cars_bumper_to_bumper_are_one_look() -> None:
    """Parts of one size that overlap cost one run of the detector instead of two."""
    assert merged([Box(0, 0, 200, 130), Box(60, 20, 260, 150)]) == [Box(0, 0, 260, 150)]


def test_parts_that_do_not_touch_stay_apart() -> None:
    """The road between two lanes need not be looked at."""
    parts = [Box(0, 0, 200, 130), Box(900, 0, 1100, 130)]
    assert merged(parts) == parts


def test_a_small_plate_beside_a_large_one_keeps_its_own_look() -> None:
    """Shown together, the network would see the small one at a tenth of its size, and lose it."""
    large, small = Box(0, 0, 1900, 1000), Box(500, 300, 700, 430)
    assert set(merged([small, large])) == {large, small}


def test_a_chain_does_not_grow_without_end() -> None:
    """A queue of cars in view is several looks: one over all of them would see none."""
    queue = [Box(100.0 * i, 0, 100.0 * i + 200, 130) for i in range(8)]
    looks = merged(queue)
    assert all(look.width <= 400 for look in looks)
    assert all(any(look.x1 <= q.x1 and q.x2 <= look.x2 for look in looks) for q in queue)


def test_a_plate_found_in_two_looks_is_one_plate() -> None:
    """The one that is named first stays: looks from near come before those at the whole picture."""
    good, poor, other = (
        Detection(Box(10, 10, 110, 32), 0.9),
        Detection(Box(12, 11, 113, 33), 0.4),
        Detection(Box(300, 10, 400, 32), 0.5),
    )
    assert distinct([good, other, poor]) == (good, other)


class Coarse:
    """A detector that finds one plate in every look, the surer and the larger the more of the picture it is shown."""

    name = provider = "coarse"

    def detect(self, luma: UInt8Array) -> tuple[Detection, ...]:
        return ()

    def detect_in(self, luma: UInt8Array, region: Box, size: tuple[int, int] | None = None) -> tuple[Detection, ...]:
        off = region.width / 200
        return (Detection(Box(500 - off, 300 - off, 560 + off, 314 + off), min(0.99, 0.5 + region.width / 2000)),)


def test_of_two_looks_from_near_the_one_with_more_detail_is_believed() -> None:
    """A wall is followed as if it were a plate: the plate inside its large part is not read from there."""
    boxes = Box(500, 300, 560, 314), Box(400, 100, 800, 400)
    tracks = tuple(
        Track(i, TrackState.CONFIRMED, box, (40.0, 0.0), 0.0, 0.0, 9, Detection(box, 0.9))
        for i, box in enumerate(boxes)
    )
    luma = np.zeros((720, 1280), np.uint8)
    frame = Frame("gate", 0, 0.0, datetime(2026, 1, 2, tzinfo=timezone.utc), luma, lambda _: luma)
    (found,) = Sight(Coarse(), (), (384, 640)).look(frame, Plan(Look.AROUND, tracks))
    assert found.box.width < 64
