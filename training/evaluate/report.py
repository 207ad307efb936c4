"""The report of an evaluation: one HTML file with figures, a reliability plot and every failure as a picture.

Self-contained: styles and pictures are inside, so it can be mailed. It shows plates; keep it as private
as the pictures it was made from.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from training.evaluate.confusion import MATRIX_STYLE, matrix_html
from training.evaluate.reading import (
    Answer,
    Reliability,
    by_group,
    calibration_error,
    character_accuracy,
    confusions,
    exact_share,
    reliability,
)

PLOT_PX = 260
MOST_CONFUSIONS = 12  # the matrix below shows them all
STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;margin:.5rem 0 1rem}
td,th{padding:.2rem .8rem;border-bottom:1px solid #8884;text-align:right}td:first-child,th:first-child{text-align:left}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.8rem}
figure{margin:0;padding:.5rem;border:1px solid #8884;border-radius:.5rem}
figure img{width:100%;max-height:11rem;object-fit:contain;border-radius:.25rem;display:block}
figcaption{font:.8rem/1.4 ui-monospace,monospace;margin-top:.4rem;overflow-wrap:anywhere;white-space:pre-wrap}
.row{display:flex;flex-wrap:wrap;gap:0 2.5rem;align-items:flex-start}.row h2{margin-top:.5rem}
.row .note{max-width:17rem}.note{opacity:.75}
.plot text{font-size:11px;fill:currentColor}tr.group td{border-top:2px solid #8886}
"""


@dataclass(frozen=True)
class Failure:
    """One mistake to look at."""

    caption: str  # plain text
    picture: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Section:
    """A heading, a table of figures with what stands beside it, the failures below, and what closes the section."""

    title: str
    note: str
    table: Sequence[Sequence[str]]  # first row: header
    failures: Sequence[Failure] = ()
    beside_html: str = ""
    closing_html: str = ""


def write_report(path: Path, title: str, sections: Sequence[Section]) -> None:
    """Write the report; the folder is made."""
    body = "".join(_section(section, "" if section.title == title else section.title) for section in sections)
    page = (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{html.escape(title)}</title><style>{STYLE}{MATRIX_STYLE}</style><h1>{html.escape(title)}</h1>{body}</html>"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def reading_rows(answers: Sequence[Answer]) -> list[list[str]]:
    """Return the table of a reader or of the whole chain: exact match and characters, of all and by group."""
    rows = [["", "exact", "characters", "plates"]]
    rows.append(["all", _percent(exact_share(answers)), _percent(character_accuracy(answers)), str(len(answers))])
    for group, values in by_group(answers).items():
        rows += [
            [f"{group}: {name}", _percent(exact), _percent(characters), str(count)]
            for name, (exact, characters, count) in values.items()
        ]
    return rows


def reading_section(
    title: str, note: str, answers: Sequence[Answer], picture_of: Callable[[Answer], Failure]
) -> Section:
    """Return the section of a reader or of the whole chain: every failure is in it, the surest mistakes first."""
    wrong = sorted((answer for answer in answers if not answer.right), key=lambda answer: -answer.probability)
    failures = [picture_of(answer) for answer in wrong]
    beside = _reliability_plot(answers) + _confusion_table(answers)
    return Section(title, note, reading_rows(answers), failures, beside, matrix_html(answers))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _section(section: Section, title: str) -> str:
    """Return a section; without a heading where `title` is empty, since the page's own says it already."""
    figures = "".join(_figure(failure) for failure in section.failures)
    failures = f"<h2>Failures ({len(section.failures)})</h2><div class='grid'>{figures}</div>" if figures else ""
    note = f"<p class='note'>{html.escape(section.note)}</p>" if section.note else ""
    heading = f"<h2>{html.escape(title)}</h2>" if title else ""
    row = f"<div class='row'><div>{_table(section.table)}</div>{section.beside_html}</div>"
    return f"{heading}{note}{row}{failures}{section.closing_html}"


def _table(cells: Sequence[Sequence[str]]) -> str:
    """Return a table whose first row is its header; a line parts rows whose names begin with different groups."""
    head, *rows = cells or [[]]
    header = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines, group = [], ""
    for row in rows:
        before, group = group, row[0].partition(":")[0]
        look = " class='group'" if before not in ("", group) and ":" in row[0] else ""
        lines.append(f"<tr{look}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>")
    return f"<table><tr>{header}</tr>{''.join(lines)}</table>"


def _figure(failure: Failure) -> str:
    _, data = cv2.imencode(".jpg", failure.picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    encoded = base64.b64encode(data.tobytes()).decode("ascii")
    caption = html.escape(failure.caption)
    image = f"<img loading='lazy' alt='{caption}' src='data:image/jpeg;base64,{encoded}'>"
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _reliability_plot(answers: Sequence[Answer]) -> str:
    """Return an SVG of stated probability against the share that was right; the diagonal is honesty."""
    size = PLOT_PX
    dots = "".join(_dot(one, size) for one in reliability(answers))
    ticks = "".join(
        f"<text x='{size * share}' y='{size + 14}' text-anchor='middle'>{share:g}</text>"
        f"<text x='-5' y='{size * (1 - share) + 4}' text-anchor='end'>{share:g}</text>"
        for share in (0.0, 0.5, 1.0)
    )
    return (
        f"<div><h2>Calibration: ECE {calibration_error(answers):.4f}</h2>"
        f"<svg class='plot' width='{size + 60}' height='{size + 50}' viewBox='-40 -10 {size + 60} {size + 50}'>"
        f"<rect width='{size}' height='{size}' fill='none' stroke='currentColor' stroke-opacity='.4'/>"
        f"<line x1='0' y1='{size}' x2='{size}' y2='0' stroke='currentColor' stroke-opacity='.4' stroke-dasharray='4'/>"
        f"{ticks}{dots}<text x='{size / 2}' y='{size + 30}' text-anchor='middle'>stated probability</text>"
        f"<text x='-28' y='{size / 2}' text-anchor='middle' transform='rotate(-90 -28 {size / 2})'>"
        f"share right</text></svg><p class='note'>On the dashed line the reader is as often right as it says.</p></div>"
    )


def _dot(one: Reliability, size: int) -> str:
    """Return one bin: placed by stated and true share, as large as it has plates."""
    x, y, radius = one.probability * size, (1 - one.right) * size, 3 + min(one.count, 400) ** 0.5 / 2
    told = f"{one.count} plates: stated {one.probability:.3f}, right {one.right:.3f}"
    look = "fill='#2a7de1' fill-opacity='.7'"
    return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{radius:.1f}' {look}><title>{told}</title></circle>"


def _confusion_table(answers: Sequence[Answer]) -> str:
    counts = confusions(answers).most_common(MOST_CONFUSIONS)
    if not counts:
        return ""
    rows = [["true", "read", "times"], *([true, read, str(count)] for (true, read), count in counts)]
    return f"<div><h2>Most confused characters</h2>{_table(rows)}<p class='note'>- is one missed or invented</p></div>"
