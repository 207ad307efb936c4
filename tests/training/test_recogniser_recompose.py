"""New registrations out of photographs: what is pasted is what the label says, and formats stay."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from training.recogniser.crops import LabelledCrop
from training.recogniser.network import GRID, SLOTS, PlateReader, Reading
from training.recogniser.placed import PlacedCrop, attended, place_crops
from training.recogniser.recompose import Recomposer

PITCH, TALL = 24, 60


def photograph(text: str, lines: int = 1, source: str = "world", *, known: bool = True) -> PlacedCrop:
    """Return a plate whose characters are blocks of a grey level of their own, 24 px apart."""
    rows = [text] if lines == 1 else [text[: len(text) // 2], text[len(text) // 2 :]]
    picture = np.full((TALL * lines, PITCH * max(map(len, rows)) + PITCH), 220, np.uint8)
    middles = []
    for row, characters in enumerate(rows):
        for k, character in enumerate(characters):
            x, y = PITCH * (k + 1), TALL * row + TALL // 2
            cv2.rectangle(picture, (x - 6, y - 12), (x + 6, y + 12), level(character), -1)
            middles.append((x, y))
    crop = LabelledCrop(picture, text, lines, source, "ok", (0.0, 0.0), f"{text}.png")
    return PlacedCrop(crop, None, np.array(middles, np.float32) if known else None)


def level(character: str) -> int:
    return 10 + 3 * (ord(character) - ord("0"))


def seen_at(placed: PlacedCrop, at: int) -> int:
    assert placed.middles is not None
    x, y = placed.middles[at].astype(int)
    return int(placed.crop.picture[y - 4 : y + 5, x - 3 : x + 4].mean())


@pytest.mark.parametrize("lines", [1, 2])
def test_the_label_names_what_was_pasted(lines: int) -> None:
    """Within one plate grey levels are kept, so each block still tells its character."""
    placed = photograph("AK59CT27", lines)
    recomposer = Recomposer([placed])
    texts = set()
    for seed in range(30):
        new = recomposer.recomposed(np.random.default_rng(seed), 0)
        texts.add(new.crop.text)
        for at, character in enumerate(new.crop.text):
            assert abs(seen_at(new, at) - level(character)) <= 2
    assert len(texts) > 20


@pytest.mark.parametrize(("lines", "called"), [(1, 2), (2, 1)])
def test_a_plate_called_by_the_wrong_number_of_lines_keeps_characters_and_label(lines: int, called: int) -> None:
    """A strip of a character, or two characters at once, would be pasted under a label that says otherwise."""
    right = photograph("AK59CT27", lines)
    rng = np.random.default_rng(5)
    assert right.middles is not None
    middles = right.middles + rng.normal(0, 0.4, right.middles.shape).astype(np.float32)  # as attention finds them
    wrong = PlacedCrop(replace(right.crop, lines=called), None, middles)
    recomposer = Recomposer([wrong, photograph("XY11ZW00", called)])
    for seed in range(10):
        new = recomposer.recomposed(np.random.default_rng(seed), 0)
        assert new.crop.text == "AK59CT27"
        assert np.array_equal(new.crop.picture, wrong.crop.picture)


def test_a_plate_of_wrong_lines_gives_no_characters_to_others() -> None:
    good, wrong = (
        photograph("AAAAAAAA", 2),
        PlacedCrop(replace(photograph("BBBB").crop, lines=2), None, photograph("BBBB").middles),
    )
    recomposer = Recomposer([good, wrong])
    texts = {recomposer.recomposed(np.random.default_rng(seed), 0).crop.text for seed in range(20)}
    assert texts == {"AAAAAAAA"}


def test_letters_stay_letters_and_digits_digits() -> None:
    recomposer = Recomposer([photograph("AK59CT27"), photograph("XY11ZW00")])
    for seed in range(20):
        text = recomposer.recomposed(np.random.default_rng(seed), 0).crop.text
        assert [c.isdigit() for c in text] == [c.isdigit() for c in "AK59CT27"]


def test_characters_come_only_from_plates_of_the_same_source() -> None:
    recomposer = Recomposer([photograph("AAAA"), photograph("BBBB"), photograph("CCCC", source="russia")])
    texts = {recomposer.recomposed(np.random.default_rng(seed), 0).crop.text for seed in range(40)}
    assert set("".join(texts)) == {"A", "B"}


def test_the_photograph_itself_is_left_alone() -> None:
    placed = photograph("AK59CT27")
    before = placed.crop.picture.copy()
    Recomposer([placed]).recomposed(np.random.default_rng(1), 0)
    assert np.array_equal(before, placed.crop.picture)


def test_a_plate_without_known_places_stays_as_it_is() -> None:
    placed = photograph("AK59CT27", known=False)
    assert Recomposer([placed]).recomposed(np.random.default_rng(1), 0) is placed


def test_a_slot_looks_where_its_attention_lies() -> None:
    """All attention on cell (row 2, column 5) of 8 x 32: pixel (22, 20) of 128 x 64."""
    attention = torch.zeros(1, SLOTS, GRID[0] * GRID[1] + 1)
    attention[0, :, 2 * GRID[1] + 5] = 1
    places = attended(Reading(torch.zeros(1, SLOTS, 37), torch.zeros(1), attention))
    assert places.shape == (1, SLOTS, 2)
    assert np.allclose(places, (22, 20))


def test_only_characters_that_are_read_right_have_places() -> None:
    """An untrained reader reads nothing right; without one, and without a detector, nothing is known either."""
    crops = [photograph("AK59CT27").crop]
    for reader in (PlateReader().eval(), None):
        (placed,) = place_crops(crops, reader, None)
        assert placed.middles is None
        assert placed.corners is None
