"""The tracker's promises: ids, states, deadlines, splits; the same input gives the same tracks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.tracking.tracker import Tracker, TrackerSettings
from edge.types import Box, Detection, Track, TrackState

FRAME = (1280, 720)


def plate(x: float, y: float, *, height: float = 20.0, score: float = 0.9) -> Detection:
    return Detection(Box(x, y, x + 4.6 * height, y + height), score)


def followed(tracker: Tracker, looks: int = 5, x: float = 300.0, speed_px: float = 4.0) -> tuple[Track, ...]:
    """Show a moving plate for some looks at 10 frames a second."""
    tracks: tuple[Track, ...] = ()
    for i in range(looks):
        tracks = tracker.step([plate(x + speed_px * i, 300)], i / 10, FRAME)
    return tracks


def test_a_plate_is_confirmed_by_its_second_look() -> None:
    """One look may be noise."""
    tracker = Tracker()

    assert [t.state for t in followed(tracker, 1)] == [TrackState.TENTATIVE]
    (track,) = tracker.step([plate(304, 300)], 0.1, FRAME)
    assert (track.state, track.hits, track.first_s, track.last_s) == (TrackState.CONFIRMED, 2, 0.0, 0.1)


def test_an_unseen_plate_is_predicted_then_lost_then_ended_once() -> None:
    """Every track has a deadline; the end is told exactly once."""
    tracker = Tracker(TrackerSettings(patience_s=1.0))
    followed(tracker)
    assert tracker.deadline_s(1) == pytest.approx(1.4)

    seen = [tracker.step([], 0.5 + i / 10, FRAME) for i in range(14)]

    states = [t.state for step in seen for t in step]
    assert states[0] is TrackState.CONFIRMED and states[3] is TrackState.LOST
    assert states.count(TrackState.ENDED) == 1 and states[-1] is TrackState.ENDED
    assert tracker.deadline_s(1) is None
    moved = [t.box.x1 for step in seen[:5] for t in step]
    assert moved == sorted(moved) and moved[-1] > moved[0] + 10


def test_a_plate_that_drives_out_of_the_picture_has_left_it() -> None:
    """No need to wait for it."""
    tracker = Tracker(TrackerSettings(patience_s=3.0))
    for i in range(8):
        tracker.step([plate(300, 560 + 20 * i, height=30)], i / 10, FRAME)

    ends = [t for i in range(6) for t in tracker.step([], 0.8 + i / 10, FRAME) if t.state is TrackState.ENDED]

    assert [t.id for t in ends] == [1]


def test_weak_detections_extend_tracks_but_never_start_them() -> None:
    """A burnt-out plate scores low for a moment; a shadow always does."""
    tracker = Tracker()
    followed(tracker)
    (track,) = tracker.step([plate(320, 300, score=0.2), plate(900, 100, score=0.2)], 0.5, FRAME)

    assert (track.id, track.hits) == (1, 6)
    assert track.detection is not None and track.detection.score == 0.2
    (track,) = tracker.step([plate(324, 300, score=0.1)], 0.6, FRAME)
    assert track.detection is None


def test_a_second_box_on_one_plate_starts_nothing() -> None:
    """Detectors sometimes mark the plate and its frame."""
    tracker = Tracker()
    for i in range(4):
        tracks = tracker.step([plate(300, 300), plate(303, 298, height=22, score=0.6)], i / 10, FRAME)

    assert [t.id for t in tracks] == [1]


@pytest.mark.parametrize("widths_per_look", [0.5, 1.0, 1.5, 2.0])
def test_a_plate_that_jumps_by_widths_at_five_frames_a_second_is_one_track(widths_per_look: float) -> None:
    """Overlap alone would make a track per look."""
    tracker = Tracker()
    for i in range(8):
        tracks = tracker.step([plate(50 + widths_per_look * 92 * i * 0.7, 100 + 20 * i)], i / 5, FRAME)

    assert [(t.id, t.hits) for t in tracks] == [(1, 8)]


def test_two_cars_bumper_to_bumper_keep_their_ids() -> None:
    """Both plates in view, one above the other, moving together."""
    tracker = Tracker()
    for i in range(20):
        tracks = tracker.step([plate(300, 200 + 6 * i, height=16), plate(310, 330 + 9 * i, height=22)], i / 10, FRAME)

    by_size = sorted(tracks, key=lambda t: t.box.height)
    assert [t.hits for t in by_size] == [20, 20]


def test_split_ends_the_old_plate_and_goes_on_with_a_new_id() -> None:
    """Reads say that another car took its place: from then on it is another track, the old one is over."""
    tracker = Tracker()
    followed(tracker)

    new_id = tracker.split(1, since_s=0.3)
    tracks = tracker.step([plate(320, 300)], 0.5, FRAME)

    assert new_id == 2
    assert [(t.id, t.state) for t in tracks] == [(2, TrackState.CONFIRMED), (1, TrackState.ENDED)]
    assert tracks[0].first_s == 0.3
    assert tracks[1].last_s < 0.3
    assert tracker.split(1, since_s=0.6) is None


def test_settling_ends_everything() -> None:
    """The video is over."""
    tracker = Tracker()
    followed(tracker)

    assert [(t.id, t.state) for t in tracker.settle()] == [(1, TrackState.ENDED)]
    assert tracker.step([], 9.0, FRAME) == ()


def test_time_never_runs_backwards() -> None:
    """A camera that reconnects may stamp a frame too early; the tracker shrugs."""
    tracker = Tracker()
    followed(tracker)

    (track,) = tracker.step([plate(318, 300)], 0.1, FRAME)

    assert track.last_s == pytest.approx(0.4)


def test_predictions_change_nothing_and_follow_the_plate() -> None:
    """Views from near look there while a track lives."""
    tracker = Tracker()
    followed(tracker, looks=10)
    first, second = tracker.predict(1.2), tracker.predict(1.2)

    assert first == second
    assert first[1].centre == pytest.approx(plate(300 + 4 * 12, 300).box.centre, abs=10.0)


def test_impossible_settings_are_refused() -> None:
    """A weak threshold above the strong one would make every detection strong."""
    with pytest.raises(ValueError, match="weak_score"):
        TrackerSettings(strong_score=0.2, weak_score=0.4)


_detections = st.lists(
    st.builds(
        lambda x, y, h, s: Detection(Box(x, y, x + 4.6 * h, y + h), s),
        st.floats(-50, 1300),
        st.floats(-50, 750),
        st.floats(0, 60),
        st.floats(0, 1),
    ),
    max_size=4,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(_detections, st.floats(0.0, 1.0)), max_size=25))
def test_whatever_the_detector_says_the_promises_hold(steps: list[tuple[list[Detection], float]]) -> None:
    """Ids are never reused, each end comes once, memory is bounded, and a second run is identical."""
    first, second = Tracker(TrackerSettings(max_tracks=6)), Tracker(TrackerSettings(max_tracks=6))
    now_s, ended, started = 0.0, set[int](), set[int]()
    for detections, pause_s in steps:
        now_s += pause_s
        tracks = first.step(detections, now_s, FRAME)
        assert repr(tracks) == repr(second.step(list(reversed(detections)), now_s, FRAME))
        live = {t.id for t in tracks if t.state is not TrackState.ENDED}
        over = {t.id for t in tracks if t.state is TrackState.ENDED}
        assert len(live) <= 6
        assert not ended & (live | over)
        assert all(i > max(started, default=0) for i in (live | over) - started)
        ended |= over
        started |= live | over
    assert {t.id for t in first.settle()} == started - ended
