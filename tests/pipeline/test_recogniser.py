"""Our reader: batches, metadata, and outputs that do not fit its contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.errors import InferenceError, ModelError
from edge.pipeline.image import rectify
from edge.pipeline.onnx import OnnxModel
from edge.pipeline.posterior import SLOTS, decode_text
from edge.pipeline.recogniser import SlotRecogniser
from edge.types import CHARSET, CLASSES, Box, Detection, UInt8Array
from tests.onnx_files import CROP, constant_model, grey_code_reader, plate_picture


def opened(path: Path) -> OnnxModel:
    return OnnxModel(path, provider="cpu", threads=1)


def crop_of(text: str, reader: SlotRecogniser) -> UInt8Array:
    box = (200, 200, 360, 260)
    seen = Detection(Box(*box), 0.9)
    return rectify(plate_picture(text, box=box), seen, reader.crop_size, reader.margin, reader.keep_aspect)


def test_reads_a_batch_in_order(tmp_path: Path) -> None:
    reader = SlotRecogniser(opened(grey_code_reader(tmp_path / "m.onnx")), name="test 1")
    reads = reader.read([crop_of(t, reader) for t in ("AB12CDE", "0", "ZZZZ99999999")])
    assert [decode_text(r.posterior)[0] for r in reads] == ["AB12CDE", "0", "ZZZZ99999999"]
    assert [r.legible for r in reads] == [1.0, 1.0, 1.0]
    assert all(r.posterior.shape == (SLOTS, CLASSES) for r in reads)


def test_no_crops_are_no_reads(tmp_path: Path) -> None:
    assert SlotRecogniser(opened(grey_code_reader(tmp_path / "m.onnx")), name="t").read([]) == ()


def test_what_is_no_plate_is_not_legible(tmp_path: Path) -> None:
    reader = SlotRecogniser(opened(grey_code_reader(tmp_path / "m.onnx")), name="t")
    (read,) = reader.read([np.full(CROP, 30, np.uint8)])
    assert read.legible == 0.0


def test_a_crop_of_another_size_is_refused(tmp_path: Path) -> None:
    reader = SlotRecogniser(opened(grey_code_reader(tmp_path / "m.onnx")), name="t")
    with pytest.raises(InferenceError, match=r"a crop is uint8 \(10, 10\)"):
        reader.read([np.zeros((10, 10), np.uint8)])


def test_the_margin_comes_from_the_metadata(tmp_path: Path) -> None:
    metadata = {"contract": "anpr-slots-1", "charset": CHARSET, "margin": "[0.02, 0.03]"}
    reader = SlotRecogniser(opened(grey_code_reader(tmp_path / "m.onnx", metadata=metadata)), name="t")
    assert reader.margin == (0.02, 0.03)


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"charset": "ABC"}, "its charset is 'ABC'"),
        ({"margin": "wide"}, "metadata margin 'wide' is not"),
        ({"margin": "0.1,7"}, r"is not in \[0, 1\)"),
    ],
)
def test_metadata_that_do_not_fit_are_refused(metadata: dict[str, str], problem: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=problem):
        SlotRecogniser(opened(grey_code_reader(tmp_path / "m.onnx", metadata=metadata)), name="t")


@pytest.mark.parametrize("shape", [(2, SLOTS, 36), (2, 37), (1, SLOTS, 37)])
def test_a_posterior_of_the_wrong_shape_is_refused_at_load(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = constant_model(
        tmp_path / "m.onnx", {"posterior": np.zeros(shape, np.float32)}, input_shape=("n", 64, 128), input_type=2
    )
    with pytest.raises(ModelError, match=r"posterior .* Fix: "):
        SlotRecogniser(opened(path), name="t")


def test_slots_that_are_no_distributions_are_an_error(tmp_path: Path) -> None:
    """Logits instead of probabilities would make every vote nonsense."""
    path = constant_model(
        tmp_path / "m.onnx",
        {"posterior": np.full((2, 12, 37), 3, np.float32)},
        input_shape=("n", 64, 128),
        input_type=2,
    )
    with pytest.raises(InferenceError, match="no distributions"):
        SlotRecogniser(opened(path), name="t").read([np.zeros(CROP, np.uint8)] * 2)
