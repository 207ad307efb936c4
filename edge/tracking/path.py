"""Path: where one plate went and how its size changed, in bounded memory, and what that says about the vehicle.

A sample is kept when the plate moved or grew noticeably, so a car that waits for an hour costs one sample and
its approach is not forgotten. Distances are in plate heights (about 11 cm on the road). Pure logic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from edge.tracking.kalman import plate_height_px
from edge.types import Box, Point

STEP_HEIGHTS = 0.3  # a sample is kept when the centre moved this far
STEP_GROWTH = 0.04  # or the log height changed this much
MAX_SAMPLES = 96  # the least telling one is dropped beyond
ANCHOR_TIME_S = 60.0  # a plate that never moved drifts with its camera: its anchor follows this slowly
MOVED_HEIGHTS = 1.0  # farther from the anchor than this is movement, not jitter
MOVED_GROWTH = 0.25  # boxes of a standing plate flicker by a fifth
MOVED_LOOKS = 3  # looks in a row that must agree on it
MOVED_LOOKS_LARGE = 2  # and of a plate of `LARGE_PX` height, whose box is exact: a tailgater is seen for half a second
LARGE_PX = 20.0
TREND_GROWTH = 0.12  # log height gained or lost that tells coming from going
BACK_SHARE = 0.3  # share of the gain that is lost again at the end when a vehicle turned back
BACK_GROWTH = 0.2  # and the least of it
BACK_SAMPLES = 3  # newest samples that must all show the loss: a plate half hidden at the end is not going back
BEFORE_SHARE = 0.33  # share of the main change that an opposite one before it must reach to say the same
STILL_WINDOW_S = 1.5  # a plate that stays within MOVED_HEIGHTS / 2 for this long stands
TOGETHER_SHARE = 0.7  # of the time that both must be in view to be told one vehicle
TOGETHER_SPREAD = 1.5  # plate heights by which their distance may vary
TOGETHER_REACH = 25.0  # plate heights: no lettering is farther from the plate of its vehicle
LINE_MARGIN_HEIGHTS = 0.3  # a plate is on the other side of a line when it is this far beyond
LINE_OVERSHOOT = 0.15  # a line is a little longer than drawn


class Heading(str, Enum):
    """Which way a plate went with respect to the camera."""

    TOWARDS = "towards"  # it grew
    AWAY = "away"  # it shrank
    BACK = "back"  # it came and turned round, or went and came back
    NONE = "none"  # too little change to tell


@dataclass(frozen=True, slots=True)
class Sample:
    """One kept position."""

    at_s: float
    x: float
    y: float
    height_px: float  # see kalman.plate_height_px

    @property
    def log_height(self) -> float:
        return math.log(self.height_px)

    def heights_from(self, other: Sample) -> float:
        """Return the distance of the centres in plate heights."""
        return math.hypot(self.x - other.x, self.y - other.y) / math.sqrt(self.height_px * other.height_px)


class Path:
    """Positions of one plate, oldest first."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.moved = False
        self.still_since_s: float | None = None
        self._anchor: Sample | None = None
        self._still: Sample | None = None
        self._beyond = 0
        self.newest_s = float("-inf")  # moment of the last `add`

    @property
    def anchor(self) -> Sample | None:
        """Return where the plate stood while it had not moved yet."""
        return self._anchor

    def add(self, at_s: float, box: Box) -> None:
        """Take in where the plate is at `at_s`, not before the newest moment."""
        sample = Sample(at_s, *box.centre, plate_height_px(box))
        self.newest_s = at_s
        self._watch_movement(sample)
        self._watch_standing(sample)
        if self.samples and not _apart(sample, self.samples[-1], STEP_HEIGHTS, STEP_GROWTH):
            return
        self.samples.append(sample)
        self._thin()

    def join(self, later: Path) -> None:
        """Take in the path of the same vehicle's next track, which began after this one."""
        self.samples += later.samples
        self.moved = self.moved or later.moved
        self._thin()

    def trim(self, after_s: float) -> None:
        """Forget what was seen after `after_s`: it was another plate."""
        self.samples = [s for s in self.samples if s.at_s <= after_s] or self.samples[:1]

    def standing(self, now_s: float) -> bool:
        """Tell whether the plate has stood still for a while."""
        return self.still_since_s is not None and now_s - self.still_since_s >= STILL_WINDOW_S

    def travelled_heights(self) -> float:
        """Return the largest distance between the first position and any other, in plate heights."""
        return max((s.heights_from(self.samples[0]) for s in self.samples[1:]), default=0.0)

    def _thin(self) -> None:
        while len(self.samples) > MAX_SAMPLES:
            del self.samples[_least_telling(self.samples)]

    def _watch_movement(self, sample: Sample) -> None:
        if self._anchor is None:
            self._anchor = sample
        if self.moved:
            return
        self._beyond = self._beyond + 1 if _apart(sample, self._anchor, MOVED_HEIGHTS, MOVED_GROWTH) else 0
        if self._beyond >= (MOVED_LOOKS if sample.height_px < LARGE_PX else MOVED_LOOKS_LARGE):
            self.moved = True
        elif self._beyond == 0:
            self._anchor = _between(self._anchor, sample, ANCHOR_TIME_S)

    def _watch_standing(self, sample: Sample) -> None:
        if self._still is None or _apart(sample, self._still, MOVED_HEIGHTS / 2, MOVED_GROWTH):
            self._still, self.still_since_s = sample, sample.at_s


def heading(samples: Sequence[Sample]) -> Heading:
    """Return which way the plate went, from the growth of its height.

    The larger of its longest growth and its longest shrinking names the way. A vehicle turned back when a good
    part of it is lost again at the end, or when nearly as much of the other came before it.
    """
    if len(samples) < 2:
        return Heading.NONE
    sizes = _smoothed([s.log_height for s in samples])
    growth, shrinking = _longest_rise(sizes), _longest_rise([-s for s in sizes])
    main, minor = (growth, shrinking) if growth.gain >= shrinking.gain else (shrinking, growth)
    if main.gain < TREND_GROWTH:
        return Heading.NONE
    lost = min(abs(sizes[main.end] - size) for size in sizes[-BACK_SAMPLES:])
    if lost >= max(BACK_GROWTH, BACK_SHARE * main.gain):
        return Heading.BACK
    if minor.start < main.start and minor.gain >= max(BACK_GROWTH, BEFORE_SHARE * main.gain):
        return Heading.BACK
    return Heading.TOWARDS if main is growth else Heading.AWAY


def net_growth(samples: Sequence[Sample]) -> float:
    """Return by how much the log height changed from the first sample to the last."""
    return samples[-1].log_height - samples[0].log_height if samples else 0.0


def move_together(a: Sequence[Sample], b: Sequence[Sample]) -> bool:
    """Tell whether two plates keep their distance, in heights of `a`, while `a` is seen: they are one vehicle.

    Two vehicles in a row do not: seen by a camera, the gap between them widens as they come near.
    """
    if not a or not b or a[-1].at_s - a[0].at_s <= 0.0:
        return False
    shared_s = min(a[-1].at_s, b[-1].at_s) - max(a[0].at_s, b[0].at_s)
    if shared_s < TOGETHER_SHARE * (a[-1].at_s - a[0].at_s):
        return False
    gaps = [_gap(s, _at(b, s.at_s)) for s in a if b[0].at_s <= s.at_s <= b[-1].at_s]
    spread = max((math.dist(g, gaps[0]) for g in gaps), default=math.inf)
    return len(gaps) >= 3 and spread <= TOGETHER_SPREAD and max(math.hypot(*g) for g in gaps) <= TOGETHER_REACH


def _gap(a: Sample, b: Sample) -> tuple[float, float]:
    return (b.x - a.x) / a.height_px, (b.y - a.y) / a.height_px


def _at(samples: Sequence[Sample], at_s: float) -> Sample:
    """Return the position at `at_s`, straight between the samples around it."""
    after = next((i for i, s in enumerate(samples) if s.at_s >= at_s), len(samples) - 1)
    a, b = samples[max(after - 1, 0)], samples[after]
    share = 1.0 if b.at_s <= a.at_s else (at_s - a.at_s) / (b.at_s - a.at_s)
    return Sample(at_s, a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share, b.height_px)


@dataclass(frozen=True, slots=True)
class LineCrossings:
    """How often a plate crossed a line: from its left to its right, and back."""

    to_right: int
    to_left: int
    last_s: float | None  # moment of the newest crossing
    approaches: int  # without a crossing: +1 coming from the left, -1 from the right, 0 neither


def crossings(samples: Sequence[Sample], line: tuple[Point, Point]) -> LineCrossings:
    """Return how the path crosses `line`, pixels; left is the left hand of one who walks from its first point.

    A path that hesitates on the line counts once: it must be `LINE_MARGIN_HEIGHTS` beyond it to be across.
    """
    to_right = to_left = 0
    last_s: float | None = None
    before: Sample | None = None
    for sample in samples:
        beyond = _signed_distance(sample, line) / sample.height_px
        if abs(beyond) < LINE_MARGIN_HEIGHTS:
            continue
        changed = before is not None and (_signed_distance(before, line) > 0) != (beyond > 0)
        if before is not None and changed and _through(before, sample, line):
            to_right, to_left = to_right + (beyond > 0), to_left + (beyond < 0)
            last_s = sample.at_s
        before = sample
    return LineCrossings(to_right, to_left, last_s, _approaches(samples, line))


def _approaches(samples: Sequence[Sample], line: tuple[Point, Point]) -> int:
    if len(samples) < 2:
        return 0
    start, end = (_signed_distance(s, line) / s.height_px for s in (samples[0], samples[-1]))
    nearer = abs(start) - abs(end)
    return 0 if nearer < MOVED_HEIGHTS or (start > 0) != (end > 0) else (1 if start < 0 else -1)


def _signed_distance(sample: Sample, line: tuple[Point, Point]) -> float:
    """Return the distance from the line in px, positive on its right-hand side (y points down)."""
    (ax, ay), (bx, by) = line
    dx, dy = bx - ax, by - ay
    return (dx * (sample.y - ay) - dy * (sample.x - ax)) / math.hypot(dx, dy)


def _through(a: Sample, b: Sample, line: tuple[Point, Point]) -> bool:
    """Tell whether the way from `a` to `b` meets the drawn part of the line."""
    da, db = _signed_distance(a, line), _signed_distance(b, line)
    share = da / (da - db)
    x, y = a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share
    (ax, ay), (bx, by) = line
    along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)
    return -LINE_OVERSHOOT <= along <= 1 + LINE_OVERSHOOT


def _apart(a: Sample, b: Sample, heights: float, growth: float) -> bool:
    return a.heights_from(b) >= heights or abs(a.log_height - b.log_height) >= growth


def _between(anchor: Sample, sample: Sample, time_s: float) -> Sample:
    """Return `anchor` drawn towards `sample`, exponentially with `time_s`."""
    share = 1 - math.exp(-max(0.0, sample.at_s - anchor.at_s) / time_s)
    return Sample(
        sample.at_s,
        anchor.x + (sample.x - anchor.x) * share,
        anchor.y + (sample.y - anchor.y) * share,
        anchor.height_px + (sample.height_px - anchor.height_px) * share,
    )


def _least_telling(samples: Sequence[Sample]) -> int:
    """Return the index of the inner sample that lies nearest to the one before it."""
    return min(range(1, len(samples) - 1), key=lambda i: samples[i].heights_from(samples[i - 1]))


def _smoothed(values: list[float]) -> list[float]:
    """Return the running median of three, ends as they are."""
    middle = [sorted(values[i - 1 : i + 2])[1] for i in range(1, len(values) - 1)]
    return [values[0], *middle, values[-1]]


@dataclass(frozen=True, slots=True)
class _Rise:
    gain: float
    start: int  # indices
    end: int


def _longest_rise(values: Sequence[float]) -> _Rise:
    """Return the largest gain from an earlier to a later value."""
    lowest = 0
    best = _Rise(0.0, 0, 0)
    for i, value in enumerate(values):
        if value < values[lowest]:
            lowest = i
        if value - values[lowest] >= best.gain:
            best = _Rise(value - values[lowest], lowest, i)
    return best
