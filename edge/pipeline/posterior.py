"""Posteriors of plates: their best text, the runners-up, and how CTC output becomes slots.

A posterior is float32 (L, 37), one distribution per slot, left-packed; slots
are taken as independent. Pure functions on NumPy arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.types import BLANK, CHARSET, CLASSES, FloatArray

SLOTS = 12  # longest registration in use has ten characters; the rest is room for mistakes
_BEAM = 48  # texts kept while looking for the best few; with 3 choices a slot, 10 lose nothing that matters
_CHOICES = 4  # classes a slot is taken to choose between


def decode_text(posterior: FloatArray) -> tuple[str, float]:
    """Return the most likely text and the probability that all of it is right.

    Args:
        posterior: float32 (L, 37), see edge.types.PlateRead.

    Returns:
        Text of A-Z and 0-9 without gaps, maybe empty, and the product of the slots' best probabilities.
    """
    if not len(posterior):
        return "", 0.0
    best = posterior.argmax(axis=1)
    text = "".join(CHARSET[k - 1] for k in best if k != BLANK)
    return text, float(np.prod(posterior.max(axis=1), dtype=np.float64))


def alternatives(posterior: FloatArray, k: int = 3) -> tuple[tuple[str, float], ...]:
    """Return the `k` most likely texts with their probabilities, best first; the same text counts once."""
    beam: dict[str, float] = {"": 1.0}
    for slot in posterior.astype(np.float64):
        choices = np.argsort(-slot, kind="stable")[:_CHOICES]
        grown: dict[str, float] = {}
        for text, probability in beam.items():
            for choice in choices:
                longer = text if choice == BLANK else text + CHARSET[choice - 1]
                grown[longer] = grown.get(longer, 0.0) + probability * float(slot[choice])
        beam = dict(sorted(grown.items(), key=lambda item: -item[1])[:_BEAM])
    best = sorted(beam.items(), key=lambda item: (-item[1], item[0]))[:k]
    return tuple((text, probability) for text, probability in best if probability > 0)


def fold(symbols: Sequence[str]) -> tuple[int, ...]:
    """Return for every symbol of a foreign dictionary its index in a slot: lower case folded, -1 for what is dropped.

    Only ASCII letters and digits count; full-width forms and accents are other symbols.
    """
    index = {c: i + 1 for i, c in enumerate(CHARSET)}
    return tuple(index.get(s.upper(), -1) if s.isascii() else -1 for s in symbols)


def slots_from_ctc(frames: FloatArray, folded: Sequence[int]) -> FloatArray:
    """Return the left-packed slots (12, 37) of one CTC output.

    Every run of one best symbol that the slots know becomes a slot, with the distribution of its surest frame:
    lower case is added to upper case, blank and all other symbols count as "no character". Runs beyond
    the twelfth are lost; `fits` tells.

    Args:
        frames: float32 (T, C) probabilities; class 0 is the CTC blank, class c is symbol c - 1.
        folded: slot index of each symbol, from `fold`; length C - 1.
    """
    slots: FloatArray = np.zeros((SLOTS, CLASSES), np.float32)
    slots[:, BLANK] = 1.0
    known = np.asarray((BLANK, *folded))
    for slot, frame in enumerate(_peaks(frames, known)[:SLOTS]):
        row = frames[frame]
        slot_row = np.zeros(CLASSES, np.float32)
        np.add.at(slot_row, np.where(known > 0, known, BLANK), row)
        slots[slot] = slot_row / max(float(slot_row.sum()), 1e-9)
    return slots


def fits(frames: FloatArray, folded: Sequence[int]) -> bool:
    """Tell whether the CTC output holds one to twelve characters: more is lettering, not a registration."""
    return 0 < len(_peaks(frames, np.asarray((BLANK, *folded)))) <= SLOTS


def _peaks(frames: FloatArray, known: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
    """Return the surest frame of each run of a symbol that slots know, left to right."""
    best = frames.argmax(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    peaks = []
    for start, end in zip(starts, [*starts[1:], len(best)], strict=True):
        if known[best[start]] > 0:
            peaks.append(int(start + frames[start:end, best[start]].argmax()))
    return peaks
