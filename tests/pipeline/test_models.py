"""The models' folder: where it is found, what its manifest may say, and that settings lead to the right reader."""

from __future__ import annotations

import configparser
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edge.config.models import DetectorSettings, ModelSettings, RecogniserSettings
from edge.errors import ModelError
from edge.pipeline import models
from edge.pipeline.models import load_detector, load_manifest, load_recogniser, verify
from tests.onnx_files import bright_plate_detector, ctc_model, grey_code_reader, models_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANPR_MODELS", str(tmp_path / "models"))
    return models_folder(tmp_path / "models")


def rewrite(folder: Path, index: int, **changes: Any) -> None:
    raw = yaml.safe_load((folder / "manifest.yaml").read_text())
    raw["models"][index] |= changes
    (folder / "manifest.yaml").write_text(yaml.safe_dump(raw))


def test_the_manifest_names_what_it_lists(folder: Path) -> None:
    entries = load_manifest(folder)
    assert [(e.label, e.kind, e.contract, e.licence) for e in entries] == [
        ("test-detector 0.0.1", "detector", "anpr-corners-1", "Apache-2.0"),
        ("test-reader 0.0.1", "recogniser", "anpr-slots-1", "Apache-2.0"),
    ]
    for entry in entries:
        verify(entry)


def test_a_bare_list_is_a_manifest_too(folder: Path) -> None:
    raw = yaml.safe_load((folder / "manifest.yaml").read_text())
    (folder / "manifest.yaml").write_text(yaml.safe_dump(raw["models"]))
    assert len(load_manifest(folder)) == 2


def test_verify_finds_a_changed_and_a_missing_file(folder: Path) -> None:
    changed, missing = load_manifest(folder)
    changed.path.write_bytes(changed.path.read_bytes()[:-1])
    missing.path.unlink()
    with pytest.raises(ModelError, match=r"plate-detector\.onnx: its SHA-256 is .* Fix: "):
        verify(changed)
    with pytest.raises(ModelError, match=r"plate-reader\.onnx: cannot be read: .* Fix: "):
        verify(missing)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "oracle"}, "kind 'oracle'"),
        ({"sha256": "12"}, "sha256 is not 64 hexadecimal digits"),
        ({"file": "../../etc/passwd"}, "not a name inside the folder"),
        ({"contract": ""}, "no contract"),
        ({"name": 7}, "no name"),
    ],
)
def test_every_faulty_entry_is_named(change: dict[str, Any], problem: str, folder: Path) -> None:
    rewrite(folder, 0, **change)
    rewrite(folder, 1, sha256="zz" * 32)
    with pytest.raises(ModelError) as caught:
        load_manifest(folder)
    assert "entry 1" in str(caught.value)
    assert problem in str(caught.value)
    assert "entry 2 (test-reader): sha256" in str(caught.value)


@pytest.mark.parametrize("content", [None, "models: 7", "- 3", "{", "\0"])
def test_a_file_that_is_no_manifest_is_an_error(content: str | None, folder: Path) -> None:
    path = folder / "manifest.yaml"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(ModelError, match=r"manifest\.yaml: .* Fix: "):
        load_manifest(folder)


def test_the_environment_variable_wins(folder: Path) -> None:
    assert models.models_folder() == folder


def test_without_it_the_folder_beside_the_package_then_the_installed_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANPR_MODELS")
    monkeypatch.setattr(models, "__file__", str(tmp_path / "edge" / "pipeline" / "models.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    installed = models_folder(tmp_path / "venv" / "share" / "anpr-edge" / "models")
    assert models.models_folder() == folder  # tmp_path/models lies beside tmp_path/edge
    (folder / "manifest.yaml").unlink()
    assert models.models_folder() == installed
    (installed / "manifest.yaml").unlink()
    with pytest.raises(ModelError, match=r"is not in .* and .* Fix: set ANPR_MODELS"):
        models.models_folder()


def test_the_installed_package_carries_its_models() -> None:
    """What the look-up expects under sys.prefix is what setup.cfg installs there."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["options.data_files"]["share/anpr-edge/models"].split() == [
        "models/*.onnx",
        "models/*.yaml",
        "models/*.md",
    ]


def test_the_package_comes_with_models_that_are_intact_and_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANPR_MODELS", raising=False)
    if not (ROOT / "models" / "manifest.yaml").is_file():
        pytest.skip("models/ holds no manifest yet")
    for entry in load_manifest(ROOT / "models"):
        verify(entry)
        assert entry.licence == "Apache-2.0"
    settings = ModelSettings(threads=1)
    assert load_detector(settings).detect(np.zeros((1080, 1920), np.uint8)) == ()
    reader = load_recogniser(settings)
    assert len(reader.read([np.zeros(reader.crop_size, np.uint8)])) == 1


def test_empty_settings_load_the_package_s_own(folder: Path) -> None:
    assert load_detector(ModelSettings()).name == "test-detector 0.0.1"
    assert load_recogniser(ModelSettings()).name == "test-reader 0.0.1"


def test_the_log_tells_what_auto_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = bright_plate_detector(tmp_path / "best.onnx", metadata={})
    with caplog.at_level("INFO"):
        load_detector(ModelSettings(provider="cpu", detector=DetectorSettings(model=path)))
    assert "contract anpr-corners-1, runs on cpu" in caplog.text


def test_a_listed_model_with_another_hash_is_refused(folder: Path) -> None:
    rewrite(folder, 0, sha256="0" * 64)
    with pytest.raises(ModelError, match="the manifest says 000000000000"):
        load_detector(ModelSettings())


def test_a_listed_contract_is_checked(folder: Path) -> None:
    rewrite(folder, 0, contract="yolov8")
    with pytest.raises(ModelError, match="do not fit contract 'yolov8'"):
        load_detector(ModelSettings())


def test_a_listed_file_named_in_the_settings_is_checked_too(folder: Path) -> None:
    path = folder / "plate-detector.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="SHA-256"):
        load_detector(ModelSettings(detector=DetectorSettings(model=path)))


def test_a_file_outside_any_manifest_is_named_by_its_hash(tmp_path: Path) -> None:
    """Events must tell which of two files called best.onnx found the plate."""
    path = bright_plate_detector(tmp_path / "best.onnx", metadata={})
    detector = load_detector(ModelSettings(detector=DetectorSettings(model=path)))
    assert detector.name.startswith("best ")
    assert len(detector.name) == len("best ") + 12


def test_the_reader_s_family_is_told_by_its_metadata_or_its_input(tmp_path: Path) -> None:
    frames = np.zeros((1, 4, 5), np.float32)
    frames[..., 0] = 1
    ctc = ctc_model(tmp_path / "ctc.onnx", "ABC", frames)
    ours = grey_code_reader(tmp_path / "ours.onnx", metadata={})
    other = grey_code_reader(tmp_path / "other.onnx", metadata={"contract": "anpr-slots-7"})

    def load(path: Path) -> Any:
        return load_recogniser(ModelSettings(recogniser=RecogniserSettings(model=path)))

    assert load(ctc).keep_aspect
    assert not load(ours).keep_aspect
    with pytest.raises(ModelError, match="its contract is 'anpr-slots-7'"):
        load(other)


def test_a_missing_model_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.onnx: cannot be read: .* Fix: "):
        load_detector(ModelSettings(detector=DetectorSettings(model=tmp_path / "nowhere.onnx")))


def test_a_manifest_without_a_detector_says_so(folder: Path) -> None:
    raw = yaml.safe_load((folder / "manifest.yaml").read_text())
    (folder / "manifest.yaml").write_text(yaml.safe_dump({"models": raw["models"][1:]}))
    with pytest.raises(ModelError, match="lists no detector"):
        load_detector(ModelSettings())
