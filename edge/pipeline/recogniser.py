"""Our own plate reader, contract anpr-slots-1: straight grey crops in, one distribution per character slot out.

One- and two-line plates alike. Crops come from pipeline.image.rectify, asked
for by `crop_size`, `margin` and `keep_aspect`. Other readers: ctc, paddle.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

import numpy as np

from edge.errors import InferenceError, ModelError
from edge.pipeline.image import PAD
from edge.pipeline.onnx import OnnxModel
from edge.protocols import RawRead
from edge.types import CHARSET, CLASSES, FloatArray, UInt8Array

SLOTS_CONTRACT = "anpr-slots-1"
_OUR_MARGIN = (0.06, 0.12)  # shares of width and height, unless the metadata say otherwise
_SUM_SLACK = 0.02  # a slot's probabilities may miss 1 by rounding, not by more


class SlotRecogniser:
    """Our own reader, contract anpr-slots-1. Not thread-safe.

    Raises (constructor):
        ModelError: inputs, outputs or charset do not fit the contract.
    """

    keep_aspect = False

    def __init__(self, model: OnnxModel, *, name: str) -> None:
        self.name = name
        self._model = model
        charset = model.metadata.get("charset", CHARSET)
        if charset != CHARSET:
            raise ModelError(f"{model.path}: its charset is {charset!r}. Fix: train with {CHARSET!r}")
        shape = model.inputs[0].shape
        if len(model.inputs) != 1 or len(shape) != 3 or model.inputs[0].dtype != np.uint8 or None in shape[1:]:
            raise ModelError(
                f"{model.path}: input {', '.join(map(str, model.inputs))} is not uint8 (N, H, W) with fixed H and W. "
                f"Fix: export it again with contract {SLOTS_CONTRACT}"
            )
        self.crop_size = (int(shape[1] or 0), int(shape[2] or 0))
        self.margin = _margin(model)
        self._check()

    @property
    def provider(self) -> str:
        """Return where the model runs now."""
        return self._model.provider

    def read(self, crops: Sequence[UInt8Array]) -> tuple[RawRead, ...]:
        if not crops:
            return ()
        posterior, legible = self._run(_stack(crops, self.crop_size))
        sums = posterior.sum(axis=2)
        if posterior.min() < -_SUM_SLACK or abs(sums - 1).max() > _SUM_SLACK:
            raise InferenceError(f"{self._model.path.name}: its slots are no distributions. Fix: export with softmax")
        return tuple(
            RawRead(np.clip(p, 0, 1), float(np.clip(s, 0, 1))) for p, s in zip(posterior, legible, strict=True)
        )

    def _run(self, batch: UInt8Array) -> tuple[FloatArray, FloatArray]:
        outputs = self._model.run(**{self._model.inputs[0].name: batch})
        named = dict(zip((o.name for o in self._model.outputs), outputs, strict=True))
        posterior = named.get("posterior", outputs[0]).astype(np.float32, copy=False)
        legible = named.get("legible")
        return posterior, np.ones(len(batch), np.float32) if legible is None else legible.reshape(-1)

    def _check(self) -> None:
        """Read two grey crops: shapes must fit, and a batch must be allowed."""
        try:
            posterior, legible = self._run(np.full((2, *self.crop_size), PAD, np.uint8))
        except InferenceError as error:
            raise ModelError(
                f"{self._model.path}: does not read two crops at once: {error}. Fix: export it with a free batch size"
            ) from error
        if posterior.ndim != 3 or posterior.shape[0] != 2 or posterior.shape[2] != CLASSES or legible.shape != (2,):
            raise ModelError(
                f"{self._model.path}: posterior {posterior.shape} and legible {legible.shape} for 2 crops, "
                f"not (2, L, {CLASSES}) and (2,). Fix: use a model of contract {SLOTS_CONTRACT}"
            )


def _stack(crops: Sequence[UInt8Array], size: tuple[int, int]) -> UInt8Array:
    for crop in crops:
        if crop.shape != size or crop.dtype != np.uint8:
            raise InferenceError(f"a crop is {crop.dtype} {crop.shape}, the reader wants uint8 {size}")
    return np.stack(crops)


def _margin(model: OnnxModel) -> tuple[float, float]:
    """Return the margin in the metadata: two shares such as "0.06,0.12" or "[0.06, 0.12]", or our default."""
    text = model.metadata.get("margin") or model.metadata.get("crop_margin")
    if not text:
        return _OUR_MARGIN
    try:
        x, y = (float(v) for v in ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError) as error:
        raise ModelError(f"{model.path}: metadata margin {text!r} is not 'x,y'. Fix: export it again") from error
    if not (0 <= x < 1 and 0 <= y < 1):
        raise ModelError(f"{model.path}: metadata margin {text!r} is not in [0, 1). Fix: export it again")
    return x, y
