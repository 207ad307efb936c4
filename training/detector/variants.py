"""Smaller number formats of the detector, measured before anybody ships them.

A variant is worth a file of its own only if it is faster where it is meant to run and finds as much. INT8 is
static: ranges are taken from training scenes, the decoding at the end stays in float, since pixels of a
1920-px picture do not fit into eight bits.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16

from training.detector.finder import letterbox, onnx_network
from training.detector.scenes import GreyImage, Scene
from training.evaluate.detection import curve
from training.evaluate.scenes import one_look, run_scenes
from training.progress import shown

CALIBRATION_SIDE_PX = 640
TIMED_SIZE = (384, 640)
TIMED_RUNS = 30


@dataclass(frozen=True)
class Variant:
    """One number format and what it is worth."""

    name: str
    bytes: int
    cpu_ms: float  # processor time of one 640 x 384 look, one thread
    ap50: float


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    """Letterboxed scenes, one at a time, as the quantiser asks for them."""

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self._pictures: Iterator[GreyImage] = (
            letterbox(s.grey, CALIBRATION_SIDE_PX)[0] for s in shown(scenes, "calibrating int8")
        )

    def get_next(self) -> dict[str, GreyImage] | None:
        picture = next(self._pictures, None)
        return None if picture is None else {"image": picture[None]}


def write_half(model: Path, out: Path) -> None:
    """Write `model` with half-precision weights and arithmetic; input and output keep their types."""
    onnx.save(convert_float_to_float16(onnx.load(str(model)), keep_io_types=True), str(out))


def write_int8(model: Path, out: Path, scenes: Sequence[Scene]) -> None:
    """Write `model` with 8-bit convolutions, calibrated on `scenes`."""
    prepared = out.with_suffix(".prepared.onnx")
    quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared), str(out), _Calibration(scenes), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "Add", "Relu"],
    )  # fmt: skip
    prepared.unlink()


def measure(name: str, model: Path, scenes: Sequence[Scene], long_side: int) -> Variant:
    """Return size, processor time and AP50 of one file."""
    network = onnx_network(model)
    results = run_scenes(one_look(network, long_side), shown(scenes, f"judging {name}"))
    picture = np.zeros((1, *TIMED_SIZE), np.uint8)
    times = []
    for _ in range(TIMED_RUNS):
        start_s = time.process_time()
        network(picture)
        times.append(time.process_time() - start_s)
    ap50 = curve([result.picture for result in results]).average_precision
    return Variant(name, model.stat().st_size, float(np.median(times)) * 1e3, ap50)
