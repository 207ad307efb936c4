"""The plate reader: straight grey crops in, one posterior per crop out.

Two families of ONNX files: our own with one distribution per slot, and CTC
text recognition as PP-OCR exports it. Crops come from pipeline.image.rectify,
asked for by `crop_size`, `margin` and `keep_aspect`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge.errors import InferenceError, ModelError
from edge.pipeline.image import PAD
from edge.pipeline.onnx import OnnxModel, Tensor
from edge.pipeline.posterior import fits, fold, slots_from_ctc
from edge.protocols import RawRead
from edge.types import CHARSET, CLASSES, FloatArray, UInt8Array

SLOTS_CONTRACT = "anpr-slots-1"
CTC_CONTRACT = "ctc"
_OUR_MARGIN = (0.06, 0.12)  # shares of width and height, unless the metadata say otherwise
_CTC_MARGIN = (0.02, 0.06)  # text recognition wants the line, not the frame around it
_CTC_SIZE = (48, 320)  # what PP-OCRv3 to v5 recognition was trained with
_CTC_STEP = 32  # widths of CTC inputs are rounded up to this: few shapes, little padding
_SUM_SLACK = 0.02  # a slot's probabilities may miss 1 by rounding, not by more


class SlotRecogniser:
    """Our own reader, contract anpr-slots-1. Not thread-safe.

    Raises (constructor):
        ModelError: inputs, outputs or charset do not fit the contract.
    """

    keep_aspect = False

    def __init__(self, model: OnnxModel, *, name: str) -> None:
        self.name = name
        self.provider = model.provider
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


class CtcRecogniser:
    """Text recognition with CTC, as PP-OCRv3 to v5 export it to ONNX. Not thread-safe.

    Args:
        model: input float32 (N, 3, 48, W), output (N, T, C) probabilities, class 0 the blank.
        name: as events carry it.
        charset: dictionary file, one symbol a line; None takes it from the model's metadata.

    Raises (constructor):
        ModelError: there is no dictionary, or it does not fit the output.
    """

    keep_aspect = True
    margin = _CTC_MARGIN

    def __init__(self, model: OnnxModel, *, name: str, charset: Path | None = None) -> None:
        self.name = name
        self.provider = model.provider
        self._model = model
        shape = model.inputs[0].shape
        if len(model.inputs) != 1 or len(shape) != 4 or shape[1] not in (3, None):
            raise ModelError(
                f"{model.path}: input {', '.join(map(str, model.inputs))} is not (N, 3, H, W). "
                "Fix: give a PP-OCR recognition model exported to ONNX"
            )
        self.crop_size = (shape[2] or _CTC_SIZE[0], shape[3] or _CTC_SIZE[1])
        self._free_width = shape[3] is None
        symbols = read_dictionary(charset) if charset else _metadata_dictionary(model)
        self._folded = self._fitting(symbols)

    def read(self, crops: Sequence[UInt8Array]) -> tuple[RawRead, ...]:
        if not crops:
            return ()
        batch = _stack(crops, self.crop_size)
        widths = [self._used_width(crop) for crop in batch]
        opinions: dict[int, RawRead] = {}
        for width in sorted(set(widths)):  # crops of one width together: no opinion depends on its neighbours
            indices = [i for i, w in enumerate(widths) if w == width]
            outputs = self._run(batch[indices, :, :width])
            opinions |= {i: self._opinion(_probabilities(f)) for i, f in zip(indices, outputs, strict=True)}
        return tuple(opinions[i] for i in range(len(crops)))

    def _used_width(self, crop: UInt8Array) -> int:
        """Return the width that holds the crop without its padding."""
        width = self.crop_size[1]
        if not self._free_width:
            return width
        used = np.flatnonzero((crop != PAD).any(axis=0))
        return min(width, -(-(int(used[-1]) + 1 if used.size else 1) // _CTC_STEP) * _CTC_STEP)

    def _opinion(self, frames: FloatArray) -> RawRead:
        slots = slots_from_ctc(frames, self._folded)
        characters = slots.argmax(axis=1) != 0
        sure = float(slots[characters].max(axis=1).mean()) if characters.any() else 0.0
        return RawRead(slots, sure if fits(frames, self._folded) else 0.0)

    def _run(self, batch: UInt8Array) -> FloatArray:
        spec = self._model.inputs[0]
        grey = (batch.astype(np.float32) - 127.5) / 127.5
        pictures = np.repeat(grey[:, None], 3, axis=1).astype(spec.dtype, copy=False)
        output = self._model.run(**{spec.name: pictures})[0].astype(np.float32, copy=False)
        if len(output) != len(batch):
            raise InferenceError(f"{self._model.path.name}: {len(output)} answers for {len(batch)} crops")
        return output

    def _fitting(self, symbols: Sequence[str]) -> tuple[int, ...]:
        """Return the folded dictionary, with the space that PP-OCR appends, checked against the output's classes."""
        output = self._run(np.full((1, *self.crop_size), PAD, np.uint8))
        if output.ndim != 3:
            raise ModelError(f"{self._model.path}: output {output.shape} is not (N, T, C). Fix: give a CTC model")
        for candidate in (tuple(symbols), (*symbols, " ")):
            if len(candidate) + 1 == output.shape[2]:
                return fold(candidate)
        raise ModelError(
            f"{self._model.path}: {len(symbols)} symbols in the dictionary, {output.shape[2]} classes in the output "
            "(symbols + blank, maybe + space). Fix: set models.recogniser.charset to the dictionary it was trained with"
        )


def read_dictionary(path: Path) -> tuple[str, ...]:
    """Return the symbols in a dictionary file, one a line, UTF-8.

    Raises:
        ModelError: unreadable or empty.
    """
    try:
        symbols = tuple(path.read_text(encoding="utf-8").rstrip("\n").split("\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot be read: {error}. Fix: give a UTF-8 file, one symbol a line") from error
    if symbols == ("",):
        raise ModelError(f"{path}: holds no symbols. Fix: give a UTF-8 file, one symbol a line")
    return tuple(s.rstrip("\r") for s in symbols)


def _metadata_dictionary(model: OnnxModel) -> tuple[str, ...]:
    for key in ("character", "charset", "character_dict"):
        if model.metadata.get(key):
            text = model.metadata[key]
            return tuple(text.rstrip("\n").split("\n")) if "\n" in text else tuple(text)
    raise ModelError(
        f"{model.path}: its metadata hold no dictionary. Fix: set models.recogniser.charset to the file "
        "with the symbols it was trained with, one a line"
    )


def _probabilities(frames: Tensor) -> FloatArray:
    """Return `frames` as probabilities: softmax is applied where the export left it out."""
    if frames.min() >= 0 and abs(frames.sum(axis=1) - 1).max() < _SUM_SLACK:
        return np.asarray(frames, np.float32)
    powers = np.exp(frames - frames.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


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
