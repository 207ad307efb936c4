"""`anpr-train recogniser` and `anpr-train export recogniser`: render, train, export, quantise, score.

It knows options and their defaults and says what was refused; what is done stands in `making` and `publishing`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.places import folder_for
from training.recogniser import making, publishing
from training.refusing import refusing

app = typer.Typer(help="Render plates for, train and score the plate reader.", no_args_is_help=True)
CACHE = Path(".cache/reader")

PlatesFolder = Annotated[Path, typer.Option(help="Where the rendered plates lie.")]
Checkpoint = Annotated[Path, typer.Option(help="Where weights are kept while training.")]
Models = Annotated[Path, typer.Option(help="Folder of the manifest.")]
SmokeOption = Annotated[bool, typer.Option("--smoke", help="A minute's run on little data: do all parts work?")]
TrialOption = Annotated[
    bool, typer.Option("--smoke", help="On few crops, into a folder that is thrown away: do all parts work?")
]


@app.command("render")
def render_command(
    *,
    plates: Annotated[int, typer.Option(min=1, help="How many.")] = 60_000,
    processes: Annotated[int, typer.Option(min=1, help="How many at once.")] = 2,
    plates_folder: PlatesFolder = CACHE / "plates",
    seed: Annotated[int, typer.Option(help="The same seed gives the same plates.")] = 1,
    smoke: SmokeOption = False,
) -> None:
    """Render the plates that the reader learns from; those that are there are kept."""
    making.render(plates_folder, plates, seed, processes, smoke)


@app.command("train")
def train_command(
    *,
    minutes: Annotated[float, typer.Option(min=0.1, help="Wall-clock time to use.")] = 120.0,
    resume: Annotated[Path | None, typer.Option(help="Checkpoint, or a published .onnx, to go on from.")] = None,
    restart_clock: Annotated[
        bool, typer.Option("--restart-clock", help="With --resume: its averaged weights, a new budget.")
    ] = False,
    rate: Annotated[float, typer.Option(help="Learning rate at the start.")] = 2e-3,
    decay_share: Annotated[float, typer.Option(help="Share of the time, at its end, in which the rate falls.")] = 0.4,
    photographs: Annotated[float, typer.Option(help="Share of real crops.")] = 0.4,
    leave_out: Annotated[
        list[str] | None, typer.Option(help="Source to keep out, for an honest test on it; may be given again.")
    ] = None,
    emphasise: Annotated[
        bool, typer.Option("--emphasise", help="With --resume: show misread photographs more often.")
    ] = False,
    judge_alone: Annotated[
        bool, typer.Option("--judge-alone", help="With --resume: learn only to tell plates from other things.")
    ] = False,
    batch: Annotated[int, typer.Option(min=1, help="Samples per step.")] = 128,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    plates_folder: PlatesFolder = CACHE / "plates",
    checkpoint: Checkpoint = CACHE / "reader.pt",
    seed: Annotated[int, typer.Option(help="Of weights and samples.")] = 1,
    smoke: SmokeOption = False,
) -> None:
    """Train, or go on training, until the minutes are used; the checkpoint is written every minute."""
    options = making.TrainOptions(
        plates_folder=plates_folder, checkpoint=checkpoint, resume=resume, restart_clock=restart_clock,
        minutes=minutes, rate=rate, decay_share=decay_share, photographs=photographs,
        leave_out=tuple(leave_out or ()), emphasise=emphasise, judge_alone=judge_alone,
        threads=threads, batch=batch, seed=seed, smoke=smoke,
    )  # fmt: skip
    with refusing():
        making.train(options)


def export_command(
    *,
    checkpoint: Annotated[Path, typer.Option(help="Weights to export.")] = CACHE / "reader.pt",
    models: Models = Path("models"),
    version: Annotated[str, typer.Option(help="Of these weights, semantic.")] = "1.0.0",
    trained_by: Annotated[
        str, typer.Option(help="The training command, for the manifest.")
    ] = "anpr-train recogniser train",
    mix_with: Annotated[Path | None, typer.Option(help="The published reader that the training went on from.")] = None,
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of the new weights in the mix.")] = 0.5,
    seed: Annotated[int, typer.Option(help="The seed they were trained with.")] = 1,
    smoke: TrialOption = False,
) -> None:
    """Write plate-reader.onnx and its manifest entry; refuse if onnxruntime and torch disagree."""
    with refusing(), folder_for(models, smoke) as folder:
        publishing.export(checkpoint, folder, version, trained_by, seed, older=mix_with, share=share, few=smoke)


@app.command("int8")
def int8_command(*, models: Models = Path("models"), smoke: TrialOption = False) -> None:
    """Write plate-reader-int8.onnx beside the model and list it, if it is faster and reads as well."""
    with refusing(), folder_for(models, smoke) as folder:
        publishing.add_int8(models / publishing.FILE, folder, few=smoke)


@app.command("score")
def score_command(
    *,
    model: Annotated[Path, typer.Option(help="ONNX file.")] = Path("models/plate-reader.onnx"),
    split: Annotated[str, typer.Option(help="val, or slice: what is held back of train.")] = "val",
    errors: Annotated[bool, typer.Option("--errors", help="List every misread crop.")] = False,
    smoke: SmokeOption = False,
) -> None:
    """Print exact match of one look at the crops as they are; `evaluate reader` tells more, also as plates are read."""
    with refusing():
        publishing.show_score(model, split, errors, few=smoke)
