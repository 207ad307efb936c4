"""The confusion matrix as an HTML table: a row per true character, a column per character read, warm where it errs.

It counts; which characters of two texts belong together is decided by `reading.alignment`.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.evaluate.reading import NOTHING, Answer, character_pairs
from training.synth.fonts import CHARSET

SIGNS = CHARSET + NOTHING  # the last row: invented, the last column: missed
RIGHT_COLOUR, WRONG_COLOUR = "42,125,225", "204,51,51"
MATRIX_STYLE = """
.wide{overflow-x:auto}.matrix{font-size:.7rem;line-height:1;border-collapse:separate;border-spacing:1px}
.matrix td,.matrix th{padding:0;width:1.5rem;height:1.5rem;text-align:center!important;border:0}
.matrix td{background:#8881}
"""


def confusion_matrix(answers: Sequence[Answer]) -> npt.NDArray[np.int64]:
    """Return (37, 37) counts, rows true and columns read, both in the order of SIGNS; other characters are left out."""
    counts = np.zeros((len(SIGNS), len(SIGNS)), np.int64)
    for (true, read), times in character_pairs(answers).items():
        if true in SIGNS and read in SIGNS:
            counts[SIGNS.index(true), SIGNS.index(read)] += times
    return counts


def matrix_html(answers: Sequence[Answer]) -> str:
    """Return the matrix as a table; a cell's colour is the root of its share of the row, so that rare errors show."""
    counts = confusion_matrix(answers)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    head = "".join(f"<th>{html.escape(sign)}</th>" for sign in SIGNS)
    rows = "".join(
        f"<tr><th>{html.escape(sign)}</th>"
        + "".join(
            _cell(row, column, int(counts[row, column]), float(shares[row, column])) for column in range(len(SIGNS))
        )
        + "</tr>"
        for row, sign in enumerate(SIGNS)
    )
    return (
        "<h2>Confusion matrix</h2><p>Row: the true character; column: what was read. Blue is right, red is wrong, "
        "darker is a larger share of the row. The last row are characters invented, the last column characters missed. "
        f"Point at a cell for its figures.</p><div class='wide'><table class='matrix'><tr><th></th>{head}</tr>"
        f"{rows}</table></div>"
    )


def _cell(row: int, column: int, count: int, share: float) -> str:
    if not count:
        return "<td></td>"
    colour = RIGHT_COLOUR if row == column else WRONG_COLOUR
    told = f"{SIGNS[row]} read as {SIGNS[column]}: {count}, {100 * share:.1f} % of its row"
    return f"<td style='background:rgba({colour},{max(share**0.5, 0.15):.2f})' title='{told}'>{count}</td>"
