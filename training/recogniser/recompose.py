"""New registrations out of photographs: characters of the same plate, or of one like it, change places.

The network has read every training photograph so often that it knows them by heart; a plate whose
characters were exchanged it has not. Letters are exchanged for letters and digits for digits, so what a
format decides stays true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from training.recogniser.placed import PlacedCrop

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
EXCHANGED_RATIO = 0.5  # of the characters of a plate
STRANGER_RATIO = 0.5  # of these that come from another plate
SIZES = (0.72, 1.4)  # how much larger or smaller a character may be than the one it replaces
FEATHER_PX = 1.5  # over which the edge of a pasted character fades
# Of the picture's height between two lines of text; real ones are 0.3 to 0.4 of it apart. A plate of one line that is
# called two has less, and a strip of its characters would be pasted while the label changes as if they were whole.
LEAST_LINE_PITCH = 0.2
SKEWED = 0.15  # contrast below which nobody can tell dark characters from bright ones


@dataclass(frozen=True, slots=True)
class Cell:
    """One character of one photograph."""

    plate: int  # index of the photograph
    character: int  # index in its text


class Recomposer:
    """Knows where every character of the photographs is."""

    def __init__(self, placed: Sequence[PlacedCrop]) -> None:
        self._placed = list(placed)
        self._cells: dict[tuple[str, int, bool], list[Cell]] = {}
        self._dark = [_is_dark(one) for one in self._placed]
        for index, one in enumerate(self._placed):
            for at, character in enumerate(one.crop.text if one.middles is not None else ""):
                key = (one.crop.source, one.crop.lines, character.isdigit())
                self._cells.setdefault(key, []).append(Cell(index, at))

    def recomposed(self, rng: np.random.Generator, index: int) -> PlacedCrop:
        """Return photograph `index` with some characters exchanged; as it is where its characters have no places."""
        target = self._placed[index]
        if target.middles is None or len(target.crop.text) < 2:
            return target
        picture, text = target.crop.picture.copy(), list(target.crop.text)
        for at in range(len(text)):
            if rng.random() < EXCHANGED_RATIO:
                donor = self._donor(rng, index, at)
                if self._paste(picture, index, at, donor):
                    text[at] = self._placed[donor.plate].crop.text[donor.character]
        return replace(target, crop=replace(target.crop, picture=picture, text="".join(text)))

    def _donor(self, rng: np.random.Generator, index: int, at: int) -> Cell:
        crop = self._placed[index].crop
        kind = crop.text[at].isdigit()
        if rng.random() < STRANGER_RATIO:
            cells = self._cells[crop.source, crop.lines, kind]
        else:
            cells = [Cell(index, k) for k, character in enumerate(crop.text) if character.isdigit() == kind]
        return cells[int(rng.integers(len(cells)))]

    def _paste(self, picture: Image, index: int, at: int, donor: Cell) -> bool:
        """Paste the donor's character over character `at`; return whether it fits.

        A cell that is no whole character never does: the label would change and the picture only in part.
        """
        to, source = self._placed[index], self._placed[donor.plate]
        half, theirs = _half_sizes(to, at), _half_sizes(source, donor.character)
        size = half[0] / max(theirs[0], 1e-3)
        if (
            not (_plausible(to) and _plausible(source) and SIZES[0] < size < SIZES[1])
            or to.middles is None
            or source.middles is None
        ):
            return False
        middle, their_middle = to.middles[at], source.middles[donor.character]
        shift = middle - size * their_middle
        matrix = np.array([[size, 0, shift[0]], [0, size, shift[1]]], np.float32)
        height, width = picture.shape
        moved = cv2.warpAffine(source.crop.picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        mask = _mask((height, width), middle, half)
        if donor.plate != index:
            moved = _like(np.asarray(moved, np.uint8), picture, mask, self._dark[donor.plate] != self._dark[index])
        picture[:] = np.clip(picture + (moved.astype(np.float32) - picture) * mask, 0, 255).astype(np.uint8)
        return True


def _lines_of(placed: PlacedCrop) -> NDArray[np.int64]:
    """Return which line (0 or 1) each character is on: the second starts where x jumps back farthest."""
    middles, text = placed.middles, placed.crop.text
    line = np.zeros(len(text), np.int64)
    if middles is not None and placed.crop.lines == 2 and len(text) > 1:
        line[int(np.argmin(np.diff(middles[:, 0]))) + 1 :] = 1
    return line


def _plausible(placed: PlacedCrop) -> bool:
    """Tell whether the characters stand in as many lines as the label says: only then their cells are whole."""
    middles, line = placed.middles, _lines_of(placed)
    if middles is None:
        return False
    back = np.flatnonzero(np.diff(middles[:, 0]) <= 0)  # characters that do not stand right of the one before
    if not line.any():
        return placed.crop.lines == 1 and len(back) == 0
    pitch = float(middles[line == 1, 1].mean() - middles[line == 0, 1].mean())
    return len(back) == 1 and pitch >= LEAST_LINE_PITCH * placed.crop.picture.shape[0]


def _half_sizes(placed: PlacedCrop, at: int) -> tuple[float, float]:
    """Return half the width and height of the cell of character `at`: as far as its neighbours and its line allow."""
    middles, line = placed.middles, _lines_of(placed)
    if middles is None:
        return 0.0, 0.0
    height, width = placed.crop.picture.shape
    gaps = [abs(float(middles[k, 0] - middles[at, 0])) for k in (at - 1, at + 1)
            if 0 <= k < len(middles) and line[k] == line[at]]  # fmt: skip
    across = min([*gaps, width / 5]) / 2
    if not line.any():
        return across, float(height)
    return across, abs(float(middles[line == 1, 1].mean() - middles[line == 0, 1].mean())) / 2


def _mask(shape: tuple[int, int], middle: Floats, half: tuple[float, float]) -> Floats:
    """Return 1 inside the cell and 0 outside, with a soft edge, float32 (h, w)."""
    xs = (half[0] - np.abs(np.arange(shape[1]) - middle[0])) / FEATHER_PX + 0.5
    ys = (half[1] - np.abs(np.arange(shape[0]) - middle[1])) / FEATHER_PX + 0.5
    return np.asarray(np.clip(ys, 0, 1)[:, None] * np.clip(xs, 0, 1)[None, :], np.float32)


def _like(moved: Image, picture: Image, mask: Floats, opposite: bool) -> Image:
    """Return the pasted picture with the brightness and contrast that the target has under the mask."""
    inside = mask > 0.5
    if not inside.any():
        return moved
    want, have = picture[inside], moved[inside]
    gain = float(want.std() + 4) / float(have.std() + 4) * (-1 if opposite else 1)
    return np.asarray(np.clip((moved - float(have.mean())) * gain + float(want.mean()), 0, 255), np.uint8)


def _is_dark(placed: PlacedCrop) -> bool:
    """Tell whether the characters are darker than the plate: ink covers less than half of it."""
    if placed.middles is None:
        return True
    (x1, y1), (x2, y2) = placed.middles.min(0) - 3, placed.middles.max(0) + 3
    part = placed.crop.picture[max(0, int(y1)) : int(y2) + 1, max(0, int(x1)) : int(x2) + 1].astype(np.float32)
    return bool(np.median(part) > part.mean()) if part.size else True
