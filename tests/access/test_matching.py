"""Matching: only the plate that was read may open, and how sure it is comes from the reads."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.access.confusions import Confusions, one_change
from edge.access.decision import Decision, rule
from edge.access.lists import Entry, ListKind, PlateLists
from edge.access.matching import matches
from edge.tracking.voting import Ballot, probabilities
from edge.types import BLANK, CHARSET, CLASSES, PlateRead, Verdict
from tests.access.measure_confusions import pairs
from tests.access.test_decision import LANE, UTC, event, verdict

CONFUSIONS = Confusions.measured()
LOOKS = 6
ALIKE_SHARE = 0.3  # of the reader's mistakes: dirt or a typeface that deceives every look at the vehicle alike


def read_as(shown: str, k: int, sure: float, doubt: str = "") -> PlateRead:
    """Return look number `k`, which shows `shown` with probability `sure` per character, else what `doubt` says."""
    posterior = np.zeros((10, CLASSES), np.float32)
    posterior[:, BLANK] = 1.0
    for i, (c, d) in enumerate(zip(shown, doubt or shown, strict=True)):
        posterior[i] = 0.05 * (1 - sure) / CLASSES
        posterior[i, CHARSET.index(c) + 1] += sure
        posterior[i, CHARSET.index(d) + 1] += 0.95 * (1 - sure)
    return PlateRead(1, k, k / 5, shown, posterior, 0.97, 25.0 + 3 * k, 115.0 + 14 * k, 0.6, 0.9)


def misread(plate: str, rng: np.random.Generator, share: float) -> str:
    """Return what the reader makes of `plate`: each character by the measured confusions, as often as `share` says."""
    shown = ""
    for true in plate:
        rates = np.array([share * CONFUSIONS.rate(true, c) if c != true else 0.0 for c in CHARSET])
        k = rng.choice(len(CHARSET) + 1, p=[*rates, 1 - rates.sum()])
        shown += true if k == len(CHARSET) else CHARSET[k]
    return shown


def vehicle(plate: str, rng: np.random.Generator) -> Verdict:
    """Return the vote over one vehicle's looks: mistakes that all share are sure, those of one look are not."""
    ballot, shown = Ballot(), misread(plate, rng, ALIKE_SHARE)
    for k in range(LOOKS):
        ballot.add(read_as(misread(shown, rng, 1 - ALIKE_SHARE), k, float(rng.uniform(0.5, 0.99)), doubt=shown))
    answer = ballot.verdict()
    assert answer is not None
    return answer


def test_plate_one_substitution_from_a_listed_one_opens_no_more_often_than_the_rate_says() -> None:
    """The bar: the neighbour's plate differs in one character, and the reader confuses what it confuses."""
    rng, vehicles, opened = np.random.default_rng(7), 400, 0
    for _ in range(vehicles):
        listed = "".join(rng.choice(list("ABCDEFGHJKLMNPRSTUVWXYZ" if k in "LLL" else "0123456789")) for k in "LLDDLLL")
        place = int(rng.integers(7))
        other = listed[:place] + str(rng.choice([c for c in CHARSET if c != listed[place]])) + listed[place + 1 :]
        lists = PlateLists.of([Entry(listed, ListKind.ALLOW)], "v1")
        if lists.find(other):
            continue  # O and 0: the same plate
        opened += rule(event(vehicle(other, rng)), LANE, lists, UTC).decision is Decision.OPEN
    allowed = (1 - LANE.open_probability) * vehicles
    assert opened <= allowed, f"{opened} of {vehicles} opened, {allowed:.0f} may"


def test_listed_plate_opens_for_most_of_its_vehicles() -> None:
    """A matcher that never opens would pass the test above."""
    rng = np.random.default_rng(8)
    lists = PlateLists.of([Entry("KL55QRS", ListKind.ALLOW)], "v1")
    opened = [rule(event(vehicle("KL55QRS", rng)), LANE, lists, UTC).decision is Decision.OPEN for _ in range(100)]
    assert sum(opened) >= 60


@given(seed=st.integers(0, 10_000), place=st.integers(0, 6), character=st.sampled_from(CHARSET))
@settings(max_examples=60, deadline=None)
def test_only_the_plate_that_was_read_opens(seed: int, place: int, character: str) -> None:
    """Whatever the looks say: another listed plate, however likely, is a matter for a person."""
    rng = np.random.default_rng(seed)
    listed = "AB12CDE"[:place] + character + "AB12CDE"[place + 1 :]
    answer = vehicle("AB12CDE", rng)
    lists = PlateLists.of([Entry(listed, ListKind.ALLOW)], "v1")
    if rule(event(answer), LANE, lists, UTC).decision is Decision.OPEN:
        assert lists.spelling.key(answer.text) == lists.spelling.key(listed)


def test_listed_neighbour_gets_what_the_reads_leave_for_it() -> None:
    """Half of the looks say 8, half say B: both plates are possible, and the gate knows it."""
    ballot = Ballot()
    for k in range(LOOKS):
        ballot.add(read_as("AB12CDB" if k % 2 else "AB12CD8", k, 0.9))
    answer = ballot.verdict()
    assert answer is not None
    other = "AB12CD8" if answer.text == "AB12CDB" else "AB12CDB"
    near, far = probabilities(answer, [other, "ZZ99ZZZ"])
    assert near > 0.01 > far
    found = matches(PlateLists.of([Entry(other, ListKind.ALLOW)], "v1"), answer)
    assert (found[0].read, found[0].probability > 0.01) == (False, True)


def test_neighbour_that_the_reader_confuses_is_kept_in_mind_however_sure_the_reads_are() -> None:
    """Every look said 5; one S in twenty is read so, by a typeface that no number of looks sees through."""
    lists = PlateLists.of([Entry("AB52CDE", ListKind.ALLOW), Entry("ABS2CDE", ListKind.ALLOW)], "v1")
    best, second = matches(lists, verdict("AB52CDE", 0.999))
    assert (best.entries[0].plate, best.read) == ("AB52CDE", True)
    assert second.probability == pytest.approx(0.999 * CONFUSIONS.odds("S", "5"))
    assert 0.01 < second.probability < 0.5


def test_odds_of_one_change_are_those_of_the_characters_concerned() -> None:
    """Another, a missing and an added character."""
    assert CONFUSIONS.odds("AQ1", "AO1") == pytest.approx(CONFUSIONS.rate("Q", "O") / CONFUSIONS.rate("O", "O"))
    assert CONFUSIONS.odds("A1B", "AB") == pytest.approx(CONFUSIONS.rate("1", ""))
    assert CONFUSIONS.odds("AB", "A1B") == pytest.approx(CONFUSIONS.rate("", "1") / CONFUSIONS.rate("1", "1"))


@given(text=st.text(CHARSET, min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_every_character_is_read_as_something(text: str) -> None:
    """Rates of one true character make one, and one change makes one change."""
    for true in set(text):
        assert math.isclose(sum(CONFUSIONS.rate(true, r) for r in ("", *CHARSET)), 1.0)
    assert text not in set(one_change(text))


def test_alignment_counts_each_character_once() -> None:
    """A lost character must not shift all that follow."""
    assert pairs("AB12", "A12") == [("A", "A"), ("B", ""), ("1", "1"), ("2", "2")]
    assert pairs("A8", "XAB") == [("", "X"), ("A", "A"), ("8", "B")]
