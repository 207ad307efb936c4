"""The committed reader: its figures can be measured again, it reads clear plates and refuses what is no plate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from training.places import data_folder
from training.recogniser.crops import load_crops
from training.recogniser.export import onnx_reader
from training.recogniser.samples import margin_quad, rectify
from training.recogniser.scoring import decode, score
from training.recogniser.weights import network_from_onnx
from training.synth.camera import UNIT_SQUARE, to_grey
from training.synth.plates import render_plate
from training.synth.surroundings import mount

MODELS = Path(__file__).resolve().parents[2] / "models"
READER = MODELS / "plate-reader.onnx"
BASELINE = 0.318  # PP-OCRv4 on the same crops


def a_crop(seed: int) -> tuple[np.ndarray, str]:
    """A rendered plate, straight and clear, cut out as the gate does."""
    rng = np.random.default_rng([99, seed])
    plate = render_plate(rng)
    canvas, (x1, y1, x2, y2) = mount(rng, plate, (336, 136), 200)
    quad = UNIT_SQUARE * (x2 - x1, y2 - y1) + (x1, y1)
    return rectify(to_grey(rng, canvas), margin_quad(quad.astype(np.float32)))[0], plate.text


def test_clear_rendered_plates_are_read() -> None:
    """Plates of all countries; chance reads none."""
    crops, texts = zip(*(a_crop(seed) for seed in range(60)), strict=True)
    posterior, legible = onnx_reader(READER)(np.stack(crops))
    right = [read == text for (read, _), text in zip(decode(posterior), texts, strict=True)]
    assert np.mean(right) >= 0.8
    assert np.mean(legible > 0.5) >= 0.95


def test_empty_pictures_are_not_legible() -> None:
    """A false find of the detector must not become a plate."""
    noise = np.random.default_rng(0).normal(128, 30, (8, 64, 128)).clip(0, 255).astype(np.uint8)
    _, legible = onnx_reader(READER)(np.concatenate([np.full((1, 64, 128), 128, np.uint8), noise]))
    assert legible.max() < 0.5


def test_committed_reader_can_be_trained_further() -> None:
    """docs/training.md starts from it."""
    assert sum(p.numel() for p in network_from_onnx(READER).parameters()) < 1_000_000


@pytest.mark.skipif(not (data_folder() / "crops.csv").exists(), reason="needs the data folder (ANPR_DATA)")
def test_figures_of_the_manifest_can_be_measured_again() -> None:
    """What the manifest states is what the committed file does, and far above the baseline."""
    (entry,) = (e for e in yaml.safe_load((MODELS / "manifest.yaml").read_text()) if e["name"] == "plate-reader")
    result = score(onnx_reader(READER), load_crops("val"))
    stated = entry["accuracy"]["exact_match"]
    for group, share in result.exact.items():
        one_crop = 1 / result.count[group]
        assert share == pytest.approx(stated[group], abs=max(0.004, one_crop + 1e-3)), group
    assert result.exact["all"] > 2.5 * BASELINE
    assert result.ece == pytest.approx(entry["accuracy"]["ece"], abs=0.01)
