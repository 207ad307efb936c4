"""What every detector promises, whichever contract its model follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from edge.config.models import DetectorSettings, ModelSettings
from edge.pipeline.models import load_detector
from edge.protocols import Detector
from edge.types import Box
from tests.onnx_files import bright_plate_detector, constant_model

CELLS = 84  # of YOLO's maps at 64 x 64


def _rows(columns: int, *rows: tuple[float, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    table = np.zeros((1, 300, columns), np.float32)
    for i, row in enumerate(rows):
        table[0, i] = row
    return table


def _yolov8(path: Path) -> Path:
    columns = np.zeros((1, 5, CELLS), np.float32)
    columns[0, :, 3], columns[0, :, 9] = (20, 20, 20, 8, 0.6), (40, 50, 20, 8, 0.9)
    return constant_model(path, {"output0": columns})


def _yolov5(path: Path) -> Path:
    rows = np.zeros((1, 3 * CELLS, 6), np.float32)
    rows[0, 3], rows[0, 9] = (20, 20, 20, 8, 0.8, 0.75), (40, 50, 20, 8, 0.9, 1.0)
    return constant_model(path, {"output0": rows})


def _end_to_end(path: Path) -> Path:
    return constant_model(path, {"o": _rows(6, (10, 16, 30, 24, 0.6, 0), (30, 46, 50, 54, 0.9, 0))})


def _ours(path: Path) -> Path:
    row = (10, 16, 30, 24, 10, 16, 30, 16, 30, 24, 10, 24)
    other = (30, 46, 50, 54, 30, 46, 50, 46, 50, 54, 30, 54)
    rows = _rows(13, (0.6, *row), (0.9, *other))
    return constant_model(path, {"plates": rows}, input_shape=("n", "h", "w"), input_type=TensorProto.UINT8)


MODELS: dict[str, Callable[[Path], Path]] = {
    "anpr-corners-1": _ours,
    "yolov5": _yolov5,
    "yolov8": _yolov8,
    "end-to-end": _end_to_end,
    "bright rectangle": bright_plate_detector,
}


@pytest.fixture(params=MODELS)
def detector(request: pytest.FixtureRequest, tmp_path: Path) -> Detector:
    path = MODELS[request.param](tmp_path / "model.onnx")
    return load_detector(ModelSettings(threads=1, detector=DetectorSettings(model=path, width=64, height=64)))


@pytest.fixture
def picture() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    luma = np.full((90, 160), 50, np.uint8)
    luma[40:60, 60:110] = 255
    return luma


def test_it_has_a_name_for_events(detector: Detector) -> None:
    assert detector.name.startswith("model ")


def test_finds_are_best_first_and_lie_in_the_picture(detector: Detector, picture: np.ndarray) -> None:
    found = detector.detect(picture)
    assert found
    assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)
    for d in found:
        assert 0 <= d.box.x1 < d.box.x2 <= 160
        assert 0 <= d.box.y1 < d.box.y2 <= 90
        assert 0 < d.score <= 1


def test_the_same_picture_gives_the_same_finds(detector: Detector, picture: np.ndarray) -> None:
    """Two replays must give bit-identical events, whatever was looked at in between."""
    first = detector.detect(picture)
    detector.detect(np.zeros((200, 50), np.uint8))
    detector.detect_in(picture, Box(0, 0, 30, 30))
    assert detector.detect(picture) == first


def test_the_picture_is_not_changed(detector: Detector, picture: np.ndarray) -> None:
    before = picture.copy()
    detector.detect(picture)
    detector.detect_in(picture, Box(50, 30, 120, 70))
    assert (picture == before).all()


def test_a_read_only_view_will_do(detector: Detector, picture: np.ndarray) -> None:
    """A decoder hands out planes that are wider than the picture and not to be written."""
    wide = np.zeros((90, 192), np.uint8)
    wide[:, :160] = picture
    view = wide[:, :160]
    view.flags.writeable = False
    assert detector.detect(view) == detector.detect(picture)


def test_a_region_s_finds_are_in_pixels_of_the_whole_picture(detector: Detector, picture: np.ndarray) -> None:
    for d in detector.detect_in(picture, Box(40, 20, 140, 85)):
        assert 0 <= d.box.x1 < d.box.x2 <= 160
        assert 0 <= d.box.y1 < d.box.y2 <= 90


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1)])
def test_pictures_of_any_shape_are_looked_at(shape: tuple[int, int], detector: Detector) -> None:
    luma = np.zeros(shape, np.uint8)
    detector.detect(luma)
    detector.detect_in(luma, Box(0, 0, 1, 1))
