"""The numbers of a run, worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.replay.scoring import VideoScore, score
from edge.replay.summary import breaches, by_condition, calibration_error, load_thresholds, percentile, summarised
from edge.replay.truth import Expects, Passage, VideoTruth
from edge.types import Direction
from tests.replay.events import an_event, early


def two_videos() -> list[VideoScore]:
    """Four passages to be read: one exact, one off by one, one missed, one exact but the wrong way and twice."""

    def passage(plate: str, start: float) -> Passage:
        return Passage(plate, direction=Direction.ENTRY, from_s=start, to_s=start + 8, first_legible_s=start + 1)

    day = VideoTruth("day.mp4", (passage("AA11AAA", 0), passage("BB22BBB", 100), passage("CC33CCC", 200)), "day")
    day_events = [early(1.5, "AA11AAA", "a"), an_event(9, "AA11AAA", "a"), an_event(109, "BB22BB8", "b")]
    night = VideoTruth("night.mp4", (passage("DD44DDD", 0), Passage("PK00PPP", Expects.NOTHING)), "night")
    night_events = [
        early(3.0, "DD44DDD", "d", Direction.EXIT),
        an_event(9, "DD44DDD", "d", direction=Direction.EXIT),
        an_event(9.5, "DD44DDD", "e"),
        an_event(60, "ZZ99ZZZ", "f"),
    ]
    return [score(day, day_events, 1800.0), score(night, night_events, 1800.0)]


def test_numbers_of_a_run() -> None:
    numbers = summarised(two_videos())

    assert numbers.passages == 4
    assert numbers.recall == 0.75
    assert numbers.exact == 0.5
    assert numbers.one_off_or_better == 0.75
    assert numbers.direction == pytest.approx(2 / 3, abs=1e-4)
    assert numbers.duplicate_rate == pytest.approx(1 / 3, abs=1e-4)
    assert numbers.false_events == 1
    assert numbers.hours == 1.0
    assert numbers.false_events_per_hour == 1.0
    assert numbers.latency_p50_s == 0.5
    assert numbers.latency_p95_s == 2.0


def test_conditions_are_counted_apart() -> None:
    apart = by_condition(two_videos())
    assert apart["day"].recall == pytest.approx(2 / 3, abs=1e-4)
    assert apart["night"].exact == 1.0
    assert apart["day"].false_events == 0


def test_event_of_a_parked_car_counts_as_false() -> None:
    truth = VideoTruth("p.mp4", (Passage("PK00PPP", Expects.NOTHING, from_s=0, to_s=60),))
    assert summarised([score(truth, [an_event(5, "PK00PPP")], 3600)]).false_events == 1


def test_calibration_error_by_hand() -> None:
    """Bin 0.9-1.0: mean 0.95, half right, weight 2/3; bin 0.2-0.3: 0.2, none right, weight 1/3."""
    answers = [(0.95, True), (0.95, False), (0.2, False)]
    assert calibration_error(answers) == pytest.approx((2 * 0.45 + 0.2) / 3, abs=1e-4)
    assert calibration_error([(1.0, True)]) == 0.0
    assert calibration_error([]) is None


def test_percentile_is_the_nearest_rank() -> None:
    assert percentile([4, 1, 3, 2], 50) == 2
    assert percentile([4, 1, 3, 2], 95) == 4
    assert percentile([], 50) is None


def test_thresholds_name_what_got_worse() -> None:
    numbers = summarised(two_videos()).as_dict()
    assert breaches(numbers, {"recall": 0.7, "false_events": 1}) == []
    assert breaches(numbers, {"recall": 0.99, "false_events": 0}) == [
        "recall is 0.75, at least 0.99",
        "false_events is 1, at most 0",
    ]


def test_number_that_could_not_be_measured_breaks_its_threshold() -> None:
    """An empty run must not pass the gate."""
    assert breaches(summarised([]).as_dict(), {"exact": 0.9}) == ["exact is missing, at least 0.9"]


def test_unknown_threshold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "limits.yaml"
    path.write_text("recal: 0.9\n")
    with pytest.raises(ConfigError, match="recall"):
        load_thresholds(path)
