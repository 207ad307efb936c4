"""Shadows: where the direct light does not come, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from training.scenes import shading, shadows
from training.scenes.camera import Camera
from training.scenes.raster import Picture

CAMERA = Camera((0.0, 0.0, 3.0), 0.0, 15.0, 0.0, 700.0, 640, 480)
CRATE = shadows.box((-0.5, 9.5, 0.0), (0.5, 10.5, 1.5))


def ground(light: shading.Light) -> Picture:
    picture = np.full((480, 640, 3), 120, np.uint8)
    shadows.cast(picture, [CRATE], CAMERA, light)
    return picture


def at(picture: Picture, x: float, y: float) -> int:
    column, row = CAMERA.project(np.array([x, y, 0.0])).round().astype(int)
    return int(picture[row, column, 1])


def test_the_shadow_falls_away_from_the_sun() -> None:
    """The sun of the day stands behind the camera on the left: the right-hand ground behind the crate is dark."""
    picture = ground(shading.DAY)

    assert at(picture, 0.9, 10.9) < 90
    assert at(picture, -1.2, 10.0) == 120
    assert at(picture, 0.0, 7.0) == 120


def test_a_low_sun_in_front_throws_it_towards_the_camera() -> None:
    picture = ground(shading.LOW_SUN)

    assert at(picture, -0.8, 8.0) < 100
    assert at(picture, 0.0, 12.5) == 120


@pytest.mark.parametrize("light", [shading.OVERCAST, shading.DUSK])
def test_without_sun_there_is_no_shadow(light: shading.Light) -> None:
    assert (ground(light) == 120).all()


def test_a_solid_beside_the_picture_darkens_nothing() -> None:
    picture = np.full((480, 640, 3), 120, np.uint8)
    shadows.cast(picture, [CRATE + np.array([40.0, 0.0, 0.0])], CAMERA, shading.DAY)

    assert (picture == 120).all()
