"""The steps of making a reader, as functions: render, train, export, score.

Shared by `python -m training.recogniser` and `anpr-train`. They show progress; they decide
nothing that the modules below them decide.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from training.detector.finder import Network, onnx_network
from training.export import update_manifest, write_metadata
from training.recogniser.batches import Mix, PlateStream
from training.recogniser.cache import CHUNK, open_cache, render_cache
from training.recogniser.crops import LabelledCrop, load_crops, scene_patches
from training.recogniser.export import (
    export_reader,
    fit_temperature,
    load_reader,
    manifest_entry,
    onnx_reader,
    read_metadata,
    torch_reader,
)
from training.recogniser.placed import place_crops
from training.recogniser.quantise import compare, quantise
from training.recogniser.samples import margin_quad, plain_crop, rectify
from training.recogniser.scoring import Reader, Score, score
from training.recogniser.training import Plan, Progress, Trainer
from training.recogniser.weights import mixed, network_from_onnx
from training.synth.camera import UNIT_SQUARE
from training.synth.structures import structure

MODELS = Path(__file__).resolve().parents[2] / "models"
SMOKE_PLATES, SMOKE_SECONDS, SMOKE_BATCH = 40, 4.0, 8
TRAINING_STATUSES = ("ok", "unsure", "notplate", "illegible")
SCENES_FOR_PATCHES, PATCH_SEED = 1200, 7
SCORE_EVERY_S = 420.0
CALIBRATE_ON_ONE_IN = 10  # training photographs, for the ranges of INT8


class TrainOptions(Protocol):
    """What `train` needs to know."""

    plates_folder: Path
    checkpoint: Path
    resume: Path | None
    restart_clock: bool
    minutes: float
    rate: float
    decay_share: float
    photographs: float
    emphasise: bool
    threads: int
    batch: int
    seed: int
    smoke: bool


def say(text: str) -> None:
    """Print one line at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _bar(what: str) -> Bar:
    return Bar(TextColumn(what), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(),
               TextColumn("{task.description}"))  # fmt: skip


def render(folder: Path, plates: int, seed: int, processes: int, smoke: bool = False) -> None:
    """Render the cache of plates; chunks that exist are kept."""
    count = SMOKE_PLATES if smoke else plates
    with _bar("rendering plates") as bar:
        task = bar.add_task("", total=-(-count // CHUNK))
        render_cache(folder, count, seed, 1 if smoke else processes, lambda: bar.advance(task))
    say(f"plates lie in {folder}")


def train(options: TrainOptions) -> Progress:
    """Train until the budget is spent; return where it ended. Without the data folder, on rendered plates alone."""
    cache = open_cache(options.plates_folder)
    crops, patches, held = _photographs(options.smoke)
    plan = Plan(
        budget_s=SMOKE_SECONDS if options.smoke else options.minutes * 60,
        checkpoint=options.checkpoint,
        batch=SMOKE_BATCH if options.smoke else options.batch,
        rate=options.rate,
        decay_share=options.decay_share,
        seed=options.seed,
        threads=options.threads,
        workers=0 if options.smoke else 1,
    )
    trainer = Trainer(plan)
    if options.resume and options.resume.suffix == ".onnx":
        trainer.start_from(network_from_onnx(options.resume))
    elif options.resume:
        trainer.resume(options.resume, options.restart_clock)
    misread = _misread(trainer, crops) if options.resume and options.emphasise else frozenset()
    mix = Mix(options.photographs)
    placed = place_crops(crops, trainer.averaged() if options.resume else None, _own_detector())
    stream = PlateStream(cache, placed, patches, mix, batch=plan.batch, seed=plan.seed, misread=misread)
    _learn(trainer, stream, held)
    return trainer.progress


def _photographs(smoke: bool) -> tuple[list[LabelledCrop], list[np.ndarray], list[LabelledCrop]]:
    """Return the training crops, patches without plates, and the crops held back; none where there is no data."""
    try:
        crops = load_crops("train", TRAINING_STATUSES)
        rng = np.random.default_rng(PATCH_SEED)
        patches = scene_patches(rng, 20 if smoke else SCENES_FOR_PATCHES)
        patches += [structure(rng) for _ in range(len(patches) // 4)]
        return crops, patches, load_crops("slice")
    except FileNotFoundError as missing:
        say(f"{missing.filename}: no photographs, training on rendered plates alone")
        return [], [], []


def _own_detector() -> Network | None:
    """Return the package's own detector, where there is one already."""
    file = MODELS / "plate-detector.onnx"
    return onnx_network(file) if file.exists() else None


def _misread(trainer: Trainer, crops: list[LabelledCrop]) -> frozenset[str]:
    """Return the files of the training photographs that the averaged network misreads."""
    certain = [crop for crop in crops if crop.status == "ok"]
    errors = score(torch_reader(trainer.averaged()), certain).errors
    say(f"{len(errors)} of {len(certain)} training photographs are misread and will be shown more often")
    return frozenset(file for file, *_ in errors)


def _learn(trainer: Trainer, stream: PlateStream, held: list[LabelledCrop]) -> None:
    """Run the trainer with a progress bar; now and then say how much of the held-back crops is read."""
    budget_s, scored_at = trainer.plan.budget_s, time.monotonic()
    with _bar("training") as bar:
        task = bar.add_task("", total=budget_s)
        for progress in trainer.run(stream):
            losses = ", ".join(f"{name} {loss:.3f}" for name, loss in progress.losses.items())
            bar.update(task, completed=progress.elapsed_s, description=f"step {progress.step}: {losses}")
            if held and time.monotonic() - scored_at > SCORE_EVERY_S:
                scored_at = time.monotonic()
                exact = score(torch_reader(trainer.averaged()), held).exact
                bar.console.print(f"step {progress.step}: {exact['all']:.1%} of the held-back crops read right")


def export(
    checkpoint: Path,
    models: Path,
    version: str,
    trained_by: str,
    seed: int,
    *,
    older: Path | None = None,
    share: float = 0.5,
) -> Score:
    """Calibrate on the held-back crops, write ONNX and manifest entry; return the validation score.

    With `older`, a published reader that the training went on from, its weights are mixed in: `share` are the new ones.
    """
    network = load_reader(checkpoint)
    if older is not None:
        network = mixed(network_from_onnx(older), network, share)
    temperature = fit_temperature(network, load_crops("slice"))
    file = models / "plate-reader.onnx"
    difference = export_reader(network, temperature, file, version=version, command=trained_by, seed=seed)
    megabytes = file.stat().st_size / 1e6
    say(f"{file}: {megabytes:.2f} MB, temperature {temperature:.3f}, differs from torch by {difference:.1e}")
    result = show_score(file, "val", errors=False)
    accuracy: dict[str, object] = {
        "command": "python -m training.recogniser score --split val",
        "exact_match": {name: round(share, 4) for name, share in result.exact.items()},
        "crops": dict(result.count),
        "ece": round(result.ece, 4),
        "torch_difference": float(f"{difference:.1e}"),
    }
    update_manifest(models / "manifest.yaml", manifest_entry(version, trained_by, seed, accuracy))
    return result


def add_int8(models: Path) -> bool:
    """Write plate-reader-int8.onnx beside the model and list it, if it is faster and reads as well; say which."""
    file, target = models / "plate-reader.onnx", models / "plate-reader-int8.onnx"
    quantise(file, target, load_crops("train")[::CALIBRATE_ON_ONE_IN])
    told = read_metadata(file)
    write_metadata(target, {**told, "quantised": "int8 convolutions, static"})
    drop, gain, keep = compare(file, target, load_crops("val"))
    say(f"{target}: exact match drops by {drop:.2%}, {gain:.2f} times as fast here: {'kept' if keep else 'dropped'}")
    if not keep:
        target.unlink()
        return False
    accuracy: dict[str, object] = {"exact_match_drop": round(drop, 4), "times_as_fast": round(gain, 2)}
    entry = manifest_entry(told["version"], told["training_command"], int(told["seed"]), accuracy)
    update_manifest(models / "manifest.yaml", replace(entry, name="plate-reader-int8", file=target.name))
    return True


def legibility(read: Reader, crops: list[LabelledCrop]) -> tuple[float, float]:
    """Return the share of labelled plates taken for legible, and of patches without plates (val scenes) refused."""
    patches = scene_patches(np.random.default_rng(PATCH_SEED), SCENES_FOR_PATCHES, split="val")
    shown = [rectify(patch, margin_quad(UNIT_SQUARE * (patch.shape[1], patch.shape[0])))[0] for patch in patches]
    plates = read(np.stack([plain_crop(crop) for crop in crops]))[1]
    return float((plates > 0.5).mean()), float((read(np.stack(shown))[1] <= 0.5).mean())


def show_score(model: Path, split: str, errors: bool) -> Score:
    """Print the figures of an ONNX file on one part of the labelled crops."""
    result = score(onnx_reader(model), load_crops(split))
    for name, share in result.exact.items():
        say(f"{split} {name:>11}: {share:7.2%} of {result.count[name]}")
    say(f"{split} calibration error (without china): {result.ece:.4f}")
    if not result.count:
        say(f"{split}: no certain crops to measure on")
        return result
    taken, refused = legibility(onnx_reader(model), load_crops(split))
    say(f"taken for legible: {taken:.2%} of these plates, {1 - refused:.2%} of patches of scenes without a plate")
    if errors:
        for file, truth, read, probability in result.errors:
            say(f"  {file}: {truth} read as {read or '(nothing)'} at {probability:.2f}")
    return result
