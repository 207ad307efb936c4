"""The one table that every annotation format becomes: a row per plate, checked.

A wrong label teaches wrong, so nothing broken passes: every problem of a dataset, those of its format and those
of its contents, is gathered with its file and raised at once. A picture without plates is one row without a box;
it still teaches what is none. Pixels, never shares; corners only where they are known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from training.datasets.pictures import Pictures

COLUMNS = (
    *("file", "width", "height", "x1", "y1", "x2", "y2", "corners", "text"),
    *("split", "source", "licence", "group", "lines"),
)
SPLITS = ("train", "val", "test", "")
OUTSIDE_PX = 2.0  # how far a box may stick out before it is called wrong; rounding of shares does up to one
ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
MIN_SIDE_PX = 1.0
LINES = (0, 1, 2)

Corners = tuple[tuple[float, float], ...]  # four points, top-left, top-right, bottom-right, bottom-left as read


@dataclass(frozen=True)
class PlateRow:
    """One label as a reader of some format found it, before it is believed."""

    file: str
    box: tuple[float, float, float, float] | None  # x1 y1 x2 y2 px; None: the picture has no plate
    corners: Corners | None = None
    text: str = ""  # '' = not labelled
    split: str = ""
    source: str = ""
    licence: str = ""
    group: str = ""  # sequence or what else belongs together; rows of one group stay in one split
    lines: int = 0  # of text on the plate; 0 = not labelled
    label: str = ""  # class that the annotation names; '' where the format has none
    size: tuple[int, int] | None = None  # width, height as the annotation states it
    at: str = ""  # where the label stands, for messages; the file if empty


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one annotation."""

    file: str
    reason: str
    picture: str = ""  # that the annotation speaks of, where that much is known
    label: str = ""  # class of the annotation, likewise

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


@dataclass(frozen=True)
class Note:
    """Something a person should know about a dataset though nothing is wrong with it."""

    text: str


Finding = PlateRow | Problem | Note  # what the reader of a format meets, one after the other


class BrokenAnnotations(ValueError):
    """A dataset holds annotations that cannot be right; `problems` names every one."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        shown = "\n".join(f"  {problem}" for problem in self.problems[:50])
        more = f"\n  ... and {len(self.problems) - 50} more" if len(self.problems) > 50 else ""
        super().__init__(
            f"{len(self.problems)} broken annotations. Fix: correct, remove or knowingly skip them:\n{shown}{more}"
        )


def build_frame(findings: Iterable[Finding], pictures: Pictures, skip_broken: bool = False) -> pd.DataFrame:
    """Return the validated table; boxes are clipped to their picture by at most OUTSIDE_PX.

    Args:
        findings: labels of one dataset, and what its reader could not read.
        pictures: where the files are; every file is opened once, for its size.
        skip_broken: leave broken rows out instead of refusing the dataset.

    Returns:
        A frame with COLUMNS; `attrs` holds what was left out as `problems` and what to know as `notes`, both texts.

    Raises:
        BrokenAnnotations: anything is broken and `skip_broken` is false, or no row is left.
    """
    records: list[tuple[object, ...]] = []
    problems: list[Problem] = []
    notes: list[Note] = []
    sizes = _Sizes(pictures)
    for one in findings:
        if isinstance(one, Problem):
            problems.append(one)
        elif isinstance(one, Note):
            notes.append(one)
        else:
            size = sizes.of(one.file)
            reasons = [size] if isinstance(size, str) else faults(one, size)
            problems += [Problem(one.at or one.file, reason) for reason in reasons]
            if not reasons and not isinstance(size, str):
                records.append(_record(one, size))
    if (problems and not skip_broken) or not records:
        nothing = [Problem(str(pictures), "; ".join(["no annotation found", *(note.text for note in notes)]))]
        raise BrokenAnnotations(problems or nothing)
    frame: pd.DataFrame = pd.DataFrame(records, columns=list(COLUMNS))
    frame.attrs["problems"] = [str(problem) for problem in problems]
    frame.attrs["notes"] = [note.text for note in notes]
    return frame


class _Sizes:
    """Width and height of each picture, or why there are none; two names may not lead to one picture."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._known: dict[str, tuple[int, int] | str] = {}
        self._name_of: dict[str, str] = {}

    def of(self, name: str) -> tuple[int, int] | str:
        if name not in self._known:
            self._known[name] = self._look(name)
        return self._known[name]

    def _look(self, name: str) -> tuple[int, int] | str:
        try:
            found = self._pictures.find(name)
            first = self._name_of.setdefault(found, name)
            if first != name:
                return f"{name} and {first} both lead to the picture {found}. Fix: name pictures with their folders"
            return self._pictures.size(found)
        except KeyError as error:
            return f"picture cannot be read: {error.args[0]}"
        except (OSError, ValueError) as error:
            return f"picture cannot be read: {error}"


def faults(row: PlateRow, size: tuple[int, int]) -> list[str]:
    """Return everything wrong with a label of a picture of `size` (width, height)."""
    found = []
    if row.size is not None and tuple(row.size) != size and min(row.size) > 0:
        turned = ", once turned as its EXIF note says" if tuple(row.size) == size[::-1] else ""
        found.append(f"annotation says {row.size[0]} x {row.size[1]} px, the picture has {size[0]} x {size[1]}{turned}")
    if row.split not in SPLITS:
        found.append(f"split {row.split!r} is none of {', '.join(SPLITS[:-1])}")
    if not set(row.text) <= ALPHABET:
        found.append("text holds something else than A-Z and 0-9")
    if row.lines not in LINES:
        found.append(f"{row.lines} lines of text; a plate has 1 or 2, and 0 says that nobody knows")
    if row.box is not None:
        found += _box_faults(row.box, size)
        if row.corners is not None and not found:
            found += _corner_faults(row.corners, row.box)
    elif row.corners is not None or row.text:
        found.append("corners or text without a box")
    return found


def _box_faults(box: tuple[float, float, float, float], size: tuple[int, int]) -> list[str]:
    x1, y1, x2, y2 = box
    if not all(math.isfinite(value) for value in box):
        return [f"box {box} is not finite"]
    if x2 - x1 < MIN_SIDE_PX or y2 - y1 < MIN_SIDE_PX:
        return [f"box {_short(box)} is empty or turned inside out"]
    if x1 < -OUTSIDE_PX or y1 < -OUTSIDE_PX or x2 > size[0] + OUTSIDE_PX or y2 > size[1] + OUTSIDE_PX:
        return [f"box {_short(box)} leaves the picture of {size[0]} x {size[1]} px"]
    return []


def _corner_faults(corners: Corners, box: tuple[float, float, float, float]) -> list[str]:
    points = np.asarray(corners, float)
    if points.shape != (4, 2) or not np.isfinite(points).all():
        return ["corners are not four finite points"]
    edges = np.roll(points, -1, 0) - points
    following = np.roll(edges, -1, 0)
    turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    if not (turns > 0).all():
        return ["corners are not a convex quadrilateral, clockwise from the top-left as read"]
    middle = points.mean(0)
    if not (box[0] <= middle[0] <= box[2] and box[1] <= middle[1] <= box[3]):
        return [f"corners lie beside their box {_short(box)}"]
    return []


def _short(values: Iterable[float]) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"


def _record(row: PlateRow, size: tuple[int, int]) -> tuple[object, ...]:
    width, height = size
    box: tuple[float, ...] = (math.nan,) * 4
    if row.box is not None:
        x1, y1, x2, y2 = row.box
        box = (max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height)))
    group = row.group or row.text or Path(row.file).stem
    return (row.file, width, height, *box, row.corners, row.text, row.split, row.source, row.licence, group, row.lines)
