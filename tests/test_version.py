"""`anpr-edge version` on machines where the libraries come from elsewhere, or not at all."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import metadata

import pytest
import typer
from typer.testing import CliRunner

from edge.commands import version

Shown = Callable[[], dict[str, str]]
HERE = metadata.packages_distributions()


@pytest.fixture
def shown() -> Shown:
    def show() -> dict[str, str]:
        app = typer.Typer()
        version.register(app)
        result = CliRunner().invoke(app, ["--json"], catch_exceptions=False)
        found: dict[str, str] = json.loads(result.stdout)
        return found

    return show


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Make `modules` missing, distribution and all."""
    left = {module: names for module, names in HERE.items() if module not in modules}
    monkeypatch.setattr(metadata, "packages_distributions", lambda: left)
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


def test_each_library_is_named_with_its_distribution(shown: Shown) -> None:
    found = shown()
    assert found["onnxruntime"] == metadata.version("onnxruntime")
    assert found["paho-mqtt"] == metadata.version("paho-mqtt")
    assert "cpu" in found["providers"]


def test_the_gpu_form_of_a_library_is_named_as_what_it_is(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug report must tell onnxruntime-gpu from onnxruntime; there the distribution `onnxruntime` does not exist."""
    elsewhere = {**HERE, "onnxruntime": ["onnxruntime-gpu"], "cv2": ["opencv-python", "opencv-contrib-python"]}
    monkeypatch.setattr(metadata, "packages_distributions", lambda: elsewhere)
    monkeypatch.setattr(metadata, "version", lambda name: f"1.0 of {name}")
    found = shown()
    assert found["onnxruntime-gpu"] == "1.0 of onnxruntime-gpu"
    assert {"opencv-python", "opencv-contrib-python"} <= found.keys()
    assert "onnxruntime" not in found


def test_what_is_missing_is_said(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """This is the command that people are asked for when nothing works."""
    without(monkeypatch, "onnxruntime", "cv2")
    monkeypatch.delitem(sys.modules, "edge.pipeline.onnx", raising=False)
    found = shown()
    assert (found["onnxruntime"], found["cv2"], found["providers"]) == ("not installed", "not installed", "none")


def test_a_library_of_the_system_tells_its_own_version(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Jetson's OpenCV belongs to no distribution that Python knows."""
    without(monkeypatch, "cv2")
    system = type(sys)("cv2")
    system.__dict__["__version__"] = "4.8.0"
    monkeypatch.setitem(sys.modules, "cv2", system)
    assert shown()["cv2"] == "4.8.0"
