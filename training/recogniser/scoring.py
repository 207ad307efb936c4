"""How well a reader reads in one look: exact match by kind of plate, calibration, and what it got wrong.

What an answer is and how calibration is measured is said once, in `training.evaluate.reading`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluate.reading import Answer, calibration_error, exact_share
from training.progress import shown
from training.recogniser.crops import LabelledCrop
from training.recogniser.samples import plain_crop
from training.synth.fonts import CHARSET

Floats = NDArray[np.float32]
Reader = Callable[[NDArray[np.uint8]], tuple[Floats, Floats]]  # crops -> posterior, legible


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one set of crops."""

    exact: dict[str, float]  # by group: all (without china), one-line, two-line, every source
    count: dict[str, int]
    ece: float  # of the whole-string probability, without china
    errors: tuple[tuple[str, str, str, float], ...]  # file, truth, read, probability


def decode(posterior: Floats) -> list[tuple[str, float]]:
    """Return the text and whole-string probability of every reading in a posterior (N, L, 37)."""
    best, probability = posterior.argmax(2), posterior.max(2).prod(1)
    return [
        ("".join(CHARSET[index - 1] for index in row if index), float(p))
        for row, p in zip(best, probability, strict=True)
    ]


def answer_on(crop: LabelledCrop, text: str, probability: float) -> Answer:
    """Return the answer that says what was read on a labelled crop."""
    height_px, luma = crop.picture.shape[0] / (1 + 2 * crop.margins[1]), float(crop.picture.mean())
    return Answer(crop.file, crop.source, crop.text, text, probability, height_px, crop.lines, luma)


def score(read: Reader, crops: Sequence[LabelledCrop], batch: int = 64) -> Score:
    """Return how well `read` does on labelled crops; no figures where there are none."""
    if not crops:
        return Score({}, {}, 0.0, ())
    pictures = np.stack([plain_crop(crop) for crop in crops])
    starts = shown(range(0, len(pictures), batch), "reading crops")
    texts = [one for start in starts for one in decode(read(pictures[start : start + batch])[0])]
    answers = [answer_on(crop, text, probability) for crop, (text, probability) in zip(crops, texts, strict=True)]
    elsewhere = [answer for answer in answers if answer.source != "china"]
    groups = {
        "all": elsewhere,
        "one-line": [answer for answer in elsewhere if answer.lines != 2],
        "two-line": [answer for answer in elsewhere if answer.lines == 2],
    }
    groups |= {name: [a for a in answers if a.source == name] for name in sorted({a.source for a in answers})}
    asked = {name: some for name, some in groups.items() if some}
    return Score(
        {name: exact_share(some) for name, some in asked.items()},
        {name: len(some) for name, some in asked.items()},
        calibration_error(elsewhere),
        tuple((a.file, a.truth, a.read, a.probability) for a in answers if not a.right),
    )
