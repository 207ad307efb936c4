"""Sessions: hashes, damaged files, providers that are missing or get lost, outputs that are no numbers."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail

from edge.errors import InferenceError, ModelError
from edge.pipeline import onnx as module
from edge.pipeline.onnx import OnnxModel, ProviderFallback
from tests.onnx_files import bright_plate_detector, constant_model

PICTURE = np.zeros((1, 3, 64, 64), np.float32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return constant_model(tmp_path / "model.onnx", {"output": np.ones((1, 5), np.float32)}, metadata={"a": "b"})


def test_tells_what_goes_in_and_out_and_its_metadata(tmp_path: Path) -> None:
    model = OnnxModel(bright_plate_detector(tmp_path / "m.onnx"), provider="cpu")
    assert [(s.name, s.dtype, s.shape) for s in model.inputs] == [("image", np.dtype(np.uint8), (None, None, None))]
    assert str(model.outputs[0]) == "plates: float32 (?, 1, 13)"
    assert model.metadata["contract"] == "anpr-corners-1"
    assert model.provider == "cpu"


def test_loads_with_the_right_hash_in_either_case(file: Path) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert OnnxModel(file, sha256=digest.upper()).sha256 == digest


def test_refuses_a_file_with_another_hash(file: Path) -> None:
    """A tampered model must not decide who comes in."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_bytes(file.read_bytes() + b"\x00")
    with pytest.raises(ModelError, match=r"model\.onnx: its SHA-256 is .* Fix: "):
        OnnxModel(file, sha256=digest)


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "missing", "folder"])
def test_a_file_that_is_no_model_is_named_with_what_to_do(file: Path, damage: str) -> None:
    if damage == "truncated":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif damage == "text":
        file.write_text("This is not a model.\n" * 50)
    elif damage == "empty":
        file.write_bytes(b"")
    else:
        file.unlink()
        if damage == "folder":
            file.mkdir()
    with pytest.raises(ModelError, match=r"model\.onnx: .* Fix: "):
        OnnxModel(file)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_output_that_is_no_number_is_an_error(tmp_path: Path, value: float) -> None:
    """NaN compares false with everything: unnoticed, it would look like an empty road."""
    output = np.zeros((1, 300, 6), np.float32)
    output[0, 17, 3] = value
    model = OnnxModel(constant_model(tmp_path / "m.onnx", {"output0": output}))
    with pytest.raises(InferenceError, match="'output0' holds NaN or infinity"):
        model.run(images=PICTURE)


def test_an_input_of_the_wrong_shape_is_an_error(file: Path) -> None:
    with pytest.raises(InferenceError, match=r"model\.onnx failed on cpu"):
        OnnxModel(file, provider="cpu").run(images=np.zeros((1, 4, 64, 64), np.float32))


def test_a_provider_that_is_not_built_in_falls_back_and_says_so(file: Path) -> None:
    told: list[ProviderFallback] = []
    model = OnnxModel(file, provider="openvino", report=told.append)
    if "OpenVINOExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has OpenVINO")
    assert model.provider == "cpu"
    assert [(f.model, f.wanted, f.used) for f in told] == [("model.onnx", "openvino", "cpu")]
    assert "onnxruntime-openvino" in told[0].reason
    model.run(images=PICTURE)


def test_a_fall_back_is_logged_when_nobody_listens(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    if "TensorrtExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has TensorRT")
    OnnxModel(file, provider="tensorrt")
    assert "runs on cpu instead of tensorrt" in caplog.text


def test_strict_refuses_instead_of_falling_back(file: Path) -> None:
    if "OpenVINOExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has OpenVINO")
    with pytest.raises(ModelError, match=r"cannot run on openvino: .*strict_provider"):
        OnnxModel(file, provider="openvino", strict=True)


def test_auto_takes_what_is_here_without_a_word(file: Path) -> None:
    """Having no GPU is normal, not a fall-back."""
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine may have a GPU")
    told: list[ProviderFallback] = []
    assert OnnxModel(file, report=told.append).provider == "cpu"
    assert told == []


class FlakySession:
    """Pretends to run on CUDA and loses it at the second picture; everything else is the real session."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._runs = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def get_providers(self) -> list[str]:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def run(self, names: Sequence[str], inputs: Any) -> Any:
        self._runs += 1
        if self._runs > 1:
            raise EPFail("CUDA failure 999: the device is lost")
        return self._real.run(names, inputs)


@pytest.fixture
def with_cuda(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make onnxruntime look as if it had CUDA; return an opener whose CUDA session gets lost."""
    available = [*onnxruntime.get_available_providers(), "CUDAExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)

    def open_session(content: bytes, options: Any, providers: Sequence[str]) -> Any:
        real = module._open_session(content, options, ["cpu"])
        return FlakySession(real) if providers[0] == "cuda" else real

    return open_session


def test_a_provider_lost_while_running_is_replaced_and_reported_once(file: Path, with_cuda: Any) -> None:
    """A GPU that falls off the bus must not stop the gate, but somebody has to hear of it."""
    told: list[ProviderFallback] = []
    model = OnnxModel(file, report=told.append, open_session=with_cuda)
    assert model.provider == "cuda"
    outputs = [model.run(images=PICTURE)[0] for _ in range(3)]
    assert [o.tolist() for o in outputs] == [[[1.0] * 5]] * 3
    assert model.provider == "cpu"
    assert [(f.wanted, f.used) for f in told] == [("cuda", "cpu")]
    assert "device is lost" in told[0].reason


def test_strict_fails_when_its_provider_is_lost(file: Path, with_cuda: Any) -> None:
    model = OnnxModel(file, provider="cuda", strict=True, open_session=with_cuda)
    model.run(images=PICTURE)
    with pytest.raises(InferenceError, match=r"failed on cuda: .*device is lost"):
        model.run(images=PICTURE)


def test_a_file_replaced_meanwhile_is_not_used(file: Path, with_cuda: Any) -> None:
    """Falling back reads the file again; it must be the one that was checked."""
    model = OnnxModel(file, open_session=with_cuda)
    model.run(images=PICTURE)
    constant_model(file, {"output": np.zeros((1, 5), np.float32)})
    with pytest.raises(InferenceError, match="was replaced while it was in use"):
        model.run(images=PICTURE)


def test_a_provider_that_does_not_start_falls_back(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime lists CUDA as soon as the library is installed, driver or not."""
    available = [*onnxruntime.get_available_providers(), "CUDAExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    told: list[ProviderFallback] = []
    model = OnnxModel(
        file,
        provider="cuda",
        report=told.append,
        open_session=lambda content, options, _: module._open_session(content, options, ["cpu"]),
    )
    assert model.provider == "cpu"
    assert "did not start" in told[0].reason


def test_one_core_is_left_to_the_decoder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert module._options(0).intra_op_num_threads == 3
    assert module._options(7).intra_op_num_threads == 7
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert module._options(0).intra_op_num_threads == 1


def test_tensorrt_keeps_its_engines_where_only_this_user_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Building them takes minutes; and whoever could change one would decide what runs."""
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path))
    told = module._provider_options("tensorrt")
    folder = Path(told["trt_engine_cache_path"])
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700
    assert module._provider_options("cuda") == {}


def test_tensorrt_has_cuda_for_what_it_cannot_run(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    available = [*onnxruntime.get_available_providers(), "TensorrtExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    asked: list[tuple[str, ...]] = []

    def open_session(content: bytes, options: Any, providers: Sequence[str]) -> Any:
        asked.append(tuple(providers))
        return module._open_session(content, options, ["cpu"])

    OnnxModel(file, provider="tensorrt", open_session=open_session)
    assert asked == [("tensorrt", "cuda", "cpu"), ("cpu",)]


def test_nothing_is_reported_to_the_maker_of_the_run_time() -> None:
    """A gate talks to nobody whom its owner did not name; onnxruntime would, and warns where it cannot keep its id."""
    script = "from edge.pipeline.onnx import providers; import onnxruntime as o; o.InferenceSession({!r})".format(
        str(Path(__file__).parents[2] / "models" / "plate-reader.onnx")
    )
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"), "/proc/nowhere")
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"} | nowhere
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert "telemetry" not in done.stderr.lower()
