"""Training samples: labels that follow the picture through every warp, and splits that do not leak."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.places import data_folder
from training.recogniser.cache import open_cache, render_cache
from training.recogniser.crops import held_back, load_crops, scene_patches
from training.recogniser.network import INPUT_HEIGHT_PX, INPUT_WIDTH_PX, SLOTS
from training.recogniser.samples import (
    UNIT_SQUARE,
    axis_quad,
    encode,
    margin_quad,
    photographed_sample,
    plain_crop,
    rectify,
    rendered_sample,
)
from training.recogniser.scoring import decode

needs_data = pytest.mark.skipif(not (data_folder() / "crops.csv").exists(), reason="needs the data folder (ANPR_DATA)")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("plates")
    render_cache(folder, 24, seed=5, processes=1)
    return open_cache(folder)


def test_text_survives_encoding_and_decoding() -> None:
    """The classes of the contract: 0 blank, digits, letters."""
    target = encode("A0Z9")
    posterior = np.eye(37, dtype=np.float32)[target][None]
    assert target.tolist() == [11, 1, 36, 10] + [0] * (SLOTS - 4)
    assert decode(posterior) == [("A0Z9", 1.0)]


def test_probability_is_the_product_over_all_slots() -> None:
    """The contract's whole-string probability counts the blanks, too."""
    posterior = np.zeros((1, 2, 37), np.float32)
    posterior[0, 0, 11], posterior[0, 0, 12] = 0.8, 0.2
    posterior[0, 1, 0], posterior[0, 1, 1] = 0.5, 0.4
    assert decode(posterior)[0] == ("A", pytest.approx(0.4))


def test_margin_grows_a_square_by_its_shares() -> None:
    """6 % of the width and 12 % of the height on each side, as the contract says."""
    grown = margin_quad(UNIT_SQUARE * (100, 50), 0.06, 0.12)
    assert np.allclose(grown, [[-6, -6], [106, -6], [106, 56], [-6, 56]], atol=1e-3)


def test_rectified_picture_follows_the_corners() -> None:
    """A white quarter of a picture becomes a white crop; its matrix maps the corners to the crop's."""
    picture = np.zeros((200, 400), np.uint8)
    picture[100:, 200:] = 255
    quad = np.array([[210, 110], [390, 110], [390, 190], [210, 190]], np.float32)
    crop, matrix = rectify(picture, quad)
    assert crop.shape == (INPUT_HEIGHT_PX, INPUT_WIDTH_PX) and crop.min() > 250
    corner = matrix @ np.array([390, 190, 1])
    assert np.allclose(corner[:2] / corner[2], [INPUT_WIDTH_PX, INPUT_HEIGHT_PX], atol=0.5)


def test_axis_quad_holds_a_turned_plate() -> None:
    """An upright box around a turned plate touches all four corners."""
    turned = np.array([[10, 0], [20, 10], [10, 20], [0, 10]], np.float32)
    assert axis_quad(turned).tolist() == [[0, 0], [20, 0], [20, 20], [0, 20]]


def test_same_seed_renders_the_same_cache(tmp_path: Path, cache) -> None:
    """The model card's seed must give the data back."""
    render_cache(tmp_path, 24, seed=5, processes=1)
    again = open_cache(tmp_path)
    assert np.array_equal(again.pictures, cache.pictures) and list(again.texts) == list(cache.texts)


def test_rendering_resumes_where_it_stopped(tmp_path: Path) -> None:
    """A chunk that exists is kept as it is."""
    render_cache(tmp_path, 4, seed=2, processes=1)
    (chunk,) = tmp_path.glob("*.npz")
    before = chunk.stat().st_mtime_ns
    render_cache(tmp_path, 4, seed=2, processes=1)
    assert chunk.stat().st_mtime_ns == before


def test_missing_cache_says_what_to_run(tmp_path: Path) -> None:
    """The error is the first thing a new user meets."""
    with pytest.raises(FileNotFoundError, match="anpr-train recogniser render"):
        open_cache(tmp_path)


def test_places_follow_the_characters(cache) -> None:
    """In reading order on one line, the characters' places go from left to right, within the crop."""
    seen = 0
    for index in np.flatnonzero((cache.lines == 1) & (np.char.str_len(cache.texts) > 3)):
        sample = rendered_sample(np.random.default_rng(int(index)), cache, int(index))
        if not sample.text_weight:
            continue
        centres = (sample.places[:, 0] + sample.places[:, 2])[: len(cache.texts[index])] / 2
        assert (np.diff(centres) > 0).all() and centres.min() > -0.1 and centres.max() < 1.1
        seen += 1
    assert seen >= 5


def test_unreadable_samples_teach_no_text(cache) -> None:
    """Guessing at a plate that nobody can read must not be rewarded."""
    samples = [rendered_sample(np.random.default_rng(seed), cache, seed % len(cache)) for seed in range(120)]
    illegible = [sample for sample in samples if sample.legible == 0]
    assert illegible and all(sample.text_weight == 0 and not sample.places.any() for sample in illegible)


def test_samples_follow_from_the_generator(cache) -> None:
    """The stream of a training run can be repeated."""
    once, again = (rendered_sample(np.random.default_rng(3), cache, 2).crop for _ in range(2))
    assert np.array_equal(once, again)


@needs_data
def test_no_validation_crop_is_in_training() -> None:
    """The split is what makes the figures worth anything."""
    train, held, val = (load_crops(split) for split in ("train", "slice", "val"))
    texts = [{crop.text for crop in part} for part in (train, held, val)]
    assert not texts[0] & texts[1] and not texts[0] & texts[2] and not texts[1] & texts[2]
    assert len(val) == 498 and all(held_back(crop.text) for crop in held)


@needs_data
def test_photographs_become_samples() -> None:
    """Every status has its own truth: text, legible or neither."""
    for crop in load_crops("train", ("ok", "unsure", "notplate", "illegible"))[::97]:
        sample = photographed_sample(np.random.default_rng(1), crop)
        assert sample.crop.shape == plain_crop(crop).shape == (INPUT_HEIGHT_PX, INPUT_WIDTH_PX)
        assert (sample.text_weight > 0) == (crop.status in ("ok", "unsure"))


@needs_data
def test_patches_are_pictures_without_plates() -> None:
    """They teach what is not a plate."""
    patches = scene_patches(np.random.default_rng(0), 10)
    assert len(patches) > 5 and all(patch.ndim == 2 and patch.std() > 8 for patch in patches)
