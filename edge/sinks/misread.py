"""Misreads: which texts a search for a plate must also find.

A reader confuses one character, loses one or sees one too many; people who
search mistype as often. Pure text, no knowledge of any country.
"""

from __future__ import annotations

FORGIVING_FROM = 4  # a shorter text is a part of a plate: forgiving it would find everything


def normal(text: str) -> str:
    """Return `text` as plates are kept: A-Z and 0-9 only, upper case."""
    return "".join(c for c in text if c.isascii() and c.isalnum()).upper()


def patterns(plate: str) -> list[str]:
    """Return SQL LIKE patterns that find `plate` with at most one character wrong, missing or added.

    Args:
        plate: normal text, not empty. Shorter than four characters, it is looked for inside plates.
    """
    contained = f"%{plate}%"
    if len(plate) < FORGIVING_FROM:
        return [contained]
    places = range(len(plate))
    replaced = {plate[:k] + "_" + plate[k + 1 :] for k in places}
    missing = {plate[:k] + plate[k + 1 :] for k in places}
    added = {plate[:k] + "_" + plate[k:] for k in range(len(plate) + 1)}
    return [contained, *sorted(replaced | missing | added)]


def differs(wanted: str, found: str) -> bool:
    """Tell whether `found` is only a forgiven misread of `wanted`."""
    return wanted not in found
