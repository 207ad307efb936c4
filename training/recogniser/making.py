"""Making a reader: render the plates it learns from, and train it; both show progress.

They gather what is there (photographs only where there is a data folder) and decide nothing that the
modules below them decide.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from training.detector.finder import Network, onnx_network
from training.places import data_folder
from training.recogniser.batches import Mix, PlateStream
from training.recogniser.cache import CHUNK, open_cache, render_cache
from training.recogniser.crops import (
    PATCH_SEED,
    SCENES_FOR_PATCHES,
    LabelledCrop,
    load_crops,
    photographs_in,
    scene_patches,
)
from training.recogniser.export import told_temperature, torch_reader
from training.recogniser.placed import place_crops
from training.recogniser.scoring import score
from training.recogniser.training import Plan, Progress, Trainer
from training.recogniser.weights import network_from_onnx
from training.synth.structures import structure

MODELS = Path(__file__).resolve().parents[2] / "models"
SMOKE_PLATES, SMOKE_SECONDS, SMOKE_BATCH, SMOKE_ONE_CROP_IN = 40, 4.0, 8, 40
TRAINING_STATUSES = ("ok", "unsure", "notplate", "illegible")
JUDGED_PATCHES = 0.3  # share of things that are no plates, where nothing else is learned
SCORE_EVERY_S = 420.0


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What `train` needs to know."""

    data: Path | None  # None: the usual data folder, or rendered plates alone where there is none
    plates_folder: Path
    checkpoint: Path
    resume: Path | None
    restart_clock: bool
    minutes: float
    rate: float
    decay_share: float
    photographs: float
    leave_out: tuple[str, ...]
    emphasise: bool
    judge_alone: bool
    threads: int
    batch: int
    seed: int
    smoke: bool


def _bar(what: str) -> Bar:
    return Bar(TextColumn(what), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(),
               TextColumn("{task.description}"))  # fmt: skip


def render(folder: Path, plates: int, seed: int, processes: int, smoke: bool = False) -> None:
    """Render the cache of plates; chunks that exist are kept."""
    count = SMOKE_PLATES if smoke else plates
    with _bar("rendering plates") as bar:
        task = bar.add_task("", total=-(-count // CHUNK))
        render_cache(folder, count, seed, 1 if smoke else processes, lambda: bar.advance(task))
    typer.echo(f"plates lie in {folder}")


def train(options: TrainOptions) -> Progress:
    """Train until the budget is spent; return where it ended. Without the data folder, on rendered plates alone.

    Raises:
        FileNotFoundError: plates, the data folder that was named, or the checkpoint to go on from are not there.
        ValueError: a source to leave out is unknown, a file is no checkpoint, or its minutes are used.
    """
    trainer = _trainer(options)  # first, since it may refuse what it is to go on from
    cache = open_cache(options.plates_folder)
    crops, patches, held = _photographs(options)
    misread = _misread(trainer, crops) if options.resume and options.emphasise else frozenset()
    mix = Mix(options.photographs, JUDGED_PATCHES) if options.judge_alone else Mix(options.photographs)
    placed = place_crops(crops, trainer.averaged() if options.resume else None, _own_detector())
    plan = trainer.plan
    stream = PlateStream(cache, placed, patches, mix, batch=plan.batch, seed=plan.seed, misread=misread)
    _learn(trainer, stream, held)
    return trainer.progress


def _trainer(options: TrainOptions) -> Trainer:
    """Return the trainer, where the options say that it goes on from."""
    plan = Plan(
        budget_s=SMOKE_SECONDS if options.smoke else options.minutes * 60,
        checkpoint=options.checkpoint,
        batch=SMOKE_BATCH if options.smoke else options.batch,
        rate=options.rate,
        decay_share=options.decay_share,
        seed=options.seed,
        threads=options.threads,
        workers=0 if options.smoke else 1,
        judge_alone=options.judge_alone,
    )
    trainer = Trainer(plan)
    if options.resume and options.resume.suffix == ".onnx":
        trainer.start_from(network_from_onnx(options.resume), told_temperature(options.resume))
    elif options.resume:
        trainer.resume(options.resume, options.restart_clock)
        if not options.smoke and trainer.progress.elapsed_s >= plan.budget_s:
            used = f"{trainer.progress.elapsed_s / 60:.0f} of {options.minutes:g} minutes are used"
            raise ValueError(f"{options.resume}: {used}. Fix: give more --minutes, or --restart-clock")
    return trainer


def _photographs(options: TrainOptions) -> tuple[list[LabelledCrop], list[np.ndarray], list[LabelledCrop]]:
    """Return the training crops, patches without plates, and the crops held back; none where no data was named."""
    folder, smoke = photographs_in(options.data), options.smoke
    if folder is None:
        typer.echo(f"{data_folder()}: no photographs, training on rendered plates alone (--data names a data folder)")
        return [], [], []
    leave_out = options.leave_out
    crops = load_crops("train", TRAINING_STATUSES, folder, leave_out)[:: SMOKE_ONE_CROP_IN if smoke else 1]
    rng = np.random.default_rng(PATCH_SEED)
    patches = scene_patches(rng, 20 if smoke else SCENES_FOR_PATCHES, folder, leave_out=leave_out)
    patches += [structure(rng) for _ in range(len(patches) // 4)]
    typer.echo(f"{folder}: {len(crops)} crops to learn from, {len(patches)} patches without a plate")
    return crops, patches, load_crops("slice", folder=folder, leave_out=leave_out)


def _own_detector() -> Network | None:
    """Return the package's own detector, where there is one already."""
    file = MODELS / "plate-detector.onnx"
    return onnx_network(file) if file.exists() else None


def _misread(trainer: Trainer, crops: list[LabelledCrop]) -> frozenset[str]:
    """Return the files of the training photographs that the averaged network misreads."""
    certain = [crop for crop in crops if crop.status == "ok"]
    errors = score(torch_reader(trainer.averaged()), certain).errors
    typer.echo(f"{len(errors)} of {len(certain)} training photographs are misread and will be shown more often")
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
