"""Attention: an idle gate costs nothing, and no passage is missed for it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from edge.config.camera import CameraSettings
from edge.pipeline.attention import Attention, Look, around
from edge.types import Box, Detection, Track, TrackState


def settings(**changes: object) -> CameraSettings:
    return CameraSettings.model_validate({"name": "gate", "url": "x.mp4", **changes})


def track(*, speed_px_s: float = 0.0, at_s: float = 0.0) -> Track:
    box = Box(100, 100, 200, 120)
    return Track(1, TrackState.CONFIRMED, box, (speed_px_s, 0.0), 0.0, at_s, 9, Detection(box, 0.9))


@pytest.mark.parametrize(("fps", "limit", "expected"), [(25, 15, 15), (25, 30, 25), (30, 10, 10), (12.5, 15, 12.5)])
def test_rate_limit_keeps_the_wanted_rate(fps: float, limit: float, expected: float) -> None:
    """A limit of 15 on a camera with 25 pictures a second must give 15, not 12.5."""
    attention = Attention(settings(max_fps=limit))
    seconds = 20
    taken = sum(attention.wanted(i / fps) for i in range(int(seconds * fps)))
    assert taken / seconds == pytest.approx(expected, rel=0.03)


def test_rate_limit_starts_anew_after_a_pause_of_the_stream() -> None:
    """After an hour without camera there is no burst of frames to make up for it."""
    attention = Attention(settings(max_fps=10))
    assert attention.wanted(0.0)
    assert attention.wanted(3600.0)
    assert not attention.wanted(3600.01)


def test_still_and_empty_picture_is_looked_at_now_and_then_only() -> None:
    """99 of 100 frames of a day show nothing; but a motion gate may err, so it is checked."""
    attention = Attention(settings(motion={"full_look_every_s": 2.0}))
    looks = [attention.choose(i / 10, moving=False, tracks=()).look for i in range(100)]
    assert looks.count(Look.FULL) == 5
    assert set(looks) == {Look.NONE, Look.FULL}


def test_moving_picture_without_plates_is_looked_at_in_full() -> None:
    """A vehicle whose plate is not found yet."""
    attention = Attention(settings())
    assert [attention.choose(i / 10, moving=True, tracks=()).look for i in range(5)] == [Look.FULL] * 5


def test_without_motion_gate_every_frame_is_looked_at() -> None:
    """Somebody who turned it off wants to be sure."""
    attention = Attention(settings(motion={"enabled": False}))
    assert [attention.choose(i / 10, moving=False, tracks=()).look for i in range(5)] == [Look.FULL] * 5


def test_followed_plate_is_looked_at_nearby_and_everywhere_now_and_then() -> None:
    """A second vehicle behind the first is found within little more than half a second."""
    attention = Attention(settings())
    looks = [attention.choose(i / 15, moving=True, tracks=[track(speed_px_s=80)]).look for i in range(30)]
    gaps = [i for i, look in enumerate(looks) if look is Look.FULL]
    assert looks.count(Look.AROUND) > looks.count(Look.FULL) > 0
    assert max(b - a for a, b in itertools.pairwise(gaps)) / 15 <= 0.54


def test_waiting_vehicle_is_looked_at_often_enough_to_keep_its_passage() -> None:
    """Twenty minutes at the barrier are one passage: no gap between looks may end it."""
    camera = settings(gate={"ends_after_s": 1.5})
    attention = Attention(camera)
    looks = [attention.choose(i / 15, moving=False, tracks=[track()]).look for i in range(300)]
    looked = [i / 15 for i, look in enumerate(looks) if look is not Look.NONE]
    assert max(b - a for a, b in itertools.pairwise(looked)) < camera.gate.ends_after_s / 2
    assert len(looked) < 100


def test_beside_a_moving_vehicle_a_parked_one_costs_nothing_more() -> None:
    """Looks from near go to what moves; the full looks in between see that the other is still there."""
    attention, parked, moving = Attention(settings()), track(), track(speed_px_s=80)
    plans = [attention.choose(2 + i / 15, moving=True, tracks=[parked, moving]) for i in range(30)]
    assert {plan.near for plan in plans if plan.look is Look.AROUND} == {(moving,)}


def test_beside_a_parked_vehicle_a_swaying_branch_costs_no_near_looks() -> None:
    """Something moves, but it is no plate that is followed: full looks find out what it is."""
    attention = Attention(settings())
    looks = [attention.choose(2 + i / 15, moving=True, tracks=[track()]).look for i in range(30)]
    assert set(looks) == {Look.FULL, Look.NONE}
    gaps = [i for i, look in enumerate(looks) if look is Look.FULL]
    assert max(b - a for a, b in itertools.pairwise(gaps)) / 15 <= 0.54


def test_a_new_plate_is_followed_closely_before_it_is_called_standing() -> None:
    """Its speed is not known at first sight."""
    plan = Attention(settings())
    plan.choose(0.0, moving=True, tracks=())
    assert plan.choose(0.1, moving=True, tracks=[track()]).look is Look.AROUND


def test_the_jitter_of_a_large_box_is_no_movement() -> None:
    """A wall taken for a plate of 340 px must not keep the detector busy."""
    box = Box(100, 100, 900, 440)
    wall = Track(1, TrackState.CONFIRMED, box, (20.0, 9.0), 0.0, 0.0, 9, Detection(box, 0.5))
    attention = Attention(settings())
    looks = [attention.choose(i / 15, moving=False, tracks=[wall]).look for i in range(150)]
    assert sum(look is not Look.NONE for look in looks) <= 22


def test_region_around_a_track_holds_the_plate_wherever_it_may_be_next() -> None:
    """A car that brakes from 80 px/s to nothing within the frame is still inside."""
    region = around(track(speed_px_s=80), 0.2)
    assert region.x1 < 100 - 50
    assert region.x2 > 200 + 80 * 0.2 + 50
    assert region.y1 < 100 - 20
    assert region.y2 > 120 + 20


def test_a_sure_plate_is_followed_also_beside_one_that_is_not() -> None:
    """A clock in the picture that is never sure must not take the looks of the car that was read at once."""
    attention, unsure = Attention(settings()), track(speed_px_s=80)
    sure = replace(unsure, id=2)
    attention.choose(0.0, moving=True, tracks=[unsure, sure], sure={2})
    plans = [attention.choose(i / 15, moving=True, tracks=[unsure, sure], sure={2}) for i in range(1, 7)]
    assert [sure in plan.near for plan in plans] == [False, True, True, True, True, True]
