"""How well a reader reads: exact match by kind of plate, calibration, and what it got wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.recogniser.crops import LabelledCrop
from training.recogniser.samples import plain_crop
from training.synth.fonts import CHARSET

Floats = NDArray[np.float32]
Reader = Callable[[NDArray[np.uint8]], tuple[Floats, Floats]]  # crops -> posterior, legible
ECE_BINS = 10


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


def calibration_error(probability: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Return the expected calibration error over `ECE_BINS` equally wide bins."""
    bins = np.minimum((probability * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = [abs(probability[bins == b].sum() - right[bins == b].sum()) for b in range(ECE_BINS)]
    return float(sum(gaps) / max(1, len(probability)))


def score(read: Reader, crops: Sequence[LabelledCrop], batch: int = 64) -> Score:
    """Return how well `read` does on labelled crops; no figures where there are none."""
    if not crops:
        return Score({}, {}, 0.0, ())
    pictures = np.stack([plain_crop(crop) for crop in crops])
    answers = [
        answer
        for start in range(0, len(pictures), batch)
        for answer in decode(read(pictures[start : start + batch])[0])
    ]
    right = np.array([text == crop.text for (text, _), crop in zip(answers, crops, strict=True)], float)
    china = np.array([crop.source == "china" for crop in crops])
    two = np.array([crop.lines == 2 for crop in crops])
    groups = {"all": ~china, "one-line": ~china & ~two, "two-line": ~china & two}
    groups |= {name: np.array([c.source == name for c in crops]) for name in sorted({c.source for c in crops})}
    exact = {name: float(right[chosen].mean()) for name, chosen in groups.items() if chosen.any()}
    count = {name: int(chosen.sum()) for name, chosen in groups.items() if chosen.any()}
    probability = np.array([p for _, p in answers])
    errors = tuple(
        (crop.file, crop.text, text, p) for (text, p), crop, ok in zip(answers, crops, right, strict=True) if not ok
    )
    return Score(exact, count, calibration_error(probability[~china], right[~china]), errors)
