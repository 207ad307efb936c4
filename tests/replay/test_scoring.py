"""Scoring: every answer is given to the right passage and every mistake is counted once."""

from __future__ import annotations

import pytest

from edge.replay.scoring import Outcome, edit_distance, score
from edge.replay.truth import Expects, Passage, VideoTruth
from edge.types import Direction
from tests.replay.events import an_event, early, unread


def a_truth(*passages: Passage) -> VideoTruth:
    return VideoTruth("gate.mp4", passages, "day")


ENTRY = Passage("AB12CDE", direction=Direction.ENTRY, from_s=0.0, to_s=8.0, first_legible_s=2.0)


def test_exact_read_is_found_with_its_direction_and_latency() -> None:
    result = score(a_truth(ENTRY), [early(2.5, "AB12CDE"), an_event(9.5, "AB12CDE")], 11.0)

    (passage,) = result.passages
    assert passage.outcome is Outcome.EXACT
    assert passage.direction_right is True
    assert passage.latency_s == pytest.approx(0.5)
    assert not passage.failed
    assert result.false_events == ()


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("AB12CDF", Outcome.ONE_OFF),
        ("AB12CD", Outcome.ONE_OFF),
        ("AB12CDE1", Outcome.ONE_OFF),
        ("AB1XYZE", Outcome.WRONG),
    ],
)
def test_misread_belongs_to_the_passage_that_was_in_view(text: str, outcome: Outcome) -> None:
    """A wrong text is a wrong read of this car, not a missed car and a false event."""
    result = score(a_truth(ENTRY), [an_event(9.0, text)], 11.0)

    assert result.passages[0].outcome is outcome
    assert result.passages[0].failed
    assert result.false_events == ()


def test_nothing_reported_is_missed() -> None:
    assert score(a_truth(ENTRY), [], 11.0).passages[0].outcome is Outcome.MISSED


def test_unread_event_means_noticed_but_not_read() -> None:
    (passage,) = score(a_truth(ENTRY), [unread(9.0)], 11.0).passages
    assert passage.outcome is Outcome.UNREAD
    assert passage.failed


def test_second_report_of_the_same_plate_is_a_duplicate() -> None:
    """The barrier would open, or the guest be billed, twice."""
    result = score(a_truth(ENTRY), [an_event(5.0, "AB12CDE", "p1"), an_event(9.0, "AB12CDE", "p2")], 11.0)

    assert [r.passage_id for r in result.passages[0].duplicates] == ["p2"]
    assert result.passages[0].failed
    assert result.false_events == ()


def test_invented_plate_is_a_false_event() -> None:
    """A telephone number on a van is no vehicle."""
    result = score(a_truth(ENTRY), [an_event(9.0, "AB12CDE", "p1"), an_event(6.0, "0800123456", "p2")], 11.0)
    assert [r.text for r in result.false_events] == ["0800123456"]


def test_tailgating_cars_get_their_own_answers_even_out_of_order() -> None:
    second = Passage("XY99ZZZ", direction=Direction.ENTRY, from_s=3.0, to_s=9.0)
    result = score(a_truth(ENTRY, second), [an_event(9.0, "XY99ZZZ", "p2"), an_event(9.5, "AB12CDF", "p1")], 12.0)

    assert [p.outcome for p in result.passages] == [Outcome.ONE_OFF, Outcome.EXACT]
    assert [p.reported.passage_id for p in result.passages if p.reported] == ["p1", "p2"]


def test_answer_at_another_time_is_not_this_passage() -> None:
    late = Passage("AB12CDE", from_s=60.0, to_s=65.0)
    result = score(a_truth(late), [an_event(5.0, "AB12CDE")], 70.0)

    assert result.passages[0].outcome is Outcome.MISSED
    assert len(result.false_events) == 1


def test_without_known_times_a_similar_text_decides() -> None:
    far = Passage("FL920KF")
    result = score(a_truth(far), [an_event(3.0, "EJ728LY")], 9.0)

    assert result.passages[0].outcome is Outcome.MISSED
    assert len(result.false_events) == 1


def test_parked_car_must_stay_silent() -> None:
    parked = Passage("PK11ABC", Expects.NOTHING, from_s=0.0, to_s=30.0)
    assert not score(a_truth(parked), [], 30.0).passages[0].failed
    assert score(a_truth(parked), [an_event(20.0, "PK11ABC")], 30.0).passages[0].failed


def test_unreadable_plate_may_be_unread_or_silent_but_not_wrong() -> None:
    muddy = Passage("MU00DDY", Expects.OPTIONAL, from_s=0.0, to_s=8.0)
    assert not score(a_truth(muddy), [unread(9.0)], 10.0).passages[0].failed
    assert not score(a_truth(muddy), [], 10.0).passages[0].failed
    assert score(a_truth(muddy), [an_event(9.0, "MU80DDY")], 10.0).passages[0].failed


def test_direction_of_what_nobody_can_read_is_not_scored() -> None:
    muddy = Passage("MU00DDY", Expects.OPTIONAL, Direction.ENTRY, from_s=0.0, to_s=8.0)
    (passage,) = score(a_truth(muddy), [unread(9.0)], 10.0).passages
    assert passage.direction_right is None
    assert not passage.failed


def test_missing_plate_excuses_no_invented_text() -> None:
    bare = Passage("", Expects.OPTIONAL, from_s=0.0, to_s=8.0)
    assert score(a_truth(bare), [unread(5.0)], 10.0).false_events == ()
    assert len(score(a_truth(bare), [an_event(5.0, "TAXI")], 10.0).false_events) == 1


def test_early_event_with_another_text_is_hasty() -> None:
    """The gate may have opened for it; that the final text is right does not help."""
    (passage,) = score(a_truth(ENTRY), [early(3.0, "AB12COE"), an_event(9.0, "AB12CDE")], 11.0).passages
    assert passage.outcome is Outcome.EXACT
    assert passage.hasty
    assert passage.failed


def test_wrong_direction_fails() -> None:
    (passage,) = score(a_truth(ENTRY), [an_event(9.0, "AB12CDE", direction=Direction.EXIT)], 11.0).passages
    assert passage.direction_right is False
    assert passage.failed


@pytest.mark.parametrize(
    ("a", "b", "expected"), [("", "", 0), ("ABC", "", 3), ("ABC", "ABD", 1), ("ABC", "BC", 1), ("KITTEN", "SITTING", 3)]
)
def test_edit_distance_of_known_cases(a: str, b: str, expected: int) -> None:
    assert edit_distance(a, b) == expected == edit_distance(b, a)
