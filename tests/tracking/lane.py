"""A lane seen by a pinhole camera: vehicles move in metres, the tracker, the vote and the gate see pixels.

The loop is the pipeline's: tracker, reads, ballots with splits, gate. Noise, missed plates and frame drops are
drawn from a seed, so a failure can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from edge.config.camera import GateSettings
from edge.tracking.gate import Gate, PassageChange
from edge.tracking.tracker import Tracker, TrackerSettings
from edge.tracking.voting import Ballot
from edge.types import Box, Detection, EventType, TrackState, Verdict
from tests.tracking.reader import Ability, Reader

FRAME = (1920, 1080)
FOCAL_PX = 1500.0
CAMERA_M = 2.0  # above the plate
PLATE_M = (0.52, 0.11)
READ_EVERY_S = 0.1  # the pipeline does not read every look either
SHARP = Ability(dirt=0.6, pose=0.6, fresh=0.8, lost=0.0, extra=0.0)

Place = tuple[float, float]  # metres: to the right of the lane's middle, away from the camera
Way = Callable[[float], "Place | None"]


@dataclass(frozen=True)
class Vehicle:
    """A plate and where it is at each moment; None while nobody can see it."""

    plate: str
    way: Way
    legible: bool = True


def along(*points: tuple[float, float], x: float = 0.0, hidden: Sequence[tuple[float, float]] = ()) -> Way:
    """Return a way through (second, distance in metres) points; hidden in the given intervals."""
    times, places = [t for t, _ in points], [z for _, z in points]

    def way(at_s: float) -> Place | None:
        if not times[0] <= at_s <= times[-1] or any(a <= at_s < b for a, b in hidden):
            return None
        return x, float(np.interp(at_s, times, places))

    return way


def seen(place: Place) -> Box | None:
    """Return the plate's box in the picture, or None outside it."""
    x, z = place
    cx, cy = FRAME[0] / 2 + FOCAL_PX * x / z, 60.0 + FOCAL_PX * CAMERA_M / z
    w, h = FOCAL_PX * PLATE_M[0] / z, FOCAL_PX * PLATE_M[1] / z
    box = Box(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
    return box if box.x1 >= 0 and box.y1 >= 0 and box.x2 <= FRAME[0] and box.y2 <= FRAME[1] else None


@dataclass
class Lane:
    """What the camera makes of the vehicles."""

    vehicles: Sequence[Vehicle]
    fps: float = 15.0
    seed: int = 0
    missed: float = 0.03  # share of plates that the detector overlooks
    jitter: float = 0.04  # of the boxes, in plate heights
    weak: float = 0.05  # share of weak detections
    dropped: float = 0.0  # share of frames that never arrive
    settings: GateSettings = field(default_factory=GateSettings)
    ability: Ability = SHARP
    changes: list[PassageChange] = field(default_factory=list)
    track_ids: set[int] = field(default_factory=set)
    widest: int = 0  # most values kept by the gate and the ballots at once

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        seeds = [np.random.default_rng([self.seed, i]) for i in range(len(self.vehicles))]
        self._readers = [Reader(v.plate, s, self.ability) for v, s in zip(self.vehicles, seeds, strict=True)]
        self._tracker, self._gate = Tracker(TrackerSettings()), Gate(self.settings)
        self._ballots: dict[int, Ballot] = {}
        self._last_read_s: dict[int, float] = {}

    def run(self, until_s: float) -> list[PassageChange]:
        """Play the lane and return every change, those of the settling included."""
        for sequence in range(int(until_s * self.fps)):
            if self._rng.random() >= self.dropped:
                self._step(sequence)
        self.changes += self._gate.step(until_s, self._tracker.settle(), {}, FRAME)
        self.changes += self._gate.settle(until_s)
        return self.changes

    def finals(self) -> list[PassageChange]:
        """Return the events that ended a passage."""
        return [c for c in self.changes if c.kind is not EventType.PROVISIONAL]

    def answers(self) -> list[tuple[str | None, str]]:
        """Return (plate, direction) of each ended passage, in order; plate None when unread."""
        read = [c.verdict.text if c.verdict and c.kind is EventType.FINAL else None for c in self.finals()]
        return [(text, c.direction.value) for text, c in zip(read, self.finals(), strict=True)]

    def _step(self, sequence: int) -> None:
        at_s = sequence / self.fps
        found = self._detect(at_s)
        tracks = self._tracker.step([d for d, _ in found], at_s, FRAME)
        for track in tracks:
            self.track_ids.add(track.id)
            who = next((i for d, i in found if d is track.detection), None)
            if who is not None and track.detection is not None and self.vehicles[who].legible:
                self._read(self._readers[who], track.id, sequence, at_s, track.detection.box.height)
        verdicts = {i: v for i, b in self._ballots.items() if (v := b.verdict()) is not None}
        self.changes += self._gate.step(at_s, tracks, verdicts, FRAME)
        for track in tracks:
            if track.state is TrackState.ENDED:
                self._ballots.pop(track.id, None)
        self.widest = max(self.widest, len(self._gate.track_ids()) + len(self._ballots))

    def _detect(self, at_s: float) -> list[tuple[Detection, int]]:
        found: list[tuple[Detection, int]] = []
        for i, vehicle in enumerate(self.vehicles):
            place = vehicle.way(at_s)
            box = seen(place) if place is not None else None
            if box is None or self._rng.random() < self.missed:
                continue
            dx, dy, dw, dh = self._rng.normal(0.0, self.jitter * box.height, 4)
            wide, high = abs(dw), abs(dh) / 4  # boxes are rather too large than too small
            box = Box(box.x1 + dx - wide, box.y1 + dy - high, box.x2 + dx + wide, box.y2 + dy + high)
            score = 0.25 if self._rng.random() < self.weak else float(self._rng.uniform(0.6, 0.98))
            found.append((Detection(box, score), i))
        return found

    def _read(self, reader: Reader, track_id: int, sequence: int, at_s: float, height_px: float) -> None:
        """Read, vote, and split the track when another plate took its place: the pipeline's loop."""
        if at_s - self._last_read_s.get(track_id, -1.0) < READ_EVERY_S:
            return
        self._last_read_s[track_id] = at_s
        ballot = self._ballots.setdefault(track_id, Ballot())
        ballot.add(reader.read(track_id, sequence, at_s, height_px))
        defectors = ballot.defectors()
        if defectors and (new_id := self._tracker.split(track_id, defectors[0].at_s)) is not None:
            self._ballots[new_id] = Ballot()
            for moved in ballot.secede(new_id):
                self._ballots[new_id].add(moved)


def verdict(text: str, probability: float = 0.99, reads: int = 8) -> Verdict:
    """Return a verdict as the vote gives it."""
    return Verdict(text, probability, ((text, probability),), text, reads, None, 30.0)
