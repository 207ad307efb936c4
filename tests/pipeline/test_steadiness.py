"""Steadiness: a camera that hangs, sways, or is carried."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from edge.pipeline.steadiness import Steadiness
from edge.types import UInt8Array


def carried(view: Callable[[float], UInt8Array], seconds: float = 8.0) -> bool:
    """Return what a watcher of ten pictures a second thinks at the end."""
    steadiness = Steadiness()
    for i in range(int(seconds * 10)):
        steadiness.step(view(i / 10), i / 10)
    return steadiness.carried


def street() -> UInt8Array:
    """A wide textured wall, of which a camera sees 640 x 360."""
    noise = np.random.default_rng(4).integers(0, 255, (500, 2400), dtype=np.uint8)
    return np.asarray(cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), None, 0, 255, cv2.NORM_MINMAX), np.uint8)


WALL = street()


def seen_at(x: float, y: float = 60.0) -> UInt8Array:
    return np.ascontiguousarray(WALL[round(y) : round(y) + 360, round(x) : round(x) + 640])


def test_a_camera_that_pans_is_carried() -> None:
    assert carried(lambda t: seen_at(100 + 90 * t))


def test_a_camera_that_hangs_is_not() -> None:
    assert not carried(lambda t: seen_at(100))


def test_a_swaying_mast_is_not_carried() -> None:
    """It comes back to where it was, whatever drives past."""
    assert not carried(lambda t: seen_at(100 + 5 * math.sin(5 * t), 60 + 4 * math.cos(7 * t)))


def test_a_lorry_that_fills_most_of_the_picture_is_no_moving_camera() -> None:
    def view(t: float) -> UInt8Array:
        picture = seen_at(100).copy()
        left = round(min(480.0, 80 * t))
        picture[60:300, left : left + 160] = np.random.default_rng(int(t * 10)).integers(0, 255, (240, 160))
        return picture

    assert not carried(view)


def test_darkness_tells_nothing() -> None:
    """A night without texture must not turn parked cars into passages."""
    assert not carried(lambda t: np.full((360, 640), 12 + int(t) % 2, np.uint8))


def test_a_camera_that_comes_to_rest_is_not_carried_any_more() -> None:
    assert not carried(lambda t: seen_at(100 + 90 * min(t, 4.0)), seconds=10.0)


def test_a_clock_that_jumps_back_starts_anew() -> None:
    steadiness = Steadiness()
    for at_s in (10.0, 10.5, 3.0, 3.5, 5.6):
        steadiness.step(seen_at(100), at_s)

    assert not steadiness.carried
