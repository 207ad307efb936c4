"""Still pictures: plates of all sizes in pictures of all sizes, each once, read, in pixels of the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.config.models import ModelSettings
from edge.errors import SourceUnavailable
from edge.pipeline import still, still_search
from edge.pipeline.models import load_detector, load_recogniser
from edge.pipeline.still import load_picture, read_picture
from edge.pipeline.still_search import find_plates, without_doubles
from edge.protocols import Detector, RawRead, Recogniser
from edge.types import CHARSET, Box, Detection, UInt8Array
from tests.onnx_files import models_folder, plate_picture

approx: Any = pytest.approx  # compares equal inside tuples of floats, which its type does not say
SETTINGS = ModelSettings(threads=1)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Detector, Recogniser]:
    monkeypatch.setenv("ANPR_MODELS", str(models_folder(tmp_path / "models")))
    return load_detector(SETTINGS), load_recogniser(SETTINGS)


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((1080, 1920), (1500, 900, 1530, 910)),  # 30 px in 1920
        ((1080, 1920), (100, 100, 900, 400)),
        ((4000, 6000), (3010, 2020, 3110, 2050)),
        ((300, 300), (20, 100, 110, 130)),
        ((40, 120), (5, 5, 115, 35)),
        ((6000, 400), (100, 5000, 250, 5050)),
    ],
)
def test_a_plate_is_found_and_read(
    size: tuple[int, int], box: tuple[int, int, int, int], models: tuple[Detector, Recogniser]
) -> None:
    (plate,) = read_picture(plate_picture("AB12CDE", size=size, box=box), *models, SETTINGS)
    width = box[2] - box[0]
    assert plate.box.as_tuple() == approx(box, abs=max(1.5, 0.03 * width))
    assert plate.text == "AB12CDE"
    assert plate.probability > 0.05  # the tiny reader is lost when its crop is nudged, so the mean is modest
    assert plate.alternatives[0] == (plate.text, approx(plate.probability))
    assert len(plate.alternatives) <= 3


def test_a_huge_picture_is_read_within_its_memory(models: tuple[Detector, Recogniser]) -> None:
    picture = plate_picture("AB12CDE", size=(20_000, 20_000), box=(15_000, 9_000, 15_500, 9_200))
    (plate,) = read_picture(picture, *models, SETTINGS)
    assert plate.text == "AB12CDE"


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2)])
def test_a_tiny_picture_holds_no_plate(size: tuple[int, int], models: tuple[Detector, Recogniser]) -> None:
    assert read_picture(np.zeros(size, np.uint8), *models, SETTINGS) == ()


def test_several_plates_are_read_each_once(models: tuple[Detector, Recogniser]) -> None:
    class Two:
        """The bright-plate detector finds one; here it looks at each half of the picture by itself."""

        name = "two"
        provider = "cpu"

        def detect(self, luma: UInt8Array) -> tuple[Detection, ...]:
            middle = luma.shape[1] // 2
            left = models[0].detect(np.ascontiguousarray(luma[:, :middle]))
            right = models[0].detect(np.ascontiguousarray(luma[:, middle:]))
            moved = [Detection(Box(d.box.x1 + middle, d.box.y1, d.box.x2 + middle, d.box.y2), 0.8) for d in right]
            return (*left, *moved)

        def detect_in(
            self, luma: UInt8Array, region: Box, size: tuple[int, int] | None = None
        ) -> tuple[Detection, ...]:
            return models[0].detect_in(luma, region, size)

    picture = plate_picture("AB12CDE", size=(768, 1280), box=(100, 100, 260, 150))
    picture[:, 640:] = plate_picture("7XYZ", size=(768, 1280), box=(900, 600, 1060, 650))[:, 640:]
    plates = read_picture(picture, Two(), models[1], SETTINGS)
    assert [p.text for p in plates] == ["AB12CDE", "7XYZ"]


@pytest.mark.parametrize(
    ("score", "legible", "sureness", "reported"),
    [
        (0.4, 0.0, 0.0005, True),  # dirty, tiny or of another script: several looks agree that it is a plate
        (0.1, 0.9, 0.9, True),  # hardly found, yet read well
        (0.1, 0.0, 0.9, False),  # a facade: the reader takes it for no plate
        (0.1, 0.9, 0.1, False),  # lettering: the reader does not believe what it makes out
    ],
)
def test_a_find_must_convince_one_of_the_two_models(
    score: float, legible: float, sureness: float, reported: bool
) -> None:
    found = Detection(Box(0, 0, 160, 40), score)
    assert still._believed(found, RawRead(np.full((1, 37), sureness, np.float32), legible), 0.35) is reported


class Wavering:
    """Finds one plate of 100 x 25 px, with another score and a little moved at each size it is shown in."""

    name, provider = "wavering", "cpu"

    def __init__(self, first: float, again: Sequence[float | None]) -> None:
        self.first, self.again = first, list(again)
        self.widths_px: list[float] = []

    def detect(self, luma: UInt8Array) -> tuple[Detection, ...]:
        return (Detection(Box(200, 100, 300, 125), self.first),)

    def detect_in(self, luma: UInt8Array, region: Box, size: tuple[int, int] | None = None) -> tuple[Detection, ...]:
        assert size is not None
        if size == (384, 640):
            return ()  # a tile
        self.widths_px.append(100 * size[1] / region.width)
        score = self.again[len(self.widths_px) - 1]
        moved = len(self.widths_px)
        return () if score is None else (Detection(Box(200 + moved, 100, 300 + moved, 125), score),)


def test_a_find_is_looked_at_again_in_several_sizes_and_their_opinions_are_averaged() -> None:
    detector = Wavering(0.9, [0.9, 0.8, 0.6, 0.9])
    (find,) = find_plates(np.zeros((384, 640), np.uint8), detector, SETTINGS)
    assert detector.widths_px == approx([40, 60, 90, 130], rel=0.15)
    odds = [np.log(p / (1 - p)) for p in (0.9, 0.9, 0.8, 0.6, 0.9)]
    assert find.score == approx(1 / (1 + np.exp(-np.mean(odds))))
    assert find.box.as_tuple() == approx((202, 100, 302, 125))  # the middle of 0, 1, 2, 3 and 4 px to the right


def test_what_is_found_in_one_size_only_is_hardly_a_plate() -> None:
    (lettering,) = find_plates(np.zeros((384, 640), np.uint8), Wavering(0.9, [None, None, 0.5, None]), SETTINGS)
    assert lettering.score < 0.2


def _one_letter(sureness_of_b: float) -> RawRead:
    """Return a read that hesitates between A and B."""
    posterior = np.zeros((12, len(CHARSET) + 1), np.float32)
    posterior[1:, 0] = 1.0
    posterior[0, 1 + CHARSET.index("A")], posterior[0, 1 + CHARSET.index("B")] = 1 - sureness_of_b, sureness_of_b
    return RawRead(posterior, 1.0)


def test_what_is_read_is_the_mean_over_several_straightenings(models: tuple[Detector, Recogniser]) -> None:
    class Torn:
        """Reads A from the first crop of a plate and B, less surely, from every other."""

        name, provider, crop_size, margin, keep_aspect = "torn", "cpu", (16, 32), (0.0, 0.0), True

        def read(self, crops: Sequence[UInt8Array]) -> tuple[RawRead, ...]:
            assert len({crop.tobytes() for crop in crops}) == len(crops) == 5
            return tuple(_one_letter(0.1 if first else 0.7) for first in (True, *[False] * 4))

    (plate,) = read_picture(plate_picture("AB12CDE"), models[0], Torn(), SETTINGS)
    assert plate.text == "B"
    assert plate.probability == approx(0.58, abs=1e-6)
    assert [text for text, _ in plate.alternatives[:2]] == ["B", "A"]


def test_one_line_of_json_per_the_schema(models: tuple[Detector, Recogniser]) -> None:
    (plate,) = read_picture(plate_picture("AB12CDE"), *models, SETTINGS)
    told = json.loads(json.dumps(plate.as_json()))
    assert set(told) == {"box", "corners", "text", "probability", "detection_score", "alternatives"}
    assert told["box"] == approx([200, 200, 360, 260], abs=1)
    assert len(told["corners"]) == 4
    assert told["alternatives"][0] == ["AB12CDE", told["probability"]]
    assert told["detection_score"] == approx(0.9)


def test_a_plate_seen_whole_and_in_part_is_one() -> None:
    whole, part, other = Box(100, 100, 200, 130), Box(100, 100, 140, 130), Box(300, 100, 400, 130)
    finds = [(Detection(b, s), 1.0) for b, s in ((whole, 0.9), (part, 0.8), (other, 0.7), (whole, 0.6))]
    assert [d.box for d, _ in without_doubles(finds)] == [whole, other]


def test_the_look_that_shows_it_larger_is_trusted_more() -> None:
    """Equal scores: corners from a look at three times the detail are three times as exact."""
    coarse, fine = Box(100, 100, 190, 130), Box(101, 101, 191, 131)
    ((kept, _),) = without_doubles([(Detection(coarse, 0.9), 0.33), (Detection(fine, 0.9), 1.0)])
    assert kept.box == fine


def test_weak_finds_that_cannot_be_read_are_not_reported(models: tuple[Detector, Recogniser]) -> None:
    picture, strict = plate_picture("AB12CDE"), ModelSettings.model_validate({"detector": {"threshold": 0.95}})
    assert read_picture(picture, models[0], Blind(), strict) == ()
    assert len(read_picture(picture, models[0], Blind(), SETTINGS)) == 1


class Blind:
    """Takes every crop for no plate."""

    name, provider, crop_size, margin, keep_aspect = "blind", "cpu", (16, 32), (0.0, 0.0), True

    def read(self, crops: Sequence[UInt8Array]) -> tuple[RawRead, ...]:
        return tuple(RawRead(np.full((12, 37), 1 / 37, np.float32), 0.0) for _ in crops)


@pytest.mark.parametrize("shape", [(1080, 1920), (20_000, 20_000), (700, 641), (385, 640), (5000, 50)])
def test_tiles_cover_the_picture_and_overlap(shape: tuple[int, int]) -> None:
    tiles = list(still_search._tiles(shape, (384, 640), 1.0))
    seen = np.zeros((shape[0] // 10 + 1, shape[1] // 10 + 1), np.uint8)
    for t in tiles:
        seen[int(t.y1 // 10) : int(t.y2 // 10) + 1, int(t.x1 // 10) : int(t.x2 // 10) + 1] = 1
    assert seen.all()
    assert len(tiles) == still_search._tiles_count(shape, (384, 640), 1.0)
    lefts = sorted({t.x1 for t in tiles})
    assert all(b - a <= 640 * 0.7 + 1e-6 for a, b in pairwise(lefts))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tiff"])
def test_pictures_of_all_usual_kinds_are_loaded_as_grey(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"Straße {suffix}"
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:, 24:] = (255, 255, 255)
    path.write_bytes(cv2.imencode(suffix, picture)[1].tobytes())
    luma = load_picture(path)
    assert luma.shape == (32, 48)
    assert luma.dtype == np.uint8
    assert luma[16, 4] < 30 < 220 < luma[16, 44]


@pytest.mark.parametrize("kind", ["text", "empty", "missing", "folder", "cut"])
def test_a_file_that_is_no_picture_is_named_with_what_to_do(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "car.jpg"
    if kind == "text":
        path.write_text("This is a letter, not a picture.")
    elif kind == "empty":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "cut":
        path.write_bytes(cv2.imencode(".png", np.zeros((64, 64), np.uint8))[1].tobytes()[:30])
    with pytest.raises(SourceUnavailable, match=r"car\.jpg: .* Fix: ") as caught:
        load_picture(path)
    assert not caught.value.retry
