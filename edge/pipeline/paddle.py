"""Plates read by the paddleocr package (3.x, TextRecognition), extra [paddle].

It gives a text and one score, no distribution: every character gets the score,
the rest is spread evenly, so votes still work but know no likely confusions.
The only module that knows paddleocr; it is imported when asked for, not before.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from edge.config.models import Provider
from edge.errors import InferenceError, ModelError
from edge.pipeline.ctc import LINE, MARGIN
from edge.pipeline.lines import as_lines, likeliest, used_width
from edge.pipeline.onnx import cpu_threads
from edge.pipeline.posterior import SLOTS, fold
from edge.protocols import RawRead
from edge.types import BLANK, CLASSES, FloatArray, UInt8Array

DEFAULT_MODEL = "en_PP-OCRv5_mobile_rec"  # Latin letters and digits; paddleocr fetches it at the first use
_DEVICES = {"cpu": "cpu", "cuda": "gpu:0", "tensorrt": "gpu:0", "openvino": "cpu", "auto": None}
# What paddle and paddlex raise on bad models and lost devices.
_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    AssertionError,
    TypeError,
    AttributeError,
)


class PaddleRecogniser:
    """Reads with paddleocr's TextRecognition. Not thread-safe.

    Args:
        folder: an inference model (inference.json, .pdiparams, inference.yml); None lets paddleocr fetch its own.
        provider: cpu, or cuda and tensorrt for the GPU; auto leaves it to paddle.
        threads: on the CPU; 0 is one less than the cores this process may use, at least 1.

    Raises (constructor):
        ModelError: the extra is not installed, or the model does not load.
    """

    keep_aspect = True
    crop_size = (2 * LINE[0], 2 * LINE[1])  # both lines of a two-line plate in full
    margin = MARGIN

    def __init__(self, folder: Path | None, *, provider: Provider = "auto", threads: int = 1) -> None:
        model_name = _model_name(folder) if folder else DEFAULT_MODEL
        self.name = f"paddleocr {model_name}"
        self.provider = _DEVICES[provider] or "auto"
        recognition = _text_recognition()
        try:
            self._engine = recognition(
                model_name=model_name,
                model_dir=str(folder) if folder else None,
                device=_DEVICES[provider],
                cpu_threads=cpu_threads(threads),
                enable_mkldnn=False,
            )
        except _ERRORS as error:
            reason = " ".join(str(error.__cause__ or error).split())
            raise ModelError(
                f"{folder or model_name}: paddleocr cannot load it: {reason}. Fix: give a folder with inference.json, "
                "inference.pdiparams and inference.yml of a text recognition model, or allow its download once; for a "
                "missing opencv-contrib-python see scripts/test-paddle"
            ) from error

    def read(self, crops: Sequence[UInt8Array]) -> tuple[RawRead, ...]:
        if not crops:
            return ()
        owners = [(i, line) for i, crop in enumerate(crops) for line in as_lines(crop, LINE)]
        opinions = self._opinions([line[:, : used_width(line)] for _, line in owners])
        return tuple(
            likeliest([opinion for (owner, _), opinion in zip(owners, opinions, strict=True) if owner == i])
            for i in range(len(crops))
        )

    def _opinions(self, lines: Sequence[UInt8Array]) -> list[RawRead]:
        pictures = [np.repeat(line[:, :, None], 3, axis=2) for line in lines]
        try:
            results: list[Any] = list(self._engine.predict(pictures, batch_size=len(pictures)))
        except _ERRORS as error:
            raise InferenceError(f"{self.name} failed on {len(lines)} lines: {error}") from error
        return [_opinion(str(r["rec_text"]), float(r["rec_score"])) for r in results]


def _text_recognition() -> Any:
    try:
        return importlib.import_module("paddleocr").TextRecognition
    except ImportError as error:
        raise ModelError(
            f"models.recogniser.engine is paddleocr, but that does not import: {error}. "
            "Fix: pip install '.[paddle]' (about OpenCV see scripts/test-paddle), or set engine: onnx"
        ) from error
    except AttributeError as error:
        raise ModelError("the installed paddleocr has no TextRecognition. Fix: pip install 'paddleocr>=3'") from error


def _model_name(folder: Path) -> str:
    """Return the name in the model's own inference.yml, which paddleocr wants to hear again."""
    path = folder / "inference.yml"
    try:
        return str(yaml.safe_load(path.read_text(encoding="utf-8"))["Global"]["model_name"])
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path}: names no model ({type(error).__name__}: {error}). "
            "Fix: set models.recogniser.model to the folder of a PaddleOCR inference model"
        ) from error


def _opinion(text: str, score: float) -> RawRead:
    score = float(np.clip(score, 0.0, 1.0)) if np.isfinite(score) else 0.0
    kept = [i for i in fold(text) if i > 0]
    posterior: FloatArray = np.zeros((SLOTS, CLASSES), np.float32)
    posterior[:, BLANK] = 1.0
    for slot, index in enumerate(kept[:SLOTS]):
        posterior[slot] = (1 - score) / (CLASSES - 1)
        posterior[slot, index] = score
    return RawRead(posterior, score if 0 < len(kept) <= SLOTS else 0.0)
