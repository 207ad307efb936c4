"""ONNX models on whatever this machine has: one session, its provider, its metadata.

Rule: a fall-back of provider is never silent, it is logged and reported to the
caller. The only module that knows onnxruntime; its exceptions end here. What a
model's numbers mean is none of its business.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as _state

from edge.config.models import Provider
from edge.errors import InferenceError, ModelError

log = logging.getLogger(__name__)

Tensor = npt.NDArray[Any]

_NAMES = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
# TensorRT builds an engine for minutes at the first start, and OpenVINO on a CPU was measured half as fast as
# onnxruntime's own kernels, so nobody gets either without asking (docs/decisions/0010-where-models-run.md).
_AUTO = ("cuda", "cpu")
_INSTALL = {
    "cuda": "install '.[gpu]' in the checkout and the NVIDIA driver, or set models.provider: auto",
    "tensorrt": "install '.[gpu]' in the checkout and TensorRT, or set models.provider: auto",
    "openvino": "install onnxruntime-openvino instead of onnxruntime, or set models.provider: auto",
}
_BESIDE = {"tensorrt": ("cuda",)}  # runs what TensorRT cannot
# Every exception of onnxruntime derives from Exception directly, so they are gathered by name.
_ERRORS: tuple[type[Exception], ...] = tuple(
    e for e in vars(_state).values() if isinstance(e, type) and issubclass(e, Exception)
)
_DTYPES: Mapping[str, Any] = {
    "tensor(uint8)": np.uint8,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output as the file declares it; None is a size left free."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        sizes = ", ".join("?" if s is None else str(s) for s in self.shape)
        return f"{self.name}: {self.dtype} ({sizes})"


@dataclass(frozen=True, slots=True)
class ProviderFallback:
    """A model runs elsewhere than wanted: worth an alert, a metric and a line in the log."""

    model: str
    wanted: str
    used: str
    reason: str


Report = Callable[[ProviderFallback], None]


def log_fallback(fallback: ProviderFallback) -> None:
    """Write the fall-back to the log: what happens unless the caller wants more."""
    log.warning(
        "model %s runs on %s instead of %s: %s", fallback.model, fallback.used, fallback.wanted, fallback.reason
    )


class OnnxModel:
    """A loaded model. Not thread-safe: each vision thread loads its own.

    Args:
        path: the ONNX file, weights inside.
        provider: where to run; `auto` takes CUDA if it works, else the CPU.
        strict: refuse to load rather than run elsewhere than `provider` says.
        threads: threads on the CPU; 0 is one less than the cores this process may use, at least 1.
        sha256: what the file's hash must be, if that is known.
        report: is told of every fall-back.

    Raises:
        ModelError: the file is missing, damaged, not the expected one, or needs a provider that is not here.
    """

    def __init__(
        self,
        path: Path,
        *,
        provider: Provider = "auto",
        strict: bool = False,
        threads: int = 0,
        sha256: str | None = None,
        report: Report = log_fallback,
        open_session: Callable[[bytes, Any, Sequence[str]], Any] | None = None,
    ) -> None:
        self.path = path
        self._strict = strict
        self._report = report
        self._options = _options(threads)
        self._open = open_session or _open_session
        content = _content(path)
        self.sha256 = hashlib.sha256(content).hexdigest()
        if sha256 is not None and self.sha256 != sha256.lower():
            raise ModelError(
                f"{path}: its SHA-256 is {self.sha256[:12]}…, the manifest says {sha256[:12]}…: the file was changed "
                "or cut short. Fix: fetch the model again, or correct manifest.yaml if you replaced it on purpose"
            )
        self.provider, self._session = self._start(content, provider)
        self.inputs = tuple(_spec(i) for i in self._session.get_inputs())
        self.outputs = tuple(_spec(o) for o in self._session.get_outputs())
        self.metadata: Mapping[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self._output_names = [o.name for o in self.outputs]

    def run(self, **inputs: Tensor) -> tuple[Tensor, ...]:
        """Return all outputs for the named inputs.

        A provider that fails while running (a lost GPU) is replaced by the CPU once, reported, unless `strict`.

        Raises:
            InferenceError: the model failed, or an output holds NaN or infinity.
        """
        try:
            outputs = self._session.run(self._output_names, inputs)
        except _ERRORS as error:
            if self.provider == "cpu" or self._strict:
                raise InferenceError(f"{self.path.name} failed on {self.provider}: {_first_line(error)}") from error
            outputs = self._run_on_cpu(inputs, _first_line(error))
        for spec, output in zip(self.outputs, outputs, strict=True):
            if output.dtype.kind == "f" and not np.isfinite(output).all():
                raise InferenceError(
                    f"{self.path.name}: output {spec.name!r} holds NaN or infinity on {self.provider}. "
                    "Fix: export the model in float32, or use another provider"
                )
        return tuple(outputs)

    def _run_on_cpu(self, inputs: Mapping[str, Tensor], reason: str) -> list[Tensor]:
        lost, self.provider = self.provider, "cpu"
        content = _content(self.path)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise InferenceError(f"{self.path} was replaced while it was in use. Fix: restart anpr-edge")
        try:
            self._session = self._open(content, self._options, ("cpu",))
            outputs: list[Tensor] = self._session.run(self._output_names, inputs)
        except _ERRORS as error:
            raise InferenceError(f"{self.path.name} failed on {lost} and on the CPU: {_first_line(error)}") from error
        self._report(ProviderFallback(self.path.name, lost, "cpu", reason))
        return outputs

    def _start(self, content: bytes, provider: Provider) -> tuple[str, Any]:
        """Return the provider in use and its session: the first of those wanted that really starts."""
        available = set(onnxruntime.get_available_providers())
        lost: list[tuple[str, str]] = []
        for candidate in _AUTO if provider == "auto" else dict.fromkeys((provider, "cpu")):
            if _NAMES[candidate] in available:
                session, reason = self._try(content, candidate)
                if session is not None:
                    for wanted, why in lost:
                        self._report(ProviderFallback(self.path.name, wanted, candidate, why))
                    return candidate, session
            elif provider == "auto":
                continue
            else:
                reason = f"this onnxruntime has no {candidate} provider; {_INSTALL[candidate]}"
            if candidate != "cpu" and self._strict:
                raise ModelError(
                    f"{self.path}: cannot run on {candidate}: {reason}. "
                    "Fix: repair that, or set models.strict_provider: false"
                )
            lost.append((candidate, reason))
        raise ModelError(
            f"{self.path}: onnxruntime {onnxruntime.__version__} cannot load it: {lost[-1][1]}. "
            "Fix: give a complete ONNX file of an opset this version knows, with its weights inside"
        )

    def _try(self, content: bytes, provider: str) -> tuple[Any, str]:
        try:
            chain = tuple(dict.fromkeys((provider, *_BESIDE.get(provider, ()), "cpu")))
            session = self._open(content, self._options, chain)
        except _ERRORS as error:
            return None, _first_line(error)
        if _NAMES[provider] not in session.get_providers():
            return None, f"the {provider} provider did not start (driver or library missing)"
        return session, ""


def providers() -> tuple[str, ...]:
    """Return where this installation of onnxruntime could run models, best first, in the words of the settings."""
    names = {name: word for word, name in _NAMES.items()}
    return tuple(names[name] for name in onnxruntime.get_available_providers() if name in names)


def cpu_threads(wanted: int) -> int:
    """Return how many threads a model gets on the CPU; 0 is one less than the cores this process may use, at least 1.

    The core that is left belongs to the decoder.
    """
    return wanted or max(1, len(os.sched_getaffinity(0)) - 1)


def _open_session(content: bytes, options: Any, providers: Sequence[str]) -> Any:
    available = onnxruntime.get_available_providers()
    wanted = [(_NAMES[p], _provider_options(p)) for p in providers if _NAMES[p] in available]
    session = onnxruntime.InferenceSession(content, options, providers=wanted)
    session.disable_fallback()  # we decide and report; onnxruntime would do it in silence
    return session


def _provider_options(provider: str) -> dict[str, str]:
    """Return what a provider is told: TensorRT keeps its engines, or it would build them for minutes at every start.

    They go where only this user may write, since whoever can change an engine decides what runs:
    $CACHE_DIRECTORY (from systemd), else $XDG_CACHE_HOME, else ~/.cache.
    """
    if provider != "tensorrt":
        return {}
    base = os.environ.get("CACHE_DIRECTORY") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "anpr-edge-tensorrt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return {}  # no place to keep them: slower starts, nothing else
    return {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(folder)}


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cpu_threads(threads)
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads must not burn a core
    # Looks from near and batches of crops come in many sizes; kept buffers and plans for each cost 14 MiB for no gain.
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4  # its errors come back as exceptions; stderr is ours
    return options


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read: {error.strerror}. Fix: name an existing, readable ONNX file"
        ) from error
    if not content:
        raise ModelError(f"{path}: is empty. Fix: fetch the model again")
    return content


def _spec(argument: Any) -> TensorSpec:
    shape = tuple(s if isinstance(s, int) and s > 0 else None for s in argument.shape)
    return TensorSpec(argument.name, np.dtype(_DTYPES.get(argument.type, np.object_)), shape)


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__
