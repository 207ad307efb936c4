"""How well a look fits a text: worked by hand where a look has one row, bounded where it is rubbish."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.tracking.alignment import Profile
from edge.tracking.likelihood import ANY_LENGTH, INVENTED, LOST, log_likelihoods, rows_of
from tests.tracking.reader import a_read

NONE = np.zeros(1)


def certain(text: str) -> np.ndarray:
    """Return rows that are sure of `text`, without the doubt that `rows_of` adds."""
    return a_read(text, sure=1.0).posterior[: len(text)].astype(np.float64)


def test_one_row_against_one_character_by_hand() -> None:
    """Right: kept, plus lost and another invented; wrong: only lost and invented; a random row counts 1 / 36."""
    (fits, other, nothing) = np.exp(log_likelihoods([certain("A")], ["A", "B", "AB"], NONE))[0]

    assert fits == pytest.approx(36 * (1 - LOST) + 2 * LOST * INVENTED)
    assert other == pytest.approx(2 * LOST * INVENTED)
    assert nothing == pytest.approx(36 * (1 - LOST) * LOST + 3 * LOST**2 * INVENTED)


def test_a_missing_character_costs_less_than_a_wrong_one() -> None:
    """A look that lacks the first character is no strong witness against it."""
    full, shorter, wrong = log_likelihoods([certain("B12CDE")], ["AB12CDE", "B12CDE", "X12CDE"], NONE)[0]

    assert shorter - full < math.log(30)
    assert full - wrong > math.log(30)


def test_a_rubbish_look_can_do_only_so_much() -> None:
    """Whatever it shows, it never outweighs its probability of being rubbish."""
    rubbish = np.array([0.1])
    against = log_likelihoods([certain("ZZZZZZZ")], ["AB12CDE"], rubbish)[0, 0]

    assert against >= math.log(0.1 * ANY_LENGTH)


def test_empty_rows_say_nothing_is_there() -> None:
    """Slots after the last character are no rows; a doubtful one may be."""
    read = a_read("AB12")
    assert len(rows_of(read.posterior)) == 4
    doubtful = read.posterior.copy()
    doubtful[4, 0], doubtful[4, 11] = 0.6, 0.4
    assert len(rows_of(doubtful)) == 5


def test_texts_of_any_length_are_judged_together_as_alone() -> None:
    """The padding of the batch must not leak into a result."""
    looks = [certain("AB12CDE"), certain("B12"), rows_of(a_read("AB12CD", sure=0.6).posterior)]
    texts = ["AB12CDE", "B12", "AB12CDEF"]
    rubbish = np.array([0.01, 0.02, 0.2])

    together = log_likelihoods(looks, texts, rubbish)

    for i, look in enumerate(looks):
        for j, text in enumerate(texts):
            alone = log_likelihoods([look], [text], rubbish[i : i + 1])[0, 0]
            assert together[i, j] == pytest.approx(alone)


def test_a_profile_proposes_the_whole_text_from_parts() -> None:
    """No look shows all of it: the first lacks the head, the second the tail, the third has one too many."""
    profile = Profile()
    for text in ("B12CDE", "AB12CD", "AB128CDE"):
        profile.join(rows_of(a_read(text, sure=0.95).posterior), 1.0)

    assert "AB12CDE" in profile.texts(8)
