"""`anpr-train evaluate`: judge the detector, the reader and both together; print figures, write a report.

Figures go to the terminal and, with --json, to a file that the manifest and CI can read; failures go
into an HTML report, because a figure does not say what to do next.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from edge.errors import ModelError
from training.datasets.commands import open_or_exit
from training.datasets.frame import BrokenAnnotations
from training.datasets.pictures import Pictures
from training.datasets.reviewed import CROP, true_corners
from training.detector.donors import distractions, rendered_donors
from training.detector.finder import onnx_network
from training.detector.samples import Material
from training.detector.scenes import data_folder, scenes_of
from training.evaluate import benchmarks, scenes
from training.evaluate.chain import (
    Chain,
    find_in_scenes,
    open_chain,
    read_crops,
    read_crops_as_pictures,
    read_scenes,
)
from training.evaluate.corners import corner_errors, real_corner_errors, rows_of
from training.evaluate.detection import curve
from training.evaluate.reading import Answer, by_group, calibration_error, character_accuracy, exact_share
from training.evaluate.report import Failure, Section, reading_section, write_report
from training.recogniser.crops import LabelledCrop, load_crops

app = typer.Typer(help="Judge the models on labelled pictures.", no_args_is_help=True)
console = Console()
SMOKE_PICTURES = 6
LABELS_FLATTER = (
    "These labels began as corners that detector 1.2.0 proposed, were drawn to the edges in the picture and corrected "
    "by eye: about 1 % is the labels' own error, and small errors flatter (training/labels/README.md)."
)
MODELS = Path(__file__).resolve().parents[2] / "models"

DataOption = Annotated[Path | None, typer.Option(help="Dataset, any format. [$ANPR_DATA]")]
SplitOption = Annotated[str, typer.Option(help="train, val, test, or all.")]
SourceOption = Annotated[list[str] | None, typer.Option("--source", help="Only these sources; may be given again.")]
ReportOption = Annotated[Path | None, typer.Option(help="HTML file with every failure as a picture.")]
JsonOption = Annotated[Path | None, typer.Option("--json", help="File for the figures.")]
DetectorOption = Annotated[Path | None, typer.Option(help="ONNX file. [the package's own]")]
ReaderOption = Annotated[Path | None, typer.Option(help="ONNX file. [the package's own]")]
SmokeOption = Annotated[bool, typer.Option("--smoke", help="A few pictures only: do all parts work?")]


@app.command("detector")
def detector(
    *,
    data: DataOption = None,
    split: SplitOption = "val",
    source: SourceOption = None,
    model: DetectorOption = None,
    size: Annotated[list[int] | None, typer.Option(help="Long side in px; may be given again. [640]")] = None,
    as_read: Annotated[
        bool, typer.Option("--as-read", help="Also with all the looks that `anpr-edge read` takes at a picture.")
    ] = False,
    threshold: Annotated[float, typer.Option(min=0.0, max=1.0, help="Score from which a find counts.")] = 0.35,
    report: ReportOption = None,
    json_file: JsonOption = None,
    smoke: SmokeOption = False,
) -> None:
    """Print precision, recall, AP50, mAP50-95 and recall by plate width on labelled scenes."""
    dataset = open_or_exit(data or data_folder())
    chosen = [s for s in scenes_of(dataset, "" if split == "all" else split) if not source or s.source in source]
    if not chosen:
        refuse(f"no scene of split {split!r} and these sources. Fix: see `anpr-train dataset inspect`")
    chosen = chosen[:SMOKE_PICTURES] if smoke else chosen
    network = onnx_network(model or MODELS / "plate-detector.onnx")
    ways = {f"long side {side} px": scenes.one_look(network, side) for side in size or [640]}
    if as_read:
        chain = chain_or_exit(model, None)
        ways["all looks of a still picture"] = scenes.all_looks(chain.detector, chain.settings)
    sections, figures = [], {}
    for way, search in ways.items():
        results = scenes.run_scenes(search, track(chosen, way, console=console))
        found = scenes.figures(results, threshold)
        rows = [["", "value"], *([name, f"{value:.4f}"] for name, value in found.items())]
        rows += scenes.width_rows(results, threshold)
        title = f"Detector, {len(chosen)} scenes of {split}, {way}"
        show(title, rows)
        sections.append(
            Section(title, "Labels green, finds blue, false alarms red.", rows, scenes.failures(results, threshold))
        )
        figures[way] = found
    finish(sections, figures, "Plate detector", report, json_file)


@app.command("corners")
def corners_command(
    data: DataOption = None,
    model: DetectorOption = None,
    count: Annotated[int, typer.Option(min=1, help="Pictures to compose.")] = 400,
    seed: Annotated[int, typer.Option(help="Of plates and pictures; another than training's.")] = 1000,
    json_file: JsonOption = None,
    smoke: SmokeOption = False,
) -> None:
    """Print how far the corners are off: on rendered plates in held-out scenes, and on real ones labelled by eye."""
    folder = data or data_folder()
    held_out = scenes_of(open_or_exit(folder), "val")
    count = SMOKE_PICTURES if smoke else count
    material = Material(held_out, rendered_donors(max(count // 2, 10), seed), distractions(20, seed))
    network = onnx_network(model or MODELS / "plate-detector.onnx")
    result = corner_errors(network, material, count, seed)
    show("Corner error on rendered plates", rows_of(result))
    figures = {"median": result.median(), "found": len(result.errors), "asked": result.asked}
    real = real_corner_errors(network, _crops_with_corners(folder, smoke), true_corners(CROP))
    if real.asked:
        show("Corner error on real plates, crops of val, each looked at in two sizes", rows_of(real))
        console.print(LABELS_FLATTER, highlight=False)
        figures |= {"real_median": real.median(), "real_found": len(real.errors), "real_asked": real.asked}
    finish([], figures, "", None, json_file)


def _crops_with_corners(folder: Path, smoke: bool) -> list[LabelledCrop]:
    """Return the validation crops of a data folder whose corners are labelled; none where there are no crops."""
    if not (folder / "crops.csv").is_file():
        return []
    known = true_corners(CROP)
    return [crop for crop in load_crops("val", folder=folder) if crop.file in known][
        : SMOKE_PICTURES if smoke else None
    ]


@app.command("reader")
def reader(
    *,
    data: DataOption = None,
    split: SplitOption = "val",
    source: SourceOption = None,
    model: ReaderOption = None,
    as_read: Annotated[
        bool, typer.Option("--as-read", help="Framed by the detector and read several times, as `anpr-edge read` does.")
    ] = False,
    report: ReportOption = None,
    json_file: JsonOption = None,
    smoke: SmokeOption = False,
) -> None:
    """Print exact match, character accuracy and calibration on labelled crops (crops.csv and crops.zip)."""
    folder = data or data_folder()
    try:
        crops = [crop for crop in load_crops(split, folder=folder) if not source or crop.source in source]
    except FileNotFoundError as error:
        refuse(f"{error.filename}: not found. Fix: give a folder with crops.csv and crops.zip, or use `evaluate chain`")
    chain = chain_or_exit(None, model)
    judged = crops[:SMOKE_PICTURES] if smoke else crops
    answers = read_crops_as_pictures(chain, judged) if as_read else read_crops(chain.recogniser, judged)
    by_file = {crop.file: crop.picture for crop in crops}
    title = f"Reader {chain.recogniser.name}, certain crops of {split}{', as read' if as_read else ''}"
    certain = [answer for answer in answers if answer.source != "china"]
    judge(title, certain or answers, lambda answer: Failure(caption(answer), by_file[answer.file]), report, json_file)


@app.command("chain")
def chain_command(
    *,
    data: DataOption = None,
    split: SplitOption = "val",
    pictures: Annotated[Path | None, typer.Option(help="Folder or zip, if not beside the labels.")] = None,
    detector_file: Annotated[Path | None, typer.Option("--detector", help="ONNX file. [the package's own]")] = None,
    reader_file: Annotated[Path | None, typer.Option("--reader", help="ONNX file. [the package's own]")] = None,
    width: Annotated[int, typer.Option(help="The detector's working width, px.")] = 640,
    height: Annotated[int, typer.Option(help="Likewise its height.")] = 384,
    report: ReportOption = None,
    json_file: JsonOption = None,
    smoke: SmokeOption = False,
) -> None:
    """Print how often a labelled plate is found and read exactly, from the whole scene."""
    dataset = open_or_exit(data or data_folder(), pictures)
    if smoke:
        dataset.frame.drop(dataset.frame[dataset.frame.text == ""].index, inplace=True)
        dataset.frame.drop(dataset.frame.index[SMOKE_PICTURES:], inplace=True)
    chain = chain_or_exit(detector_file, reader_file, width, height)
    part = "" if split == "all" or smoke else split
    answers = list(track(read_scenes(chain, dataset, part), "reading", console=console, total=None))
    if not answers:
        refuse(f"no plate with a known text in split {split!r}")
    title = f"Whole chain, {chain.detector.name} and {chain.recogniser.name}, scenes of {split}"
    judge(title, answers, lambda answer: scene_failure(answer, dataset.pictures), report, json_file)


@app.command("finds")
def finds_command(
    *,
    data: DataOption = None,
    split: SplitOption = "val",
    detector_file: Annotated[Path | None, typer.Option("--detector", help="ONNX file. [the package's own]")] = None,
    reader_file: Annotated[Path | None, typer.Option("--reader", help="ONNX file. [the package's own]")] = None,
    json_file: JsonOption = None,
    smoke: SmokeOption = False,
) -> None:
    """Print precision and recall of the plates that `anpr-edge read` reports: detector and reader together."""
    chosen = scenes_of(open_or_exit(data or data_folder()), "" if split == "all" else split)
    chosen = chosen[:SMOKE_PICTURES] if smoke else chosen
    if not chosen:
        refuse(f"no scene of split {split!r}. Fix: see `anpr-train dataset inspect`")
    pictures = find_in_scenes(chain_or_exit(detector_file, reader_file), track(chosen, "reading", console=console))
    points = curve(pictures)
    precision, recall = points.at_score(0.0)
    figures = {"precision": precision, "recall": recall, "reported": len(points.scores)}
    rows = [["", "value"], *([name, f"{value:.4g}"] for name, value in figures.items())]
    show(f"Plates reported, {len(chosen)} scenes of {split}", rows)
    finish([], figures, "", None, json_file)


@app.command("benchmark")
def benchmark(
    root: Annotated[
        Path, typer.Argument(help="Folder in the layout of openalpr/benchmarks (endtoend), or one of its folders.")
    ],
    detector_file: Annotated[Path | None, typer.Option("--detector", help="ONNX file. [the package's own]")] = None,
    reader_file: Annotated[Path | None, typer.Option("--reader", help="ONNX file. [the package's own]")] = None,
    report: ReportOption = None,
    json_file: JsonOption = None,
    smoke: SmokeOption = False,
) -> None:
    """Print exact match per folder of NAME.jpg + NAME.txt (file, x, y, width, height, text; tabs), end to end."""
    folders = benchmarks.folders_of(root) if root.is_dir() else []
    if not folders:
        refuse(f"{root}: no folder with labels of this layout")
    chain = chain_or_exit(detector_file, reader_file)
    answers: list[Answer] = []
    rows = [["folder", "exact", "characters", "plates"]]
    for folder in folders:
        try:
            answered = islice(benchmarks.run_folder(chain, folder), SMOKE_PICTURES if smoke else None)
            some = list(track(answered, folder.name, console=console, total=None))
        except BrokenAnnotations as error:
            refuse(str(error))
        answers += some
        rows.append([folder.name, f"{exact_share(some):.4f}", f"{character_accuracy(some):.4f}", str(len(some))])
    show("Exact match per folder", rows)
    judge(f"Benchmark {root.name}", answers, file_failure, report, json_file)


def chain_or_exit(detector_file: Path | None, reader_file: Path | None, width: int = 640, height: int = 384) -> Chain:
    """Return the chain, or say what is wrong with a model and leave with 1."""
    try:
        return open_chain(detector_file, reader_file, width, height)
    except ModelError as error:
        refuse(str(error))
        raise AssertionError("unreachable") from error


def refuse(message: str) -> None:
    """Say what is wrong and leave with 1."""
    console.print(message, style="red", markup=False, highlight=False)
    sys.exit(1)


def judge(title: str, answers: Sequence[Answer], picture_of: Any, report: Path | None, json_file: Path | None) -> None:
    """Print, report and store the figures of a list of answers."""
    section = reading_section(title, "", answers, picture_of)
    show(title, section.table)
    ece = calibration_error(answers)
    console.print(f"calibration error of the whole-text probability: {ece:.4f}")
    figures = {
        "exact": exact_share(answers),
        "characters": character_accuracy(answers),
        "ece": ece,
        "plates": len(answers),
        "groups": by_group(answers),
    }
    finish([section], figures, title, report, json_file)


def show(title: str, rows: Sequence[Sequence[str]]) -> None:
    """Print rows as a table; the first is its header."""
    table = Table(title=title, title_justify="left")
    for index, name in enumerate(rows[0]):
        table.add_column(name, justify="left" if index == 0 else "right")
    for row in rows[1:]:
        table.add_row(*row)
    console.print(table)


def finish(sections: Sequence[Section], figures: Any, title: str, report: Path | None, json_file: Path | None) -> None:
    """Write the report and the figures where asked to."""
    if report is not None:
        write_report(report, title, sections)
        console.print(f"{report}: {sum(len(section.failures) for section in sections)} failures to look at")
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def caption(answer: Answer) -> str:
    """Return truth and read of a failure."""
    return f"{answer.file}: {answer.truth} read as {answer.read or 'nothing'} ({answer.probability:.2f})"


def scene_failure(answer: Answer, pictures: Pictures) -> Failure:
    """Return a misread plate's scene, small."""
    return Failure(caption(answer), shrink(pictures.grey(answer.file)))


def file_failure(answer: Answer) -> Failure:
    """Return a misread plate's picture, small; grey where it cannot be read."""
    image = cv2.imread(answer.file, cv2.IMREAD_GRAYSCALE)
    picture = np.full((40, 80), 128, np.uint8) if image is None else np.asarray(image, np.uint8)
    return Failure(caption(answer), shrink(picture))


def shrink(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the picture with its long side at most the report's tile."""
    scale = min(1.0, scenes.TILE_PX / max(image.shape))
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
