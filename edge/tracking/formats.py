"""Registration formats of the world, from grammars.yaml: patterns become slots with their allowed characters.

A form is one concrete sequence of slots; a pattern with optional or repeated parts has several. Only reads
and expands the data; what a form says about a text is in `grammar`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import product
from typing import Any

import yaml

from edge.errors import ConfigError
from edge.types import CHARSET

DIGITS = CHARSET[:10]
LETTERS = CHARSET[10:]
_ELEMENT = re.compile(r"(\[[A-Z0-9-]+\]|\([A-Z0-9|]+\)|[A-Z0-9])(\{(\d+)(?:,(\d+))?\}|\?)?")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads it ten times as fast, where PyYAML has it

Slot = frozenset[str]


@dataclass(frozen=True, slots=True)
class Form:
    """One sequence of slots that a country uses."""

    country: str  # ISO 3166 alpha-2
    slots: tuple[Slot, ...]  # allowed characters, one set per position
    share: float  # of the country's vehicles, all its forms together make one

    def fits(self, text: str) -> bool:
        """Tell whether `text` (canonical) has this form."""
        return len(text) == len(self.slots) and all(c in slot for c, slot in zip(text, self.slots, strict=True))


@dataclass(frozen=True, slots=True)
class Country:
    """The formats of one country."""

    code: str
    name: str
    forms: tuple[Form, ...]
    examples: tuple[str, ...]


@lru_cache(maxsize=1)
def countries() -> dict[str, Country]:
    """Return all countries of grammars.yaml by ISO 3166 alpha-2 code."""
    text = files("edge.tracking").joinpath("grammars.yaml").read_text(encoding="utf-8")
    raw = yaml.load(text, Loader=_LOADER)  # noqa: S506  (both are safe loaders)
    return {code: _country(code, entry) for code, entry in raw.items()}


def country(code: str) -> Country:
    """Return the formats of one country.

    Raises:
        ConfigError: this country's formats are not known.
    """
    known = countries()
    if code.upper() not in known:
        raise ConfigError(
            "voting.countries", f"no plate format is known for {code!r}", f"use codes of: {', '.join(sorted(known))}"
        )
    return known[code.upper()]


def expand(pattern: str, letters: str = LETTERS) -> tuple[tuple[Slot, ...], ...]:
    """Return every concrete sequence of slots that `pattern` allows (notation: head of grammars.yaml).

    Raises:
        ValueError: the pattern does not follow the notation.
    """
    parts: list[list[tuple[Slot, ...]]] = []
    position = 0
    while position < len(pattern):
        match = _ELEMENT.match(pattern, position)
        if match is None:
            raise ValueError(f"pattern {pattern!r}: nothing known starts at character {position + 1}")
        parts.append(_choices(match, letters))
        position = match.end()
    sequences = {tuple(slot for part in combination for slot in part) for combination in product(*parts)}
    return tuple(sorted(sequences, key=lambda s: (len(s), [sorted(slot) for slot in s])))


def _choices(match: re.Match[str], letters: str) -> list[tuple[Slot, ...]]:
    element, quantity, low, high = match.groups()
    if element.startswith("("):
        once = [tuple(frozenset(c) for c in word) for word in element[1:-1].split("|")]
    else:
        once = [(_slot(element, letters),)]
    if quantity is None:
        return once
    least, most = (0, 1) if quantity == "?" else (int(low), int(high or low))
    return [() if n == 0 else sum(chosen, ()) for n in range(least, most + 1) for chosen in product(once, repeat=n)]


def _slot(element: str, letters: str) -> Slot:
    named = {"L": letters, "D": DIGITS, "X": DIGITS + letters}
    if element in named:
        return frozenset(named[element])
    if not element.startswith("["):
        return frozenset(element)
    allowed: set[str] = set()
    for first, last in re.findall(r"([A-Z0-9])(?:-([A-Z0-9]))?", element[1:-1]):
        allowed.update(CHARSET[CHARSET.index(first) : CHARSET.index(last or first) + 1])
    return frozenset(allowed)


def _country(code: str, entry: dict[str, Any]) -> Country:
    letters, longest = entry.get("letters", LETTERS), entry.get("max", 99)
    total = sum(share for share, _ in entry["formats"].values())
    forms: list[Form] = []
    for pattern, (share, _) in entry["formats"].items():
        expanded = [slots for slots in expand(pattern, letters) if len(slots) <= longest]
        forms += [Form(code, slots, share / total * n / len(expanded)) for slots, n in _merge_words(expanded)]
    return Country(code, entry["name"], tuple(forms), tuple(str(example) for _, example in entry["formats"].values()))


def _merge_words(expanded: list[tuple[Slot, ...]]) -> list[tuple[tuple[Slot, ...], int]]:
    """Join forms that differ only in their second slot, so that the 41 counties of a country are 15 forms.

    Returns each form with the number of forms that it stands for.
    """
    groups: dict[tuple[Slot, tuple[Slot, ...]], list[tuple[Slot, ...]]] = {}
    for slots in expanded:
        groups.setdefault((slots[0], slots[2:]), []).append(slots)
    merged: list[tuple[tuple[Slot, ...], int]] = []
    for (first, rest), members in groups.items():
        lengths = {len(m) for m in members}
        second = frozenset[str]().union(*(m[1] for m in members if len(m) > 1))
        merged += [((first, second, *rest)[:n], len(members) // len(lengths)) for n in sorted(lengths)]
    return merged
