"""What every recogniser promises, whichever family its model belongs to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.config.models import ModelSettings, RecogniserSettings
from edge.errors import InferenceError
from edge.pipeline.models import load_recogniser
from edge.pipeline.posterior import decode_text
from edge.protocols import Recogniser
from edge.types import CHARSET, CLASSES
from tests.onnx_files import ctc_model, grey_code_reader


def _ctc(path: Path) -> Path:
    frames = np.full((1, 6, 7), 0.02, np.float32)
    for time, symbol in enumerate((1, 0, 4, 5, 0, 2)):
        frames[0, time, symbol] = 0.88
    return ctc_model(path, "Aa-7é", frames)


MODELS: dict[str, Callable[[Path], Path]] = {"anpr-slots-1": grey_code_reader, "ctc": _ctc}


@pytest.fixture(params=MODELS)
def recogniser(request: pytest.FixtureRequest, tmp_path: Path) -> Recogniser:
    path = MODELS[request.param](tmp_path / "model.onnx")
    return load_recogniser(ModelSettings(threads=1, recogniser=RecogniserSettings(model=path)))


def crops(recogniser: Recogniser, number: int) -> list[np.ndarray]:
    random = np.random.default_rng(number)
    return [random.integers(0, 255, recogniser.crop_size, dtype=np.uint8) for _ in range(number)]


def test_it_says_what_crops_it_wants(recogniser: Recogniser) -> None:
    height, width = recogniser.crop_size
    assert 16 <= height <= width
    assert all(0 <= m < 1 for m in recogniser.margin)
    assert recogniser.keep_aspect in (True, False)
    assert recogniser.name.startswith("model ")


@pytest.mark.parametrize("number", [0, 1, 5])
def test_one_opinion_per_crop(number: int, recogniser: Recogniser) -> None:
    assert len(recogniser.read(crops(recogniser, number))) == number


def test_an_opinion_is_left_packed_distributions(recogniser: Recogniser) -> None:
    for read in recogniser.read(crops(recogniser, 3)):
        assert read.posterior.dtype == np.float32
        assert read.posterior.shape[1] == CLASSES
        assert read.posterior.sum(axis=1) == pytest.approx(np.ones(len(read.posterior)), abs=0.02)
        assert read.posterior.min() >= 0
        assert 0 <= read.legible <= 1
        assert not set(decode_text(read.posterior)[0]) - set(CHARSET)


def test_an_opinion_does_not_depend_on_the_rest_of_the_batch(recogniser: Recogniser) -> None:
    """Looks are batched as they come; a neighbour's plate must not change the answer."""
    batch = crops(recogniser, 4)
    together = recogniser.read(batch)
    for crop, read in zip(batch, together, strict=True):
        (alone,) = recogniser.read([crop])
        assert alone.posterior == pytest.approx(read.posterior, abs=1e-5)


def test_a_crop_of_the_wrong_size_is_an_error(recogniser: Recogniser) -> None:
    with pytest.raises(InferenceError):
        recogniser.read([np.zeros((7, 9), np.uint8)])
