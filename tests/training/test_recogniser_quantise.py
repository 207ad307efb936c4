"""The INT8 variant: it must answer as the original does, near enough, and stay within the contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.places import data_folder
from training.recogniser.crops import load_crops
from training.recogniser.export import onnx_reader
from training.recogniser.quantise import quantise
from training.recogniser.samples import plain_crop

MODEL = Path(__file__).resolve().parents[2] / "models" / "plate-reader.onnx"


@pytest.mark.skipif(not (data_folder() / "crops.csv").exists(), reason="needs the data folder (ANPR_DATA)")
def test_quantised_reader_answers_as_the_original(tmp_path: Path) -> None:
    """Eight bits in the convolutions may shift probabilities, not what is read."""
    crops = load_crops("slice")
    quantise(MODEL, tmp_path / "int8.onnx", crops[:48])
    pictures = np.stack([plain_crop(crop) for crop in crops[48:112]])
    original, small = (onnx_reader(file)(pictures)[0].argmax(2) for file in (MODEL, tmp_path / "int8.onnx"))
    assert (original == small).all(axis=1).mean() >= 0.9
    assert (tmp_path / "int8.onnx").stat().st_size < MODEL.stat().st_size
