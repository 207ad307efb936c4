"""One spelling per plate: when two texts are the same plate, written or read differently.

O and 0, and I and 1, are told apart by the formats of the site's countries: where only one of them can stand,
both mean that one; where both can, they are two plates. Without known countries, or for a plate that fits none,
they count as the same, because many countries print them alike. Pure text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

from edge.tracking.formats import Form, country

TWINS = {"O": "0", "0": "O", "I": "1", "1": "I"}
MOST_TWINS = 6  # in one plate; more are not tried out one by one
_MERGED = str.maketrans({"O": "0", "I": "1"})


class Spelling:
    """How one site compares plates. Its answers never change.

    Args:
        countries: ISO 3166 alpha-2 codes, as in `voting.countries`; empty: anywhere.

    Raises:
        ConfigError: a country is not known.
    """

    def __init__(self, countries: Sequence[str] = ()) -> None:
        forms = sorted({_pattern(form) for code in countries for form in country(code).forms})
        self._formats = re.compile("|".join(forms)) if forms else None

    def key(self, plate: str) -> str:
        """Return the one spelling of `plate`, canonical; two texts with the same key are the same plate."""
        places = [i for i, c in enumerate(plate) if c in TWINS]
        if not places:
            return plate
        if self._formats is None or len(places) > MOST_TWINS:
            return plate.translate(_MERGED)
        if self._formats.fullmatch(plate):
            return plate
        for swaps in range(1, len(places) + 1):
            fitting = [t for p in combinations(places, swaps) if self._formats.fullmatch(t := _swapped(plate, p))]
            if fitting:
                return fitting[0] if len(fitting) == 1 else plate.translate(_MERGED)
        return plate.translate(_MERGED)


ANYWHERE = Spelling()


def _swapped(plate: str, places: Sequence[int]) -> str:
    return "".join(TWINS[c] if i in places else c for i, c in enumerate(plate))


@lru_cache(maxsize=4096)
def _pattern(form: Form) -> str:
    return "".join(f"[{''.join(sorted(slot))}]" for slot in form.slots)
