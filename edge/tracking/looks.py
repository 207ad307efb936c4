"""Looks: how much one read of a plate counts, and which of them are kept.

A look counts by its size, sharpness, detector score, legibility and certainty; looks that resemble one another in size
and time share one vote, because they share their mistakes. What is kept does not depend on the order in which
looks arrive. Pure functions and one bounded store.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np

from edge.tracking.iou import Float64Array
from edge.types import PlateRead

HALF_HEIGHT_PX = 13.0  # a line of characters this high has half a vote
HEIGHT_STEEPNESS_PX = 3.0
ONE_LINE_ASPECT = 4.6  # width of a one-line plate by its height; a squarer one has two lines
HALF_SHARPNESS = 0.25  # on the scale of pipeline.image: the worst twentieth of real crops lies below
CUT_FACTOR = 0.3  # a plate at the edge of the picture has probably lost a character
BETTER_COUNTS = 3.0  # power of the quality: on real crops the best looks deserve more than their share
# Power of the reader's own certainty. Of 498 real crops 387 are read right without it, 390 with 0.1 and 395 with 0.3,
# which lets a standing car's many sure mistakes outvote three less sure looks from nearer.
CERTAIN_COUNTS = 0.1
MIN_WEIGHT = 0.05  # below this a look has no say

SAME_SIZE = 0.08  # looks whose heights differ by less than this share are the same view of the plate
SAME_TIME_S = 0.6  # the picture noise of looks farther apart is fresh
ALIKE = 0.8  # correlation of the mistakes of two looks at the same size and time
ALIKE_LATER = 0.6  # the same size, any time later: a standing car shows the same dirt for ever
ALIKE_ALWAYS = 0.3  # any two looks at one plate: dirt, screws, light
PER_SIZE = 3  # looks kept of one size


class Sized(Protocol):
    """A look at a plate, read or not."""

    @property
    def width_px(self) -> float:
        """Return the plate's width along its own sides."""

    @property
    def height_px(self) -> float:
        """Return its height, likewise."""


class LookVerdict(str, Enum):
    """What became of one look."""

    COUNTED = "counted"
    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    CUT = "cut"  # touches the edge of the picture
    ILLEGIBLE = "illegible"  # the recogniser itself does not believe it, or it holds no character
    CONTRADICTS = "contradicts"  # counted, but says something else than the vote
    DISCARDED = "discarded"  # legible, but enough better looks of this kind were kept


@dataclass(frozen=True, slots=True)
class LookWeight:
    """One line of `explain`: what one look said and how much it counted."""

    read: PlateRead
    weight: float  # votes it had in the end, 0 when it had no say
    quality: float  # in [0, 1], before similar looks shared
    verdict: LookVerdict
    reason: str


def line_height_px(seen: Sized) -> float:
    """Return the height of one line of characters: by the width, which is found more exactly, or half of the height."""
    return max(seen.width_px / ONE_LINE_ASPECT, seen.height_px / 2)


def quality(read: PlateRead) -> float:
    """Return how much `read` deserves a vote, in [0, 1]."""
    size = 1 / (1 + math.exp(-(line_height_px(read) - HALF_HEIGHT_PX) / HEIGHT_STEEPNESS_PX))
    sharp = max(read.sharpness, 0.0) / (max(read.sharpness, 0.0) + HALF_SHARPNESS)
    detector = 0.5 + 0.5 * read.detection_score
    return size * sharp * detector * read.legible * (CUT_FACTOR if read.cut else 1.0)


def say(read: PlateRead) -> float:
    """Return how much `read` counts against others: its quality, and a little how certain the reader is of it."""
    certainty = float(read.posterior.max(axis=1).prod())
    return float(quality(read) * max(certainty, 1e-3) ** CERTAIN_COUNTS)


def shortcoming(read: PlateRead) -> tuple[LookVerdict, str]:
    """Return why `read` is of little use: its worst property, in words."""
    height = line_height_px(read)
    if not read.text or read.legible < 0.5:
        return LookVerdict.ILLEGIBLE, f"legible with probability {read.legible:.2f}"
    if read.cut:
        return LookVerdict.CUT, "touches the edge of the picture"
    if height < HALF_HEIGHT_PX:
        return LookVerdict.TOO_SMALL, f"a line is {height:.0f} px high, {HALF_HEIGHT_PX:.0f} would do"
    if read.sharpness < HALF_SHARPNESS:
        return LookVerdict.BLURRED, f"sharpness {read.sharpness:.2f}, {HALF_SHARPNESS:.2f} would do"
    return LookVerdict.DISCARDED, f"quality {quality(read):.2f} is too low together"


def rank(read: PlateRead) -> tuple[float, int, float, str]:
    """Return the sorting key of looks, best first; total, so that no order of arrival shows."""
    return -say(read), read.sequence, read.at_s, read.text


def size_class(read: PlateRead) -> int:
    """Return the number of the size step that the plate's height falls into."""
    return math.floor(math.log(max(line_height_px(read), 1.0)) / SAME_SIZE)


def votes(reads: Sequence[PlateRead]) -> Float64Array:
    """Return how many votes each look has, (N,) in (0, 1]: its say against the best, shared among its likes.

    Looks that have nothing in common have their own say each; looks that are all alike have one vote
    together. All votes together are at least one: even a bad look says what it says.
    """
    says = np.array([say(r) for r in reads])
    shares = (says / max(says.max(initial=0.0), 1e-9)) ** BETTER_COUNTS
    heights = np.log(np.array([max(line_height_px(r), 1.0) for r in reads]))
    times = np.array([r.at_s for r in reads])
    same_size = np.exp(-np.square((heights[:, None] - heights[None, :]) / SAME_SIZE))
    fresh = np.exp(-np.abs(times[:, None] - times[None, :]) / SAME_TIME_S)
    alike = ALIKE_ALWAYS + (ALIKE_LATER - ALIKE_ALWAYS + (ALIKE - ALIKE_LATER) * fresh) * same_size
    np.fill_diagonal(alike, 1.0)
    shared = np.square(shares) / np.maximum(alike @ shares, 1e-9)
    return np.asarray(shared / min(1.0, max(float(shared.sum()), 1e-9)))


class LookStore:
    """The best looks at one plate: at most `limit`, at most `PER_SIZE` of one size, whatever the order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: list[PlateRead] = []

    @property
    def reads(self) -> tuple[PlateRead, ...]:
        """Return the looks kept, best first."""
        return tuple(self._kept)

    def add(self, read: PlateRead) -> tuple[PlateRead, ...]:
        """Take `read` in; return the looks that had to go, possibly `read` itself."""
        candidates = list(self._kept)  # in order already
        insort(candidates, read, key=rank)
        kept: list[PlateRead] = []
        gone: list[PlateRead] = []
        sizes: dict[int, int] = {}
        for candidate in candidates:
            size = size_class(candidate)
            full = len(kept) >= self._limit or sizes.get(size, 0) >= PER_SIZE
            (gone if full else kept).append(candidate)
            sizes[size] = sizes.get(size, 0) + (not full)
        self._kept = kept
        return tuple(gone)

    def remove(self, unwanted: Sequence[PlateRead]) -> None:
        """Forget `unwanted`."""
        marks = {id(r) for r in unwanted}
        self._kept = [r for r in self._kept if id(r) not in marks]
