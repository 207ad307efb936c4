"""The plate detector: a grey picture in, plates in its pixels out.

Any ONNX file with a contract of pipeline.contracts. It looks at the whole
picture or, cheaper and closer, at a region around a plate that is followed.
It keeps no memory from one picture to the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edge.config.models import DetectorSettings
from edge.errors import InferenceError, ModelError
from edge.pipeline.contracts import Candidates, Contract, Probe, recognise
from edge.pipeline.image import FILL, Letterbox, clip_box, whole_strides
from edge.pipeline.onnx import OnnxModel
from edge.types import Box, Detection, FloatArray, UInt8Array

_MOST = 300  # candidates that are compared with each other; more means a model gone wild
_SLACK = 0.01  # scores may leave [0, 1] by rounding of low precision, not by more
_INNER_EDGE = (3.0, 0.04)  # network's pixels, share of the width: nearer to a region's border a plate is cut by it
_ENLARGE = 2.0  # at most in a region: a plate of 20 pixels is found twice as often when shown at 40
_KEPT_SIZES = 8  # letterbox buffers kept; still pictures come in all shapes


class OnnxDetector:
    """Finds plates with one ONNX model. Not thread-safe.

    Raises (constructor):
        ModelError: the model has no input for pictures, or its outputs fit no contract.
    """

    def __init__(self, model: OnnxModel, settings: DetectorSettings, *, name: str, declared: str = "auto") -> None:
        self._model = model
        self._name = name
        self._settings = settings
        self._feed = _Feed(model, (settings.height, settings.width))
        self._boxes: dict[tuple[int, int], Letterbox] = {}
        height, width = self._feed.size
        grey = np.full((height, width), FILL, np.uint8)
        try:
            outputs = model.run(**self._feed.tensors(grey))
        except InferenceError as error:
            raise ModelError(
                f"{model.path}: does not run on an input of {height} x {width}: {error}. "
                "Fix: set models.detector.width and height to sizes it takes, or export it again"
            ) from error
        probe = Probe((height, width), tuple(o.shape for o in outputs), model.metadata, self._feed.grey)
        self._contract: Contract = recognise(probe, declared, str(model.path))

    @property
    def name(self) -> str:
        return self._name

    @property
    def contract(self) -> str:
        """Return the contract in use: what `auto` found."""
        return self._contract.name

    @property
    def provider(self) -> str:
        """Return where the model runs now."""
        return self._model.provider

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width) of the network's input for a full look."""
        return self._feed.size

    def detect(self, luma: UInt8Array) -> tuple[Detection, ...]:
        return self._look(luma, (0, 0, luma.shape[1], luma.shape[0]), self._feed.size)

    def detect_in(self, luma: UInt8Array, region: Box, size: tuple[int, int] | None = None) -> tuple[Detection, ...]:
        height, width = size or _half(self._feed.size)
        x1, y1, x2, y2 = clip_box(region, luma.shape[1], luma.shape[0])
        scale = min(_ENLARGE, width / (x2 - x1), height / (y2 - y1))
        x1, x2 = _widen(x1, x2, int(width / scale), luma.shape[1])
        y1, y2 = _widen(y1, y2, int(height / scale), luma.shape[0])
        return self._look(luma, (x1, y1, x2, y2), (height, width))

    def _look(self, luma: UInt8Array, part: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[Detection, ...]:
        x1, y1, x2, y2 = part
        picture = luma[y1:y2, x1:x2]
        field, sx, sy = self._letterbox(picture, size).fit(picture)
        outputs = self._model.run(**self._feed.tensors(field))
        found = self._contract.decode(outputs, self._settings.weak_threshold)
        found = _best(found, self._settings.nms_iou)
        _check_scores(found.scores, self._model.path.name)
        inner = _whole(found.boxes, part, luma.shape, (sx, sy))
        return _detections(found, inner, (sx, sy), (x1, y1), luma.shape)

    def _letterbox(self, picture: UInt8Array, size: tuple[int, int]) -> Letterbox:
        """Return the buffer for this look: no larger than the picture needs, where the model allows that."""
        height, width = size if self._feed.free else self._feed.size
        if self._feed.free:
            scale = min(height / picture.shape[0], width / picture.shape[1], 4.0)
            height = min(height, whole_strides(picture.shape[0] * scale))
            width = min(width, whole_strides(picture.shape[1] * scale))
        if (height, width) not in self._boxes:
            if len(self._boxes) >= _KEPT_SIZES:
                self._boxes.clear()
            self._boxes[height, width] = Letterbox(height, width)
        return self._boxes[height, width]


class _Feed:
    """Turns a grey field into the tensor the model's input asks for, with buffers made once per size."""

    def __init__(self, model: OnnxModel, wanted: tuple[int, int]) -> None:
        if len(model.inputs) != 1:
            raise ModelError(f"{model.path}: has {len(model.inputs)} inputs, a detector has one. Fix: export it again")
        spec = model.inputs[0]
        shape, kind = spec.shape, spec.dtype
        self._name, self._dtype = spec.name, kind
        self.grey = len(shape) == 3
        channels = 1 if self.grey else shape[1] if len(shape) == 4 else 0
        if kind not in (np.uint8, np.float32, np.float16) or channels not in (1, 3, None):
            raise ModelError(
                f"{model.path}: input {spec} takes no pictures. Fix: export with input (N, H, W) uint8 or "
                "(N, 3, H, W) float32"
            )
        self._channels = channels or 3
        height, width = shape[-2:]
        self.free = height is None and width is None
        self.size = (height or wanted[0], width or wanted[1])
        self._buffers: dict[tuple[int, ...], Any] = {}

    def tensors(self, field: UInt8Array) -> dict[str, Any]:
        if self.grey:
            return {self._name: field[None].astype(self._dtype, copy=False)}
        shape = (1, self._channels, *field.shape)
        if shape not in self._buffers:
            self._buffers = {shape: np.empty(shape, self._dtype)}
        buffer = self._buffers[shape]
        if self._dtype == np.uint8:
            buffer[0] = field
        else:
            np.multiply(field, 1 / 255, out=buffer[0, 0], casting="unsafe")
            buffer[0, 1:] = buffer[0, 0]
        return {self._name: buffer}


def _half(size: tuple[int, int]) -> tuple[int, int]:
    return whole_strides(size[0] / 2), whole_strides(size[1] / 2)


def _widen(low: int, high: int, wanted: int, limit: int) -> tuple[int, int]:
    """Return a span of `wanted` pixels (at most `limit`) around low..high, moved to lie within 0..limit."""
    wanted = min(limit, max(wanted, high - low))
    start = min(max(0, (low + high - wanted) // 2), limit - wanted)
    return start, start + wanted


def _best(found: Candidates, limit_iou: float) -> Candidates:
    """Return the candidates best first, each overlapped by no better one; boxes with their sides in order."""
    order = np.argsort(-found.scores, kind="stable")[:_MOST]
    boxes = found.boxes[order]
    boxes = np.concatenate((np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])), axis=1)
    kept = np.arange(len(order)) if found.final else suppress(boxes, limit_iou)
    corners = None if found.corners is None else found.corners[order][kept]
    return Candidates(found.scores[order][kept], boxes[kept], corners, final=True)


def suppress(boxes: FloatArray, limit_iou: float) -> Any:
    """Return the indices of the boxes that no earlier kept box overlaps by more than `limit_iou`.

    Args:
        boxes: float32 (K, 4) x1 y1 x2 y2, best first.
        limit_iou: intersection over union, 0 to 1.
    """
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    left = np.arange(len(boxes))
    while left.size:
        best, left = left[0], left[1:]
        kept.append(int(best))
        low, high = np.maximum(boxes[best, :2], boxes[left, :2]), np.minimum(boxes[best, 2:], boxes[left, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=1)
        union = areas[best] + areas[left] - shared
        left = left[shared <= limit_iou * union]
    return np.asarray(kept, np.intp)


def _check_scores(scores: FloatArray, file: str) -> None:
    if scores.size and (scores.max() > 1 + _SLACK or scores.min() < -_SLACK):
        raise InferenceError(
            f"{file}: a score of {float(scores.max()):.3g} is no probability. "
            "Fix: export the model with its sigmoid, or declare its real contract"
        )


def _whole(
    boxes: FloatArray, part: tuple[int, int, int, int], shape: tuple[int, ...], scale: tuple[float, float]
) -> Any:
    """Tell which boxes are not cut by a border of the part that is no border of the picture."""
    x1, y1, x2, y2 = part
    width, height = (x2 - x1) * scale[0], (y2 - y1) * scale[1]
    near = _INNER_EDGE[0] + _INNER_EDGE[1] * (boxes[:, 2] - boxes[:, 0])
    whole = np.ones(len(boxes), bool)
    if x1 > 0:
        whole &= boxes[:, 0] > near
    if y1 > 0:
        whole &= boxes[:, 1] > near
    if x2 < shape[1]:
        whole &= boxes[:, 2] < width - near
    if y2 < shape[0]:
        whole &= boxes[:, 3] < height - near
    return whole


def _detections(
    found: Candidates, wanted: Any, scale: tuple[float, float], offset: tuple[int, int], shape: tuple[int, ...]
) -> tuple[Detection, ...]:
    """Return the wanted candidates in pixels of the picture, cut to it, without those of which nothing is left."""
    factor, shift = np.array(scale), np.array(offset)
    boxes = found.boxes[wanted].reshape(-1, 2, 2) / factor + shift
    boxes = np.minimum(np.maximum(boxes, 0), (shape[1], shape[0])).reshape(-1, 4)
    scores = np.minimum(np.maximum(found.scores[wanted], 0.0), 1.0).tolist()
    quads: list[Any] = [None] * len(boxes)
    if found.corners is not None:
        quads = [tuple(map(tuple, quad)) for quad in (found.corners[wanted] / factor + shift).tolist()]
    return tuple(
        Detection(Box(*box), score, quad)
        for box, score, quad in zip(boxes.tolist(), scores, quads, strict=True)
        if box[2] - box[0] >= 1 and box[3] - box[1] >= 1
    )
