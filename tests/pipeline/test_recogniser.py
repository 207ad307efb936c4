"""Readers: our slots, CTC with its dictionary, and the real PP-OCRv4 on a rendered plate."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.errors import InferenceError, ModelError
from edge.pipeline.image import rectify
from edge.pipeline.onnx import OnnxModel
from edge.pipeline.posterior import SLOTS, decode_text
from edge.pipeline.recogniser import CtcRecogniser, SlotRecogniser, read_dictionary
from edge.types import CHARSET, CLASSES, Box, Detection, FloatArray, UInt8Array
from tests.onnx_files import CROP, constant_model, ctc_model, grey_code_reader, plate_picture

approx: Any = pytest.approx  # compares equal inside tuples of floats, which its type does not say
SYMBOLS = tuple("0123456789abcABC-")


def opened(path: Path) -> OnnxModel:
    return OnnxModel(path, provider="cpu", threads=1)


def crop_of(text: str, reader: SlotRecogniser) -> UInt8Array:
    box = (200, 200, 360, 260)
    seen = Detection(Box(*box), 0.9)
    return rectify(plate_picture(text, box=box), seen, reader.crop_size, reader.margin, reader.keep_aspect)


def frames(*symbols: str, share: float = 0.9) -> FloatArray:
    """A CTC output that says these symbols, a blank after each; class 0 is the blank, the last is PP-OCR's space."""
    rows = np.zeros((1, 2 * len(symbols), len(SYMBOLS) + 2), np.float32)
    rows[0, 1::2, 0] = 1
    rows[0, ::2, 0] = 1 - share
    for i, symbol in enumerate(symbols):
        rows[0, 2 * i, SYMBOLS.index(symbol) + 1] = share
    return rows


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


def test_ctc_reads_with_the_dictionary_in_the_metadata(tmp_path: Path) -> None:
    reader = CtcRecogniser(opened(ctc_model(tmp_path / "m.onnx", SYMBOLS, frames(*"b7-c0"))), name="t")
    (read,) = reader.read([np.zeros(reader.crop_size, np.uint8)])
    assert reader.crop_size == (48, 320)
    assert reader.keep_aspect
    assert decode_text(read.posterior) == ("B7C0", approx(0.9**4, rel=1e-3))
    assert read.legible == approx(0.9)


def test_ctc_reads_with_a_dictionary_file(tmp_path: Path) -> None:
    path = ctc_model(tmp_path / "m.onnx", SYMBOLS, frames("A", "1"), dictionary=False)
    (tmp_path / "dict.txt").write_text("\r\n".join(SYMBOLS) + "\n", encoding="utf-8")
    reader = CtcRecogniser(opened(path), name="t", charset=tmp_path / "dict.txt")
    (read,) = reader.read([np.zeros(reader.crop_size, np.uint8)])
    assert decode_text(read.posterior)[0] == "A1"


def test_ctc_without_softmax_reads_the_same(tmp_path: Path) -> None:
    logits = np.log(np.maximum(frames("A", "1"), 1e-6)) + 5
    reader = CtcRecogniser(opened(ctc_model(tmp_path / "m.onnx", SYMBOLS, logits)), name="t")
    (read,) = reader.read([np.zeros(reader.crop_size, np.uint8)])
    assert decode_text(read.posterior) == ("A1", approx(0.81, rel=1e-3))


def test_lettering_is_not_legible(tmp_path: Path) -> None:
    reader = CtcRecogniser(opened(ctc_model(tmp_path / "m.onnx", SYMBOLS, frames(*"0123456789abc"))), name="t")
    (read,) = reader.read([np.zeros(reader.crop_size, np.uint8)])
    assert read.legible == 0.0


def test_ctc_without_any_dictionary_says_where_to_give_it(tmp_path: Path) -> None:
    path = ctc_model(tmp_path / "m.onnx", SYMBOLS, frames("A"), dictionary=False)
    with pytest.raises(ModelError, match=r"no dictionary\. Fix: set models\.recogniser\.charset"):
        CtcRecogniser(opened(path), name="t")


def test_a_dictionary_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    """One symbol off and every letter would be its neighbour."""
    path = ctc_model(tmp_path / "m.onnx", SYMBOLS[:-3], frames("A"))
    with pytest.raises(ModelError, match="14 symbols in the dictionary, 19 classes in the output"):
        CtcRecogniser(opened(path), name="t")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00"])
def test_an_unreadable_dictionary_is_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "dict.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"dict\.txt: .* Fix: "):
        read_dictionary(path)


def rendered(text: str) -> tuple[UInt8Array, Detection]:
    """A white plate with dark letters, slightly turned, in a grey street."""
    plate = np.full((110, 520), 235, np.uint8)
    cv2.rectangle(plate, (4, 4), (515, 105), 30, 3)
    cv2.putText(plate, text, (30, 82), cv2.FONT_HERSHEY_DUPLEX, 2.4, 20, 6, cv2.LINE_AA)
    quad = np.array([[220, 205], [478, 228], [476, 284], [218, 258]], np.float32)
    flat = np.array([[0, 0], [520, 0], [520, 110], [0, 110]], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, quad)
    street = np.full((480, 640), 90, np.uint8)
    cv2.warpPerspective(plate, matrix, (640, 480), dst=street, borderMode=cv2.BORDER_TRANSPARENT, flags=cv2.INTER_AREA)
    corners = tuple((float(x), float(y)) for x, y in quad)
    return street, Detection(Box(218, 205, 478, 284), 0.9, (corners[0], corners[1], corners[2], corners[3]))


@pytest.mark.skipif(find_spec("rapidocr_onnxruntime") is None, reason="rapidocr-onnxruntime is not installed")
@pytest.mark.parametrize("text", ["HH KL 4821", "B-XY 907", "7ABC123"])
def test_the_real_pp_ocr_model_reads_a_plate(text: str) -> None:
    """The file that rapidocr-onnxruntime carries: PP-OCRv4, 6623 symbols, dictionary in its metadata."""
    spec = find_spec("rapidocr_onnxruntime")
    assert spec is not None and spec.submodule_search_locations is not None
    (path,) = (Path(spec.submodule_search_locations[0]) / "models").glob("*rec*.onnx")
    reader = CtcRecogniser(opened(path), name="PP-OCRv4")
    street, seen = rendered(text)
    (read,) = reader.read([rectify(street, seen, reader.crop_size, reader.margin, reader.keep_aspect)])
    best, probability = decode_text(read.posterior)
    assert best == "".join(c for c in text if c.isalnum())
    assert probability > 0.3
    assert read.legible > 0.7
