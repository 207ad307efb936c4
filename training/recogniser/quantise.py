"""An INT8 variant of an exported reader: convolutions in 8 bits, attention stays in float32.

Static quantisation: the ranges come from training photographs. Worth having only where the CPU has
8-bit dot products, and only if exact match drops by no more than `MAX_DROP`; `compare` measures both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from training.progress import shown
from training.recogniser.crops import LabelledCrop
from training.recogniser.export import onnx_reader
from training.recogniser.samples import plain_crop
from training.recogniser.scoring import score

MAX_DROP = 0.003  # of exact match
CALIBRATION_BATCH = 16
TIMED_RUNS = 60


class _Crops(CalibrationDataReader):  # type: ignore[misc]
    """Hands training photographs to the calibration, in batches."""

    def __init__(self, crops: Sequence[LabelledCrop]) -> None:
        pictures = np.stack([plain_crop(crop) for crop in crops])
        parts = np.array_split(pictures, -(-len(crops) // CALIBRATION_BATCH))
        self._batches: Iterator[NDArray[np.uint8]] = shown(parts, "calibrating int8")

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Return the next batch as the graph's input, None when there is no more."""
        batch = next(self._batches, None)
        return None if batch is None else {"plates": batch}


def quantise(file: Path, target: Path, crops: Sequence[LabelledCrop]) -> None:
    """Write the INT8 variant of `file` to `target`, calibrated on `crops`."""
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(file), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared), str(target), _Crops(crops), quant_format=QuantFormat.QDQ, per_channel=True,
            weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8, op_types_to_quantize=["Conv"],
        )  # fmt: skip


def milliseconds(file: Path) -> float:
    """Return the CPU time of reading one crop on one thread, the median of many runs."""
    read, crop = onnx_reader(file), np.zeros((1, 64, 128), np.uint8)
    taken = []
    for _ in range(TIMED_RUNS):
        started = time.process_time()
        read(crop)
        taken.append(time.process_time() - started)
    return float(np.median(taken)) * 1e3


def compare(file: Path, target: Path, crops: Sequence[LabelledCrop]) -> tuple[float, float, bool]:
    """Return how much exact match drops from `file` to `target`, how much faster it is, and whether to keep it."""
    before, after = (score(onnx_reader(one), crops).exact["all"] for one in (file, target))
    gain = milliseconds(file) / milliseconds(target)
    return before - after, gain, before - after <= MAX_DROP and gain > 1.0
