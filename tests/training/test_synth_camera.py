"""The simulated camera: repeatable, harmless at strength 0, and geometry that is exact."""

from __future__ import annotations

import numpy as np
import pytest

from training.synth.camera import degrade, motion_blur, project_plate, to_grey
from training.synth.plates import render_plate
from training.synth.surroundings import mount


def a_picture(channels: int = 0) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (40, 120, channels) if channels else (40, 120), dtype=np.uint8)


@pytest.mark.parametrize("channels", [0, 3])
def test_degraded_picture_keeps_shape_and_type(channels: int) -> None:
    """Grey for the reader and BGR for scenes go through the same code."""
    for seed in range(25):
        out = degrade(np.random.default_rng(seed), a_picture(channels), 30.0)
        assert out.shape == a_picture(channels).shape and out.dtype == np.uint8


def test_degradation_follows_from_the_generator() -> None:
    """Deterministic from a seed, or a training run cannot be repeated."""
    once, again = (degrade(np.random.default_rng(9), a_picture(), 30.0) for _ in range(2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, degrade(np.random.default_rng(10), a_picture(), 30.0))


def test_strength_zero_changes_nothing() -> None:
    """The scale has a documented end."""
    assert np.array_equal(degrade(np.random.default_rng(1), a_picture(), 30.0, 0.0), a_picture())


def test_stronger_degradation_is_worse_on_average() -> None:
    """The other end of the scale does more harm."""
    plate = to_grey(np.random.default_rng(0), render_plate(np.random.default_rng(0)).image)

    def harm(strength: float) -> float:
        pictures = [degrade(np.random.default_rng(s), plate, 80.0, strength) for s in range(30)]
        return float(np.mean([np.abs(p.astype(int) - plate).mean() for p in pictures]))

    assert harm(0.2) < harm(1.0)


def test_projected_corners_come_in_reading_order() -> None:
    """Top-left, top-right, bottom-right, bottom-left, whatever the pose."""
    for seed in range(50):
        quad = project_plate(np.random.default_rng(seed), 4.7, 100.0)
        top, bottom = quad[:2, 1].mean(), quad[2:, 1].mean()
        left, right = quad[[0, 3], 0].mean(), quad[[1, 2], 0].mean()
        assert top < bottom and left < right


def test_motion_blur_keeps_brightness() -> None:
    """A kernel that does not sum to one would also change exposure."""
    picture = a_picture()
    assert abs(motion_blur(picture, 9, 0.3).mean() - picture.mean()) < 1.5


def test_mounted_plate_lies_where_it_says() -> None:
    """The box decides where the crop is taken."""
    plate = render_plate(np.random.default_rng(8))
    canvas, box = mount(np.random.default_rng(1), plate, (336, 136), 200)
    x1, y1, x2, y2 = box.astype(int)
    assert canvas.shape == (136, 336, 3)
    assert x2 - x1 == 200 and 0 <= y1 < y2 <= 136
    inside = canvas[y1 + 6 : y2 - 6, x1 + 6 : x2 - 6].reshape(-1, 3).mean(0)
    assert np.abs(inside - plate.image.reshape(-1, 3).mean(0)).max() < 12
