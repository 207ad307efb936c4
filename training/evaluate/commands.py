"""`anpr-train evaluate`: judge the detector, the reader and both together; print figures, write a report.

Figures go to the terminal and, with --json, to a file that the manifest and CI can read; failures go
into an HTML report, because a figure does not say what to do next.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from training.datasets.commands import open_or_exit
from training.datasets.frame import BrokenAnnotations
from training.datasets.reviewed import CROP, true_corners
from training.detector.donors import distractions, rendered_donors
from training.detector.finder import onnx_network
from training.detector.samples import Material
from training.detector.scenes import scenes_of
from training.evaluate import benchmarks, scenes
from training.evaluate.chain import (
    find_in_scenes,
    open_chain,
    read_crops,
    read_crops_as_pictures,
    read_scenes,
)
from training.evaluate.corners import corner_errors, real_corner_errors, rows_of
from training.evaluate.detection import curve
from training.evaluate.reading import Answer, character_accuracy, exact_share
from training.evaluate.report import Failure, Section
from training.evaluate.telling import caption, console, file_failure, finish, judge, refuse, scene_failure, show
from training.places import data_folder
from training.progress import shown
from training.recogniser.crops import LabelledCrop, lines_in_scenes, load_crops
from training.refusing import refusing

app = typer.Typer(help="Judge the models on labelled pictures.", no_args_is_help=True)
SMOKE_PICTURES = 6
LABELS_FLATTER = (
    "These labels began as corners that detector 1.2.0 proposed, were drawn to the edges in the picture and corrected "
    "by eye: about 1 % is the labels' own error, and small errors flatter (training/labels/README.md)."
)
MODELS = Path(__file__).resolve().parents[2] / "models"

DataOption = Annotated[Path | None, typer.Option(help="Dataset, any format. [$ANPR_DATA]")]
SplitOption = Annotated[str, typer.Option(help="train, val, test, or all.")]
SourceOption = Annotated[list[str] | None, typer.Option("--source", help="Only these sources; may be given again.")]
CropSplitOption = Annotated[
    str, typer.Option(help="train, slice (held back of train), val, test, or all with what is held back.")
]
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
    with refusing():
        network = onnx_network(model or MODELS / "plate-detector.onnx")
        ways = {str(side): (f"long side {side} px", scenes.one_look(network, side)) for side in size or [640]}
        if as_read:
            chain = open_chain(model, None)
            ways["as_read"] = ("all looks of a still picture", scenes.all_looks(chain.detector, chain.settings))
    sections, figures = [], {}
    for key, (way, search) in ways.items():
        results = scenes.run_scenes(search, shown(chosen, way))
        found = scenes.figures(results, threshold)
        rows = [["", "value"], *([name, f"{value:.4f}"] for name, value in found.items())]
        rows += scenes.width_rows(results, threshold)
        title = f"Detector, {len(chosen)} scenes of {split}, {way}"
        show(title, rows)
        if report:
            note = "Labels green, finds blue, false alarms red."
            sections.append(Section(title, note, rows, scenes.failures(results, threshold)))
        figures[key] = found
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
    with refusing():
        network = onnx_network(model or MODELS / "plate-detector.onnx")
    if not held_out:
        refuse("no scene of split 'val' to lay plates into. Fix: run `anpr-train dataset split`")
    material = Material(held_out, rendered_donors(max(count // 2, 10), seed), distractions(20, seed))
    result = corner_errors(network, material, shown(range(count), "rendered plates"), seed)
    show("Corner error on rendered plates", rows_of(result))
    figures = {"median": result.median(), "found": len(result.errors), "asked": result.asked}
    real = real_corner_errors(network, shown(_crops_with_corners(folder, smoke), "real plates"), true_corners(CROP))
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
    split: CropSplitOption = "val",
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
    with refusing():
        crops = load_crops(split, folder=data or data_folder())
        chain = open_chain(None, model)
    judged = [crop for crop in crops if not source or crop.source in source][: SMOKE_PICTURES if smoke else None]
    if not judged:
        refuse(f"no certain crop of split {split!r} and these sources. Fix: look at crops.csv, or use `evaluate chain`")
    reads = read_crops_as_pictures(chain, judged) if as_read else read_crops(chain.recogniser, judged)
    answers = list(shown(reads, "reading", total=len(judged)))
    by_file = {crop.file: crop.picture for crop in judged}
    certain = [answer for answer in answers if answer.source != "china"] or answers
    note = f"{len(answers) - len(certain)} crops of china, cut too close, are left out." if certain != answers else ""
    title = f"Reader {chain.recogniser.name}, certain crops of {split}{', as read' if as_read else ''}"
    judge(title, certain, lambda answer: Failure(caption(answer), by_file[answer.file]), report, json_file, note)


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
    folder = data or data_folder()
    dataset = open_or_exit(folder, pictures)
    if smoke:
        dataset.frame.drop(dataset.frame[dataset.frame.text == ""].index, inplace=True)
        dataset.frame.drop(dataset.frame.index[SMOKE_PICTURES:], inplace=True)
    with refusing():
        chain = open_chain(detector_file, reader_file, width, height)
    part = "" if split == "all" or smoke else split
    frame = dataset.frame[(dataset.frame.text != "") & ((dataset.frame.split == part) | (part == ""))]
    answers = list(shown(read_scenes(chain, dataset, part, lines_in_scenes(folder)), "reading", total=len(frame)))
    if not answers:
        refuse(f"no plate with a known text in split {split!r}. Fix: choose of train, val, test, all, or label texts")
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
    with refusing():
        chain = open_chain(detector_file, reader_file)
    pictures = find_in_scenes(chain, shown(chosen, "reading"))
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
    with refusing():
        chain = open_chain(detector_file, reader_file)
    answers: list[Answer] = []
    rows = [["folder", "exact", "characters", "plates"]]
    for folder in folders:
        try:
            answered = islice(benchmarks.run_folder(chain, folder), SMOKE_PICTURES if smoke else None)
            some = list(shown(answered, folder.name))
        except BrokenAnnotations as error:
            refuse(str(error))
        answers += some
        rows.append([folder.name, f"{exact_share(some):.4f}", f"{character_accuracy(some):.4f}", str(len(some))])
    show("Exact match per folder", rows)
    judge(f"Benchmark {root.name}", answers, file_failure, report, json_file)
