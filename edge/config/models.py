"""Settings of the detector, the recogniser and the vote."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from edge.config.base import Fraction, Section

Provider = Literal["auto", "cpu", "cuda", "tensorrt", "openvino"]


class DetectorSettings(Section):
    """Which model finds plates, and how hard it looks."""

    model: Path | None = Field(None, description="ONNX file; empty: the one that comes with the package.")
    contract: Literal["auto", "anpr-corners-1", "yolov5", "yolov8", "end-to-end"] = Field(
        "auto", description="Meaning of the model's output; auto recognises it from metadata or shapes and says so."
    )
    width: int = Field(
        640, ge=64, le=4096, multiple_of=32, description="Working width, pixels, for models that leave it free."
    )
    height: int = Field(384, ge=64, le=4096, multiple_of=32, description="Working height, likewise.")
    threshold: Fraction = Field(0.35, description="Detections below this score are dropped.")
    weak_threshold: Fraction = Field(0.15, description="Detections above this score may still extend a track.")
    nms_iou: Fraction = Field(0.5, description="Of two boxes that overlap more than this, the weaker one is dropped.")


class RecogniserSettings(Section):
    """Which model reads plates."""

    engine: Literal["onnx", "paddleocr"] = Field("onnx", description="onnx, or the paddleocr package (extra [paddle]).")
    model: Path | None = Field(
        None, description="ONNX file, or folder of a PaddleOCR inference model; empty: the package's own."
    )
    charset: Path | None = Field(
        None, description="Dictionary of a CTC model, one character a line; empty: taken from the model's metadata."
    )
    min_height_px: float = Field(8.0, gt=0, description="Plates lower than this in the full frame are not read.")
    min_legible: Fraction = Field(0.5, description="Looks that are less likely to be a readable plate have no say.")


class ModelSettings(Section):
    """Models and where they run."""

    provider: Provider = Field("auto", description="Where inference runs; auto takes the fastest that works here.")
    strict_provider: bool = Field(False, description="Refuse to start instead of falling back to the CPU.")
    threads: int = Field(
        0, ge=0, le=64, description="Threads of one model on the CPU; 0: one less than the cores, at least 1."
    )
    detector: DetectorSettings = Field(DetectorSettings(), description="Finds plates.")
    recogniser: RecogniserSettings = Field(RecogniserSettings(), description="Reads plates.")


class VotingSettings(Section):
    """How many looks make an answer."""

    quorum: int = Field(3, ge=1, le=100, description="Fewer looks than this never give a provisional event.")
    max_reads: int = Field(25, ge=1, le=500, description="Best looks kept per vehicle.")
    countries: tuple[str, ...] = Field(
        (), description="ISO 3166 codes whose plate formats are expected here, e.g. [DE, AT]; a prior, never a filter."
    )
    country_prior: Fraction = Field(0.9, description="Share of the vehicles expected to carry one of these formats.")
