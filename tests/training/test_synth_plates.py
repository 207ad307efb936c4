"""The plate renderer: what it says is on a plate must be there, and a seed must name a picture."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from training.synth import fonts, registrations
from training.synth.layouts import Layout, all_layouts, read_layouts
from training.synth.plates import render_plate
from training.synth.registrations import draw, expression, text_of
from training.synth.strokes import CAP_PX, stroke_glyph

STATES_TESTED = 6  # of the fifty-four that share one layout
_OWN = [layout for layout in all_layouts() if layout.country not in ("US", "US-VANITY")]
_STATES = [layout for layout in all_layouts() if layout.country in ("US", "US-VANITY")][:: 108 // STATES_TESTED]
KINDS = {f"{layout.country}-{i}": layout for i, layout in enumerate(_OWN + _STATES)}


def a_plate(seed: int = 3, layout: Layout | None = None):
    return render_plate(np.random.default_rng(seed), layout)


def test_same_seed_gives_the_same_plate() -> None:
    """A model card states a seed; it must lead to the same pictures again."""
    first, second = a_plate(11), a_plate(11)
    assert first.text == second.text and np.array_equal(first.image, second.image)


def test_other_seeds_give_other_plates() -> None:
    """A renderer that ignored its generator would pass the test above."""
    assert len({a_plate(seed).text for seed in range(20)}) == 20


@pytest.mark.parametrize("name", KINDS)
def test_every_layout_draws_a_registration_of_its_own_format(name: str) -> None:
    """The label must follow the country's rules, and every character of it must lie on the plate."""
    layout = KINDS[name]
    plate = a_plate(5, layout)
    formats = [expression(pattern, layout.letters) for pattern in layout.patterns]
    assert any(re.fullmatch(one, plate.text) for one in formats), plate.text
    assert set(plate.text) <= set(fonts.CHARSET)
    height, width = plate.image.shape[:2]
    assert len(plate.boxes) == len(plate.text)
    assert (plate.boxes[:, :2] >= -2).all()
    assert (plate.boxes[:, 2] <= width + 2).all() and (plate.boxes[:, 3] <= height + 2).all()
    assert (plate.boxes[:, 2:] > plate.boxes[:, :2]).all()


def test_characters_leave_ink_where_their_box_is() -> None:
    """The boxes steer the reader's attention, so they must be where the ink is."""
    layout = Layout("plain", ("AAA 000",), colours=("black/white",))
    plate = a_plate(2, layout)
    grey = plate.image.mean(2)
    for x1, y1, x2, y2 in plate.boxes.astype(int):
        assert grey[y1:y2, x1 : x2 + 1].min() < 110


def test_top_line_is_read_first() -> None:
    """Reading order is a promise of the label."""
    layout = Layout("two", ("A0|0A",), (200, 140))
    plate = a_plate(1, layout)
    assert plate.lines == 2
    assert plate.boxes[:2, 3].max() < plate.boxes[2:, 3].min()


def test_pattern_language() -> None:
    """One case per construct of the language."""
    lines = draw(np.random.default_rng(0), "=BA-1<0>|[XY]*~")
    assert lines[0][0].value == "B"
    assert re.fullmatch(r"B[A-Z][1-9][0-9]XY", text_of(lines))
    assert [sign.small for sign in lines[0]] == [False, False, False, False, True]
    assert [sign.read for sign in lines[1]] == [True, True, False, False]


def test_forbidden_letters_are_never_drawn() -> None:
    """Vietnamese plates have no W: drawing one would teach the reader to see it."""
    texts = [text_of(draw(np.random.default_rng(i), "AAAAAA", "BC")) for i in range(20)]
    assert set("".join(texts)) == {"B", "C"}


def test_unknown_key_of_a_country_names_file_and_entry(tmp_path: Path) -> None:
    """Users add countries; a typing error must not be silently ignored."""
    file = tmp_path / "mine.yaml"
    file.write_text("lists: {}\nletters: {}\nlayouts:\n- {country: ZZ, patterns: ['A0'], colour: [black/white]}\n")
    with pytest.raises(ValueError, match=r"mine\.yaml.*ZZ.*colour"):
        read_layouts(file)


def test_own_country_can_be_added(tmp_path: Path) -> None:
    """docs/training.md tells users to do just this."""
    file = tmp_path / "mine.yaml"
    file.write_text("lists: {CITY: 'AA,BB'}\nletters: {}\nlayouts:\n- {country: ZZ, patterns: ['{CITY}-10']}\n")
    (layout,) = read_layouts(file)
    assert re.fullmatch("(AA|BB)[1-9][0-9]", a_plate(1, layout).text)


def test_lines_never_exceed_what_the_reader_can_hold() -> None:
    """Twelve slots; a longer registration could not be answered."""
    longest = max(
        len(text_of(draw(np.random.default_rng(0), pattern, layout.letters)))
        for layout in all_layouts()
        for pattern in layout.patterns
    )
    assert longest <= 12


@pytest.mark.parametrize("character", fonts.CHARSET)
def test_invented_alphabets_draw_every_character(character: str) -> None:
    """A missing skeleton would draw an empty field with a label."""
    mask = stroke_glyph(3, character)
    assert mask.shape[0] == CAP_PX and (mask > 128).mean() > 0.08


def test_invented_alphabets_differ_from_each_other() -> None:
    """They exist to be unlike each other."""
    assert len({stroke_glyph(number, "G").tobytes() for number in range(30)}) == 30


def test_renderer_works_without_fetched_fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test machine has no font folder; the system's fonts must do."""
    cached = (fonts.text_fonts, fonts.lettering_fonts, fonts.family_fonts, fonts._script_font)
    monkeypatch.setenv("ANPR_FONTS", str(tmp_path))
    try:
        for function in cached:
            function.cache_clear()
        assert a_plate(4).image.std() > 5
    finally:
        monkeypatch.undo()
        for function in cached:
            function.cache_clear()


def test_drawn_only_signs_are_no_characters() -> None:
    """A sign that is both drawn-only and readable would break every label."""
    assert not registrations.DRAWN_ONLY & set(fonts.CHARSET)
