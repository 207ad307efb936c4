"""From checkpoint to a published reader: calibrated, measured, listed in the manifest, and its INT8 variant.

A smoke run (`few`) goes the same way on a few crops, with fresh weights where there is no checkpoint; where
its files go is the caller's to say.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import typer

from training.export import update_manifest, write_metadata
from training.recogniser.crops import PATCH_SEED, SCENES_FOR_PATCHES, LabelledCrop, load_crops, scene_patches
from training.recogniser.export import (
    export_reader,
    fit_temperature,
    load_reader,
    manifest_entry,
    onnx_reader,
    read_metadata,
)
from training.recogniser.network import PlateReader
from training.recogniser.quantise import compare, quantise
from training.recogniser.samples import margin_quad, plain_crop, rectify
from training.recogniser.scoring import Reader, Score, score
from training.recogniser.weights import mixed, network_from_onnx
from training.synth.camera import UNIT_SQUARE

FILE, INT8_FILE = "plate-reader.onnx", "plate-reader-int8.onnx"
CALIBRATE_ON_ONE_IN = 10  # training photographs, for the ranges of INT8
SMOKE_CROPS, SMOKE_SCENES = 32, 10


def export(
    checkpoint: Path,
    models: Path,
    version: str,
    trained_by: str,
    seed: int,
    *,
    older: Path | None = None,
    share: float = 0.5,
    few: bool = False,
) -> Score:
    """Calibrate on the held-back crops, write ONNX and manifest entry; return the validation score.

    With `older`, a published reader that the training went on from, its weights are mixed in: `share` are the new ones.
    """
    network = PlateReader().eval() if few and not checkpoint.is_file() else load_reader(checkpoint)
    if older is not None:
        network = mixed(network_from_onnx(older), network, share)
    temperature = fit_temperature(network, _certain("slice", few))
    file = models / FILE
    difference = export_reader(network, temperature, file, version=version, command=trained_by, seed=seed)
    megabytes = file.stat().st_size / 1e6
    typer.echo(f"{file}: {megabytes:.2f} MB, temperature {temperature:.3f}, differs from torch by {difference:.1e}")
    result = show_score(file, "val", errors=False, few=few)
    accuracy: dict[str, object] = {
        "command": "anpr-train recogniser score --split val",
        "exact_match": {name: round(share, 4) for name, share in result.exact.items()},
        "crops": dict(result.count),
        "ece": round(result.ece, 4),
        "torch_difference": float(f"{difference:.1e}"),
    }
    update_manifest(models / "manifest.yaml", manifest_entry(version, trained_by, seed, accuracy))
    return result


def add_int8(file: Path, models: Path, few: bool = False) -> bool:
    """Write the INT8 variant of `file` to `models` and list it, if it is faster and reads as well; say which."""
    target = models / INT8_FILE
    quantise(file, target, load_crops("train")[:: CALIBRATE_ON_ONE_IN * (10 if few else 1)])
    told = read_metadata(file)
    write_metadata(target, {**told, "quantised": "int8 convolutions, static"})
    drop, gain, keep = compare(file, target, _certain("val", few))
    typer.echo(f"{target}: exact match drops by {drop:.2%}, {gain:.2f} times as fast here: "
               f"{'kept' if keep else 'dropped'}")  # fmt: skip
    if not keep:
        target.unlink()
        return False
    accuracy: dict[str, object] = {"exact_match_drop": round(drop, 4), "times_as_fast": round(gain, 2)}
    entry = manifest_entry(told["version"], told["training_command"], int(told["seed"]), accuracy)
    update_manifest(models / "manifest.yaml", replace(entry, name="plate-reader-int8", file=target.name))
    return True


def show_score(model: Path, split: str, errors: bool, few: bool = False) -> Score:
    """Print the figures of an ONNX file on one part of the labelled crops."""
    crops = _certain(split, few)
    result = score(onnx_reader(model), crops)
    for name, share in result.exact.items():
        typer.echo(f"{split} {name:>11}: {share:7.2%} of {result.count[name]}")
    typer.echo(f"{split} calibration error (without china): {result.ece:.4f}")
    if not result.count:
        typer.echo(f"{split}: no certain crops to measure on")
        return result
    taken, refused = legibility(onnx_reader(model), crops, SMOKE_SCENES if few else SCENES_FOR_PATCHES)
    typer.echo(
        f"taken for legible: {taken:.2%} of these plates, {1 - refused:.2%} of patches of scenes without a plate"
    )
    if errors:
        for file, truth, read, probability in result.errors:
            typer.echo(f"  {file}: {truth} read as {read or '(nothing)'} at {probability:.2f}")
    return result


def legibility(read: Reader, crops: list[LabelledCrop], scenes: int) -> tuple[float, float]:
    """Return the share of labelled plates taken for legible, and of patches without plates (val scenes) refused."""
    patches = scene_patches(np.random.default_rng(PATCH_SEED), scenes, split="val")
    shown = [rectify(patch, margin_quad(UNIT_SQUARE * (patch.shape[1], patch.shape[0])))[0] for patch in patches]
    plates = read(np.stack([plain_crop(crop) for crop in crops]))[1]
    return float((plates > 0.5).mean()), float((read(np.stack(shown))[1] <= 0.5).mean())


def _certain(split: str, few: bool) -> list[LabelledCrop]:
    """Return the certain crops of one part; for a smoke run a few of them, or none where there is no data."""
    try:
        crops = load_crops(split)
    except FileNotFoundError:
        if not few:
            raise
        return []
    return crops[:: max(len(crops) // SMOKE_CROPS, 1)] if few else crops
