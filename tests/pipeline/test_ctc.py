"""CTC readers: dictionaries, two-line plates, and the real PP-OCRv4 on rendered plates."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.errors import InferenceError, ModelError
from edge.pipeline.ctc import CtcRecogniser, read_dictionary
from edge.pipeline.image import PAD, rectify
from edge.pipeline.lines import as_lines, likeliest, used_width
from edge.pipeline.onnx import OnnxModel
from edge.pipeline.posterior import decode_text, fold, slots_from_ctc
from edge.protocols import RawRead
from edge.types import Box, Detection, FloatArray, UInt8Array
from tests.onnx_files import ctc_model

SYMBOLS = tuple("0123456789abcABC-")
approx: Any = pytest.approx  # compares equal inside tuples of floats, which its type does not say


def opened(path: Path) -> OnnxModel:
    return OnnxModel(path, provider="cpu", threads=1)


def frames(*symbols: str, share: float = 0.9) -> FloatArray:
    """A CTC output that says these symbols, a blank after each; class 0 is the blank, the last is PP-OCR's space."""
    rows = np.zeros((1, 2 * len(symbols), len(SYMBOLS) + 2), np.float32)
    rows[0, 1::2, 0] = 1
    rows[0, ::2, 0] = 1 - share
    for i, symbol in enumerate(symbols):
        rows[0, 2 * i, SYMBOLS.index(symbol) + 1] = share
    return rows


def test_ctc_reads_with_the_dictionary_in_the_metadata(tmp_path: Path) -> None:
    reader = CtcRecogniser(opened(ctc_model(tmp_path / "m.onnx", SYMBOLS, frames(*"b7-c0"))), name="t")
    (read,) = reader.read([np.zeros(reader.crop_size, np.uint8)])
    assert reader.crop_size == (96, 640)  # both lines of a two-line plate at 48 px
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


def read_as(text: str, share: float) -> RawRead:
    rows = np.zeros((2 * len(text), len(SYMBOLS) + 1), np.float32)
    rows[1::2, 0] = 1
    for i, symbol in enumerate(text):
        rows[2 * i, SYMBOLS.index(symbol) + 1] = share
    rows[:, 0] += 1 - rows.sum(axis=1)
    return RawRead(slots_from_ctc(rows, fold(SYMBOLS)), share)


def crop_of_width(width: int) -> UInt8Array:
    """A crop 96 high: upper half bright, lower half dark, the rest of 640 columns padding."""
    crop = np.full((96, 640), PAD, np.uint8)
    crop[:44, :width] = 250
    crop[44:, :width] = 10
    return crop


def test_a_wide_plate_is_one_line() -> None:
    (line,) = as_lines(crop_of_width(450), (48, 320))
    assert line.shape == (48, 320)
    assert used_width(line) == 225


def test_a_plate_not_much_wider_than_high_is_offered_both_ways() -> None:
    """Upper line left, lower line right: that is how a two-line registration is read."""
    one, two = as_lines(crop_of_width(130), (48, 320))
    assert used_width(one) == 65
    assert 230 < used_width(two) < 280
    assert two[8:40, 10:110].min() > 240
    assert two[8:40, 150:230].max() < 20


def test_two_long_lines_are_pressed_into_the_width() -> None:
    _, two = as_lines(crop_of_width(255), (48, 320))
    assert used_width(two) == 320


def test_the_surer_and_plausibly_long_read_wins() -> None:
    assert likeliest([read_as("abc123", 0.6), read_as("a1", 0.9)]).legible == 0.6
    assert likeliest([read_as("abc123", 0.6), read_as("c4b1", 0.8)]).legible == 0.8


def test_a_crop_of_another_size_is_refused(tmp_path: Path) -> None:
    reader = CtcRecogniser(opened(ctc_model(tmp_path / "m.onnx", SYMBOLS, frames("A"))), name="t")
    with pytest.raises(InferenceError, match=r"a crop is uint8 \(48, 320\)"):
        reader.read([np.zeros((48, 320), np.uint8)])


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


@pytest.mark.skipif(find_spec("rapidocr_onnxruntime") is None, reason="rapidocr-onnxruntime is not installed")
def test_the_real_pp_ocr_model_reads_two_lines() -> None:
    """Alone it reads none of them: on 67 real two-line plates 0 right, side by side 50."""
    spec = find_spec("rapidocr_onnxruntime")
    assert spec is not None and spec.submodule_search_locations is not None
    (path,) = (Path(spec.submodule_search_locations[0]) / "models").glob("*rec*.onnx")
    reader = CtcRecogniser(opened(path), name="PP-OCRv4")
    plate = np.full((200, 280), 235, np.uint8)
    cv2.rectangle(plate, (4, 4), (275, 195), 30, 3)
    cv2.putText(plate, "59-X1", (45, 85), cv2.FONT_HERSHEY_DUPLEX, 2.1, 20, 5, cv2.LINE_AA)
    cv2.putText(plate, "473.26", (25, 175), cv2.FONT_HERSHEY_DUPLEX, 2.3, 20, 5, cv2.LINE_AA)
    street = np.full((400, 600), 90, np.uint8)
    street[100:300, 150:430] = plate
    seen = Detection(Box(150, 100, 430, 300), 0.9)
    (read,) = reader.read([rectify(street, seen, reader.crop_size, reader.margin, reader.keep_aspect)])
    assert decode_text(read.posterior)[0] == "59X147326"
