"""Lanes played from end to end with noise: tracker, reads, votes, splits and gate as the pipeline runs them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.camera import GateSettings
from edge.types import EventType
from tests.tracking.lane import Lane, Vehicle, along

RATES = pytest.mark.parametrize("fps", [5.0, 15.0, 25.0])
LOW_RATES = pytest.mark.parametrize("fps", [5.0, 12.0])  # for the long scenes
CAR, OTHER = "AB12CDE", "XY98ZWV"


def provisionals(lane: Lane) -> list[str]:
    return [c.verdict.text for c in lane.changes if c.kind is EventType.PROVISIONAL and c.verdict is not None]


@RATES
@pytest.mark.parametrize("seconds", [1.2, 4.0, 12.0])
def test_an_entry_is_one_entry(fps: float, seconds: float) -> None:
    """From a car in a hurry (37 km/h) to one that creeps."""
    lane = Lane([Vehicle(CAR, along((1, 15), (1 + seconds, 2.5)))], fps=fps)
    lane.run(seconds + 4)

    assert lane.answers() == [(CAR, "entry")]
    assert provisionals(lane) == [CAR]


@RATES
def test_an_exit_is_one_exit(fps: float) -> None:
    """Seen from behind, the plate shrinks."""
    lane = Lane([Vehicle(CAR, along((1, 2.6), (5, 15)))], fps=fps)
    lane.run(8)

    assert lane.answers() == [(CAR, "exit")]
    assert provisionals(lane) == [CAR]


@LOW_RATES
def test_waiting_and_then_passing_is_one_event(fps: float) -> None:
    """With a pedestrian who hides the plate twice."""
    way = along((1, 15), (4, 5), (20, 5), (22, 2.5), hidden=[(8, 10.5), (15, 16)])
    lane = Lane([Vehicle(CAR, way)], fps=fps)
    lane.run(25)

    assert lane.answers() == [(CAR, "entry")]
    assert provisionals(lane) == [CAR]


@RATES
def test_reversing_out_is_no_entry(fps: float) -> None:
    """It came to the barrier and went back."""
    lane = Lane([Vehicle(CAR, along((1, 15), (5, 4), (8, 4), (12, 15)))], fps=fps)
    lane.run(20)

    assert lane.answers() == [(CAR, "unknown")]


@RATES
def test_tailgating_is_two_entries(fps: float) -> None:
    """Bumper to bumper: both plates in view for seconds, 4.5 m apart."""
    first = along((1, 15), (4, 5), (6, 5), (7.5, 2.5))
    second = along((1.5, 20), (4.5, 9.5), (6, 9.5), (9, 2.5))
    lane = Lane([Vehicle(CAR, first), Vehicle(OTHER, second)], fps=fps)
    lane.run(14)

    assert lane.answers() == [(CAR, "entry"), (OTHER, "entry")]


@RATES
def test_a_car_whose_plate_appears_where_the_other_vanished_is_its_own(fps: float) -> None:
    """Position and size continue, only the text tells: the track is split and both passages are right."""
    first, second = along((1, 15), (4, 5), (6, 5)), along((6.1, 5), (8, 5), (10, 2.5))
    lane = Lane([Vehicle(CAR, first), Vehicle(OTHER, second)], fps=fps)
    lane.run(13)

    assert [text for text, _ in lane.answers()] == [CAR, OTHER]
    assert provisionals(lane) == [CAR, OTHER]


@RATES
@pytest.mark.parametrize("hidden", [(3.0, 3.4), (4.0, 6.5), (5.0, 11.0)])
def test_a_pillar_does_not_double_a_passage(fps: float, hidden: tuple[float, float]) -> None:
    """The track is lost and found under another id."""
    lane = Lane([Vehicle(CAR, along((1, 15), (13, 2.5), hidden=[hidden]))], fps=fps)
    lane.run(20)

    assert lane.answers() == [(CAR, "entry")]
    assert provisionals(lane) == [CAR]


@LOW_RATES
def test_a_parked_car_in_view_is_nothing_while_others_pass(fps: float) -> None:
    """Top request: the parked car's plate must not be reported for the moving one."""
    parked = Vehicle("PP11PPP", along((0, 7), (38, 7), x=2.0, hidden=[(12, 15), (33, 34)]))
    lane = Lane([parked, Vehicle(CAR, along((31, 15), (35, 2.5)))], fps=fps)
    lane.run(38)

    assert lane.answers() == [(CAR, "entry")]
    assert provisionals(lane) == [CAR]


@RATES
def test_an_illegible_plate_is_unread_once(fps: float) -> None:
    """Dirty, bent or covered: the operator hears of the vehicle."""
    lane = Lane([Vehicle(CAR, along((1, 15), (5, 2.5)), legible=False)], fps=fps)
    lane.run(12)

    assert lane.answers() == [(None, "entry")]


@RATES
def test_two_lanes_at_once_keep_their_plates(fps: float) -> None:
    """Side by side, one in, one out."""
    lane = Lane(
        [Vehicle(CAR, along((1, 15), (5, 3), x=-1.0)), Vehicle(OTHER, along((1, 3), (5, 15), x=1.0))],
        fps=fps,
    )
    lane.run(12)

    assert sorted(lane.answers(), key=str) == [(CAR, "entry"), (OTHER, "exit")]


def test_a_line_across_the_lane_decides_direction() -> None:
    """At 5 frames a second the plate jumps over it."""
    gate = GateSettings(direction="line", line=((0.2, 0.6), (0.8, 0.6)))
    lane = Lane([Vehicle(CAR, along((1, 15), (3, 2.5)))], fps=5, settings=gate)
    lane.run(8)

    assert lane.answers() == [(CAR, "entry")]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 0.5), st.floats(0.0, 0.25), st.sampled_from([10.0, 15.0]))
def test_one_event_per_passage_whatever_frames_are_dropped(
    seed: int, dropped: float, missed: float, fps: float
) -> None:
    """Half of the frames lost, a quarter of the plates overlooked: still exactly one event, the right one."""
    way = along((1, 15), (4, 5), (7, 5), (9, 2.5))
    lane = Lane([Vehicle(CAR, way)], fps=fps, seed=seed, dropped=dropped, missed=missed)
    lane.run(13)

    assert lane.answers() == [(CAR, "entry")]


def test_two_runs_are_identical() -> None:
    """Replay is evidence only if it repeats itself bit for bit."""
    runs = []
    for _ in range(2):
        lane = Lane([Vehicle(CAR, along((1, 15), (5, 2.5))), Vehicle(OTHER, along((2, 20), (7, 2.5)))], seed=3)
        runs.append(lane.run(10))

    assert runs[0] == runs[1]


def test_memory_stays_bounded_over_a_busy_while() -> None:
    """A car every six seconds; nothing of the old ones is kept by gate or votes."""
    cars = [Vehicle(f"AB{i:02d}CDE", along((6 * i, 14), (6 * i + 4, 2.6))) for i in range(15)]
    lane = Lane(cars, fps=5)
    lane.run(95)

    assert len(lane.finals()) == len(cars)
    assert lane.widest <= 6
