"""From checkpoint to models/plate-detector.onnx: contract `anpr-corners-1`, checked against torch.

The file is refused if onnxruntime's answer differs from torch's by more than MAX_DIFFERENCE_PX
at any of several input sizes: a graph that decodes otherwise than it was trained is worse than none.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.detector.finder import Network, onnx_network
from training.detector.network import PlateDetector
from training.detector.scenes import FloatArray, GreyImage
from training.export import ModelEntry, write_metadata
from training.files import fill, read_checkpoint

CONTRACT = "anpr-corners-1"
OPSET = 17
WORKING_SIZE = (384, 640)  # height, width for a 1080p camera
PARITY_SIZES = ((384, 640), (320, 320), (736, 1280))
MAX_DIFFERENCE_PX = 0.05  # boxes are hundreds of px, float32 rounding through 40 layers stays far below


@dataclass(frozen=True)
class Parity:
    """The largest differences between torch and onnxruntime over all sizes tried."""

    score: float
    pixels: float


def load_detector(checkpoint: Path) -> PlateDetector:
    """Return the averaged network of a checkpoint, ready to infer."""
    state = read_checkpoint(checkpoint, ("average",))
    model = PlateDetector()
    fill(model, state["average"], checkpoint)
    return model.eval()


def torch_network(model: PlateDetector) -> Network:
    """Return the model as a network for `training.detector.finder`."""

    def run(images: GreyImage) -> FloatArray:
        with torch.inference_mode():
            return np.asarray(model(torch.from_numpy(images)).numpy(), np.float32)

    return run


def measure_parity(model: PlateDetector, file: Path) -> Parity:
    """Return how far the ONNX file's answers are from torch's on noise pictures, confident anchors or not."""
    network, rng = onnx_network(file), np.random.default_rng(0)
    score = pixels = 0.0
    for size in PARITY_SIZES:
        images = rng.integers(0, 256, (2, *size), dtype=np.uint8)
        difference = np.abs(network(images) - torch_network(model)(images))
        score, pixels = max(score, float(difference[..., 0].max())), max(pixels, float(difference[..., 1:].max()))
    return Parity(score, pixels)


def export_detector(model: PlateDetector, file: Path, version: str, command: str, seed: int) -> Parity:
    """Write `model` as ONNX with its metadata.

    Raises:
        ValueError: onnxruntime and torch disagree; the file is removed.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    example = torch.zeros((1, *WORKING_SIZE), dtype=torch.uint8)
    axes = {"image": {0: "batch", 1: "height", 2: "width"}, "plates": {0: "batch", 1: "anchors"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the TorchScript exporter is the one that needs no further package
        torch.onnx.export(
            model, (example,), str(file), dynamo=False, opset_version=OPSET,
            input_names=["image"], output_names=["plates"], dynamic_axes=axes,
        )  # fmt: skip
    write_metadata(file, metadata(version, command, seed))
    parity = measure_parity(model, file)
    if parity.pixels > MAX_DIFFERENCE_PX or parity.score > 1e-3:
        file.unlink()
        raise ValueError(f"{file}: onnxruntime differs from torch by {parity}. Fix: try another opset or report a bug")
    return parity


def write_weights(model: PlateDetector, file: Path) -> None:
    """Write the weights in half precision: where a fine-tuning on own pictures starts from."""
    state = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    torch.save({"average": state}, file)


def metadata(version: str, command: str, seed: int) -> dict[str, str]:
    """Return the ONNX metadata of a detector."""
    return {
        "contract": CONTRACT,
        "version": version,
        "input_size": f"{WORKING_SIZE[0]}x{WORKING_SIZE[1]}",
        "training_command": command,
        "seed": str(seed),
    }


def manifest_entry(version: str, command: str, seed: int, accuracy: dict[str, object]) -> ModelEntry:
    """Return the detector's entry for models/manifest.yaml."""
    return ModelEntry(
        name="plate-detector",
        file="plate-detector.onnx",
        kind="detector",
        contract=CONTRACT,
        input="image: uint8 (N, H, W), grey, letterboxed top-left with 114, H and W multiples of 32",
        output="plates: float32 (N, A, 13): score, box x1 y1 x2 y2, corners TL TR BR BL, pixels of the input",
        version=version,
        command=command,
        seed=seed,
        accuracy=accuracy,
    )
