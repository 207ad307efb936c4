"""The gate's state machine, with hand-made tracks: one event per passage, whatever happens in between."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.camera import GateSettings
from edge.tracking.gate import MAX_CONTINUATIONS, Gate, PassageChange
from edge.tracking.passage import GateState, same_plate
from edge.tracking.path import MAX_SAMPLES
from edge.types import Basis, Box, Detection, Direction, EventType, Track, TrackState, Verdict
from tests.tracking.lane import FRAME, verdict

FINAL, PROVISIONAL, UNREAD = EventType.FINAL, EventType.PROVISIONAL, EventType.UNREAD


class Road:
    """Feeds a gate with tracks at 10 looks a second; a plate is at `metres` from the camera."""

    def __init__(self, gate: Gate | None = None) -> None:
        self.gate = gate or Gate(GateSettings())
        self.now_s = 0.0
        self.changes: list[PassageChange] = []
        self._first_s: dict[int, float] = {}
        self._hits: dict[int, int] = {}

    def drive(
        self, track_id: int, *metres: float, each_s: float = 1.0, text: str | None = "AB12CDE", p: float = 0.99
    ) -> None:
        """Move one vehicle through the given distances, `each_s` between two."""
        looks = max(1, round(each_s * 10))
        for start, end in itertools.pairwise(metres):
            for i in range(looks):
                self.look(
                    {track_id: start + (end - start) * (i + 1) / looks}, {} if text is None else {track_id: (text, p)}
                )

    def look(
        self, at_m: dict[int, float], texts: dict[int, tuple[str, float]] | None = None, aside_m: float = 0.0
    ) -> None:
        """One frame with these vehicles."""
        self.now_s = round(self.now_s + 0.1, 6)
        tracks = [self._track(i, z, aside_m) for i, z in at_m.items()]
        verdicts = {i: verdict(t, p) for i, (t, p) in (texts or {}).items()}
        self.changes += self.gate.step(self.now_s, tracks, verdicts, FRAME)

    def empty(self, seconds: float) -> None:
        """Nothing in view."""
        for _ in range(round(seconds * 10)):
            self.look({})

    def settle(self) -> list[PassageChange]:
        self.changes += self.gate.settle(self.now_s)
        return self.changes

    def kinds(self) -> list[EventType]:
        return [c.kind for c in self.changes]

    def _track(self, track_id: int, metres: float, aside_m: float) -> Track:
        scale = 1500.0 / metres
        x, y, h = 960 + aside_m * scale, 60 + 2.0 * scale, 0.11 * scale
        box = Box(x - 2.3 * h, y - h / 2, x + 2.3 * h, y + h / 2)
        self._hits[track_id] = self._hits.get(track_id, 1) + 1
        first_s = self._first_s.setdefault(track_id, self.now_s)
        hits = self._hits[track_id]
        return Track(track_id, TrackState.CONFIRMED, box, (0, 0), first_s, self.now_s, hits, Detection(box, 0.9))


def test_a_car_that_comes_in_is_announced_once_and_ends_once() -> None:
    """Provisional early, final when it is gone: the two events of a passage."""
    road = Road()
    road.drive(1, 12, 9, 6, 4, 3)
    road.empty(2.0)

    assert road.kinds() == [PROVISIONAL, FINAL]
    early, final = road.changes
    assert early.passage == final.passage
    assert early.at_s < 1.5
    assert (final.direction, final.state, final.at_s) == (Direction.ENTRY, GateState.PASSED, pytest.approx(4.0))
    assert final.verdict is not None and final.verdict.text == "AB12CDE"


def test_the_other_way_is_an_exit_and_settings_turn_it_round() -> None:
    """A camera may look at leaving vehicles."""
    leaving, mirrored = Road(), Road(Gate(GateSettings(approaching="exit")))
    leaving.drive(1, 3, 6, 12)
    mirrored.drive(1, 12, 6, 3)

    assert [c.direction for c in leaving.settle()] == [Direction.EXIT] * 2
    assert [c.direction for c in mirrored.settle()] == [Direction.EXIT] * 2


def test_a_car_that_waits_twenty_minutes_is_one_event() -> None:
    """And it is shown as waiting meanwhile."""
    road = Road()
    road.drive(1, 12, 8, 5)
    road.drive(1, 5, 5, each_s=1200.0)
    assert road.gate.states() == {1: GateState.WAITING}
    road.drive(1, 5, 3)
    road.empty(2.0)

    assert road.kinds() == [PROVISIONAL, FINAL]


def test_a_car_that_reverses_out_is_no_entry() -> None:
    """The direction says so; the event says that it turned back."""
    road = Road()
    road.drive(1, 12, 8, 5)
    road.drive(1, 5, 5, each_s=4.0)
    road.drive(1, 5, 8, 12)
    road.empty(7.0)

    assert road.changes[0].direction is Direction.ENTRY
    assert (road.changes[-1].kind, road.changes[-1].direction) == (FINAL, Direction.UNKNOWN)
    assert road.changes[-1].state is GateState.REVERSED


def test_a_parked_car_is_no_event_however_often_it_is_seen() -> None:
    """Hidden by passers-by again and again, it gets new tracks, but it never moves."""
    road = Road()
    for track_id in range(1, 6):
        road.drive(track_id, 8, 8, each_s=40.0)
        assert road.gate.states() == {track_id: GateState.PARKED}
        road.empty(25.0)

    assert road.settle() == []


def test_a_parked_car_that_leaves_is_one_event() -> None:
    """It stood for a minute and drives off."""
    road = Road()
    road.drive(1, 5, 5, each_s=60.0)
    road.drive(1, 5, 8, 14)
    road.empty(7.0)

    assert [(c.kind, c.direction) for c in road.changes] == [(PROVISIONAL, Direction.EXIT), (FINAL, Direction.EXIT)]


def test_two_cars_bumper_to_bumper_are_two_passages() -> None:
    """The second is already in view while the first passes."""
    road = Road()
    for i in range(60):
        z = 12 - i * 0.16
        at_m = {1: z, 2: z + 4.5} if z > 3 else {2: z + 4.5}
        road.look(at_m, {1: ("AB12CDE", 0.99), 2: ("XY98ZWV", 0.99)})
    road.empty(7.0)

    finals = [c for c in road.changes if c.kind is FINAL]
    assert [c.verdict.text for c in finals if c.verdict] == ["AB12CDE", "XY98ZWV"]
    assert len({c.passage for c in finals}) == 2


@pytest.mark.parametrize("hidden_s", [0.5, 3.0, 15.0])
def test_the_same_plate_seen_again_goes_on_with_its_passage(hidden_s: float) -> None:
    """Behind a pillar its track is lost; the new one is the same vehicle."""
    road = Road()
    road.drive(1, 12, 9, 7)
    road.empty(hidden_s)
    road.drive(2, 6, 4, 3)
    road.empty(2.0)

    assert road.kinds() == [PROVISIONAL, FINAL]
    assert {c.passage for c in road.changes} == {road.changes[0].passage}
    assert road.changes[-1].direction is Direction.ENTRY


def test_after_that_time_the_same_plate_is_a_new_passage() -> None:
    """It came again an hour later."""
    road = Road(Gate(GateSettings(same_vehicle_within_s=20.0)))
    for track_id in (1, 2):
        road.drive(track_id, 12, 8, 3)
        road.empty(30.0)

    assert road.kinds() == [PROVISIONAL, FINAL, PROVISIONAL, FINAL]


def test_a_different_plate_half_a_second_later_is_another_passage() -> None:
    """One character apart, both read clearly, in the same place: still two vehicles."""
    road = Road()
    road.drive(1, 12, 8, 3, text="AB12CDE")
    road.empty(0.5)
    road.drive(2, 12, 8, 3, text="AB12CDF")
    road.empty(2.0)

    texts = [c.verdict.text for c in road.changes if c.kind is FINAL and c.verdict]
    assert texts == ["AB12CDE", "AB12CDF"]


def test_an_unsure_misread_after_the_pillar_is_no_second_vehicle() -> None:
    """One character apart, but the second answer is unsure: the same car, read badly."""
    road = Road()
    road.drive(1, 12, 9, 7)
    road.empty(3.0)
    road.drive(2, 6, 4, 3, text="A812CDE", p=0.6)
    road.empty(7.0)

    assert road.kinds() == [PROVISIONAL, FINAL]


def test_better_reads_part_two_cars_that_looked_alike() -> None:
    """The second car's first looks resembled the first car's plate; its clear looks do not."""
    road = Road()
    road.drive(1, 12, 8, 3)
    road.empty(1.0)
    road.drive(2, 12, 10, text="AB12CDE", p=0.6)
    road.drive(2, 10, 6, 3, text="AB72CDE", p=0.99)
    road.empty(7.0)

    assert [c.verdict.text for c in road.changes if c.kind is FINAL and c.verdict] == ["AB12CDE", "AB72CDE"]


def test_a_waiting_car_hidden_for_long_is_recognised_at_its_spot() -> None:
    """A lorry hides it for a minute; it still waits there, and its passage is already told."""
    road = Road()
    road.drive(1, 12, 8, 5)
    road.drive(1, 5, 5, each_s=5.0)
    road.empty(60.0)
    road.drive(2, 5, 5, each_s=20.0)
    road.drive(2, 5, 3)
    road.empty(7.0)

    assert road.kinds() == [PROVISIONAL, FINAL]


def test_a_car_that_went_in_and_comes_out_again_at_once_is_an_exit() -> None:
    """It turned behind the gate: the same plate within seconds, but the other way."""
    road = Road()
    road.drive(1, 12, 6, 3)
    road.empty(6.0)
    road.drive(2, 3, 6, 12)
    road.empty(7.0)

    finals = [c for c in road.changes if c.kind is FINAL]
    assert [c.direction for c in finals] == [Direction.ENTRY, Direction.EXIT]
    assert finals[0].passage != finals[1].passage


def test_with_a_fixed_role_coming_out_again_is_not_a_second_entry() -> None:
    """An entry camera sees the car reverse after its entry was told."""
    road = Road(Gate(GateSettings(direction="entry")))
    road.drive(1, 12, 6, 3)
    road.empty(6.0)
    road.drive(2, 3, 6, 12)
    road.empty(7.0)

    finals = [c for c in road.changes if c.kind is FINAL]
    assert [(c.direction, c.state) for c in finals] == [
        (Direction.ENTRY, GateState.PASSED),
        (Direction.UNKNOWN, GateState.REVERSED),
    ]


def test_a_line_tells_direction_and_moment() -> None:
    """The line lies across the lane; the moment of the event is the crossing."""
    gate = Gate(GateSettings(direction="line", line=((0.0, 0.5), (1.0, 0.5))))
    road = Road(gate)
    road.drive(1, 12, 8, 5, 3)  # downwards: from the line's left to its right
    road.empty(3.0)

    assert [c.direction for c in road.changes] == [Direction.ENTRY] * 2
    assert road.changes[0].at_s < road.changes[1].at_s
    line_m = 2.0 * 1500 / (540 - 60)  # where the plate is on the line: reached between 8 m and 5 m
    assert road.changes[1].at_s == pytest.approx(1 + (8 - line_m) / 3, abs=0.25)


def test_a_car_that_never_crosses_the_line_has_no_direction() -> None:
    """It came near, waited, and went: the barrier never saw it pass."""
    road = Road(Gate(GateSettings(direction="line", line=((0.0, 0.9), (1.0, 0.9)))))
    road.drive(1, 12, 8, 5, 8, 12)
    road.empty(7.0)

    assert (road.changes[-1].kind, road.changes[-1].direction) == (FINAL, Direction.UNKNOWN)
    assert road.changes[-1].state is GateState.REVERSED


def test_a_plate_that_stayed_illegible_is_unread() -> None:
    """The operator must know that a vehicle passed."""
    road = Road()
    road.drive(1, 12, 8, 5, 3, text=None)
    road.empty(7.0)

    assert [(c.kind, c.direction, c.verdict) for c in road.changes] == [(UNREAD, Direction.ENTRY, None)]


def test_an_unsure_answer_is_unread_with_its_best_guess() -> None:
    """Below the final threshold the guess is kept for the operator."""
    road = Road()
    road.drive(1, 12, 8, 5, 3, p=0.3)
    road.empty(7.0)

    (change,) = road.changes
    assert change.kind is UNREAD and change.verdict is not None and change.verdict.text == "AB12CDE"


def test_noise_is_nothing() -> None:
    """A flash of two looks, static lettering, a tentative track: no events."""
    road = Road()
    road.drive(1, 12, 11.5, each_s=0.2, text=None)
    road.drive(2, 6, 6, each_s=20.0, text=None)
    box = Box(100, 100, 200, 122)
    tentative = Track(3, TrackState.TENTATIVE, box, (0, 0), road.now_s, road.now_s, 1, Detection(box, 0.9))
    road.changes += road.gate.step(road.now_s, [tentative], {3: verdict("AB12CDE")}, FRAME)
    road.empty(9.0)

    assert road.settle() == []


def test_lettering_on_a_read_vehicle_is_no_second_vehicle() -> None:
    """A telephone number moves along with the plate of its van."""
    road = Road()
    for i in range(50):
        z = 12 - i * 0.18
        plate, number = road._track(1, z, 0.0), road._track(2, z, 0.6)
        road.now_s = round(road.now_s + 0.1, 6)
        tracks = [_at(plate, road.now_s), _at(number, road.now_s)]
        road.changes += road.gate.step(road.now_s, tracks, {1: verdict("AB12CDE")}, FRAME)
    road.empty(9.0)

    assert road.kinds() == [PROVISIONAL, FINAL]


def _at(track: Track, now_s: float) -> Track:
    return Track(track.id, track.state, track.box, (0, 0), 0.1, now_s, track.hits, track.detection)


def test_one_look_is_no_answer_and_a_quorum_is_needed_early() -> None:
    """However sure: a single confident read is no quorum."""
    road = Road()
    alone = Verdict("AB12CDE", 0.999, (("AB12CDE", 0.999),), "AB12CDE", 1, None, 30.0)
    for i in range(40):
        track = road._track(1, 12 - i * 0.2, 0.0)
        road.now_s = round(road.now_s + 0.1, 6)
        road.changes += road.gate.step(road.now_s, [_at(track, road.now_s)], {1: alone}, FRAME)
    road.empty(9.0)

    assert road.kinds() == [UNREAD]


def test_a_text_that_changes_is_announced_again_but_never_twice() -> None:
    """Consumers must hear of a correction, and only once."""
    road = Road()
    road.drive(1, 12, 10, text="A812CDE")
    road.drive(1, 10, 8, text="AB12CDE")
    road.drive(1, 8, 6, text="A812CDE")
    road.drive(1, 6, 3, text="AB12CDE")
    road.empty(2.0)

    told = [(c.kind, c.verdict.text) for c in road.changes if c.verdict]
    assert told == [(PROVISIONAL, "A812CDE"), (PROVISIONAL, "AB12CDE"), (FINAL, "AB12CDE")]


def test_an_announced_passage_always_ends() -> None:
    """Reads got worse after the announcement: a consumer still hears the end."""
    road = Road()
    road.drive(1, 12, 10)
    road.drive(1, 10, 6, 3, p=0.2)
    road.empty(7.0)

    assert road.kinds() == [PROVISIONAL, UNREAD]


def test_nothing_is_announced_before_the_plate_moves() -> None:
    """A parked car that headlights make legible must not open the barrier."""
    road = Road()
    road.drive(1, 5, 5, each_s=5.0)
    assert road.changes == []
    road.drive(1, 5, 4)

    assert road.kinds() == [PROVISIONAL]


def test_a_split_track_ends_its_passage_at_once() -> None:
    """The tracker says that another plate took its place: what was seen since belongs to that one."""
    road = Road()
    road.drive(1, 12, 8, 5)
    ended = Track(1, TrackState.ENDED, Box(0, 0, 9, 2), (0, 0), 0.1, road.now_s - 0.25, 9, None)
    road.changes += road.gate.step(road.now_s, [ended], {}, FRAME)

    assert road.kinds() == [PROVISIONAL, FINAL]


def test_settling_ends_what_is_open() -> None:
    """The video is over while the car is in view."""
    road = Road()
    road.drive(1, 12, 6)

    assert [c.kind for c in road.settle()] == [PROVISIONAL, FINAL]
    assert road.gate.track_ids() == frozenset()
    assert road.gate.settle(road.now_s) == ()


def test_the_page_sees_who_is_in_the_lane() -> None:
    """Passages with state, direction and answer, oldest first."""
    road = Road()
    for i in range(20):
        road.look({1: 12 - i * 0.3, 2: 16 - i * 0.3}, {1: ("AB12CDE", 0.99)})

    first, second = road.gate.passages()

    assert (first.track_ids, first.state, first.direction) == ((1,), GateState.APPROACHING, Direction.ENTRY)
    assert first.announced and first.verdict is not None and first.verdict.text == "AB12CDE"
    assert (second.track_ids, second.verdict, second.announced) == ((2,), None, False)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (("AB12CDE", 0.99), ("AB12CDE", 0.3), True),
        (("AB12CDE", 0.99), ("AB12CDF", 0.99), False),
        (("AB12CDE", 0.99), ("AB12CDF", 0.5), True),
        (("AB12CDE", 0.99), ("AB12CD", 0.5), True),
        (("AB12CDE", 0.5), ("AB12XYE", 0.5), False),
    ],
)
def test_when_two_answers_are_one_plate(a: tuple[str, float], b: tuple[str, float], expected: bool) -> None:
    """Equal texts, or one character apart while one of them is unsure."""
    assert same_plate(verdict(*a), verdict(*b)) is expected
    assert not same_plate(verdict(*a), None)


_lane = st.lists(st.tuples(st.sampled_from("-12"), st.floats(2.6, 14.0), st.integers(0, 2)), max_size=60)


@settings(max_examples=60, deadline=None)
@given(_lane)
def test_whatever_happens_each_passage_ends_at_most_once(frames: list[tuple[str, float, int]]) -> None:
    """Vehicles that jump, vanish and change their plates: the events still keep their promises."""
    plates = ("AB12CDE", "XY98ZWV", "A812CDE")
    first, second = Road(), Road()
    for road in (first, second):
        for who, metres, plate in frames:
            road.look({} if who == "-" else {int(who): metres}, {int(who): (plates[plate], 0.97)} if who != "-" else {})
        road.empty(4.0)
        road.settle()

    assert first.changes == second.changes
    ends = [c.passage for c in first.changes if c.kind is not PROVISIONAL]
    assert len(ends) == len(set(ends))
    announced = [(c.passage, c.verdict.text) for c in first.changes if c.kind is PROVISIONAL and c.verdict]
    assert len(announced) == len(set(announced))
    assert {p for p, _ in announced} <= set(ends)
    assert all(c.kind is UNREAD or c.verdict is not None for c in first.changes)
    assert first.gate.track_ids() == frozenset()
    assert all(math.isfinite(c.at_s) and c.first_s <= c.at_s + 1e-9 for c in first.changes)


def test_still_plates_are_reported_where_the_settings_ask_for_it() -> None:
    """A clip of a standing motorcycle: found and read, direction unknown."""
    road = Road(Gate(GateSettings(still_plates="report")))
    road.drive(1, 5, 5, each_s=4.0)

    assert [(c.kind, c.direction) for c in road.settle()] == [
        (PROVISIONAL, Direction.UNKNOWN),
        (FINAL, Direction.UNKNOWN),
    ]


@pytest.mark.parametrize(
    ("mode", "carried", "told"), [("carried", True, True), ("carried", False, False), ("ignore", True, False)]
)
def test_a_camera_that_is_carried_reports_what_stands(
    mode: Literal["ignore", "carried"], carried: bool, told: bool
) -> None:
    """Somebody films a parked car while walking: the car does not move in the picture either, and is what he wants."""
    gate = Gate(GateSettings(still_plates=mode))
    box = Box(800, 500, 984, 540)
    changes: list[PassageChange] = []
    for i in range(30):
        look = Track(1, TrackState.CONFIRMED, box, (0, 0), 0.0, i / 10, i + 2, Detection(box, 0.9))
        changes += gate.step(i / 10, [look], {1: verdict("AB12CDE")}, FRAME, carried=carried and i > 20)
    changes += gate.settle(3.0)

    assert [c.kind for c in changes] == ([PROVISIONAL, FINAL] if told else [])


@pytest.mark.parametrize(("width", "told"), [(138.0, True), (40.0, False)])
def test_two_looks_suffice_for_a_plate_that_came_near_only(width: float, told: bool) -> None:
    """A taxi's number on its side, nine pixels high, was read twice; so is a car that speeds by close."""
    gate = Gate(GateSettings())
    changes: list[PassageChange] = []
    for i in range(6):
        y = 400 + 1.5 * i * width / 4.6
        box = Box(800, y, 800 + width, y + width / 4.6)
        look = Track(1, TrackState.CONFIRMED, box, (0, 0), 0.0, i / 5, i + 2, Detection(box, 0.9))
        changes += gate.step(i / 5, [look], {1: replace(verdict("AB12CDE", 0.8), reads=2)}, FRAME)
    changes += gate.settle(2.0)

    assert [c.kind for c in changes] == ([FINAL] if told else [])


def test_a_track_that_jumps_to_the_border_is_no_unread_vehicle() -> None:
    """A house with windows looked like a plate, and for the last look another house did."""
    gate = Gate(GateSettings())
    changes: list[PassageChange] = []
    for i in range(9):
        box = Box(480, 52, 1180, 204) if i < 8 else Box(-2, 46, 650, 198)
        look = Track(1, TrackState.CONFIRMED, box, (0, 0), 0.0, i * 0.4, i + 2, Detection(box, 0.9))
        changes += gate.step(i * 0.4, [look], {}, FRAME)
    changes += gate.settle(6.0)

    assert changes == []


def test_a_plate_that_slides_out_of_the_picture_moved_and_did_not_shrink() -> None:
    """First seen at the lower border, it leaves within a second: its box is cut more with every look."""
    gate = Gate(GateSettings(direction="entry"))
    changes: list[PassageChange] = []
    for i in range(17):
        top = 1010.0 + 4.0 * i
        box = Box(800, top, 984, min(top + 40, 1080.0))
        look = Track(1, TrackState.CONFIRMED, box, (0, 0), 0.0, i / 10, i + 2, Detection(box, 0.9))
        changes += gate.step(i / 10, [look], {1: verdict("AB12CDE")}, FRAME)
    changes += gate.settle(3.0)

    assert [(c.kind, c.direction) for c in changes] == [(PROVISIONAL, Direction.ENTRY), (FINAL, Direction.ENTRY)]


def test_what_a_told_passage_was_counted_from_is_told_and_then_forgotten() -> None:
    """The looks of a vote weigh fifty kilobytes: sixty-four remembered vehicles need not keep them."""
    counted = Basis((np.full((7, 37), 1 / 37),), np.ones(1), np.full(1, 0.02), 1.0)
    road = Road()
    for metres in (12.0, 9.0, 6.0, 3.0):
        road.now_s = round(road.now_s + 0.1, 6)
        answer = replace(verdict("AB12CDE", 0.99), basis=counted)
        road.changes += road.gate.step(road.now_s, [road._track(1, metres, 0.0)], {1: answer}, FRAME)
    road.empty(3.0)
    assert road.kinds() == [PROVISIONAL, FINAL]
    assert all(c.verdict is not None and c.verdict.basis is counted for c in road.changes)
    (remembered,) = road.gate._remembered
    assert remembered.verdict is not None
    assert remembered.verdict.text == "AB12CDE"
    assert remembered.verdict.basis is None


@pytest.mark.parametrize("gone", [False, True])
def test_a_vehicle_that_is_lost_and_found_for_days_takes_no_more_memory(gone: bool) -> None:
    """Parked in view and hidden now and then, or seen again and again after it has left."""
    road = Road()
    road.drive(1, 12, 8, 5)
    if gone:
        road.empty(12.0)
    for track_id in range(2, 60):
        road.drive(track_id, 5, 4.9)
        road.empty(2.0 if gone else 0.4)
    assert road.kinds() == ([PROVISIONAL, FINAL] if gone else [PROVISIONAL])
    kept = [*road.gate._leaders(), *road.gate._remembered]
    assert len(kept) == 1
    assert len(kept[0].continuations) <= MAX_CONTINUATIONS + 1
    assert len(road.gate.track_ids()) <= MAX_CONTINUATIONS + 2
    assert len(kept[0].samples) <= (MAX_CONTINUATIONS + 2) * MAX_SAMPLES
    if not gone:
        road.empty(200.0)
    assert road.kinds() == [PROVISIONAL, FINAL]  # still one passage, told once
    assert road.changes[-1].verdict is not None
    assert road.changes[-1].verdict.text == "AB12CDE"


def test_what_older_tracks_said_stays_when_they_become_one() -> None:
    """The surest answer, how often it was seen, and that it came nearer."""
    road = Road()
    road.drive(1, 12, 8, 5, p=0.96)
    for track_id in range(2, 30):
        road.drive(track_id, 5, 4.9, p=0.999 if track_id == 2 else 0.97)
        road.empty(0.4)
    road.empty(200.0)
    final = road.changes[-1]
    assert final.verdict is not None
    assert final.verdict.probability == 0.999
    assert final.direction is Direction.ENTRY
    assert final.first_s < 1.0
    assert final.hits >= 28 * 8
