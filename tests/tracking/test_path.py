"""Paths: what movement is, which way a plate went, how it crosses a line; all by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.tracking.path import MAX_SAMPLES, Heading, Path, Sample, crossings, heading, move_together
from edge.types import Box


def box(x: float, y: float, height: float) -> Box:
    return Box(x - 2.3 * height, y - height / 2, x + 2.3 * height, y + height / 2)


def sizes(*heights: float) -> list[Sample]:
    """Return a path whose plate has these heights, ten looks between each two."""
    fine = np.interp(np.arange(0, len(heights) - 0.9, 0.1), range(len(heights)), np.log(heights))
    return [Sample(i / 10, 500.0, 300.0, math.exp(h)) for i, h in enumerate(fine)]


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ((12, 40), Heading.TOWARDS),
        ((40, 12), Heading.AWAY),
        ((20, 21), Heading.NONE),
        ((12, 40, 12), Heading.BACK),
        ((12, 40, 24), Heading.BACK),  # it left the picture at the side before it was back
        ((25, 40, 12), Heading.BACK),  # first seen late, seen off for longer
        ((40, 12, 40), Heading.BACK),
        ((12, 30, 24, 50), Heading.TOWARDS),  # it gave way for a moment
        ((40, 42, 12), Heading.AWAY),  # rolled a little before it left
        ((12, 40, 40, 40), Heading.TOWARDS),  # it waits
    ],
)
def test_growth_tells_the_way(heights: tuple[float, ...], expected: Heading) -> None:
    """The plate of a vehicle that comes grows; one that came and went is neither entry nor exit."""
    assert heading(sizes(*heights)) is expected


def test_a_plate_half_hidden_at_the_end_is_not_going_back() -> None:
    """The barrier's arm covers it in the last look."""
    samples = [*sizes(12, 40), Sample(9.0, 500.0, 300.0, 22.0)]

    assert heading(samples) is Heading.TOWARDS


def test_jitter_is_no_movement_and_a_step_is() -> None:
    """A parked car in wind and compression noise never moved; a hand's breadth on the road is movement."""
    rng = np.random.default_rng(2)
    path = Path()
    for i in range(300):
        dx, dy, dh = rng.normal(0.0, [1.5, 1.5, 0.4])
        path.add(i / 15, box(400 + dx, 300 + dy, 20 + dh))
    assert not path.moved
    assert path.standing(20.0)

    for i in range(3):
        path.add(20 + i / 15, box(428, 306, 20))

    assert path.moved


@pytest.mark.parametrize(("height", "moved"), [(30.0, True), (12.0, False)])
def test_two_looks_tell_that_a_large_plate_moved(height: float, moved: bool) -> None:
    """A tailgater shows its plate for half a second; a small box, though, jitters by its own height."""
    path = Path()
    for i, heights in enumerate((0.0, 0.0, 1.5, 3.0)):
        path.add(i / 8, box(400, 300 + heights * height, height))

    assert path.moved is moved


def test_one_wild_box_is_no_movement() -> None:
    """The detector marked something else for one look."""
    path = Path()
    for i in range(50):
        path.add(i / 15, box(400 if i != 25 else 460, 300, 20))

    assert not path.moved


def test_a_slowly_drifting_camera_moves_nothing() -> None:
    """The sun bends the mast by two plate heights in half an hour."""
    path = Path()
    for i in range(1800):
        path.add(float(i), box(400 + 40 * i / 1800, 300, 20))

    assert not path.moved


def test_memory_is_bounded_and_the_approach_is_not_forgotten() -> None:
    """A car that comes, waits for 20 minutes with noise, and still was seen coming."""
    rng = np.random.default_rng(4)
    path = Path()
    for i in range(60):
        path.add(i / 15, box(400 + 2 * i, 200 + 4 * i, 12 * 1.02**i))
    for i in range(6000):
        dx, dy, dh = rng.normal(0.0, [6.0, 6.0, 1.5])
        path.add(4 + i / 5, box(520 + dx, 440 + dy, 39 + dh))

    assert len(path.samples) <= MAX_SAMPLES
    assert path.samples[0].height_px == pytest.approx(12)
    assert heading(path.samples) is Heading.TOWARDS


LINE = ((0.0, 400.0), (1000.0, 400.0))  # walked to the right: its left hand is up in the picture


def track(*points: tuple[float, float]) -> list[Sample]:
    return [Sample(float(i), x, y, 20.0) for i, (x, y) in enumerate(points)]


def test_crossing_from_left_to_right_of_the_line() -> None:
    """Down the picture is to the right of a line drawn to the right."""
    crossed = crossings(track((500, 300), (510, 380), (520, 450), (530, 600)), LINE)

    assert (crossed.to_right, crossed.to_left, crossed.last_s) == (1, 0, 2.0)


def test_crossing_back_counts_apart() -> None:
    """It drove over the line and reversed."""
    crossed = crossings(track((500, 300), (500, 500), (500, 300)), LINE)

    assert (crossed.to_right, crossed.to_left) == (1, 1)


def test_hesitating_on_the_line_is_one_crossing() -> None:
    """A car that stops on the line trembles."""
    crossed = crossings(track((500, 300), (500, 398), (500, 403), (500, 399), (500, 404), (500, 480)), LINE)

    assert (crossed.to_right, crossed.to_left) == (1, 0)


def test_passing_beside_the_line_is_no_crossing() -> None:
    """The street behind the gate is not the gate."""
    short = ((0.0, 400.0), (300.0, 400.0))

    crossed = crossings(track((800, 300), (800, 500)), short)

    assert (crossed.to_right, crossed.to_left, crossed.last_s) == (0, 0, None)


def test_before_the_line_the_approach_tells_the_way() -> None:
    """A barrier must open before the car has passed it."""
    assert crossings(track((500, 100), (500, 250)), LINE).approaches == 1
    assert crossings(track((500, 700), (500, 500)), LINE).approaches == -1
    assert crossings(track((500, 250), (500, 100)), LINE).approaches == 0


def test_a_jump_over_the_line_at_low_frame_rate_is_seen() -> None:
    """At 5 frames a second a plate may be 200 px farther in the next look."""
    assert crossings(track((480, 310), (520, 520)), LINE).to_right == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 800)), min_size=2, max_size=30))
def test_crossings_alternate_whatever_the_path(points: list[tuple[float, float]]) -> None:
    """Over a line through the whole picture one can only cross to the other side."""
    crossed = crossings(track(*points), ((-5000.0, 400.0), (5000.0, 400.0)))

    assert abs(crossed.to_right - crossed.to_left) <= 1


def seen_from_above(distance_m: float, at_s: float, aside_m: float = 0.0, higher_m: float = 0.0) -> Sample:
    scale = 1500.0 / distance_m
    return Sample(at_s, 960 + aside_m * scale, 60 + (2.0 - higher_m) * scale, 0.11 * scale)


def test_lettering_on_a_van_moves_with_its_plate_and_a_follower_does_not() -> None:
    """A telephone number a metre above the plate keeps its distance in plate heights; a car behind does not."""
    ways = [(15 - i, i / 5) for i in range(11)]
    plate = [seen_from_above(z, t) for z, t in ways]
    number = [seen_from_above(z, t, 0.6, 1.0) for z, t in ways]
    follower = [seen_from_above(z + 4.0, t) for z, t in ways]

    assert move_together(number, plate)
    assert not move_together(follower, plate)
    assert not move_together(number[:2], plate[5:])


def test_heights_that_jump_between_two_kinds_of_look_are_no_movement() -> None:
    """A full look sees a small plate twice as high as it is, a look from near does not; the width is right in both."""
    parked, coming = Path(), Path()
    for i in range(40):
        wrong = 2.0 if i % 2 else 1.0
        width = 66.0 * 1.03**i
        parked.add(i / 10, Box(230, 390 - 7 * wrong, 296, 390 + 7 * wrong))
        coming.add(i / 10, Box(600, 390 - width / 9 * wrong, 600 + width, 390 + width / 9 * wrong))

    assert not parked.moved and heading(parked.samples) is Heading.NONE
    assert heading(coming.samples) is Heading.TOWARDS
