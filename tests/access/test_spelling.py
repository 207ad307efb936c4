"""Spelling: O or 0, I or 1, decided by the formats of the site's countries, and merged where nobody can tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.access.spelling import ANYWHERE, Spelling
from edge.errors import ConfigError
from edge.types import CHARSET

BRITISH = Spelling(("GB",))
TEXTS = st.text(CHARSET, min_size=2, max_size=10)


def test_format_decides_which_character_can_stand_there() -> None:
    """A clerk typed the letter, the camera read the digit: LLDDLLL leaves no choice."""
    assert BRITISH.key("ABI2CDE") == BRITISH.key("AB12CDE") == "AB12CDE"
    assert BRITISH.key("AB12CD0") == "AB12CDO"


def test_plates_that_differ_where_both_can_stand_stay_two_plates() -> None:
    """Peru has a slot for either: merged, one neighbour would open for the other."""
    somewhere = Spelling(("PE",))
    assert somewhere.key("A0B123") != somewhere.key("AOB123")
    assert BRITISH.key("AB12CDO") != BRITISH.key("AB12CDD")


def test_without_a_country_lookalikes_are_one() -> None:
    """Many countries print them alike, and nobody said which country this is."""
    assert ANYWHERE.key("KO123I") == ANYWHERE.key("K01231") == "K01231"


def test_unknown_country_is_refused() -> None:
    """Better at check than at the gate."""
    with pytest.raises(ConfigError, match="no plate format"):
        Spelling(("XX",))


@given(text=TEXTS, spelling=st.sampled_from((BRITISH, ANYWHERE, Spelling(("DE", "NL")))))
def test_key_is_a_spelling_of_the_same_plate(text: str, spelling: Spelling) -> None:
    """It changes O, 0, I and 1 only, and spelling a key again changes nothing."""
    key = spelling.key(text)
    merged = str.maketrans("OI", "01")
    assert key.translate(merged) == text.translate(merged)
    assert spelling.key(key) == key
