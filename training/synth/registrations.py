"""Registrations from real formats: a small pattern language becomes signs on a plate.

Patterns, one character each: `A` a letter of the country, `0` a digit, `1` a digit but zero,
`?` a letter or digit, `=X` exactly X, `[AB,CD]` one of these, `|` the next line, `<` `>` a small
raised group; drawn but never read: space, `-`, `.` (a dot), `*` a seal, `^` an emblem, `~` a
foreign letter. Real formats decide between O and 0, I and 1, D and O; random strings cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

DRAWN_ONLY = frozenset(" -.*^~")
DIGITS = "0123456789"
LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing on a line of a plate: a character to read, or decoration."""

    value: str  # A-Z, 0-9, or one of DRAWN_ONLY
    small: bool = False  # in a small raised group

    @property
    def read(self) -> bool:
        """Whether the sign belongs to the registration."""
        return self.value not in DRAWN_ONLY


def _tokens(pattern: str) -> Iterator[tuple[str, str]]:
    """Split a pattern into (kind, content): the kinds are the pattern characters, `=` and `[`."""
    at = 0
    while at < len(pattern):
        kind = pattern[at]
        if kind == "=":
            yield "=", pattern[at + 1]
            at += 2
        elif kind == "[":
            end = pattern.index("]", at)
            yield "[", pattern[at + 1 : end]
            at = end + 1
        else:
            yield kind, ""
            at += 1


def _expand(rng: np.random.Generator, kind: str, content: str, letters: str) -> str:
    pools = {"A": letters, "0": DIGITS, "1": DIGITS[1:], "?": letters + DIGITS}
    if kind in pools:
        return pools[kind][int(rng.integers(len(pools[kind])))]
    if kind == "=":
        return content
    if kind == "[":
        choices = content.split(",")
        return choices[int(rng.integers(len(choices)))]
    return kind


def draw(rng: np.random.Generator, pattern: str, letters: str = LATIN) -> tuple[tuple[Sign, ...], ...]:
    """Return the lines of signs that one pattern gives, e.g. `AA00 AAA` -> one line of 8 signs."""
    lines: list[list[Sign]] = [[]]
    small = False
    for kind, content in _tokens(pattern):
        if kind == "|":
            lines.append([])
        elif kind in "<>":
            small = kind == "<"
        else:
            lines[-1].extend(Sign(value, small) for value in _expand(rng, kind, content, letters))
    return tuple(tuple(line) for line in lines)


def text_of(lines: tuple[tuple[Sign, ...], ...]) -> str:
    """Return the registration that the signs spell: what a reader must answer."""
    return "".join(sign.value for line in lines for sign in line if sign.read)


def expression(pattern: str, letters: str = LATIN) -> str:
    """Return the regular expression of all registrations that a pattern can give."""
    parts = {"A": f"[{letters}]", "0": "[0-9]", "1": "[1-9]", "?": f"[{letters}0-9]"}
    text = ""
    for kind, content in _tokens(pattern):
        if kind == "[":
            choices = ("".join(c for c in choice if c not in DRAWN_ONLY) for choice in content.split(","))
            text += f"(?:{'|'.join(choices)})"
        elif kind == "=":
            text += content
        else:
            text += parts.get(kind, "" if kind in DRAWN_ONLY or kind in "<>|" else kind)
    return text
