"""Views: what of a plate the reader is shown, and which of its answers counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edge.pipeline.views import read_views, views
from edge.protocols import RawRead
from edge.types import CHARSET, CLASSES, Box, Detection, UInt8Array


class ScriptedReader:
    """Sees in a crop only how bright it is; the answers, with their sureness, are scripted by that."""

    name, provider, crop_size, margin = "scripted", "cpu", (64, 128), (0.0, 0.0)

    def __init__(self, answers: dict[int, tuple[str, float]] | None = None, *, keep_aspect: bool = False) -> None:
        self.keep_aspect = keep_aspect
        self._answers = answers or {}

    def read(self, crops: Sequence[UInt8Array]) -> tuple[RawRead, ...]:
        return tuple(raw(*self._answers[round(float(c.mean()))]) for c in crops)


def raw(text: str, sure: float) -> RawRead:
    posterior = np.full((12, CLASSES), 0.0, np.float32)
    posterior[:, 0] = 1.0
    for slot, character in enumerate(text):
        posterior[slot] = (1 - sure) / (CLASSES - 1)
        posterior[slot, CHARSET.index(character) + 1] = sure
    return RawRead(posterior, 1.0)


def plate(width: int, height: int) -> Detection:
    box = Box(10, 10, 10 + width, 10 + height)
    return Detection(box, 0.9, ((box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2)))


def test_a_wide_plate_is_shown_once() -> None:
    """There is no room for other text above or below a number that fills the plate; a look stays cheap."""
    assert len(views(np.zeros((200, 400), np.uint8), plate(220, 48), ScriptedReader())) == 1


def test_the_middle_of_a_squarish_plate_is_shown_without_what_surrounds_it() -> None:
    """A slogan, here white, takes the top and the bottom tenth; the second view is free of it."""
    street = np.full((200, 400), 100, np.uint8)
    street[10:30] = street[190:] = 255

    whole, middle, *_ = views(street, plate(300, 180), ScriptedReader())

    assert whole[:5].min() > 200
    assert middle[2:-2].max() == 100  # but for a row on each side of the cut


def test_a_reader_that_finds_lines_itself_gets_the_whole_plate() -> None:
    assert len(views(np.zeros((200, 400), np.uint8), plate(100, 80), ScriptedReader(keep_aspect=True))) == 1


def test_the_surest_answer_counts_for_each_plate() -> None:
    """Two plates in one batch must not get each other's answers."""
    reader = ScriptedReader({1: ("AB12", 0.6), 2: ("AB12CDE", 0.99), 3: ("XY99ZZZ", 0.9), 4: ("XY99", 0.5)})
    crops = {n: np.full((64, 128), n, np.uint8) for n in (1, 2, 3, 4)}

    first, second = read_views(reader, [(crops[1], crops[2]), (crops[3], crops[4])])

    assert first.posterior.tolist() == raw("AB12CDE", 0.99).posterior.tolist()
    assert second.posterior.tolist() == raw("XY99ZZZ", 0.9).posterior.tolist()


@pytest.mark.parametrize("sure", [0.0, 1.0])
def test_certainty_without_doubt_is_no_trouble(sure: float) -> None:
    (answer,) = read_views(ScriptedReader({1: ("A", sure)}), [(np.full((64, 128), 1, np.uint8),)])

    assert np.isfinite(answer.posterior).all()
