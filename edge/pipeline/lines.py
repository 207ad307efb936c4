"""Two-line plates for readers that know one line only: the lower line is set beside the upper one.

A crop that is not much wider than high may hold one line or two, so it is
read both ways and the likelier answer is kept. Pure functions on grey crops.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.pipeline.image import PAD, resize
from edge.protocols import RawRead
from edge.types import BLANK, UInt8Array

_TWO_LINES_BELOW = 2.7  # width over height; wider than this, a plate has one line
_SEAM = 0.46  # share of the height where the upper line ends: it is the lower of the two on most plates
_SHARED = 0.04  # of the height, on each side of the seam, belongs to both lines
_PLAUSIBLE = 4  # characters; a shorter text is trusted less, for halves of lines give short texts


def used_width(crop: UInt8Array) -> int:
    """Return how many columns of the crop are left of its padding, at least 1."""
    used = np.flatnonzero((crop != PAD).any(axis=0))
    return int(used[-1]) + 1 if used.size else 1


def as_lines(crop: UInt8Array, size: tuple[int, int]) -> tuple[UInt8Array, ...]:
    """Return the crop as lines of text to choose from, each uint8 of `size`, padded on the right.

    Args:
        crop: grey uint8, its aspect kept, padded on the right.
        size: (height, width) of a line.

    Returns:
        The whole crop as one line and, where its shape allows two, the lower half beside the upper one.
    """
    part = crop[:, : used_width(crop)]
    height, width = part.shape
    if width >= _TWO_LINES_BELOW * height:
        return (_fitted((part,), size),)
    seam, shared = round(height * _SEAM), round(height * _SHARED)
    return _fitted((part,), size), _fitted((part[: seam + shared], part[seam - shared :]), size)


def likeliest(reads: Sequence[RawRead]) -> RawRead:
    """Return the read that most likely saw the lines as they are: sure of itself, and long enough for a plate."""

    def worth(read: RawRead) -> float:
        characters = int((read.posterior.argmax(axis=1) != BLANK).sum())
        return read.legible * min(1.0, characters / _PLAUSIBLE)

    return max(reads, key=worth)


def _fitted(parts: Sequence[UInt8Array], size: tuple[int, int]) -> UInt8Array:
    """Return the parts side by side at the line's height, pressed together where they are too wide for it."""
    height, width = size
    wanted = [max(1.0, p.shape[1] * height / p.shape[0]) for p in parts]
    press = min(1.0, width / sum(wanted))
    line: UInt8Array = np.full(size, PAD, np.uint8)
    left = 0
    for part, across in zip(parts, wanted, strict=True):
        columns = max(1, min(width - left, round(across * press)))
        line[:, left : left + columns] = resize(part, height, columns)
        left += columns
    return line
