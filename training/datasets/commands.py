"""`anpr-train dataset`: look at a dataset before believing it, and divide it fairly."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from training.datasets.classes import UnclearClasses
from training.datasets.frame import BrokenAnnotations
from training.datasets.load import Dataset, load_dataset
from training.datasets.pack import LEAKS_SHOWN, pack
from training.datasets.sheet import contact_sheet, statistics
from training.datasets.splitting import assign_splits, by_sequence, keep_earlier, largest_share, on_both_sides
from training.datasets.table import write_table
from training.datasets.twins import between_splits, find_twins

app = typer.Typer(help="Inspect and split labelled pictures.", no_args_is_help=True)
console = Console()

Place = Annotated[Path, typer.Argument(help="Folder of VOC XML or YOLO txt, COCO .json, .csv, or a data folder.")]
PicturesOption = Annotated[Path | None, typer.Option("--pictures", help="Folder or zip, if not beside the labels.")]
SkipOption = Annotated[bool, typer.Option("--skip-broken", help="Leave broken annotations out, naming them.")]
SmokeOption = Annotated[bool, typer.Option("--smoke", help="The first few pictures only: do all parts work?")]
ClassOption = Annotated[
    list[str] | None, typer.Option("--class", help="Class that is plates, if there are several; may be given again.")
]
TwinsOption = Annotated[
    bool, typer.Option(help="Look for nearly equal pictures; off where one fixed camera took all and no text is known.")
]
SequenceOption = Annotated[
    bool,
    typer.Option(
        "--by-sequence/--no-by-sequence", help="Pictures whose names differ only in a number stay together as well."
    ),
]
EarlierOption = Annotated[
    Path | None, typer.Option(help="Table of an earlier division, whose pictures stay where they were.")
]
SMOKE_PICTURES = 6
LOPSIDED = 0.5  # of the pictures in one group: whichever side it takes, the other is too small to learn or to judge


def open_or_exit(
    place: Path,
    pictures: Path | None = None,
    skip_broken: bool = False,
    smoke: bool = False,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """Return the dataset at `place`, or print every fault and leave with 1; say what there is to know about it."""
    limit = SMOKE_PICTURES if smoke else None
    try:
        dataset = load_dataset(place, pictures, skip_broken=skip_broken, limit=limit, classes=classes or ())
    except (BrokenAnnotations, UnclearClasses, FileNotFoundError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        sys.exit(1)
    for note in dataset.frame.attrs["notes"]:
        console.print(note, style="yellow", markup=False, highlight=False)
    for problem in dataset.frame.attrs["problems"]:
        console.print(f"left out: {problem}", style="yellow", markup=False, highlight=False)
    return dataset


@app.command("inspect")
def inspect(
    place: Place,
    *,
    pictures: PicturesOption = None,
    sheet: Annotated[Path, typer.Option(help="Where to write the contact sheet.")] = Path("out/dataset.png"),
    count: Annotated[int, typer.Option(min=1, max=400, help="Pictures on the sheet.")] = 40,
    seed: Annotated[int, typer.Option(help="Which pictures.")] = 0,
    twins: TwinsOption = True,
    classes: ClassOption = None,
    skip_broken: SkipOption = False,
    smoke: SmokeOption = False,
) -> None:
    """Validate every annotation, print statistics, look for leaks between splits, draw a contact sheet."""
    dataset = open_or_exit(place, pictures, skip_broken, smoke, classes)
    _print_statistics(dataset)
    _say_leaks(dataset.frame)
    if twins:
        found = between_splits(dataset.frame, find_twins(dataset.frame, dataset.pictures))
        console.print(f"{len(found)} pairs of nearly the same picture in different splits")
        for twin in found[:LEAKS_SHOWN]:
            console.print(f"  {twin.first} ~ {twin.second} ({twin.bits} of 64 bits differ)", highlight=False)
    sheet.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(sheet), contact_sheet(dataset.frame, dataset.pictures, count, seed=seed))
    console.print(f"{sheet}: {min(count, dataset.frame.file.nunique())} pictures with their labels")


def _say_leaks(frame: pd.DataFrame) -> None:
    """Name what stands on both sides, if anything does."""
    if leaks := on_both_sides(frame):
        shown = "\n  ".join(leaks[:LEAKS_SHOWN])
        console.print(f"{len(leaks)} in several splits:\n  {shown}", style="yellow", markup=False, highlight=False)


def _print_statistics(dataset: Dataset) -> None:
    frame = dataset.frame
    console.print(f"{dataset.format}: {frame.file.nunique()} pictures, {int(frame.x1.notna().sum())} plates")
    table = Table()
    figures = statistics(frame)
    for name in figures.columns:
        table.add_column(name, justify="left" if name in ("source", "split") else "right")
    for row in figures.itertuples(index=False):
        table.add_row(*(f"{value:.1f}" if isinstance(value, float) else str(value) for value in row))
    console.print(table)


@app.command("split")
def split(
    place: Place,
    *,
    out: Annotated[Path, typer.Option(help="Table to write, with the column split filled.")],
    pictures: PicturesOption = None,
    val_share: Annotated[float, typer.Option(min=0.0, max=0.9, help="Share of vehicles kept for judging.")] = 0.15,
    sequences: SequenceOption = False,
    twins: TwinsOption = True,
    earlier: EarlierOption = None,
    salt: Annotated[str, typer.Option(help="Another word, another division.")] = "",
    classes: ClassOption = None,
    skip_broken: SkipOption = False,
    smoke: SmokeOption = False,
) -> None:
    """Divide pictures into train and val by vehicle or sequence, never by frame; splits that are set stay."""
    dataset = open_or_exit(place, pictures, skip_broken, smoke, classes)
    frame = dataset.frame if earlier is None else keep_earlier(dataset.frame, _earlier_or_exit(earlier))
    frame, same = by_sequence(frame) if sequences else (frame, [])
    alike = [(one.first, one.second) for one in find_twins(frame, dataset.pictures)] if twins else []
    frame = assign_splits(frame, val_share, salt, [*same, *alike])
    write_table(frame, out)
    pictures_by_split = frame.groupby("split").file.nunique().to_dict()
    console.print(f"{out}: " + ", ".join(f"{count} {name}" for name, count in pictures_by_split.items()))
    console.print(f"{len(alike)} pairs of nearly the same picture kept together" if twins else "twins not looked for")
    _say_leaks(frame)
    if (share := largest_share(frame, [*same, *alike])) > LOPSIDED:
        console.print(
            f"{share:.0%} of the pictures are one group. Fix: label texts, or --no-twins if one camera took them all",
            style="yellow",
        )


def _earlier_or_exit(file: Path) -> pd.DataFrame:
    """Return file and split of an earlier division, or say why there is none and leave with 1."""
    try:
        table = pd.read_csv(file, keep_default_na=False, dtype=str)
    except (OSError, ValueError) as error:
        problem = str(error)
    else:
        if {"file", "split"} <= set(table):
            return table
        problem = "no columns file and split"
    console.print(f"{file}: {problem}. Fix: give a table that `dataset split` wrote", style="red", markup=False)
    sys.exit(1)


@app.command("pack")
def pack_command(
    place: Place,
    *,
    out: Annotated[Path, typer.Option(help="Folder for scenes and crops, then good as $ANPR_DATA.")],
    pictures: PicturesOption = None,
    twins: TwinsOption = True,
    keep_leaks: Annotated[
        bool, typer.Option("--keep-leaks", help="Pack what stands in several splits too; figures will flatter.")
    ] = False,
    classes: ClassOption = None,
    skip_broken: SkipOption = False,
    smoke: SmokeOption = False,
) -> None:
    """Write scenes.csv/.zip and crops.csv/.zip, the layout that the reader's training and all evaluations take."""
    try:
        packed = pack(open_or_exit(place, pictures, skip_broken, smoke, classes), out, twins, keep_leaks)
    except ValueError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        sys.exit(1)
    console.print(f"{out}: {packed.scenes} scenes, {packed.crops} crops with a text")
