"""The values that travel from a frame to an event: frozen, checked when made.

Pixels are those of the full frame unless a name says otherwise; intervals use
the monotonic clock in seconds; only events carry UTC. No behaviour beyond
geometry, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

CHARSET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BLANK = 0  # index of "no character" in a posterior; CHARSET[k] has index k + 1
CLASSES = len(CHARSET) + 1
# Width of a plate in the picture: from the first on it reads well, below the second its characters melt into each
# other. Installation guides of plate readers ask for 75 px (US) to 90 px (EU).
GOOD_PLATE_PX, LEAST_PLATE_PX = 90, 60

Point = tuple[float, float]


class Direction(str, Enum):
    """Which way a vehicle passed the gate."""

    ENTRY = "entry"
    EXIT = "exit"
    UNKNOWN = "unknown"


class TrackState(str, Enum):
    """Life of a track in the tracker."""

    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    LOST = "lost"  # not seen lately, still predicted
    ENDED = "ended"


class EventType(str, Enum):
    """Kinds of event on the wire."""

    PROVISIONAL = "passage.provisional"
    FINAL = "passage.final"
    UNREAD = "passage.unread"
    SESSION_CLOSED = "session.closed"
    WATCH_HIT = "watch.hit"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle, pixels, x1 <= x2 and y1 <= y2."""

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        if not (self.x1 <= self.x2 and self.y1 <= self.y2):  # also refuses NaN
            raise ValueError(f"a box needs x1 <= x2 and y1 <= y2, got {self.as_tuple()}")

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def centre(self) -> Point:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def as_tuple(self) -> tuple[float, float, float, float]:
        """Return (x1, y1, x2, y2)."""
        return self.x1, self.y1, self.x2, self.y2


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture of one camera.

    `luma` is what the pipeline works on; colour is converted on demand and
    only for the region that somebody looks at.
    """

    camera: str
    sequence: int  # counts decoded frames of this camera, from 0
    monotonic_s: float  # when it was captured, monotonic clock (or the video's time in a replay)
    captured_at: datetime  # the same moment as aware UTC
    luma: UInt8Array  # (H, W)
    to_bgr: Callable[[Box | None], UInt8Array] = field(repr=False)  # region or whole picture, (h, w, 3)
    decode_s: float = 0.0  # the decoder's time for it; 0 where nobody can tell

    def __post_init__(self) -> None:
        if self.luma.ndim != 2 or self.luma.dtype != np.uint8:
            raise ValueError(f"luma must be uint8 (H, W), got {self.luma.dtype} {self.luma.shape}")
        if self.captured_at.tzinfo is None:
            raise ValueError("captured_at must carry its time zone")

    @property
    def width(self) -> int:
        return int(self.luma.shape[1])

    @property
    def height(self) -> int:
        return int(self.luma.shape[0])

    def bgr(self, region: Box | None = None) -> UInt8Array:
        """Return the picture, or the part inside `region` (clipped to the frame), as BGR uint8 (h, w, 3)."""
        return self.to_bgr(region)


@dataclass(frozen=True, slots=True)
class Detection:
    """A plate seen in one frame."""

    box: Box
    score: float  # probability in [0, 1]
    corners: tuple[Point, Point, Point, Point] | None = None  # top-left, top-right, bottom-right, bottom-left as read

    def __post_init__(self) -> None:
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"score must be in [0, 1], got {self.score}")

    @property
    def quad(self) -> tuple[Point, Point, Point, Point]:
        """Return the corners, or those of the box where the detector gives none."""
        if self.corners is not None:
            return self.corners
        b = self.box
        return (b.x1, b.y1), (b.x2, b.y1), (b.x2, b.y2), (b.x1, b.y2)


@dataclass(frozen=True, slots=True)
class Track:
    """Snapshot of one plate followed over time."""

    id: int
    state: TrackState
    box: Box  # estimate at `last_s` of the newest step, predicted while lost
    velocity_px_s: tuple[float, float]  # of the centre
    first_s: float
    last_s: float  # when it was last really seen
    hits: int  # detections so far
    detection: Detection | None  # of this very frame; None while predicted


@dataclass(frozen=True, slots=True, eq=False)
class PlateRead:
    """One frame's opinion of one plate.

    `posterior` is float32 (L, 37): one distribution per slot, index 0 means "no
    character", k + 1 means CHARSET[k]; characters are left-packed.
    """

    track_id: int
    sequence: int
    at_s: float
    text: str  # best path, A-Z and 0-9 only
    posterior: FloatArray
    legible: float  # probability in [0, 1] that this is a readable plate
    height_px: float  # of the plate in the full frame
    width_px: float
    sharpness: float  # see pipeline.image; larger is sharper
    detection_score: float
    cut: bool = False  # the plate touches the edge of the picture

    def __post_init__(self) -> None:
        if self.posterior.ndim != 2 or self.posterior.shape[1] != CLASSES:
            raise ValueError(f"posterior must be (L, {CLASSES}), got {self.posterior.shape}")
        if set(self.text) - set(CHARSET):
            raise ValueError(f"text may hold only {CHARSET}, got {self.text!r}")


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What a vote was counted from: enough to weigh any other text against its answer. Never on the wire."""

    looks: tuple[npt.NDArray[np.float64], ...]  # per look (n, 37), as likelihood.rows_of gives them
    weights: npt.NDArray[np.float64]  # (looks,) votes of each
    rubbish: npt.NDArray[np.float64]  # (looks,) probability that it shows something else
    slope: float  # of the calibration: from the vote's odds to how often it is right


@dataclass(frozen=True, slots=True)
class Verdict:
    """The vote over all reads of one track so far."""

    text: str
    probability: float  # calibrated: that the whole text is right
    alternatives: tuple[tuple[str, float], ...]  # best first, at most three, the text itself included
    masked: str  # the text with "?" where one character stays unsure, e.g. AB?123
    reads: int  # looks that had a say
    region: str | None  # ISO 3166 alpha-2 of the grammar that fits, None when no grammar decided
    height_px: float  # of the largest plate that had a say
    basis: Basis | None = field(default=None, compare=False, repr=False)  # None: only the answer is known


@dataclass(frozen=True, slots=True)
class Crossing:
    """A vehicle passed the gate."""

    direction: Direction
    at_s: float


@dataclass(frozen=True, slots=True)
class Trigger:
    """Somebody says that a vehicle is here: a loop, a button, another system."""

    at_s: float  # monotonic, as the frames'
    captured_at: datetime  # the same moment as aware UTC
    source: str  # gpio, http, mqtt or script

    def __post_init__(self) -> None:
        if self.captured_at.tzinfo is None:
            raise ValueError("captured_at must carry its time zone")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Picture that goes with an event."""

    crop_jpeg: bytes | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Software:
    """What produced an event: enough to repeat it."""

    version: str
    detector: str
    recogniser: str


@dataclass(frozen=True, slots=True)
class GateEvent:
    """One fact about one passage.

    `sequence` is None until the outbox has stored the event: it is gapless per
    lane and only the transaction that stores the event can promise that.
    """

    event_id: str  # UUIDv7, the same at every redelivery
    type: EventType
    site: str
    lane: str
    camera: str
    passage_id: str
    direction: Direction
    captured_at: datetime  # aware UTC, when the deciding frame was captured
    plate: Verdict | None
    software: Software
    decision: str | None = None
    evidence: Evidence = Evidence()
    sequence: int | None = None
    details: tuple[tuple[str, str | int | float | bool | None], ...] = ()  # additions of other event types, by name
    clock_synchronised: bool = True  # False: `captured_at` comes from a clock that nothing had set right yet

    def __post_init__(self) -> None:
        if self.captured_at.tzinfo is None:
            raise ValueError("captured_at must carry its time zone")
