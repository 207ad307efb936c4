"""Posteriors: best text, runners-up, and CTC output packed into slots."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from edge.pipeline.posterior import SLOTS, alternatives, decode_text, fits, fold, slots_from_ctc
from edge.types import CHARSET, CLASSES, FloatArray

approx: Any = pytest.approx  # compares equal inside tuples of floats, which its type does not say


def slot(**shares: float) -> FloatArray:
    """One distribution: characters by name, `none` for no character."""
    row = np.zeros(CLASSES, np.float32)
    for name, share in shares.items():
        row[0 if name == "none" else CHARSET.index(name.strip("_")) + 1] = share
    return row


def test_text_and_probability_of_the_whole() -> None:
    posterior = np.stack([slot(A=0.9, B=0.1), slot(_7=0.8, none=0.2), slot(none=1.0)])
    assert decode_text(posterior) == ("A7", approx(0.72))


def test_nothing_to_read_is_an_empty_text() -> None:
    assert decode_text(np.stack([slot(none=1.0)] * 3)) == ("", 1.0)
    assert decode_text(np.zeros((0, CLASSES), np.float32)) == ("", 0.0)


def test_alternatives_are_the_most_likely_texts() -> None:
    posterior = np.stack([slot(_0=0.6, O=0.4), slot(B=0.7, _8=0.3)])
    assert alternatives(posterior, 3) == (
        ("0B", approx(0.42)),
        ("OB", approx(0.28)),
        ("08", approx(0.18)),
    )


def test_one_text_reached_in_two_ways_counts_once_with_both_shares() -> None:
    """The same character may stand in either of two slots; the text is the same."""
    posterior = np.stack([slot(A=0.5, none=0.5), slot(A=0.5, none=0.5)])
    assert dict(alternatives(posterior, 3)) == approx({"A": 0.5, "AA": 0.25, "": 0.25})


def test_alternatives_agree_with_trying_everything() -> None:
    """The beam keeps only the best; on random slots it must lose none of the top three."""
    random = np.random.default_rng(7)
    names = "0OBS"
    columns = [0, *(CHARSET.index(n) + 1 for n in names[:3])]
    for _ in range(20):
        posterior = np.zeros((6, CLASSES), np.float32)
        posterior[:, columns] = random.dirichlet(np.full(4, 0.3), 6)
        sums: dict[str, float] = {}
        for path in itertools.product(columns, repeat=6):
            text = "".join(CHARSET[c - 1] for c in path if c)
            sums[text] = sums.get(text, 0.0) + float(np.prod([posterior[i, c] for i, c in enumerate(path)]))
        best = sorted(sums.values(), reverse=True)[:3]
        assert [p for _, p in alternatives(posterior, 3)] == approx(best, rel=0.01)


SYMBOLS = ("a", "A", "B", "-", "7", "é", "Ａ", "·")
FOLDED = fold(SYMBOLS)


def ctc(*frames: dict[str, float]) -> FloatArray:
    rows = np.zeros((len(frames), len(SYMBOLS) + 1), np.float32)
    for row, shares in zip(rows, frames, strict=True):
        for symbol, share in shares.items():
            row[0 if symbol == "" else SYMBOLS.index(symbol) + 1] = share
        row[0] += 1 - row.sum()
    return rows


def test_lower_case_is_folded_and_everything_else_is_dropped() -> None:
    """Full-width and accented letters look alike to people, not to a list of registrations."""
    a, b, seven = (CHARSET.index(c) + 1 for c in "AB7")
    assert list(FOLDED) == [a, a, b, -1, seven, -1, -1, -1]


def test_ctc_runs_become_slots_in_order() -> None:
    frames = ctc({"": 1}, {"B": 0.6}, {"B": 0.9}, {"": 1}, {"B": 0.8}, {"-": 1}, {"7": 1}, {"": 1})
    slots = slots_from_ctc(frames, FOLDED)
    assert slots.shape == (SLOTS, CLASSES)
    assert decode_text(slots) == ("BB7", approx(0.9 * 0.8))


def test_lower_and_upper_case_add_up() -> None:
    slots = slots_from_ctc(ctc({"a": 0.5, "A": 0.4, "B": 0.1}), FOLDED)
    assert decode_text(slots) == ("A", approx(0.9))


def test_every_slot_is_a_distribution() -> None:
    random = np.random.default_rng(3)
    slots = slots_from_ctc(random.dirichlet(np.full(9, 0.2), 40).astype(np.float32), FOLDED)
    assert slots.sum(axis=1) == approx(np.ones(SLOTS), abs=1e-5)
    assert slots.min() >= 0


@pytest.mark.parametrize(("characters", "fitting"), [(0, False), (1, True), (12, True), (13, False)])
def test_lettering_longer_than_any_registration_does_not_fit(characters: int, fitting: bool) -> None:
    frames = ctc(*([{"B": 1.0}, {"": 1.0}] * characters or [{"": 1.0}]))
    assert fits(frames, FOLDED) is fitting
    assert decode_text(slots_from_ctc(frames, FOLDED))[0] == "B" * min(characters, SLOTS)
