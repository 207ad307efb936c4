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
    settings: GateSettings = GateSettings()
    ability: Ability = SHARP
    changes: list[PassageChange] = field(default_factory=list)
    track_ids: set[int] = field(default_factory=set)
    widest: int = 0  # most values kept by the gate at once

    def run(self, until_s: float) -> list[PassageChange]:
        """Play the lane and return every change, those of the settling included."""
        rng = np.random.default_rng(self.seed)
        readers = [
            Reader(v.plate, np.random.default_rng([self.seed, i]), self.ability) for i, v in enumerate(self.vehicles)
        ]
        tracker, gate = Tracker(TrackerSettings()), Gate(self.settings)
        ballots: dict[int, Ballot] = {}
        for sequence in range(int(until_s * self.fps)):
            at_s = sequence / self.fps
            if rng.random() < self.dropped:
                continue
            found = self._detect(at_s, rng)
            tracks = tracker.step([d for d, _ in found], at_s, FRAME)
            for track in tracks:
                self.track_ids.add(track.id)
                who = next((i for d, i in found if d is track.detection), None)
                if who is None or track.detection is None or not self.vehicles[who].legible:
                    continue
                read = readers[who].read(track.id, sequence, at_s, track.detection.box.height)
                _vote(ballots, tracker, read.track_id, read)
            verdicts = {i: v for i, b in ballots.items() if (v := b.verdict()) is not None}
            self.changes += gate.step(at_s, tracks, verdicts, FRAME)
            for track in tracks:
                if track.state is TrackState.ENDED:
                    ballots.pop(track.id, None)
            self.widest = max(self.widest, len(gate.track_ids()) + len(ballots))
        self.changes += gate.step(until_s, tracker.settle(), {})
        self.changes += gate.settle(until_s)
        return self.changes

    def _detect(self, at_s: float, rng: np.random.Generator) -> list[tuple[Detection, int]]:
        found: list[tuple[Detection, int]] = []
        for i, vehicle in enumerate(self.vehicles):
            place = vehicle.way(at_s)
            box = seen(place) if place is not None else None
            if box is None or rng.random() < self.missed:
                continue
            dx, dy, dw, dh = rng.normal(0.0, self.jitter * box.height, 4)
            box = Box(
                box.x1 + dx - abs(dw), box.y1 + dy - abs(dh) / 4, box.x2 + dx + abs(dw), box.y2 + dy + abs(dh) / 4
            )
            score = 0.25 if rng.random() < self.weak else float(rng.uniform(0.6, 0.98))
            found.append((Detection(box, score), i))
        return found

    def finals(self) -> list[PassageChange]:
        """Return the events that ended a passage."""
        return [c for c in self.changes if c.kind is not EventType.PROVISIONAL]

    def answers(self) -> list[tuple[str | None, str]]:
        """Return (plate, direction) of each ended passage, in order; plate None when unread."""
        return [
            (c.verdict.text if c.verdict and c.kind is EventType.FINAL else None, c.direction.value)
            for c in self.finals()
        ]


def _vote(ballots: dict[int, Ballot], tracker: Tracker, track_id: int, read: object) -> None:
    ballot = ballots.setdefault(track_id, Ballot())
    ballot.add(read)  # type: ignore[arg-type]
    defectors = ballot.defectors()
    if defectors and (new_id := tracker.split(track_id, defectors[0].at_s)) is not None:
        ballots[new_id] = Ballot()
        for moved in ballot.secede(new_id):
            ballots[new_id].add(moved)


def verdict(text: str, probability: float = 0.99, reads: int = 8) -> Verdict:
    """Return a verdict as the vote gives it."""
    return Verdict(text, probability, ((text, probability),), text, reads, None, 30.0)
