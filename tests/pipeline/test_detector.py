"""Detectors: every contract decoded, recognised, refused; looks that come back in pixels of the whole picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto

from edge.config.models import DetectorSettings
from edge.errors import InferenceError, ModelError
from edge.pipeline.detector import OnnxDetector, suppress
from edge.pipeline.onnx import OnnxModel
from edge.types import Box
from tests.onnx_files import bright_plate_detector, constant_model, plate_picture

SIZE = 64  # network input of the constant models: 8x8 + 4x4 + 2x2 cells
CELLS = 84
PICTURE = np.zeros((128, 128), np.uint8)  # so one pixel of the network is two of the picture
PLATE = (10.0, 20.0, 30.0, 28.0)  # x1 y1 x2 y2 in the network
SMALL = DetectorSettings(width=SIZE, height=SIZE)


def detector(path: Path, settings: DetectorSettings = SMALL, declared: str = "auto") -> OnnxDetector:
    return OnnxDetector(OnnxModel(path, provider="cpu", threads=1), settings, name="test 1", declared=declared)


def centre(box: tuple[float, float, float, float] = PLATE) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def corners_rows() -> npt.NDArray[np.float32]:
    rows = np.zeros((1, 20, 13), np.float32)
    rows[0, 3] = (0.8, *PLATE, 10, 21, 29, 20, 30, 27, 11, 28)
    return rows


def yolov5_rows(classes: int = 1, plate: int = 0) -> npt.NDArray[np.float32]:
    rows = np.zeros((1, 3 * CELLS, 5 + classes), np.float32)
    rows[0, 7, :5] = (*centre(), 0.9)
    rows[0, 7, 5 + plate] = 0.8
    rows[0, 8, :5] = (*centre((11, 20, 31, 28)), 0.8)  # a double of the same plate
    rows[0, 8, 5 + plate] = 0.8
    return rows


def yolov8_columns(classes: int = 1, plate: int = 0, more: int = 0) -> npt.NDArray[np.float32]:
    columns = np.zeros((1, 4 + classes + more, CELLS), np.float32)
    columns[0, :4, 5] = centre()
    columns[0, 4 + plate, 5] = 0.72
    columns[0, :4, 6] = centre((11, 20, 31, 28))
    columns[0, 4 + plate, 6] = 0.6
    return columns


def end_to_end_rows(kind: float = 0.0) -> npt.NDArray[np.float32]:
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0] = (*PLATE, 0.72, kind)
    return rows


def tagged_rows() -> npt.NDArray[np.float32]:
    return np.array([[0, *PLATE, 0, 0.72]], np.float32)


def four_outputs() -> dict[str, npt.NDArray[np.float32]]:
    boxes, scores = np.zeros((1, 100, 4), np.float32), np.zeros((1, 100), np.float32)
    boxes[0, 0], scores[0, 0] = PLATE, 0.72
    boxes[0, 1], scores[0, 1] = (0, 0, 5, 5), 0.9  # beyond num_dets: left over from an earlier picture
    return {
        "num_dets": np.array([[1]], np.float32),
        "det_boxes": boxes,
        "det_scores": scores,
        "det_classes": np.zeros((1, 100), np.float32),
    }


GREY: dict[str, Any] = {"input_shape": ("n", "h", "w"), "input_type": TensorProto.UINT8}
CONTRACTS: dict[str, tuple[str, dict[str, npt.NDArray[np.float32]], dict[str, Any]]] = {
    "ours": ("anpr-corners-1", {"plates": corners_rows()}, GREY),
    "yolov5": ("yolov5", {"output0": yolov5_rows()}, {}),
    "yolov5, float16 names": ("yolov5", {"output0": yolov5_rows(2, 1)}, {"metadata": {"names": "['car', 'Plate']"}}),
    "yolov8": ("yolov8", {"output0": yolov8_columns()}, {}),
    "yolo11 of three classes": (
        "yolov8",
        {"output0": yolov8_columns(3, 2)},
        {"metadata": {"names": "{0: 'car', 1: 'bus', 2: 'license_plate'}"}},
    ),
    "yolov10": ("end-to-end", {"output0": end_to_end_rows()}, {}),
    "yolov9 end-to-end": ("end-to-end", {"output": tagged_rows()}, {}),
    "with TensorRT's NMS": ("end-to-end", four_outputs(), {}),
    "fixed size": ("yolov8", {"output0": yolov8_columns()}, {"input_shape": (1, 3, SIZE, SIZE)}),
}


@pytest.mark.parametrize("kind", CONTRACTS)
def test_every_contract_is_recognised_and_gives_the_plate_in_pixels_of_the_picture(kind: str, tmp_path: Path) -> None:
    contract, outputs, options = CONTRACTS[kind]
    found = detector(constant_model(tmp_path / "m.onnx", outputs, **options))
    assert found.contract == contract
    (plate,) = found.detect(PICTURE)
    assert plate.box.as_tuple() == pytest.approx((20, 40, 60, 56))
    assert plate.score == pytest.approx(0.8 if kind == "ours" else 0.72)


@pytest.mark.parametrize("kind", CONTRACTS)
def test_a_declared_contract_is_checked_against_the_shapes(kind: str, tmp_path: Path) -> None:
    """A wrong word in the settings must not turn numbers into plates."""
    contract, outputs, options = CONTRACTS[kind]
    path = constant_model(tmp_path / "m.onnx", outputs, **options)
    assert detector(path, declared=contract).contract == contract
    wrong = "yolov5" if contract != "yolov5" else "yolov8"
    with pytest.raises(ModelError, match=rf"m\.onnx: outputs .* do not fit contract '{wrong}'.* Fix: "):
        detector(path, declared=wrong)


def test_our_corners_come_back_in_reading_order(tmp_path: Path) -> None:
    (plate,) = detector(constant_model(tmp_path / "m.onnx", {"plates": corners_rows()}, **GREY)).detect(PICTURE)
    assert plate.corners == ((20, 42), (58, 40), (60, 54), (22, 56))


def test_key_points_of_a_pose_model_are_corners(tmp_path: Path) -> None:
    columns = yolov8_columns(more=12)
    columns[0, 5:, 5] = (10, 21, 0.9, 29, 20, 0.9, 30, 27, 0.9, 11, 28, 0.9)
    path = constant_model(tmp_path / "m.onnx", {"output0": columns}, metadata={"kpt_shape": "[4, 3]"})
    (plate,) = detector(path).detect(PICTURE)
    assert plate.corners == ((20, 42), (58, 40), (60, 54), (22, 56))


def test_a_plate_of_another_class_is_no_plate(tmp_path: Path) -> None:
    metadata = {"names": "{0: 'car', 1: 'plate'}"}
    path = constant_model(tmp_path / "m.onnx", {"output0": end_to_end_rows(kind=0.0)}, metadata=metadata)
    assert detector(path).detect(PICTURE) == ()


@pytest.mark.parametrize(
    ("outputs", "metadata", "problem"),
    [
        ({"o": np.zeros((1, 10), np.float32)}, {}, "do not fit any contract"),
        ({"o": np.zeros((1, 7, 13, 3), np.float32)}, {}, "do not fit any contract"),
        ({"o": np.zeros((1, CELLS + 1, 6), np.float32) + 0}, {"contract": "anpr-corners-1"}, "metadata say contract"),
        ({"o": corners_rows()}, {"contract": "anpr-corners-9"}, "'anpr-corners-9'"),
        ({"o": yolov8_columns(classes=80)}, {}, "knows 80 classes"),
        ({"o": yolov8_columns(2)}, {"names": "{0: 'cat', 1: 'dog'}"}, "none of them with 'plate'"),
    ],
)
def test_an_unknown_contract_is_refused_at_load(
    outputs: dict[str, npt.NDArray[np.float32]], metadata: dict[str, str], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=problem) as caught:
        detector(constant_model(tmp_path / "m.onnx", outputs, metadata=metadata))
    assert "Fix: " in str(caught.value)


@pytest.mark.parametrize("shape", [(1, "h"), (1, 7, "h", "w"), (1, 2, 3, "h", "w")])
def test_a_model_that_takes_no_pictures_is_refused(shape: tuple[int | str, ...], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="takes no pictures"):
        detector(constant_model(tmp_path / "m.onnx", {"o": corners_rows()}, input_shape=shape))


def test_a_score_that_is_no_probability_is_an_error(tmp_path: Path) -> None:
    """A model exported without its sigmoid would otherwise open the gate for every shadow."""
    rows = end_to_end_rows()
    rows[0, 0, 4] = 3.7
    with pytest.raises(InferenceError, match=r"a score of 3\.7 is no probability"):
        detector(constant_model(tmp_path / "m.onnx", {"o": rows})).detect(PICTURE)


def test_non_finite_output_is_an_error(tmp_path: Path) -> None:
    rows = end_to_end_rows()
    rows[0, 0, 0] = np.nan
    with pytest.raises(ModelError, match="NaN or infinity"):  # seen at the trial run already
        detector(constant_model(tmp_path / "m.onnx", {"o": rows}))


def test_weak_finds_are_given_and_weaker_ones_are_not(tmp_path: Path) -> None:
    """The tracker may use a weak find to extend a track; the threshold for new tracks is its business."""
    rows = end_to_end_rows()
    rows[0, 1] = (40, 40, 60, 50, 0.2, 0)
    rows[0, 2] = (40, 2, 60, 12, 0.1, 0)
    found = detector(constant_model(tmp_path / "m.onnx", {"o": rows})).detect(PICTURE)
    assert [round(d.score, 2) for d in found] == [0.72, 0.2]


def test_doubles_are_removed_and_neighbours_are_kept() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [0, 0, 10, 10]], np.float32)
    assert suppress(boxes, 0.5).tolist() == [0, 2]
    assert suppress(boxes[:0], 0.5).tolist() == []


def test_boxes_outside_the_picture_are_cut_and_empty_ones_dropped(tmp_path: Path) -> None:
    rows = end_to_end_rows()
    rows[0, 0] = (-10, 20, 30, 28, 0.9, 0)
    rows[0, 1] = (80, 80, 90, 90, 0.9, 0)  # in the padding
    rows[0, 2] = (30, 50, 10, 40, 0.8, 0)  # sides swapped
    found = detector(constant_model(tmp_path / "m.onnx", {"o": rows})).detect(PICTURE)
    assert [d.box.as_tuple() for d in found] == [(0, 40, 60, 56), (20, 80, 60, 100)]


@pytest.fixture
def bright(tmp_path: Path) -> OnnxDetector:
    return detector(bright_plate_detector(tmp_path / "m.onnx"), DetectorSettings())


@pytest.mark.parametrize("size", [(1080, 1920), (480, 640), (1920, 1080), (300, 5000), (97, 131)])
def test_a_plate_is_found_where_it_is_in_pictures_of_any_shape(bright: OnnxDetector, size: tuple[int, int]) -> None:
    height, width = size
    box = (width // 2, height // 3, width // 2 + max(20, width // 8), height // 3 + max(12, height // 10))
    (plate,) = bright.detect(plate_picture("AB123", size=size, box=box))
    blur = max(1.0, width / 640, height / 384)  # one pixel of the network
    assert plate.box.as_tuple() == pytest.approx(box, abs=blur + 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (2, 2)])
def test_tiny_pictures_do_not_stop_it(bright: OnnxDetector, size: tuple[int, int]) -> None:
    assert bright.detect(np.zeros(size, np.uint8)) == ()


def test_a_closer_look_sees_the_plate_sharper_than_the_full_look(bright: OnnxDetector) -> None:
    """That is what it is for: the region goes through the network unshrunk."""
    box = (1200, 701, 1261, 716)
    picture = plate_picture("AB123", size=(1080, 1920), box=box)
    (plate,) = bright.detect_in(picture, Box(1150, 680, 1310, 740))
    assert plate.box.as_tuple() == pytest.approx(box, abs=0.01)


@pytest.mark.parametrize("region", [Box(0, 0, 10, 10), Box(1900, 1070, 1920, 1080), Box(-500, -500, 3000, 3000)])
def test_a_closer_look_may_be_asked_for_anywhere(bright: OnnxDetector, region: Box) -> None:
    picture = plate_picture("AB123", size=(1080, 1920), box=(900, 500, 1020, 530))
    found = bright.detect_in(picture, region)
    assert all(d.box.x1 < 1020 and d.box.x2 > 900 for d in found)


def test_a_plate_cut_by_the_region_is_not_reported(bright: OnnxDetector) -> None:
    """Half a plate read as a whole one would be a wrong registration; the next full look sees all of it."""
    picture = plate_picture("AB123", size=(1080, 1920), box=(900, 500, 1100, 550))
    assert bright.detect_in(picture, Box(700, 420, 1000, 600)) == ()
    assert len(bright.detect_in(picture, Box(850, 420, 1150, 600))) == 1


def test_a_plate_cut_by_the_picture_itself_is_reported(bright: OnnxDetector) -> None:
    picture = plate_picture("AB123", size=(1080, 1920), box=(0, 500, 100, 530))
    (plate,) = bright.detect_in(picture, Box(0, 450, 200, 580))
    assert plate.box.x1 == 0


def test_a_fixed_input_is_used_as_it_is(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "m.onnx", {"o": yolov8_columns()}, input_shape=(1, 3, SIZE, SIZE))
    fixed = detector(path, DetectorSettings())
    assert fixed.size == (SIZE, SIZE)
    (plate,) = fixed.detect_in(np.zeros((500, 500), np.uint8), Box(100, 100, 164, 164))
    assert plate.box.as_tuple() == pytest.approx((110, 120, 130, 128))


def test_a_float16_model_works(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "m.onnx", {"o": yolov8_columns()}, input_type=TensorProto.FLOAT16)
    assert len(detector(path).detect(PICTURE)) == 1
