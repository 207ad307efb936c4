"""Formats of registrations: the data is sound, the prior is a probability, the canonical form is one form."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.tracking.formats import Country, countries, expand
from edge.tracking.grammar import Grammar, canonical
from edge.types import CHARSET

ALL = sorted(countries().values(), key=lambda c: c.code)


@pytest.mark.parametrize("known", ALL, ids=lambda c: c.code)
def test_every_example_fits_its_country(known: Country) -> None:
    """An example per format is the check that a pattern means what its author meant."""
    for example in known.examples:
        assert example == canonical(example)
        assert any(form.fits(example) for form in known.forms), example


@pytest.mark.parametrize("known", ALL, ids=lambda c: c.code)
def test_the_shares_of_a_country_make_one(known: Country) -> None:
    """Else its prior would weigh more or less than its neighbour's."""
    assert math.fsum(form.share for form in known.forms) == pytest.approx(1.0)


def test_at_least_forty_countries_are_known() -> None:
    """The formats ship with the product; nobody writes regular expressions."""
    assert len(ALL) >= 40


@pytest.mark.parametrize(
    ("pattern", "fitting", "failing"),
    [
        ("L{1,2}D", ["A1", "AB1"], ["1A", "ABC1", "A"]),
        ("[A-C3]D?", ["A", "37", "C9"], ["D", "AA"]),
        ("(AB|C)D{2}", ["AB12", "C12"], ["A12", "AC12"]),
        ("X", ["A", "7"], ["AA"]),
    ],
)
def test_patterns_mean_what_the_file_says(pattern: str, fitting: list[str], failing: list[str]) -> None:
    """The notation is documented at the head of grammars.yaml."""
    forms = expand(pattern)

    def fits(text: str) -> bool:
        return any(len(f) == len(text) and all(c in s for c, s in zip(text, f, strict=True)) for f in forms)

    assert all(map(fits, fitting)) and not any(map(fits, failing))


def test_a_broken_pattern_is_refused_with_its_place() -> None:
    """Somebody will extend the file."""
    with pytest.raises(ValueError, match="character 3"):
        expand("LL-DD")


def test_an_unknown_country_is_a_setting_to_correct() -> None:
    """The message names the codes that exist."""
    with pytest.raises(ConfigError, match=r"'XX'.*DE, DK"):
        Grammar.load(("XX",))


@pytest.mark.parametrize("codes", [(), ("GB",), ("DE", "AT")])
def test_the_prior_is_a_probability(codes: tuple[str, ...]) -> None:
    """Over all texts of two characters and the rest it cannot exceed one."""
    texts = [a + b for a in CHARSET for b in CHARSET]

    total = sum(math.exp(p) for p in Grammar.load(codes).log_prior(texts))

    assert 0.0 < total < 0.05


@given(st.text(CHARSET, min_size=1, max_size=14))
def test_no_text_is_impossible(text: str) -> None:
    """A prior, never a filter: a foreign or personal plate can always win."""
    assert Grammar.load(("GB",)).log_prior([text])[0] > -80.0


def test_a_fitting_text_is_likelier_than_its_lookalike() -> None:
    """O or 0 is decided by the slot."""
    prior = Grammar.load(("GB",))

    fitting, failing = prior.log_prior(["AB12CDE", "AB1ZCDE"])

    assert fitting - failing > math.log(50)


def test_the_region_is_named_only_when_one_country_explains_the_text() -> None:
    """Many countries share three letters and four digits."""
    assert Grammar.load().region("MH12AB1234") == "IN"
    assert Grammar.load().region("ABC1234") is None
    assert Grammar.load(("GB",)).region("AB12CDE") == "GB"
    assert Grammar.load(("GB",)).region("ZZZZZZZZZZZZ") is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("ab 12-cde", "AB12CDE"), ("MÜ·A 123", "MUA123"), ("а123вс 77", "A123BC77"), ("ΑΒΕ-1234", "ABE1234"), ("—", "")],
)
def test_the_canonical_form_is_what_everything_compares(raw: str, expected: str) -> None:
    """Lists are typed by people: lower case, hyphens, umlauts, Cyrillic and Greek lookalikes."""
    assert canonical(raw) == expected


@given(st.text(max_size=20))
def test_the_canonical_form_is_stable(raw: str) -> None:
    """Applying it twice changes nothing, and it holds nothing but A-Z and 0-9."""
    assert canonical(canonical(raw)) == canonical(raw)
    assert set(canonical(raw)) <= set(CHARSET)
