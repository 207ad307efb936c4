"""The motion filter: seconds, not frames; sizes stay positive; noise is averaged out."""

from __future__ import annotations

import numpy as np
import pytest

from edge.tracking.kalman import PlateFilter
from edge.types import Box


def moving(at_s: float, speed_px_s: float = 200.0) -> Box:
    """Return a plate of 100 x 22 px that moves to the right."""
    x = 100.0 + speed_px_s * at_s
    return Box(x, 300.0, x + 100.0, 322.0)


@pytest.mark.parametrize("fps", [5.0, 15.0, 25.0])
def test_velocity_is_per_second_at_any_frame_rate(fps: float) -> None:
    """A gate skips frames: a velocity per frame would lie."""
    plate = PlateFilter(moving(0.0))
    for step in range(1, int(2 * fps)):
        plate.advance(1 / fps)
        plate.observe(moving(step / fps))

    assert plate.velocity_px_s == pytest.approx((200.0, 0.0), abs=10.0)


def test_prediction_continues_the_motion_and_changes_nothing() -> None:
    """A region-limited look needs the box where the plate will be, without moving the track."""
    plate = PlateFilter(moving(0.0))
    for step in range(1, 30):
        plate.advance(1 / 15)
        plate.observe(moving(step / 15))
    before = plate.box

    ahead = plate.ahead(0.5)

    assert ahead.centre == pytest.approx(moving(29 / 15 + 0.5).centre, abs=8.0)
    assert plate.box == before


def test_two_half_steps_are_one_whole_step() -> None:
    """Skipping the frame in between must not change what is expected."""
    whole, halves = PlateFilter(moving(0.0)), PlateFilter(moving(0.0))
    whole.advance(0.2)
    halves.advance(0.1)
    halves.advance(0.1)

    (mean_a, spread_a), (mean_b, spread_b) = whole.expectation(), halves.expectation()

    assert mean_a == pytest.approx(mean_b)
    assert np.allclose(spread_a, spread_b, rtol=1e-6)


def test_jitter_of_a_standing_plate_is_averaged_out() -> None:
    """A car at the barrier must not seem to move."""
    rng = np.random.default_rng(1)
    plate = PlateFilter(moving(0.0))
    for _ in range(60):
        dx, dy = rng.normal(0.0, 2.0, 2)
        plate.advance(1 / 15)
        plate.observe(Box(100 + dx, 300 + dy, 200 + dx, 322 + dy))

    assert plate.box.centre == pytest.approx((150.0, 311.0), abs=2.5)


def test_a_degenerate_box_keeps_the_filter_finite() -> None:
    """A detector may return a box without height."""
    plate = PlateFilter(Box(10, 10, 10, 10))
    plate.advance(0.1)
    plate.observe(Box(10, 10, 60, 10))

    assert np.isfinite(plate.box.as_tuple()).all()
    assert plate.box.height > 0
