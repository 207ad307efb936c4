"""Decisions: open only for the right car, going the right way, read surely enough; a person for every doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.access.decision import Decision, rule
from edge.access.lists import Entry, ListKind, PlateLists
from edge.config.access import AccessLaneSettings
from edge.types import CHARSET, Direction, EventType, GateEvent, Software, Verdict

UTC = timezone.utc
LANE = AccessLaneSettings(lane="lane-1", open_probability=0.98)
ALLOWED = Entry("AB12CDE", ListKind.ALLOW)


def verdict(text: str, probability: float, *others: tuple[str, float]) -> Verdict:
    return Verdict(text, probability, ((text, probability), *others), text, 8, None, 30.0)


def event(plate: Verdict | None, direction: Direction = Direction.ENTRY, **changes: object) -> GateEvent:
    made = GateEvent(
        event_id="e1",
        type=EventType.PROVISIONAL,
        site="site-1",
        lane="lane-1",
        camera="gate",
        passage_id="p1",
        direction=direction,
        captured_at=datetime(2026, 7, 1, 12, tzinfo=UTC),
        plate=plate,
        software=Software("1", "d", "r"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def decide(made: GateEvent, *entries: Entry, lane: AccessLaneSettings | None = LANE) -> tuple[Decision, str]:
    ruling = rule(made, lane, PlateLists.of(entries, "v1"), UTC)
    return ruling.decision, ruling.rule


def test_listed_plate_opens() -> None:
    """The tenant comes home."""
    assert decide(event(verdict("AB12CDE", 0.995)), ALLOWED) == (Decision.OPEN, "allow-list")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (event(verdict("AB12CDE", 0.95)), (Decision.MANUAL_ASSIST, "unsure")),
        (event(verdict("ZZ99ZZZ", 0.995)), (Decision.REFUSE, "not-listed")),
        (event(None), (Decision.MANUAL_ASSIST, "unread")),
        (event(verdict("AB12CDE", 0.995), Direction.UNKNOWN), (Decision.MANUAL_ASSIST, "direction")),
        (event(verdict("AB12CDE", 0.995), Direction.EXIT), (Decision.RECORD_ONLY, "direction")),
        (event(verdict("AB12CDE", 0.995), lane="other"), (Decision.OPEN, "allow-list")),
    ],
)
def test_doubt_never_opens(made: GateEvent, expected: tuple[Decision, str]) -> None:
    """Each reason has its name, so that the attendant knows what to do."""
    assert decide(made, ALLOWED) == expected


def test_lane_without_barrier_is_only_recorded() -> None:
    """A watch camera decides nothing."""
    assert decide(event(verdict("AB12CDE", 0.995)), ALLOWED, lane=None) == (Decision.RECORD_ONLY, "no-barrier")


def test_denied_plate_is_refused_even_when_it_is_also_allowed() -> None:
    """The stolen pass."""
    denied = Entry("AB12CDE", ListKind.DENY)
    assert decide(event(verdict("AB12CDE", 0.995)), ALLOWED, denied) == (Decision.REFUSE, "deny-list")


def test_two_listed_plates_that_are_equally_near_open_for_neither() -> None:
    """8 or B: one of them pays, the other does not."""
    rival = Entry("AB12CD8", ListKind.ALLOW)
    lane = AccessLaneSettings(lane="lane-1", open_probability=0.4)
    unsure = event(verdict("AB12CDB", 0.5, ("AB12CD8", 0.45)))
    assert decide(unsure, Entry("AB12CDB", ListKind.ALLOW), rival, lane=lane) == (Decision.MANUAL_ASSIST, "ambiguous")


def test_outside_validity_is_refused_and_without_a_clock_a_person_decides() -> None:
    """A gate computer that boots without network thinks it is 1970."""
    night = replace(ALLOWED, hours=(time(20), time(23)))
    good = verdict("AB12CDE", 0.995)
    assert decide(event(good), night) == (Decision.REFUSE, "not-valid")
    assert decide(event(good, clock_synchronised=False), night) == (Decision.MANUAL_ASSIST, "clock")
    assert decide(event(good, clock_synchronised=False), ALLOWED) == (Decision.OPEN, "allow-list")


def test_open_lane_opens_for_strangers_but_not_for_the_denied() -> None:
    """A shopping centre: all may come in, but one."""
    lane = AccessLaneSettings(lane="lane-1", unknown="open")
    denied = Entry("AB12CDE", ListKind.DENY)
    assert decide(event(verdict("ZZ99ZZZ", 0.99)), denied, lane=lane)[0] is Decision.OPEN
    assert decide(event(verdict("ZZ99ZZZ", 0.7)), denied, lane=lane)[0] is Decision.MANUAL_ASSIST
    assert decide(event(verdict("AB12CDE", 0.99)), denied, lane=lane)[0] is Decision.REFUSE


def test_watched_plate_is_reported_whatever_is_decided() -> None:
    """The police ask to be told, not to have it stopped."""
    watched = Entry("AB12CDE", ListKind.WATCH)
    ruling = rule(event(verdict("AB12CDE", 0.9)), None, PlateLists.of([watched], "v1"), UTC)
    assert ruling.watched == (watched,)


@given(
    place=st.integers(0, 6),
    character=st.sampled_from(CHARSET),
    probability=st.floats(0, 1),
)
def test_plate_one_character_away_never_opens(place: int, character: str, probability: float) -> None:
    """However sure the vote is of the other text: what it leaves over is never enough for the listed plate."""
    text = "AB12CDE"[:place] + character + "AB12CDE"[place + 1 :]
    same = {"AB12CDE", "AB" + "I2CDE"}
    decision, _ = decide(event(verdict(text, probability)), ALLOWED)
    if text not in same:
        assert decision is not Decision.OPEN
