"""Stays: who belongs together, who does not, and how many cars are inside."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.access.ledger import Ledger
from edge.access.likeness import belief, overlap
from edge.access.occupancy import zone_state
from edge.access.operations import Kind, Operation, decode, encode
from edge.access.sessions import End, Pairing
from edge.config.parking import ParkingSettings, ZoneSettings
from tests.access.parking import SETTINGS, at, book_of, cars, entry, exit_, passage, plate, says, stay, told
from tests.access.simulation.car_park import Simulation


def test_entry_and_exit_of_one_plate_are_a_stay() -> None:
    """The normal case, with what a bill needs."""
    book = book_of(entry("a", 0, "AB12CDE"), exit_("b", 95, "AB12CDE"))
    ended = stay(book, "a")
    assert (ended.end, ended.pairing, ended.ended_at) == (End.EXIT, Pairing.EXACT, at(95))
    assert ended.probability > 0.999
    assert cars(book) == 0


@pytest.mark.parametrize(
    "read",
    [
        plate("A812CDE", 0.9, ("AB12CDE", 0.06)),  # the truth is its second choice
        plate("A812CDE", 0.97),  # a lookalike, the truth unnamed
        plate("AB12CD", 0.9),  # one lost at the end
        plate("ABI2CDE", 0.999),  # I and 1 are one
        plate("AB17CDE", 0.8),  # any other character
    ],
    ids=lambda read: read.text,
)
def test_one_misread_is_forgiven(read: object) -> None:
    """Five of a hundred plates have a wrong character; their drivers must not be charged for a lost ticket."""
    book = book_of(entry("a", 0, "AB12CDE"), entry("c", 5, "XY55KLM"), exit_("b", 60, read))  # type: ignore[arg-type]
    ended = stay(book, "a")
    assert ended.exit is not None and ended.exit.op_id == "b"
    assert ended.probability >= SETTINGS.pair_probability
    assert stay(book, "c").end is None


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_two_cars_that_are_both_well_read_are_never_paired(seed: int) -> None:
    """Whatever else speaks for it: a wrong bill is worse than a question."""
    random = Random(seed)
    ops = []
    for k in range(30):
        text = random.choice("AB8") + random.choice("BD80") + "12CD" + random.choice("EF3")
        read = plate(text, random.uniform(0.995, 0.9998), (text[:-1] + "E", 0.004))
        ops.append(passage(f"op{k:02d}", 10 * k, random.choice(("entry", "exit")), read))
    for one in book_of(*ops).sessions():
        if one.exit is not None and one.pairing is not Pairing.ELIMINATION:
            assert one.exit.plate is not None and one.entry.plate is not None
            assert one.exit.plate.text == one.entry.plate.text


def test_doubtful_exit_waits_until_one_of_two_neighbours_has_left() -> None:
    """A fleet with following plates: which of the two it was is known when the other one goes."""
    doubt = plate("AB12CD5", 0.5, ("AB12CD6", 0.45))
    ops = [entry("a", 0, "AB12CD5"), entry("b", 1, "AB12CD6"), exit_("x", 60, doubt)]
    waiting = book_of(*ops)
    assert {one.exit.op_id for one in waiting.loose()} == {"x"}
    assert cars(waiting) == 1  # a car has left, whichever it was
    settled = book_of(*ops, exit_("y", 90, "AB12CD5"))
    first, second = stay(settled, "a"), stay(settled, "b")
    assert first.exit is not None and first.exit.op_id == "y"
    assert second.exit is not None and second.exit.op_id == "x"
    assert (cars(settled), settled.loose()) == (0, [])


def test_same_plate_entered_twice_ends_the_first_stay() -> None:
    """A forgotten exit: the car cannot be inside twice."""
    book = book_of(entry("a", 0, "AB12CDE"), entry("b", 600, "AB12CDE"))
    assert (stay(book, "a").end, stay(book, "a").exit) == (End.EXIT_NOT_SEEN, None)
    assert stay(book, "b").end is None
    assert cars(book) == 1


def test_unread_exit_belongs_to_the_car_that_comes_back() -> None:
    """It cannot have left twice: the only unread exit in between was its own."""
    book = book_of(entry("a", 0, "AB12CDE"), entry("b", 1, "XY55KLM"), exit_("x", 60, None), entry("c", 600, "AB12CDE"))
    ended = stay(book, "a")
    assert ended.exit is not None
    assert (ended.exit.op_id, ended.pairing) == ("x", Pairing.ELIMINATION)
    assert cars(book) == 2


def test_unread_entry_belongs_to_the_exit_that_fits_nobody_else() -> None:
    """One entry had no plate, one exit has no entry."""
    book = book_of(entry("a", 0, None), entry("b", 1, "XY55KLM"), exit_("x", 60, "AB12CDE"))
    assert (stay(book, "a").end, stay(book, "a").pairing) == (End.EXIT, Pairing.ELIMINATION)
    assert stay(book, "a").plate == "AB12CDE"
    assert cars(book) == 1


def test_exit_without_an_entry_leaves_the_count_alone() -> None:
    """It tailgated in, was never counted, and must not take another car out of the count."""
    book = book_of(entry("a", 0, "XY55KLM"), exit_("x", 60, "AB12CDE"))
    assert [one.exit.op_id for one in book.loose()] == ["x"]
    assert cars(book) == 1


def test_cars_of_the_first_count_leave_the_count_when_they_go() -> None:
    """On the first day cars are inside that nobody saw come in."""
    count = says(Kind.RECOUNT, "r", 0, zone="yard", count=3)
    book = book_of(count, entry("a", 5, "XY55KLM"), exit_("x", 60, "AB12CDE"), exit_("y", 70, "XY55KLM"))
    assert cars(book) == 2


@pytest.mark.parametrize("direction", ["unknown", "exit"])
def test_entry_that_backs_out_is_reversed(direction: str) -> None:
    """It was never parked; another car in the lane in between changes nothing."""
    book = book_of(entry("a", 0, "AB12CDE"), entry("b", 0.3, "XY55KLM"), passage("x", 0.9, direction, "AB12CDE", "in"))
    assert stay(book, "a").end is End.REVERSED
    assert cars(book) == 1


def test_exit_that_backs_in_again_goes_on() -> None:
    """Forgot the ticket in the office: the stay is one stay."""
    ops = [entry("a", 0, "AB12CDE"), exit_("x", 60, "AB12CDE"), passage("y", 61, "unknown", "AB12CDE", "out")]
    book = book_of(*ops)
    assert (stay(book, "a").end, cars(book)) == (None, 1)
    later = stay(book_of(*ops, exit_("z", 90, "AB12CDE")), "a")
    assert later.exit is not None and later.exit.op_id == "z"


def test_turning_in_front_of_the_gate_and_trying_again_is_one_stay() -> None:
    """In, back out, in again within two minutes."""
    book = book_of(entry("a", 0, "AB12CDE"), passage("x", 0.5, "unknown", "AB12CDE", "in"), entry("b", 1.2, "AB12CDE"))
    assert (stay(book, "a").end, stay(book, "b").end, cars(book)) == (End.REVERSED, None, 1)


def test_two_cameras_of_one_lane_make_one_stay() -> None:
    """Both report the same car."""
    book = book_of(entry("a", 0, "AB12CDE"), entry("b", 0.1, plate("A812CDE", 0.8, ("AB12CDE", 0.15))))
    assert (len(book.sessions()), cars(book)) == (1, 1)


def test_tailgater_is_marked() -> None:
    """It followed an opened barrier without having been let in."""
    close = replace(entry("b", 0.05, "XY55KLM"), decision="refuse")
    book = book_of(entry("a", 0, "AB12CDE"), close)
    assert [s.tailgated for s in book.sessions()] == [False, True]


def test_person_corrects_a_plate_and_the_exit_finds_its_stay() -> None:
    """The correction counts from the passage on, not from when it was typed."""
    ops = [entry("a", 0, "QQ99QQQ"), exit_("x", 60, "AB12CDE")]
    assert stay(book_of(*ops), "a").end is None
    ended = stay(book_of(*ops, says(Kind.CORRECT, "c", 90, target="a", text="AB12CDE")), "a")
    assert (ended.end, ended.ended_at, ended.pairing, ended.corrected) == (End.EXIT, at(60), Pairing.PERSON, True)


def test_person_closes_adds_and_takes_back() -> None:
    """Everything an attendant sees from his window."""
    added = Operation("p", Kind.ADD, at(1), "in", plate=plate("XY55KLM", 1.0), by="otto")
    ops = [entry("a", 0, "AB12CDE"), added, says(Kind.CLOSE, "c", 30, target="a")]
    book = book_of(*ops)
    assert (stay(book, "a").end, stay(book, "a").ended_at, stay(book, "p").corrected) == (End.PERSON, at(30), True)
    assert cars(book) == 1
    undone = book_of(*ops, says(Kind.VOID, "v", 40, target="c"))
    assert (stay(undone, "a").end, cars(undone)) == (None, 2)


def test_recount_sets_the_count_and_what_is_learnt_later_about_before_does_not_change_it() -> None:
    """A person's count already knew that the car had gone."""
    book = book_of(
        entry("a", 0, "AB12CDE"), says(Kind.RECOUNT, "r", 60, zone="yard", count=0), entry("b", 90, "AB12CDE")
    )
    assert stay(book, "a").end is End.EXIT_NOT_SEEN
    assert cars(book) == 1


def test_car_inside_for_too_long_is_not_counted_but_may_still_leave() -> None:
    """Its exit was lost, most likely; if not, it is still paired."""
    chosen = SETTINGS.model_copy(update={"gone_after_h": 48.0})
    ops = [entry("a", 0, "AB12CDE"), entry("b", 49 * 60, "XY55KLM")]
    book = book_of(*ops, settings=chosen)
    assert (stay(book, "a").end, cars(book)) == (End.GONE, 1)
    later = book_of(*ops, exit_("x", 50 * 60, "AB12CDE"), settings=chosen)
    assert (stay(later, "a").end, cars(later)) == (End.EXIT, 1)


def test_lane_between_two_zones_moves_a_car_and_pairs_nothing() -> None:
    """A roof level inside the garage."""
    chosen = ParkingSettings(
        zones=(
            ZoneSettings(name="garage", capacity=100, lanes=("in", "out")),
            ZoneSettings(name="roof", capacity=5, lanes=("ramp",), inside="garage"),
        )
    )
    book = book_of(
        entry("a", 0, "AB12CDE"), entry("b", 3, "AB12CDE", lane="ramp"), entry("c", 4, "ZZ12CDE"), settings=chosen
    )
    assert [(count.zone, count.cars) for count in book.counts()] == [("garage", 1), ("roof", 1)]
    assert len(book.sessions()) == 2


def test_lanes_of_no_zone_take_no_part() -> None:
    """A camera at the workshop door."""
    assert book_of(entry("a", 0, "AB12CDE", lane="workshop")).sessions() == []


def test_drift_is_said_with_what_to_do() -> None:
    """Below zero, above the capacity, or two counts that part."""
    yard = SETTINGS.zones[0]
    (below,) = book_of(exit_("x", 0, None)).counts()
    assert "count the cars" in zone_state(below, yard, 5).alarm
    (full,) = book_of(says(Kind.RECOUNT, "r", 0, zone="yard", count=12)).counts()
    assert (zone_state(full, yard, 5).free, "2 more cars" in zone_state(full, yard, 5).alarm) == (0, True)
    (parted,) = book_of(*(exit_(f"x{k}", k, f"AB1{k}CDE") for k in range(6))).counts()
    assert (parted.cars, "ins and outs say -6" in zone_state(parted, yard, 5).alarm) == (0, True)


def test_operation_survives_its_encoding() -> None:
    """What another gate gets is what this one has, to the millisecond."""
    op = entry("a", 0.00012345, plate("AB12CDE", 0.9, ("A812CDE", 0.05)), clock_trusted=False)
    assert decode(encode(op)) == op


def test_overlap_is_symmetric_and_bounded() -> None:
    """Who is compared with whom makes no difference."""
    random = Random(3)
    park = Simulation(2, 400, 2).run()
    beliefs = [belief(op.plate) for op in park.seen]
    for a, b in ((random.choice(beliefs), random.choice(beliefs)) for _ in range(2_000)):
        assert overlap(a, b) == pytest.approx(overlap(b, a), rel=1e-9, abs=1e-15)
        assert 0.0 <= overlap(a, b) <= 1.0


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
@example(seed=3915)  # three candidates whose chances, added in another order, differ in the last bit
def test_order_of_arrival_makes_no_difference(seed: int) -> None:
    """Gates that were apart agree again: stays and counts follow from the set of facts alone."""
    random = Random(seed)
    ops = _a_day(seed)
    shuffled = list(ops)
    random.shuffle(shuffled)
    together = Ledger(SETTINGS_OF_SIMULATION)
    together.add(ops)
    apart = Ledger(SETTINGS_OF_SIMULATION)
    while shuffled:
        size = random.randint(1, 9)
        apart.add([*shuffled[:size], *random.choices(ops, k=2)])  # and some of them twice
        shuffled = shuffled[size:]
    apart.add(ops)
    assert told(apart.book) == told(together.book)


SETTINGS_OF_SIMULATION = ParkingSettings(gone_after_h=12)


def _a_day(seed: int) -> list[Operation]:
    park = Simulation(seed, 80, 1.0).run()
    random, ops = Random(seed), park.seen
    acts = [
        says(Kind.CORRECT, "c1", 700, target=random.choice(ops).op_id, text="AB12CDE"),
        says(Kind.CORRECT, "c2", 800, target=random.choice(ops).op_id, text="AB12CDE"),
        says(Kind.VOID, "v1", 800, target=random.choice(ops).op_id),
        says(Kind.CLOSE, "z1", 500, target=random.choice(ops).op_id),
        says(Kind.RECOUNT, "r1", 400, zone="site", count=7),
    ]
    return [*ops, *acts]


def test_forgetting_changes_nothing_that_comes_after() -> None:
    """Only what is final goes."""
    park = Simulation(5, 600, 6.0).run()
    whole, short = Ledger(SETTINGS_OF_SIMULATION), Ledger(SETTINGS_OF_SIMULATION)
    half = len(park.seen) // 2
    horizon = park.seen[half // 2].at
    whole.add(park.seen)
    short.add(park.seen[:half])
    short.forget_before(horizon)
    short.add(park.seen[half:])
    assert short.book.counts() == whole.book.counts()
    since = [s for s in whole.book.sessions() if s.ended_at is None or s.ended_at >= horizon]
    assert short.book.sessions() == since
    short.add([entry("late", -60 * 24 * 3, "AB12CDE")])
    assert short.late == 1
