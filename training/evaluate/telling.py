"""What an evaluation tells: tables on the terminal, figures as JSON, mistakes as pictures in a report.

Figures come from `reading` and `detection`; here is only how they are shown.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from edge.errors import SourceUnavailable
from edge.pipeline.still import load_picture
from training.datasets.pictures import Pictures
from training.evaluate.reading import (
    Answer,
    by_group,
    calibration_error,
    character_accuracy,
    confusions,
    exact_share,
    reliability,
)
from training.evaluate.report import Failure, Section, reading_rows, reading_section, write_report
from training.evaluate.scenes import LABEL_COLOUR, TILE_PX

console = Console()
CONFUSIONS_SHOWN = 10
GreyImage = npt.NDArray[np.uint8]


def refuse(message: str) -> None:
    """Say what is wrong and leave with 1."""
    console.print(message, style="red", markup=False, highlight=False)
    sys.exit(1)


def judge(
    title: str,
    answers: Sequence[Answer],
    picture_of: Callable[[Answer], Failure],
    report: Path | None,
    json_file: Path | None,
    note: str = "",
) -> None:
    """Print, report and store the figures of a list of answers."""
    show(title, reading_rows(answers))
    if note:
        console.print(note, highlight=False)
    bins = reliability(answers)
    rows = [[f"{b.low:.1f}-{b.high:.1f}", f"{b.probability:.3f}", f"{b.right:.3f}", str(b.count)] for b in bins]
    show("Probability of the whole text", [["bin", "stated", "right", "plates"], *rows])
    ece = calibration_error(answers)
    console.print(f"calibration error (ECE): {ece:.4f}")
    mistaken = confusions(answers).most_common()
    pairs = [[true, read, str(times)] for (true, read), times in mistaken[:CONFUSIONS_SHOWN]]
    if pairs:
        show("Confused characters (- is a gap)", [["true", "read", "times"], *pairs])
    figures = {
        "exact": exact_share(answers),
        "characters": character_accuracy(answers),
        "ece": ece,
        "plates": len(answers),
        "groups": by_group(answers),
        "reliability": [asdict(one) for one in bins],
        "confusions": [{"true": true, "read": read, "times": times} for (true, read), times in mistaken],
    }
    sections = [reading_section(title, note, answers, picture_of)] if report else []  # a picture of every failure
    finish(sections, figures, title, report, json_file)


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
    read = f"{answer.read} ({answer.probability:.2f})" if answer.read else "nothing"
    return f"true {answer.truth}\nread {read}\n{answer.height_px:.0f} px high, {answer.file}"


def scene_failure(answer: Answer, pictures: Pictures) -> Failure:
    """Return a misread plate's scene, small, with the plate marked."""
    return Failure(caption(answer), marked(pictures.grey(answer.file), answer.box))


def file_failure(answer: Answer) -> Failure:
    """Return a misread plate's picture, small, with the plate marked; grey where it cannot be read."""
    try:
        grey = load_picture(Path(answer.file))
    except SourceUnavailable:
        grey = np.full((40, 80), 128, np.uint8)
    return Failure(caption(answer), marked(grey, answer.box))


def marked(grey: GreyImage, box: tuple[float, float, float, float] | None) -> GreyImage:
    """Return the picture (h, w, 3) with its long side at the report's tile, and a green frame around the box."""
    scale = TILE_PX / max(grey.shape)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.cvtColor(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=method), cv2.COLOR_GRAY2BGR)
    if box is not None:
        x1, y1, x2, y2 = (round(value * scale) for value in box)
        cv2.rectangle(image, (x1 - 3, y1 - 3), (x2 + 3, y2 + 3), LABEL_COLOUR, 2)
    return np.asarray(image, np.uint8)
