"""Passage: all that is known about one vehicle in the lane, and whether two of them are the same vehicle.

A passage may have been seen by several tracks (lost behind a pillar): the later ones are its continuations.
Nothing is merged for good before it ends, so a wrong guess is undone by better reads. No decisions about
events here: those are the gate's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum

from edge.tracking.kalman import plate_height_px
from edge.tracking.path import Heading, Path, Sample, heading
from edge.types import Box, Track, Verdict

SURE = 0.9  # two different texts that are both this probable are two vehicles
PLAUSIBLE = 0.5  # a less probable text neither joins nor parts
SAME_SPOT_HEIGHTS = 3.0  # a standing plate seen again this near, at a similar size, is at the same spot
SAME_SPOT_GROWTH = 0.3
HIDDEN_MAX_S = 5.0  # a plate hidden for longer is not recognised by its place alone
HIDDEN_HEIGHTS = 20.0  # nor one that comes back farther away than this (about two metres)
HIDDEN_GROWTH = (-0.25, 1.0)  # change of log height while hidden, in the direction it was going
EDGE_PX = 2.0  # a box this near to the border of the picture is cut
SLID_HEIGHTS = 0.5  # way to the border that counts as movement when the plate is gone after it
EDGE_HEIGHTS = 1.5  # a plate last seen this near to the border has left the picture


class GateState(str, Enum):
    """What a vehicle is doing at the gate."""

    APPROACHING = "approaching"  # moving, or too new to tell
    WAITING = "waiting"  # it moved before and stands now
    PARKED = "parked"  # it never moved
    PASSED = "passed"
    REVERSED = "reversed"  # it came and went back


class Passage:
    """One vehicle in the lane; only the gate touches it."""

    def __init__(self, number: int, track: Track) -> None:
        self.number = number
        self.track_id = track.id
        self.first_s = track.first_s
        self.last_s = track.last_s
        self.hits = 0
        self.score = 0.0  # sum over the detections
        self.path = Path()
        self.own_verdict: Verdict | None = None
        self.parent: Passage | None = None
        self.continuations: list[Passage] = []
        self.announced: list[str] = []  # texts of its provisional events
        self.ready_since_s: float | None = None  # its text has been good enough since then
        self.closed = False
        self.told = False  # a final or unread event was sent
        self.reversed = False
        self.standing = False  # when last seen
        self.undoes = False  # it takes back a passage that was told: it came out again
        self.seen_by_carried = False  # the camera was being moved in one of its looks
        self.replaced = False  # its track was split: the vehicle is gone
        self.last_box: Box = track.box
        self.closed_heading = Heading.NONE

    def see(self, track: Track, frame_size: tuple[int, int]) -> None:
        """Take in one look of its track."""
        self.last_s = track.last_s
        self.hits = track.hits
        if track.detection is not None:
            self.score += track.detection.score
            box = (
                completed(track.box, track.detection.box, self.last_box, frame_size) if self.path.samples else track.box
            )
            self.path.add(track.last_s, box)
            self.last_box = box
            self.standing = self.path.standing(track.last_s)

    @property
    def verdict(self) -> Verdict | None:
        """Return the best answer of this passage and its continuations."""
        answers = [p.own_verdict for p in (self, *self.continuations) if p.own_verdict is not None]
        return max(answers, key=_by_belief, default=None)

    def forget_looks(self) -> None:
        """Let go of what its answers were counted from, 50 KB each: it is told, and only its text is compared again."""
        for part in (self, *self.continuations):
            if part.own_verdict is not None:
                part.own_verdict = replace(part.own_verdict, basis=None)

    @property
    def samples(self) -> list[Sample]:
        """Return the path through all its tracks."""
        return [s for p in (self, *self.continuations) for s in p.path.samples]

    @property
    def best_height_px(self) -> float:
        """Return the height of its plate where it was largest; 0 before the first look."""
        return max((s.height_px for s in self.samples), default=0.0)

    @property
    def end(self) -> Sample:
        """Return where it was last seen."""
        newest = max((self, *self.continuations), key=lambda p: p.last_s)
        return Sample(newest.last_s, *newest.last_box.centre, plate_height_px(newest.last_box))

    def left_picture(self, frame_size: tuple[int, int]) -> bool:
        """Tell whether it was last seen at the border of the picture."""
        end = self.end
        margin = EDGE_HEIGHTS * end.height_px
        across = margin + (self.last_box.width - self.last_box.height) / 2  # of the centre: a plate is wide
        width, height = frame_size
        return not (across <= end.x <= width - across and margin <= end.y <= height - margin)

    @property
    def moved(self) -> bool:
        """Tell whether the vehicle was ever seen moving; a parked one that is back at its spot was not."""
        return any(p.path.moved for p in (self, *self.continuations))

    @property
    def before_carried_camera(self) -> bool:
        """Tell whether the camera itself was being moved while the vehicle was in view."""
        return any(p.seen_by_carried for p in (self, *self.continuations))

    def slid_out(self, frame_size: tuple[int, int]) -> bool:
        """Tell whether it was last seen on its way over the border: too short a way to have moved for sure before."""
        anchor = self.path.anchor
        return anchor is not None and self.end.heights_from(anchor) >= SLID_HEIGHTS and self.left_picture(frame_size)

    @property
    def seen_s(self) -> float:
        """Return when it was last seen by any of its tracks."""
        return max(p.last_s for p in (self, *self.continuations))

    @property
    def heading(self) -> Heading:
        return heading(self.samples)

    def state(self, now_s: float, parked_after_s: float) -> GateState:
        """Return what the vehicle is doing at `now_s`."""
        if self.closed:
            return GateState.REVERSED if self.reversed else GateState.PASSED
        newest = max((self, *self.continuations), key=lambda p: p.last_s)
        if not self.moved:
            return GateState.PARKED if now_s - self.first_s >= parked_after_s else GateState.APPROACHING
        return GateState.WAITING if newest.path.standing(newest.last_s) else GateState.APPROACHING

    def attach(self, later: Passage) -> None:
        """Take `later`, and what it continued, as a continuation of this passage."""
        for passage in (later, *later.continuations):
            passage.parent = self
            self.continuations.append(passage)
        later.continuations = []

    def detach(self, later: Passage) -> None:
        """Undo `attach` for one continuation."""
        self.continuations = [p for p in self.continuations if p is not later]
        later.parent = None

    def fold_oldest(self) -> Passage:
        """Make the oldest continuation one with this passage, and return it: nobody need follow it any more.

        What both say together stays: the better answer, how often it was seen, and the way it went.
        """
        part = self.continuations.pop(0)
        self.path.join(part.path)
        self.own_verdict = max(
            (v for v in (self.own_verdict, part.own_verdict) if v is not None), key=_by_belief, default=None
        )
        self.hits, self.score = self.hits + part.hits, self.score + part.score
        self.replaced = self.replaced and part.replaced
        self.seen_by_carried = self.seen_by_carried or part.seen_by_carried
        return part


def _by_belief(verdict: Verdict) -> tuple[float, int]:
    return verdict.probability, verdict.reads


def same_plate(a: Verdict | None, b: Verdict | None) -> bool:
    """Tell whether two verdicts are one plate: equal, or one character apart while one of them is unsure."""
    if a is None or b is None:
        return False
    if a.text == b.text:
        return True
    if min(a.probability, b.probability) >= SURE:
        return False
    return differing(a.text, b.text) <= 1


def completed(estimate: Box, seen: Box, before: Box, frame_size: tuple[int, int]) -> Box:
    """Return `estimate`, or, where the border of the picture cuts the plate, the box that it would have.

    A cut box says nothing of the size: the plate keeps the size that it had before, and its free edges tell
    where it is. So a plate that slides out of the picture is seen to move, not to shrink.
    """
    left, top = seen.x1 <= EDGE_PX, seen.y1 <= EDGE_PX
    right, bottom = seen.x2 >= frame_size[0] - EDGE_PX, seen.y2 >= frame_size[1] - EDGE_PX
    if not (left or top or right or bottom):
        return estimate
    x1 = seen.x2 - before.width if left and not right else seen.x1
    y1 = seen.y2 - before.height if top and not bottom else seen.y1
    return Box(x1, y1, x1 + before.width, y1 + before.height)


def goes_on(a: Passage, b: Passage, frame_size: tuple[int, int]) -> bool:
    """Tell whether `b` began where `a` should come out from behind something that hid it."""
    gap_s = b.first_s - a.seen_s
    if not 0.0 < gap_s <= HIDDEN_MAX_S or not b.path.samples or a.left_picture(frame_size):
        return False
    end, start = a.end, b.path.samples[0]
    growth = start.log_height - end.log_height
    low, high = HIDDEN_GROWTH
    grew = -growth if a.heading is Heading.AWAY else growth
    return low <= grew <= high and end.heights_from(start) <= HIDDEN_HEIGHTS


def same_spot(a: Passage, b: Passage) -> bool:
    """Tell whether `b` was first seen where `a` was last seen standing."""
    if not a.standing or not b.path.samples:
        return False
    end, start = a.end, b.path.samples[0]
    return end.heights_from(start) <= SAME_SPOT_HEIGHTS and abs(end.log_height - start.log_height) <= SAME_SPOT_GROWTH


def differing(a: str, b: str) -> int:
    """Return the edit distance of two texts."""
    above = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        row = [i]
        for j, y in enumerate(b, start=1):
            row.append(min(above[j - 1] + (x != y), row[j - 1] + 1, above[j] + 1))
        above = row
    return above[-1]


def newest_first(passages: Iterable[Passage]) -> list[Passage]:
    """Return `passages`, the one seen last first; ties by number, so that the order is always the same."""
    return sorted(passages, key=lambda p: (-p.seen_s, -p.number))
