"""From checkpoint to a published reader: calibrated, measured, listed in the manifest, and its INT8 variant.

Without photographs a reader is published as well, with the temperature of the one it went on from and no figures.
A smoke run (`few`) goes the same way on a few crops, with fresh weights where there is no checkpoint; where
its files go is the caller's to say.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import typer

from training.export import drop_entry, sha256_of, update_manifest, write_metadata
from training.files import read_checkpoint
from training.places import data_folder
from training.recogniser.crops import (
    PATCH_SEED,
    SCENES_FOR_PATCHES,
    LabelledCrop,
    load_crops,
    photographs_in,
    scene_patches,
)
from training.recogniser.export import (
    FEWEST_TO_CALIBRATE,
    ORIGIN,
    USUAL_TEMPERATURE,
    export_reader,
    fit_temperature,
    load_reader,
    manifest_entry,
    onnx_reader,
    read_metadata,
    told_temperature,
)
from training.recogniser.network import PlateReader
from training.recogniser.quantise import compare, quantise
from training.recogniser.samples import margin_quad, plain_crop, rectify
from training.recogniser.scoring import Reader, Score, score
from training.recogniser.weights import mixed, network_from_onnx
from training.synth.camera import UNIT_SQUARE

FILE, INT8_FILE, INT8_NAME = "plate-reader.onnx", "plate-reader-int8.onnx", "plate-reader-int8"
CALIBRATE_ON_ONE_IN = 10  # training photographs, for the ranges of INT8
SMOKE_CROPS, SMOKE_SCENES = 32, 10
ORIGIN_DIGITS = 16  # of a checkpoint's hash: enough to tell two apart


def export(
    checkpoint: Path,
    models: Path,
    version: str,
    trained_by: str,
    seed: int,
    *,
    data: Path | None = None,
    older: Path | None = None,
    share: float = 0.5,
    few: bool = False,
) -> None:
    """Calibrate on the held-back crops, write ONNX and manifest entry, and print the figures of the val crops.

    With `older`, a published reader that the training went on from, its weights are mixed in: `share` are the new ones.

    Raises:
        FileNotFoundError: the checkpoint or the data folder that was named is not there.
        ModelError: `older` is not there.
        ValueError: `older` holds these weights already, or a file is no reader of this kind.
    """
    fresh = few and not checkpoint.is_file()
    network = PlateReader().eval() if fresh else load_reader(checkpoint)
    origin = "" if fresh else sha256_of(checkpoint)[:ORIGIN_DIGITS]
    if older is not None:
        network = mixed(_before(older, checkpoint, origin), network, share)
    file = models / FILE
    temperature = _temperature(network, checkpoint, older, data, few)
    difference = export_reader(
        network, temperature, file, version=version, command=trained_by, seed=seed, origin=origin
    )
    megabytes = file.stat().st_size / 1e6
    typer.echo(f"{file}: {megabytes:.2f} MB, temperature {temperature:.3f}, differs from torch by {difference:.1e}")
    accuracy = _accuracy(file, difference, data, few)
    update_manifest(models / "manifest.yaml", manifest_entry(version, trained_by, seed, accuracy))
    if drop_entry(models / "manifest.yaml", INT8_NAME):
        typer.echo(f"{models / INT8_FILE} holds the reader before this one: it is no longer listed in the manifest. "
                   f"Make it anew with `anpr-train recogniser int8 --models {models}`, or delete it")  # fmt: skip


def _before(older: Path, checkpoint: Path, origin: str) -> PlateReader:
    """Return the network of the published reader to mix with, unless these very weights are in it already."""
    network = network_from_onnx(older)
    if origin and read_metadata(older).get(ORIGIN) == origin:
        raise ValueError(
            f"{older}: the weights of {checkpoint} are in it already; mixed once more, less would stay of the reader "
            "before it than --share says. Fix: name the reader that the training went on from, or leave --mix-with out"
        )
    return network


def _temperature(network: PlateReader, checkpoint: Path, older: Path | None, data: Path | None, few: bool) -> float:
    """Return the temperature fitted on held-back crops; with too few, that of the reader before, or the usual."""
    crops = _certain("slice", data, few)
    if len(crops) >= FEWEST_TO_CALIBRATE:
        return fit_temperature(network, crops)
    told = told_temperature(older) if older else None
    if told is None and checkpoint.is_file():
        told = read_checkpoint(checkpoint, ()).get("temperature")
    whose = "usual one" if told is None else "one of the reader it went on from"
    typer.echo(f"temperature: {len(crops)} held-back crops are too few to fit it; the {whose} is used")
    return USUAL_TEMPERATURE if told is None else float(told)


def _accuracy(file: Path, difference: float, data: Path | None, few: bool) -> dict[str, object]:
    """Print and return the figures for the manifest; none where there is nothing to measure on."""
    result = show_score(file, "val", errors=False, data=data, few=few)
    if not result.count:
        typer.echo("no figures are written to the manifest. Give --data with labelled crops to have them measured")
        return {}
    command = "anpr-train recogniser score --split val"
    return {
        "command": command if data is None else f"{command} --data {shlex.quote(str(data))}",
        "exact_match": {name: round(share, 4) for name, share in result.exact.items()},
        "crops": dict(result.count),
        "ece": round(result.ece, 4),
        "torch_difference": float(f"{difference:.1e}"),
    }


def add_int8(file: Path, models: Path, data: Path | None = None, few: bool = False) -> bool:
    """Write the INT8 variant of `file` to `models` and list it, if it is faster and reads as well; say which.

    Raises:
        FileNotFoundError: there are no photographs.
        ModelError: there is no such model.
        ValueError: there are no certain crops to calibrate on or to compare by.
    """
    target, folder = models / INT8_FILE, data or data_folder()
    onnx_reader(file)  # before the photographs are read
    seen, asked = load_crops("train", folder=folder), _some(load_crops("val", folder=folder), few)
    if not seen or not any(crop.source != "china" for crop in asked):
        raise ValueError(
            f"{folder}: INT8 needs certain crops of train and of val. Fix: give --data with labelled texts"
        )
    models.mkdir(parents=True, exist_ok=True)
    quantise(file, target, seen[:: CALIBRATE_ON_ONE_IN * (10 if few else 1)])
    told = read_metadata(file)
    write_metadata(target, {**told, "quantised": "int8 convolutions, static"})
    drop, gain, keep = compare(file, target, asked)
    typer.echo(f"{target}: exact match drops by {drop:.2%}, {gain:.2f} times as fast here: "
               f"{'kept' if keep else 'dropped'}")  # fmt: skip
    if not keep:
        target.unlink()
        return False
    accuracy: dict[str, object] = {"exact_match_drop": round(drop, 4), "times_as_fast": round(gain, 2)}
    entry = manifest_entry(told["version"], told["training_command"], int(told["seed"]), accuracy)
    update_manifest(models / "manifest.yaml", replace(entry, name=INT8_NAME, file=target.name))
    return True


def show_score(model: Path, split: str, errors: bool, data: Path | None = None, few: bool = False) -> Score:
    """Print the figures of an ONNX file on one part of the labelled crops."""
    read, crops = onnx_reader(model), _certain(split, data, few)
    result = score(read, crops)
    if not result.count:
        typer.echo(f"{data or data_folder()}: no certain crops of {split} to measure on")
        return result
    for name, share in result.exact.items():
        typer.echo(f"{split} {name:>11}: {share:7.2%} of {result.count[name]}")
    typer.echo(f"{split} calibration error (without china): {result.ece:.4f}")
    _show_legibility(read, crops, data, SMOKE_SCENES if few else SCENES_FOR_PATCHES)
    if errors:
        for file, truth, text, probability in result.errors:
            typer.echo(f"  {file}: {truth} read as {text or '(nothing)'} at {probability:.2f}")
    return result


def _show_legibility(read: Reader, crops: list[LabelledCrop], data: Path | None, scenes: int) -> None:
    """Print the share of labelled plates taken for legible, and of patches of val scenes that show no plate."""
    plates = read(np.stack([plain_crop(crop) for crop in crops]))[1]
    typer.echo(f"taken for legible: {(plates > 0.5).mean():.2%} of these plates")
    patches = scene_patches(np.random.default_rng(PATCH_SEED), scenes, data, split="val")
    if patches:
        boxes = (UNIT_SQUARE * (patch.shape[1], patch.shape[0]) for patch in patches)
        framed = [rectify(one, margin_quad(box))[0] for one, box in zip(patches, boxes, strict=True)]
        legible = (read(np.stack(framed))[1] > 0.5).mean()
        typer.echo(f"taken for legible: {legible:.2%} of {len(patches)} patches of val scenes without a plate")


def _certain(split: str, data: Path | None, few: bool) -> list[LabelledCrop]:
    """Return the certain crops of one part, few of them for a smoke run; none where no data folder was named."""
    folder = photographs_in(data)
    return [] if folder is None else _some(load_crops(split, folder=folder), few)


def _some(crops: list[LabelledCrop], few: bool) -> list[LabelledCrop]:
    """Return all crops, or for a smoke run a few, from everywhere among them."""
    return crops[:: max(len(crops) // SMOKE_CROPS, 1)] if few else crops
