"""From checkpoint to models/plate-reader.onnx: contract `anpr-slots-1`, calibrated, checked against torch.

The temperature makes the whole-string probability honest; it is fitted on crops held back from
training, never on the validation split. A file whose answers differ from torch's is refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.export import ModelEntry, write_metadata
from training.files import fill, open_session, read_checkpoint
from training.recogniser.crops import LabelledCrop
from training.recogniser.network import (
    CLASSES,
    INPUT_HEIGHT_PX,
    INPUT_WIDTH_PX,
    MARGIN_X_RATIO,
    MARGIN_Y_RATIO,
    PlateReader,
)
from training.recogniser.samples import photographed_sample, plain_crop
from training.recogniser.scoring import Floats, Reader, decode
from training.recogniser.training import LABEL_SMOOTHING
from training.synth.fonts import CHARSET

CONTRACT = "anpr-slots-1"
ORIGIN = "checkpoint"  # metadata: hash of the file that the weights came from
OPSET = 17
MAX_DIFFERENCE = 1e-4  # of a probability: float32 rounding through 20 layers stays below
CALIBRATION_SEED, SHAKEN_CROPS = 5, 3  # every held-back crop counts again as another camera might have seen it
FEWEST_TO_CALIBRATE, USUAL_TEMPERATURE = 40, 0.95
SMOOTHING_FLOOR = 0.85 * LABEL_SMOOTHING / CLASSES  # a little less than its share, so that nothing certain is lost
LEAST = 1e-7  # probability left to every class
TEMPERATURES = np.exp(np.linspace(np.log(0.3), np.log(3.0), 93))


class Calibrated(nn.Module):
    """What is exported: probabilities at a temperature instead of logits."""

    def __init__(self, network: PlateReader, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature

    def forward(self, plates: Tensor) -> tuple[Tensor, Tensor]:
        """Return posterior (N, SLOTS, 37) and legible (N,), both probabilities."""
        reading = self.network(plates)
        return probabilities(reading.logits, self.temperature), torch.sigmoid(reading.legible)


def probabilities(logits: Tensor, temperature: float) -> Tensor:
    """Return the distributions of slots, without the share that label smoothing gave to every class.

    Twelve slots that can never be surer than 96 % make even a certain read look doubtful; temperature alone cannot
    mend that without making doubtful reads look sure.
    """
    raw = torch.softmax(logits / temperature, 2)
    left = torch.relu(raw - SMOOTHING_FLOOR) + LEAST
    return left / left.sum(2, keepdim=True)


def load_reader(checkpoint: Path) -> PlateReader:
    """Return the averaged network of a checkpoint, ready to infer."""
    state = read_checkpoint(checkpoint, ("average",))
    prefix = "module."
    weights = {k[len(prefix) :]: v for k, v in state["average"].items() if k.startswith(prefix)}
    network = PlateReader()
    fill(network, weights, checkpoint)
    return network.eval()


def torch_reader(network: PlateReader, temperature: float = 1.0) -> Reader:
    """Return a function from crops to posterior and legible, in torch."""
    model = Calibrated(network, temperature).eval()

    def read(crops: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        with torch.inference_mode():
            posterior, legible = model(torch.from_numpy(crops))
        return posterior.numpy(), legible.numpy()

    return read


def onnx_reader(file: Path) -> Reader:
    """Return a function from crops to posterior and legible, in onnxruntime on one CPU thread; raises ModelError."""
    session = open_session(file, "plates")

    def read(crops: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        posterior, legible = session.run(["posterior", "legible"], {"plates": crops})
        return posterior, legible

    return read


def told_temperature(model: Path) -> float | None:
    """Return the temperature that a published reader states, None where it states none."""
    told = read_metadata(model).get("temperature")
    return float(told) if told else None


def fit_temperature(network: PlateReader, crops: Sequence[LabelledCrop], otherwise: float = USUAL_TEMPERATURE) -> float:
    """Return the temperature at which the whole-string probability predicts best whether a read is right.

    Minimises the log loss of "the whole string is right", which is what a gate decides by. With fewer than
    `FEWEST_TO_CALIBRATE` crops it would be chance: returns `otherwise`, by default the usual one of this network.
    """
    if len(crops) < FEWEST_TO_CALIBRATE:
        return otherwise
    rng = np.random.default_rng(CALIBRATION_SEED)
    shaken = [photographed_sample(rng, crop).crop for crop in crops for _ in range(SHAKEN_CROPS)]
    pictures = np.stack([*(plain_crop(crop) for crop in crops), *shaken])
    truths = [crop.text for crop in crops] + [crop.text for crop in crops for _ in range(SHAKEN_CROPS)]
    with torch.inference_mode():
        logits = torch.cat([network(torch.from_numpy(part)).logits for part in np.array_split(pictures, 8)])
    right = np.array([text == truth for (text, _), truth in zip(decode(logits.numpy()), truths, strict=True)], float)

    def loss(temperature: float) -> float:
        p = probabilities(logits, temperature).amax(2).prod(1).numpy().clip(1e-5, 1 - 1e-5)
        return float(-(right * np.log(p) + (1 - right) * np.log(1 - p)).mean())

    return float(min(TEMPERATURES, key=loss))


def measure_parity(network: PlateReader, temperature: float, file: Path) -> float:
    """Return the largest difference of a probability between torch and onnxruntime, on noise and on batches."""
    rng = np.random.default_rng(0)
    expected, got = torch_reader(network, temperature), onnx_reader(file)
    worst = 0.0
    for batch in (1, 2, 7):
        crops = rng.integers(0, 256, (batch, INPUT_HEIGHT_PX, INPUT_WIDTH_PX), dtype=np.uint8)
        for a, b in zip(expected(crops), got(crops), strict=True):
            worst = max(worst, float(np.abs(a - b).max()))
    return worst


def export_reader(
    network: PlateReader, temperature: float, file: Path, *, version: str, command: str, seed: int, origin: str = ""
) -> float:
    """Write the network as ONNX with its metadata; return the parity difference.

    `origin` is the hash of the checkpoint that it comes from: mixed in once, it must not be mixed in again.

    Raises:
        ValueError: onnxruntime and torch disagree; the file is removed.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    example = torch.zeros((2, INPUT_HEIGHT_PX, INPUT_WIDTH_PX), dtype=torch.uint8)
    names = ["posterior", "legible"]  # and the weights keep theirs, unfolded: see training.recogniser.weights
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the TorchScript exporter is the one that needs no further package
        torch.onnx.export(
            Calibrated(network, temperature).eval(), (example,), str(file),
            dynamo=False, opset_version=OPSET, do_constant_folding=False,
            input_names=["plates"], output_names=names, dynamic_axes={n: {0: "batch"} for n in ("plates", *names)},
        )  # fmt: skip
    write_metadata(file, metadata(temperature, version, command, seed) | ({ORIGIN: origin} if origin else {}))
    difference = measure_parity(network, temperature, file)
    if difference > MAX_DIFFERENCE:
        file.unlink()
        raise ValueError(f"{file}: onnxruntime differs from torch by {difference}. Fix: try another opset")
    return difference


def metadata(temperature: float, version: str, command: str, seed: int) -> dict[str, str]:
    """Return the ONNX metadata of a reader."""
    return {
        "contract": CONTRACT,
        "charset": CHARSET,
        "version": version,
        "input_size": f"{INPUT_HEIGHT_PX}x{INPUT_WIDTH_PX}",
        "margin": f"{MARGIN_X_RATIO},{MARGIN_Y_RATIO}",
        "temperature": f"{temperature:.4f}",
        "training_command": command,
        "seed": str(seed),
    }


def read_metadata(file: Path) -> dict[str, str]:
    """Return the metadata of an ONNX file."""
    return {item.key: item.value for item in onnx.load(str(file)).metadata_props}


def manifest_entry(version: str, command: str, seed: int, accuracy: dict[str, object]) -> ModelEntry:
    """Return the reader's entry for models/manifest.yaml."""
    return ModelEntry(
        name="plate-reader",
        file="plate-reader.onnx",
        kind="recogniser",
        contract=CONTRACT,
        input=f"plates: uint8 (N, {INPUT_HEIGHT_PX}, {INPUT_WIDTH_PX}), grey, rectified with margins "
        f"{MARGIN_X_RATIO} of the width and {MARGIN_Y_RATIO} of the height on each side, aspect not kept",
        output="posterior: float32 (N, 12, 37), index 0 blank, left-packed; legible: float32 (N,)",
        version=version,
        command=command,
        seed=seed,
        charset=CHARSET,
        accuracy=accuracy,
    )
