"""What a detector's output means: one contract per family, declared or recognised, checked at load.

Rule: the shapes decide; a declared contract that does not fit them is refused
with both named. Decoding is NumPy, in pixels of the network's input; scaling
back and suppressing doubles is the detector's work.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from edge.errors import ModelError
from edge.pipeline.onnx import Tensor
from edge.types import FloatArray

CORNERS = "anpr-corners-1"
_STRIDES = (8, 16, 32)  # of the feature maps of all YOLO families
_END_TO_END_MOST = 1000  # rows: exports with NMS inside keep 100 to 300


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes above the threshold, in pixels of the network's input, before doubles are removed."""

    scores: FloatArray  # (K,)
    boxes: FloatArray  # (K, 4) x1 y1 x2 y2
    corners: FloatArray | None = None  # (K, 4, 2)
    final: bool = False  # doubles are removed already


Decode = Callable[[Sequence[Tensor], float], Candidates]


@dataclass(frozen=True, slots=True)
class Contract:
    """A family of outputs and how to read it."""

    name: str
    decode: Decode


@dataclass(frozen=True, slots=True)
class Probe:
    """What one run on a grey picture showed about a model."""

    input_size: tuple[int, int]  # height, width
    shapes: tuple[tuple[int, ...], ...]  # of the outputs
    metadata: Mapping[str, str]
    grey: bool = False  # the input has no channels

    @property
    def cells(self) -> int:
        """Return how many cells the feature maps of a YOLO have together at this input size."""
        height, width = self.input_size
        return sum((height // s) * (width // s) for s in _STRIDES)


def recognise(probe: Probe, declared: str, file: str) -> Contract:
    """Return the contract of a model: as declared, else as its metadata say, else as its shapes show.

    Raises:
        ModelError: unknown or contradictory; the message names the shapes.
    """
    found = next((c for name, fits in _FAMILIES.items() if declared in ("auto", name) and (c := fits(probe))), None)
    told = probe.metadata.get("contract")
    if declared == "auto" and told is not None and (found is None or found.name != told):
        raise ModelError(
            f"{file}: its metadata say contract {told!r}, its outputs {_shown(probe)} do not fit that. "
            f"Fix: use a model with one of the contracts {', '.join(_FAMILIES)}"
        )
    if found is not None:
        return found
    wanted = f"contract {declared!r}" if declared != "auto" else f"any contract ({', '.join(_FAMILIES)})"
    raise ModelError(
        f"{file}: outputs {_shown(probe)} at input {probe.input_size[0]} x {probe.input_size[1]} do not fit {wanted}. "
        "Fix: export the detector again, or set models.detector.contract to what it is"
    )


def _shown(probe: Probe) -> str:
    return ", ".join(str(s) for s in probe.shapes) or "none"


def _corners(probe: Probe) -> Contract | None:
    shapes = probe.shapes
    if probe.grey and len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][2] == 13:
        return Contract(CORNERS, _decode_corners)
    return None


def _yolov5(probe: Probe) -> Contract | None:
    for index, shape in enumerate(probe.shapes):
        if len(shape) == 3 and shape[1] == 3 * probe.cells and shape[2] > 5:
            plate = _plate_class(probe, shape[2] - 5)
            return Contract("yolov5", partial(_decode_yolov5, index=index, plate=plate))
    return None


def _yolov8(probe: Probe) -> Contract | None:
    """Raw heads of YOLOv8, v9 and 11: boxes and classes in rows, cells in columns; four key points are corners."""
    for index, shape in enumerate(probe.shapes):
        if len(shape) == 3 and shape[2] == probe.cells and shape[1] > 4:
            points = _key_points(probe)
            classes = shape[1] - 4 - points[0] * points[1]
            if classes < 1:
                return None
            plate = _plate_class(probe, classes)
            return Contract("yolov8", partial(_decode_yolov8, index=index, plate=plate, classes=classes, points=points))
    return None


def _end_to_end(probe: Probe) -> Contract | None:
    """NMS inside: (1, K, 6) box score class; (K, 7) picture box class score; or number, boxes, scores, classes."""
    shapes = probe.shapes
    if len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][2] == 6 and shapes[0][1] <= _END_TO_END_MOST:
        plate = _plate_class(probe, None)
        return Contract("end-to-end", partial(_decode_rows, plate=plate))
    if len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][1] == 7:
        plate = _plate_class(probe, None)
        return Contract("end-to-end", partial(_decode_tagged_rows, plate=plate))
    if len(shapes) == 4 and shapes[1][-1] == 4 and shapes[2][1:] == shapes[3][1:] == shapes[1][1:2]:
        plate = _plate_class(probe, None)
        return Contract("end-to-end", partial(_decode_four, plate=plate))
    return None


_FAMILIES: Mapping[str, Callable[[Probe], Contract | None]] = {
    CORNERS: _corners,
    "yolov5": _yolov5,
    "yolov8": _yolov8,
    "end-to-end": _end_to_end,
}


def _key_points(probe: Probe) -> tuple[int, int]:
    """Return (number, values each) of a pose model's key points, (0, 0) unless they are four corners."""
    shape = _literal(probe.metadata.get("kpt_shape", ""))
    if isinstance(shape, (list, tuple)) and len(shape) == 2 and shape[0] == 4 and shape[1] in (2, 3):
        return 4, int(shape[1])
    return 0, 0


def _plate_class(probe: Probe, classes: int | None) -> int | None:
    """Return the class that means plate; None where there is only one, or (end-to-end) where names are missing."""
    names = _literal(probe.metadata.get("names", ""))
    if isinstance(names, (list, tuple)):
        names = dict(enumerate(names))
    if isinstance(names, dict) and len(names) > 1:
        plates = [int(k) for k, v in names.items() if "plate" in str(v).lower()]
        if len(plates) == 1:
            return plates[0]
        raise ModelError(
            f"the model knows {len(names)} classes and {len(plates) or 'none'} of them with 'plate' in the name. "
            "Fix: use a model trained on plates, with class names in its metadata"
        )
    if classes is not None and classes > 1:
        raise ModelError(
            f"the model knows {classes} classes and its metadata name none of them. "
            "Fix: use a one-class model, or export it with class names (metadata key 'names')"
        )
    return None


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None


def _decode_corners(outputs: Sequence[Tensor], least: float) -> Candidates:
    rows = outputs[0][0]
    kept = rows[rows[:, 0] >= least]
    return Candidates(kept[:, 0], kept[:, 1:5], kept[:, 5:13].reshape(-1, 4, 2))


def _decode_yolov5(outputs: Sequence[Tensor], least: float, *, index: int, plate: int | None) -> Candidates:
    rows = outputs[index][0]
    rows = rows[rows[:, 4] >= least]  # a score is a product with this, so it cannot be larger
    scores = rows[:, 4] * rows[:, 5 + (plate or 0)]
    kept = scores >= least
    return Candidates(scores[kept].astype(np.float32), _from_centre(rows[kept, :4]))


def _decode_yolov8(
    outputs: Sequence[Tensor], least: float, *, index: int, plate: int | None, classes: int, points: tuple[int, int]
) -> Candidates:
    columns = outputs[index][0]
    scores = columns[4 + (plate or 0)]
    kept = scores >= least
    chosen = columns[:, kept]
    corners = None
    if points[0]:
        corners = chosen[4 + classes :].T.reshape(-1, *points)[:, :, :2].astype(np.float32)
    return Candidates(scores[kept].astype(np.float32), _from_centre(chosen[:4].T), corners)


def _decode_rows(outputs: Sequence[Tensor], least: float, *, plate: int | None) -> Candidates:
    rows = outputs[0][0]
    return _chosen(rows[:, :4], rows[:, 4], rows[:, 5], least, plate)


def _decode_tagged_rows(outputs: Sequence[Tensor], least: float, *, plate: int | None) -> Candidates:
    rows = outputs[0]  # picture's index, box, class, score
    return _chosen(rows[:, 1:5], rows[:, 6], rows[:, 5], least, plate)


def _decode_four(outputs: Sequence[Tensor], least: float, *, plate: int | None) -> Candidates:
    number, boxes, scores, kinds = (o[0] for o in outputs)
    count = int(np.ravel(number)[0])
    return _chosen(boxes[:count], scores[:count].reshape(-1), kinds[:count].reshape(-1), least, plate)


def _chosen(boxes: Tensor, scores: Tensor, kinds: Tensor, least: float, plate: int | None) -> Candidates:
    kept = scores >= least
    if plate is not None:
        kept &= np.round(kinds) == plate
    return Candidates(scores[kept].astype(np.float32), boxes[kept].astype(np.float32), final=True)


def _from_centre(boxes: Tensor) -> FloatArray:
    half = boxes[:, 2:4] / 2
    return np.concatenate((boxes[:, :2] - half, boxes[:, :2] + half), axis=1).astype(np.float32)
