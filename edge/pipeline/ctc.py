"""Text recognition with CTC as plate reader: PP-OCRv3 to v5, exported to ONNX.

Such models read one line in colour; they get the grey line three times, and a
two-line plate side by side (see lines). Their output becomes slots in
pipeline.posterior.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge.errors import InferenceError, ModelError
from edge.pipeline.image import PAD
from edge.pipeline.lines import as_lines, likeliest, used_width
from edge.pipeline.onnx import OnnxModel, Tensor
from edge.pipeline.posterior import fits, fold, slots_from_ctc
from edge.protocols import RawRead
from edge.types import FloatArray, UInt8Array

CTC_CONTRACT = "ctc"
MARGIN = (0.02, 0.06)  # shares of width and height: text recognition wants the line, not the frame around it
LINE = (48, 320)  # what PP-OCRv3 to v5 recognition was trained with
_STEP = 32  # widths are rounded up to this: few shapes, little padding
_SUM_SLACK = 0.02  # a frame's probabilities may miss 1 by rounding, not by more; else they are logits


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
    margin = MARGIN

    def __init__(self, model: OnnxModel, *, name: str, charset: Path | None = None) -> None:
        self.name = name
        self._model = model
        shape = model.inputs[0].shape
        if len(model.inputs) != 1 or len(shape) != 4 or shape[1] not in (3, None):
            raise ModelError(
                f"{model.path}: input {', '.join(map(str, model.inputs))} is not (N, 3, H, W). "
                "Fix: give a PP-OCR recognition model exported to ONNX"
            )
        self._line = (shape[2] or LINE[0], shape[3] or LINE[1])
        self._free_width = shape[3] is None
        self.crop_size = (2 * self._line[0], 2 * self._line[1])  # both lines of a two-line plate in full
        symbols = read_dictionary(charset) if charset else _metadata_dictionary(model)
        self._folded = self._fitting(symbols)

    @property
    def provider(self) -> str:
        """Return where the model runs now."""
        return self._model.provider

    def read(self, crops: Sequence[UInt8Array]) -> tuple[RawRead, ...]:
        for crop in crops:
            if crop.shape != self.crop_size or crop.dtype != np.uint8:
                raise InferenceError(f"a crop is {crop.dtype} {crop.shape}, the reader wants uint8 {self.crop_size}")
        owners = [(i, line) for i, crop in enumerate(crops) for line in as_lines(crop, self._line)]
        opinions = self._opinions([line for _, line in owners])
        return tuple(
            likeliest([opinion for (owner, _), opinion in zip(owners, opinions, strict=True) if owner == i])
            for i in range(len(crops))
        )

    def _opinions(self, lines: Sequence[UInt8Array]) -> list[RawRead]:
        """Read each line; those of one width go together, so that no opinion depends on its neighbours' width."""
        widths = [self._width(line) for line in lines]
        opinions: dict[int, RawRead] = {}
        for width in sorted(set(widths)):
            indices = [i for i, w in enumerate(widths) if w == width]
            outputs = self._run(np.stack([lines[i][:, :width] for i in indices]))
            opinions |= {i: self._opinion(_probabilities(f)) for i, f in zip(indices, outputs, strict=True)}
        return [opinions[i] for i in range(len(lines))]

    def _width(self, line: UInt8Array) -> int:
        full = self._line[1]
        return min(full, -(-used_width(line) // _STEP) * _STEP) if self._free_width else full

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
        output = self._run(np.full((1, *self._line), PAD, np.uint8))
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
