"""`anpr-train recogniser` and `anpr-train export recogniser`: render, train, export, quantise, score.

It knows options and their defaults and says what was refused; what is done stands in `making` and `publishing`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.places import folder_for, place_for
from training.recogniser import making, publishing
from training.refusing import refusing

app = typer.Typer(help="Render plates for, train and score the plate reader.", no_args_is_help=True)
PLATES, CHECKPOINT = Path(".cache/reader/plates"), Path(".cache/reader/reader.pt")

DataOption = Annotated[Path | None, typer.Option(help="Data folder, as `dataset pack` makes it. [$ANPR_DATA]")]
PlatesFolder = Annotated[
    Path | None, typer.Option(help=f"Where the rendered plates lie. [{PLATES}; a trial's: a passing one]")
]
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
    plates_folder: PlatesFolder = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same plates.")] = 1,
    smoke: SmokeOption = False,
) -> None:
    """Render the plates that the reader learns from; those that are there are kept."""
    with place_for(plates_folder, PLATES, smoke) as folder:
        making.render(folder, plates, seed, processes, smoke)


@app.command("train")
def train_command(
    *,
    data: DataOption = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="Wall-clock time of the whole training.")] = 120.0,
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
    plates_folder: PlatesFolder = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help=f"Where weights are kept while training. [{CHECKPOINT}; a trial's: nowhere]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights and samples.")] = 1,
    smoke: SmokeOption = False,
) -> None:
    """Train, or go on training, until the minutes are used; the checkpoint is written every minute."""
    with (
        refusing(),
        place_for(plates_folder, PLATES, smoke) as plates,
        place_for(checkpoint, CHECKPOINT, smoke) as out,
    ):
        if smoke and plates_folder is None:
            making.render(plates, 0, seed, 1, smoke)
        making.train(making.TrainOptions(
            data=data, plates_folder=plates, checkpoint=out, resume=resume, restart_clock=restart_clock,
            minutes=minutes, rate=rate, decay_share=decay_share, photographs=photographs,
            leave_out=tuple(leave_out or ()), emphasise=emphasise, judge_alone=judge_alone,
            threads=threads, batch=batch, seed=seed, smoke=smoke,
        ))  # fmt: skip


def export_command(
    *,
    data: DataOption = None,
    checkpoint: Annotated[Path, typer.Option(help="Weights to export.")] = CHECKPOINT,
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
    """Write plate-reader.onnx and its manifest entry; refuse if onnxruntime and torch disagree.

    The temperature is fitted on photographs held back from training and the figures are measured on the val split;
    without photographs the temperature of the reader it went on from stays, and no figures are written.
    """
    with refusing(), folder_for(models, smoke) as folder:
        publishing.export(
            checkpoint, folder, version, trained_by, seed, data=data, older=mix_with, share=share, few=smoke
        )


@app.command("int8")
def int8_command(*, data: DataOption = None, models: Models = Path("models"), smoke: TrialOption = False) -> None:
    """Write plate-reader-int8.onnx beside the model and list it, if it is faster and reads as well."""
    with refusing(), folder_for(models, smoke) as folder:
        publishing.add_int8(models / publishing.FILE, folder, data=data, few=smoke)


@app.command("score")
def score_command(
    *,
    data: DataOption = None,
    model: Annotated[Path, typer.Option(help="ONNX file.")] = Path("models/plate-reader.onnx"),
    split: Annotated[
        str, typer.Option(help="val, test, train, slice (held back of train), or all with what is held back.")
    ] = "val",
    errors: Annotated[bool, typer.Option("--errors", help="List every misread crop.")] = False,
    smoke: SmokeOption = False,
) -> None:
    """Print exact match of one look at the crops as they are; `evaluate reader` tells more, also as plates are read."""
    with refusing():
        publishing.show_score(model, split, errors, data=data, few=smoke)
