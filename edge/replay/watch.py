"""Watches a replay and keeps what a person will ask about later: looks, pictures, votes, per plate and passage.

Deterministic like the replay itself. Pictures are kept small; nothing is written here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from edge.pipeline.pipeline import Step
from edge.replay.player import Player
from edge.replay.scoring import TimedEvent
from edge.tracking.looks import LookWeight, quality
from edge.tracking.voting import Ballot
from edge.types import Box, Detection, GateEvent, PlateRead, Track, UInt8Array

CROP_WIDTH_PX = 160
SCENE_WIDTH_PX = 480
MAX_LOOKS = 60  # pictures kept per track; the vote keeps fewer
JPEG_QUALITY = 80
BETTER_BY = 1.05
UNREAD_VALUE = 1e-3  # of a picture in which the plate was not read
BURNT = 250  # grey level from which a pixel carries no detail


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One look: what was read and the picture it was read from."""

    read: PlateRead
    crop_jpeg: bytes


@dataclass(frozen=True, slots=True)
class Placed:
    """How a plate lay in one picture."""

    at_s: float
    width_px: float
    height_px: float
    tilt_deg: float  # of its upper and lower edge against the horizontal
    shear_deg: float  # of its sides against the upright: seen from the side
    brightness: float  # mean grey level, 0 to 255
    burnt: float  # share of pixels that are white beyond recovery


@dataclass(slots=True, eq=False)
class Story:
    """Everything known about one followed plate."""

    track_id: int
    first_s: float
    last_s: float
    detections: int = 0
    best_height_px: float = 0.0
    best_value: float = 0.0  # of the look that its picture was taken at
    looks: list[Seen] = field(default_factory=list)
    places: list[Placed] = field(default_factory=list)
    ballot: Ballot | None = None
    scene_jpeg: bytes = b""
    verdict_text: str = ""
    probability: float = 0.0  # of that text

    def weights(self) -> tuple[LookWeight, ...]:
        """Return how each look counted, oldest first."""
        return () if self.ballot is None else self.ballot.explain()


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """One video after its replay."""

    video: Path
    events: tuple[TimedEvent, ...]
    stories: dict[int, Story]
    tracks_of: dict[str, tuple[int, ...]]  # passage id -> tracks
    losses: dict[str, int]  # reason -> plates that were seen but not read
    frames: int
    seconds: float
    size: tuple[int, int]
    start_s: float  # monotonic moment of the first frame

    def stories_of(self, passage_id: str) -> list[Story]:
        """Return the plates whose reads decided a passage."""
        return [self.stories[i] for i in self.tracks_of.get(passage_id, ()) if i in self.stories]


def watch(player: Player, video: Path, advance: Callable[[Step], None] = lambda step: None) -> Watched:
    """Play `video` and return what happened; `advance` sees every step.

    Raises:
        SourceUnavailable: not a video.
    """
    keeper = _Keeper()
    size, start_s = (0, 0), None
    for step in player.play():
        start_s = step.frame.monotonic_s if start_s is None else start_s
        size = (step.frame.width, step.frame.height)
        keeper.see(step, start_s, player)
        advance(step)
    return Watched(
        video=video,
        events=tuple(keeper.events),
        stories=keeper.stories,
        tracks_of=keeper.tracks_of(),
        losses=keeper.losses,
        frames=player.frames,
        seconds=player.duration_s,
        size=size,
        start_s=start_s or 0.0,
    )


class _Keeper:
    """Collects while the video plays."""

    def __init__(self) -> None:
        self.events: list[TimedEvent] = []
        self.stories: dict[int, Story] = {}
        self.losses: dict[str, int] = {}
        self._deciders: dict[str, list[int]] = {}

    def see(self, step: Step, start_s: float, player: Player) -> None:
        """Take in one step."""
        now_s = step.frame.monotonic_s - start_s
        reads = {r.track_id: r for r in step.reads}
        for track in step.tracks:
            if track.detection is not None and step.look is not None:
                self._follow(step, track, track.detection, reads.get(track.id), now_s)
        for track_id, ballot in player.pipeline.ballots().items():
            if track_id in self.stories:
                self.stories[track_id].ballot = ballot
        for track_id, verdict in step.verdicts.items():
            if track_id in self.stories:
                self.stories[track_id].verdict_text = verdict.text
                self.stories[track_id].probability = verdict.probability
        for reason in step.losses:
            self.losses[reason] = self.losses.get(reason, 0) + 1
        for number, event in enumerate(step.events):
            self.events.append(TimedEvent(now_s, event))
            track_ids = [step.changes[number].track_id] if number < len(step.changes) else self._guess(event)
            self._deciders.setdefault(event.passage_id, []).extend(track_ids)

    def tracks_of(self) -> dict[str, tuple[int, ...]]:
        """Return the tracks of each passage, the deciding one first."""
        return {key: tuple(dict.fromkeys(reversed(ids))) for key, ids in self._deciders.items()}

    def _follow(self, step: Step, track: Track, detection: Detection, read: PlateRead | None, now_s: float) -> None:
        story = self.stories.setdefault(track.id, Story(track.id, now_s, now_s))
        story.last_s = now_s
        story.detections += 1
        story.places.append(placed(step.frame.luma, detection, now_s))
        story.best_height_px = max(story.best_height_px, story.places[-1].height_px)
        value = quality(read) if read is not None else UNREAD_VALUE
        if read is not None and len(story.looks) < MAX_LOOKS:
            story.looks.append(Seen(read, jpeg(step.frame.bgr(grown(detection.box, 0.12)), CROP_WIDTH_PX)))
        if value > BETTER_BY * story.best_value:
            story.best_value = value
            story.scene_jpeg = _scene(step, detection)

    def _guess(self, event: GateEvent) -> list[int]:
        """Return the track behind an event that the end of the video brought: the one with its text."""
        if event.plate is None:
            return []
        same = [s for s in self.stories.values() if s.verdict_text == event.plate.text]
        return [max(same, key=lambda s: s.last_s).track_id] if same else []


def placed(luma: UInt8Array, detection: Detection, at_s: float) -> Placed:
    """Return how a plate lies in a grey picture."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = detection.quad
    width = (math.hypot(bx - ax, by - ay) + math.hypot(cx - dx, cy - dy)) / 2
    height = (math.hypot(dx - ax, dy - ay) + math.hypot(cx - bx, cy - by)) / 2
    tilt = math.degrees(math.atan2((by - ay + cy - dy) / 2, (bx - ax + cx - dx) / 2))
    shear = math.degrees(math.atan2((dx - ax + cx - bx) / 2, (dy - ay + cy - by) / 2))
    b = detection.box
    crop = luma[max(0, int(b.y1)) : max(0, int(b.y2)) + 1, max(0, int(b.x1)) : max(0, int(b.x2)) + 1]
    bright, burnt = (float(crop.mean()), float((crop >= BURNT).mean())) if crop.size else (0.0, 0.0)
    return Placed(at_s, width, height, tilt, shear + tilt, bright, burnt)


def grown(box: Box, share: float) -> Box:
    """Return `box` with a margin of that share of its size on each side."""
    dx, dy = share * box.width, share * box.height
    return Box(box.x1 - dx, box.y1 - dy, box.x2 + dx, box.y2 + dy)


def jpeg(bgr: UInt8Array, width_px: int) -> bytes:
    """Return a picture as JPEG, at most that wide; small ones are enlarged so that a person can see them."""
    if bgr.size == 0:
        return b""
    height = max(1, round(bgr.shape[0] * width_px / bgr.shape[1]))
    way = cv2.INTER_AREA if bgr.shape[1] > width_px else cv2.INTER_CUBIC
    done, data = cv2.imencode(".jpg", cv2.resize(bgr, (width_px, height), interpolation=way), _OPTIONS)
    return bytes(data) if done else b""


_OPTIONS = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]


def _scene(step: Step, detection: Detection) -> bytes:
    """Return the whole picture with the plate outlined."""
    image = step.frame.bgr().copy()
    b = detection.box
    pen = max(2, image.shape[0] // 240)
    cv2.rectangle(
        image, (round(b.x1) - pen, round(b.y1) - pen), (round(b.x2) + pen, round(b.y2) + pen), (76, 214, 120), pen
    )
    return jpeg(image, SCENE_WIDTH_PX)
