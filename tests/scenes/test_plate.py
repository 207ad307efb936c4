"""Plates: every character has a shape of its own, and wear hides what it should."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.scenes.glyphs import STROKES, glyph
from training.scenes.plate import LAYOUTS, plate_texture, registration, worn


def test_every_letter_and_digit_is_drawn() -> None:
    assert set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") <= set(STROKES)


def test_no_two_characters_look_alike() -> None:
    """0 and O may be close, as on real plates; anything else must differ clearly."""
    shapes = {c: cv2.resize(glyph(c, 64), (32, 64)).astype(np.float32) for c in STROKES if c.isalnum()}
    for a, one in shapes.items():
        for b, other in shapes.items():
            if a < b and {a, b} != {"0", "O"}:
                assert np.abs(one - other).mean() > 8, f"{a} and {b}"


@pytest.mark.parametrize("style", sorted(LAYOUTS))
def test_every_layout_keeps_its_text_inside(style: str) -> None:
    """The rim of a plate is free of characters."""
    image = plate_texture("AB12/CDE34" if style.endswith(("two", "moto")) else "AB12 CDE", style)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(int)
    inner_rim = (
        grey[10:16, grey.shape[1] // 3 : -grey.shape[1] // 3] if not LAYOUTS[style].caption else grey[-16:-12, 100:-100]
    )
    assert np.ptp(inner_rim) < 30


def test_registration_is_what_a_reader_answers() -> None:
    assert registration("59F1/342.17") == "59F134217"
    assert registration("M-KX 4821") == "MKX4821"


def test_mud_hides_more_the_more_there_is() -> None:
    clean = plate_texture("AB12 CDE", "gb")
    changed = [
        float(np.abs(worn(clean, dirt, np.random.default_rng(1)).astype(int) - clean).mean())
        for dirt in (0.0, 0.3, 1.0)
    ]
    assert changed[0] == 0.0
    assert changed[0] < changed[1] < changed[2]
