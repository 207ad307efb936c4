"""`anpr-train detector` and `anpr-train export detector`: train, go on training, export, try smaller variants.

It chooses materials and shows progress; what is learned and how is decided in the modules below.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from training.datasets.load import load_dataset
from training.detector.calibration import apply_platt, fit_platt, scored_finds
from training.detector.donors import crop_donors, distractions, lookalike_donors, rendered_donors
from training.detector.export import export_detector, load_detector, manifest_entry, torch_network, write_weights
from training.detector.finder import INPUT
from training.detector.network import PlateDetector
from training.detector.samples import Material
from training.detector.scenes import Scene, load_scenes, scenes_of
from training.detector.train import Training, TrainPlan, train
from training.detector.variants import measure, write_half, write_int8
from training.export import ModelEntry, update_manifest
from training.files import open_session
from training.places import data_folder, folder_for, place_for
from training.refusing import refusing

app = typer.Typer(help="Train the plate detector, and try smaller variants of it.", no_args_is_help=True)
console = Console()
CHECKPOINT = Path(".cache/detector/detector.pt")
PLATES, SIGNS = 4000, 1500  # rendered once per run, kept in memory: 150 MB
CALIBRATION_SIZES = (640, 960)  # long sides: a live frame and a closer look
SMOKE_STEPS, SMOKE_PIXELS, SMOKE_SCENES = 3, 2 * 384 * 384, 6


def gather(data: list[Path], seed: int, smoke: bool, leave_out: list[str]) -> Material:
    """Return the train scenes of every dataset in `data`, rendered plates, and cut-out crops where there are any.

    Raises:
        FileNotFoundError: a dataset is not there.
        ValueError: a dataset is broken, no such source is there to leave out, or no train scene is left.
    """
    datasets = [load_dataset(place) for place in data]
    known = {str(source) for dataset in datasets for source in dataset.frame.source}
    known |= {source for place in data for source in _crop_sources(place)}
    if unknown := sorted(set(leave_out) - known):  # a misspelt one would be trained on, and then tested on
        raise ValueError(f"--leave-out {', '.join(unknown)}: no such source. Fix: choose of {', '.join(sorted(known))}")
    scenes = [scene for dataset in datasets for scene in scenes_of(dataset, "train", limit=20 if smoke else None)]
    scenes = [scene for scene in scenes if scene.source not in leave_out]
    if not scenes:
        places = ", ".join(map(str, data))
        raise ValueError(f"{places}: no scene of split train to learn from. Fix: run `anpr-train dataset split`")
    donors = rendered_donors(40 if smoke else PLATES, seed)
    for place in data:
        if (place / "crops.csv").is_file() and not smoke:
            donors += crop_donors(place, leave_out=leave_out)
    return Material(scenes, donors, distractions(20 if smoke else SIGNS, seed + 1) + 2 * lookalike_donors(scenes))


def _crop_sources(place: Path) -> list[str]:
    """Return the sources of a data folder's crops; none where it has no crops."""
    table = place / "crops.csv"
    return [str(source) for source in pd.read_csv(table)["source"].unique()] if table.is_file() else []


@app.command("train")
def train_command(
    *,
    data: Annotated[
        list[Path] | None, typer.Option(help="Dataset, any format; may be given again. [$ANPR_DATA]")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help=f"Where weights are kept while training. [{CHECKPOINT}; a trial's: nowhere]")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Checkpoint to go on from, in time and rate as well.")] = None,
    start: Annotated[
        Path | None, typer.Option(help="Weights to begin with, e.g. models/plate-detector.weights.pt.")
    ] = None,
    leave_out: Annotated[list[str] | None, typer.Option(help="Source to keep out, for an honest test on it.")] = None,
    minutes: Annotated[
        float, typer.Option(min=0.1, help="Wall-clock time of the whole training; the rate falls over it.")
    ] = 90.0,
    rate: Annotated[float, typer.Option(help="Learning rate at the start.")] = 2e-3,
    seed: Annotated[int, typer.Option(help="Of weights, samples and rendered plates.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    smoke: Annotated[bool, typer.Option("--smoke", help="A few steps on little data: do all parts work?")] = False,
) -> None:
    """Train, or go on training, until the minutes are used; the checkpoint is written every minute."""
    torch.set_num_threads(threads)
    with refusing(), place_for(checkpoint, CHECKPOINT, smoke) as out:
        pixels = SMOKE_PIXELS if smoke else TrainPlan.pixels
        steps, workers = (SMOKE_STEPS, 0) if smoke else (None, 1)
        plan = TrainPlan(minutes, out, seed, rate, pixels=pixels, steps=steps, workers=workers)
        training = Training(plan, "cuda" if torch.cuda.is_available() else "cpu")
        if resume is not None:
            training.resume(resume)
            if smoke:
                training.elapsed_s = 0.0  # or a trial of a finished training would try nothing
            if training.elapsed_s >= minutes * 60:
                used = f"{training.elapsed_s / 60:.0f} of {minutes:g} minutes are used"
                raise ValueError(f"{resume}: {used}. Fix: give more --minutes, or begin anew from it with --start")
        elif start is not None:
            training.start_from(start)
        _learn(plan, gather(data or [data_folder()], seed, smoke, leave_out or []), training)


def _learn(plan: TrainPlan, material: Material, training: Training) -> None:
    """Run the training with a progress bar."""
    console.print(f"{len(material.scenes)} scenes, {len(material.donors)} plates to paste, on {training.device}")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting", total=1.0)
        for step, share, losses in train(plan, material, training):
            text = f"step {step}  loss {losses.total.item():.3f}  box {losses.box.item():.3f}"
            bar.update(task, completed=min(share, 1.0), description=f"{text}  corner {losses.corner.item():.4f}")
    console.print(f"{plan.out}: {training.step_count} steps")


def export_command(
    *,
    checkpoint: Annotated[Path, typer.Option(help="Weights to export.")] = CHECKPOINT,
    models: Annotated[Path, typer.Option(help="Folder of the manifest.")] = Path("models"),
    version: Annotated[str, typer.Option(help="Of these weights, semantic.")] = "1.0.0",
    seed: Annotated[int, typer.Option(help="The seed they were trained with.")] = 1,
    trained_by: Annotated[str, typer.Option(help="The training command, for the manifest.")] = "",
    calibrate: Annotated[Path | None, typer.Option(help="Dataset whose val scenes make scores probabilities.")] = None,
    figures: Annotated[Path | None, typer.Option(help="JSON of `evaluate detector`, for the manifest.")] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Into a folder that is thrown away, fresh weights if there are none yet.")
    ] = False,
) -> None:
    """Write plate-detector.onnx and its manifest entry; refuse if onnxruntime and torch disagree."""
    command = trained_by or shlex.join(["anpr-train", "detector", "train", "--seed", str(seed)])
    with refusing():
        if figures is not None and not figures.is_file():
            raise FileNotFoundError(f"{figures}: no such file. Fix: write it with `evaluate detector --json`")
        accuracy = json.loads(figures.read_text(encoding="utf-8")) if figures else {}
        with folder_for(models, smoke) as folder:
            fresh = smoke and not checkpoint.is_file()
            model = PlateDetector().eval() if fresh else load_detector(checkpoint)
            if calibrate is not None and not fresh:
                _calibrate(model, load_scenes(calibrate, "val", limit=SMOKE_SCENES if smoke else None))
            elif not fresh:
                console.print("scores are not calibrated; the gate's threshold is meant for ones that are: --calibrate")
            _write(model, folder, manifest_entry(version, command, seed, accuracy))


def _calibrate(model: PlateDetector, scenes: Sequence[Scene]) -> None:
    """Make the model's scores probabilities, as the finds in labelled scenes tell."""
    platt = fit_platt(*scored_finds(torch_network(model), scenes, CALIBRATION_SIZES))
    apply_platt(model, platt)
    console.print(f"calibrated: logit x {platt.scale:.3f} {platt.shift:+.3f}")


def _write(model: PlateDetector, folder: Path, entry: ModelEntry) -> None:
    """Write ONNX file, weights and manifest entry, and print size and parity."""
    file = folder / entry.file
    parity = export_detector(model, file, entry.version, entry.command, entry.seed)
    write_weights(model, folder / "plate-detector.weights.pt")
    update_manifest(folder / "manifest.yaml", entry)
    size_mb = file.stat().st_size / 1e6
    console.print(f"{file}: {size_mb:.2f} MB, differs from torch by {parity.score:.1e} and {parity.pixels:.1e} px")


@app.command("variants")
def variants_command(
    *,
    data: Annotated[Path | None, typer.Option(help="Dataset with train and val scenes. [$ANPR_DATA]")] = None,
    model: Annotated[Path, typer.Option(help="The float32 file.")] = Path("models/plate-detector.onnx"),
    out: Annotated[Path, typer.Option(help="Folder for the variants.")] = Path("out/variants"),
    size: Annotated[int, typer.Option(help="Long side in px to judge at.")] = 640,
    count: Annotated[int, typer.Option(help="Train scenes to calibrate on.")] = 100,
    smoke: Annotated[bool, typer.Option("--smoke", help="A few scenes only: do all parts work?")] = False,
) -> None:
    """Write FP16 and INT8 variants and print what each costs and finds; ship one only if both columns agree."""
    half, int8 = out / "fp16.onnx", out / "int8.onnx"
    with refusing():
        open_session(model, INPUT)  # before anything is written
        dataset = load_dataset(data or data_folder())
        shown_to_quantiser = scenes_of(dataset, "train", limit=SMOKE_SCENES if smoke else count)
        scenes = scenes_of(dataset, "val", limit=SMOKE_SCENES if smoke else None)
        if not shown_to_quantiser or not scenes:
            raise ValueError("no train or no val scenes to judge by. Fix: run `anpr-train dataset split`")
        out.mkdir(parents=True, exist_ok=True)
        write_half(model, half)
        write_int8(model, int8, shown_to_quantiser)
        for name, file in (("fp32", model), ("fp16", half), ("int8", int8)):
            one = measure(name, file, scenes, size)
            told = f"{one.bytes / 1e6:.2f} MB, {one.cpu_ms:.1f} ms of one core, AP50 {one.ap50:.4f}"
            console.print(f"{one.name}: {told}")
