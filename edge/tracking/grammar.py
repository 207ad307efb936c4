"""What registrations look like: a prior over texts, the canonical form, characters that look alike.

The prior is a mixture of the configured countries' formats, of the world's, and of any text at all, so that no
text is impossible: a foreign or personal plate that is read clearly wins against the grammar. Pure functions
over data; the data is read by `formats`.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

import numpy as np

from edge.tracking.formats import Form, Slot, countries, country
from edge.tracking.iou import Float64Array
from edge.types import CHARSET

MIN_LENGTH, MAX_LENGTH = 2, 12
ANY_TEXT_SHARE = 0.05  # of all plates: personal, military, old, or of a country without a grammar
WORLD_SHARE = 0.5  # without configured countries, how much the world's formats count against any text
UNLIKELY_LENGTH = 1e-3  # probability of a registration of a length outside 2 to 12
# Share of lengths 2 to 12 among arbitrary registrations; rough, from the formats themselves.
LENGTH_SHARES = (0.005, 0.01, 0.03, 0.07, 0.25, 0.37, 0.15, 0.07, 0.03, 0.01, 0.005)
CERTAIN_REGION = 0.9  # a region is named only when one country explains the text this much better than the rest
CACHED_TEXTS = 4096  # priors remembered: the votes of one vehicle ask for the same texts again and again
NO_FORM = -1e9  # stands for log 0: finite, so that sums stay numbers

# Characters that cameras and readers take for one another.
LOOKALIKES = (
    ("O", "0"),
    ("Q", "0"),
    ("D", "0"),
    ("I", "1"),
    ("L", "1"),
    ("Z", "2"),
    ("S", "5"),
    ("G", "6"),
    ("B", "8"),
)
_CYRILLIC_GREEK = str.maketrans("АВСЕНІКМОРТХУЅЈΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABCEHIKMOPTXYSJABEZHIKMNOPTYX")


def canonical(text: str) -> str:
    """Return `text` as the project compares it: A-Z and 0-9 only, upper case, no spaces, hyphens or accents."""
    if text.isascii() and text.isalnum() and text == text.upper():
        return text  # nearly always, and lists are long
    plain = unicodedata.normalize("NFKD", text).upper().translate(_CYRILLIC_GREEK)
    return "".join(c for c in plain if c in CHARSET)


class Grammar:
    """The prior of one site. Its answers never change; make it with `load`."""

    def __init__(self, weighted: Iterable[tuple[Form, float]], any_text_share: float) -> None:
        self._any_text_log = math.log(any_text_share)
        by_length: dict[int, list[tuple[Form, float]]] = {}
        for form, weight in weighted:
            by_length.setdefault(len(form.slots), []).append((form, weight))
        self._tables = {length: _Table(forms) for length, forms in by_length.items()}
        self._known: dict[str, float] = {}
        self._regions: dict[str, str | None] = {}

    @classmethod
    def load(cls, codes: Sequence[str] = (), share: float = 0.9) -> Grammar:
        """Return the grammar of a site.

        Args:
            codes: ISO 3166 alpha-2 codes of the expected countries; empty for anywhere.
            share: of the vehicles that carry a plate of those countries, in [0, 1].

        Raises:
            ConfigError: a country is not known.
        """
        return _load(tuple(country(c).code for c in codes), share)

    def log_prior(self, texts: Sequence[str]) -> Float64Array:
        """Return the natural log of the prior probability of each canonical text, float64 (N,)."""
        new = sorted(set(texts) - self._known.keys())
        if len(self._known) + len(new) > CACHED_TEXTS:
            self._known, new = {}, sorted(set(texts))
        self._known.update(zip(new, self._log_prior(new).tolist(), strict=True))
        return np.array([self._known[t] for t in texts])

    def _log_prior(self, texts: Sequence[str]) -> Float64Array:
        result = np.array([self._any_text_log + _any_text(len(t)) for t in texts])
        for length in {len(t) for t in texts} & self._tables.keys():
            chosen = [i for i, t in enumerate(texts) if len(t) == length]
            fitting = self._tables[length].log_fit([texts[i] for i in chosen])
            result[chosen] = np.logaddexp(result[chosen], np.logaddexp.reduce(fitting, axis=1))
        return result

    def region(self, text: str) -> str | None:
        """Return the country whose formats explain `text`, or None when none or several do."""
        if text not in self._regions:
            if len(self._regions) >= CACHED_TEXTS:
                self._regions.clear()
            self._regions[text] = self._region(text)
        return self._regions[text]

    def _region(self, text: str) -> str | None:
        table = self._tables.get(len(text))
        if table is None:
            return None
        fitting = table.log_fit([text])[0]
        total = float(np.logaddexp(np.logaddexp.reduce(fitting), self._any_text_log + _any_text(len(text))))
        shares: dict[str, float] = {}
        for form, value in zip(table.forms, fitting, strict=True):
            shares[form.country] = shares.get(form.country, 0.0) + math.exp(value - total)
        best = max(sorted(shares), key=lambda c: shares[c])
        return best if shares[best] >= CERTAIN_REGION else None


class _Table:
    """All forms of one length as one array, so that many texts are scored at once."""

    def __init__(self, weighted: list[tuple[Form, float]]) -> None:
        self.forms = [form for form, _ in weighted]
        self._log = np.array([[_slot_log(slot) for slot in form.slots] for form, _ in weighted])
        self._log[:, 0] += np.log(np.maximum([[weight] for _, weight in weighted], 1e-12))

    def log_fit(self, texts: Sequence[str]) -> Float64Array:
        """Return log(weight x probability) of each text under each form, (N, forms)."""
        codes = np.array([[CHARSET.index(c) for c in t] for t in texts])
        summed: Float64Array = self._log[:, np.arange(codes.shape[1])[None, :], codes].sum(axis=2).T
        return summed


@cache
def _slot_log(slot: Slot) -> Float64Array:
    """Return the log-probability of each character of the charset in `slot`, (36,)."""
    return np.where([c in slot for c in CHARSET], -math.log(len(slot)), NO_FORM)


@lru_cache(maxsize=16)
def _load(codes: tuple[str, ...], share: float) -> Grammar:
    world = [form for c in countries().values() for form in c.forms]
    expected = [form for code in codes for form in countries()[code].forms]
    if not expected:
        return Grammar([(f, WORLD_SHARE * f.share / len(countries())) for f in world], 1 - WORLD_SHARE)
    any_text = max((1 - share) / 2, ANY_TEXT_SHARE / 2)
    weighted = [(f, share * f.share / len(codes)) for f in expected]
    weighted += [(f, max(1 - share - any_text, 0.01) * f.share / len(countries())) for f in world]
    return Grammar(weighted, any_text)


def _any_text(length: int) -> float:
    """Return the log-probability of one arbitrary text of `length`."""
    inside = MIN_LENGTH <= length <= MAX_LENGTH
    share = LENGTH_SHARES[length - MIN_LENGTH] if inside else UNLIKELY_LENGTH
    return math.log(share) - length * math.log(len(CHARSET))
