"""Decides how hard to look at a frame: not at all, around the plates we follow, or everywhere.

An idle gate is the normal case, so most frames should cost next to nothing; a
passage must never be missed for it. Pure logic: time comes with the frame.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from edge.config.camera import CameraSettings
from edge.types import Box, Point, Track

HOLD_LOOKS_PER_DEADLINE = 3  # a standing plate is confirmed this often before its passage could end
FULL_LOOK_WHILE_FOLLOWING_S = 0.5  # a second vehicle, or that a standing one starts, is found at the latest after this
STILL_PX_S = 6.0  # a plate that moves slower than this stands
STILL_HEIGHTS_S = 0.2  # or slower than this share of its height: the box of a large plate jitters more
SURE_PAUSE_S = 0.12  # a plate whose text is sure is followed at this pace: only its way is still of interest
COMPARE_PAUSE_S = 0.12  # while it is known whether something moves, motion is looked for at this pace
SETTLED_S = 1.0  # a plate seen for less long may only seem to stand


class Look(str, Enum):
    """How hard a frame is looked at."""

    NONE = "none"
    AROUND = "around"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with one frame."""

    look: Look
    near: tuple[Track, ...] = ()  # the plates to look at from near, with FULL too
    sure: Collection[int] = frozenset()  # ids of those whose text is settled: only their way is still of interest


class Attention:
    """Chooses the look for each frame of one camera."""

    def __init__(self, settings: CameraSettings) -> None:
        self._motion = settings.motion
        self._period_s = 1.0 / settings.max_fps
        self._hold_s = min(0.5, settings.gate.ends_after_s / HOLD_LOOKS_PER_DEADLINE)
        self._due_s: float | None = None
        self._last_full_s: float | None = None
        self._last_look_s: float | None = None
        self._watched_s: float | None = None
        self._quiet = False  # nothing moved in the last frame that was compared

    def wanted(self, now_s: float) -> bool:
        """Tell whether a frame at `now_s` is due under the frame-rate limit. Ask once per frame."""
        if self._due_s is None or now_s - self._due_s > 10 * self._period_s or now_s < self._due_s - self._period_s:
            self._due_s = now_s  # first frame, or the stream paused: start counting anew
        if now_s < self._due_s - 0.25 * self._period_s:
            return False
        self._due_s += self._period_s
        return True

    def compares(self, now_s: float, tracks: Sequence[Track]) -> bool:
        """Tell whether the frame at `now_s` must be compared with those before; remember it if it must.

        It need not be each time while nothing moves and nothing is followed, or while what is followed clearly moves.
        """
        known = any(not _slow(track) for track in tracks) if tracks else self._quiet
        if known and not self._elapsed(self._watched_s, now_s, COMPARE_PAUSE_S):
            return False
        self._watched_s = now_s
        return True

    def choose(
        self, now_s: float, *, moving: bool, tracks: Sequence[Track], sure: Collection[int] = frozenset()
    ) -> Plan:
        """Return how to look at the frame at `now_s`, and remember that it was done.

        Args:
            now_s: moment of the frame.
            moving: something moves in it.
            tracks: the plates followed now.
            sure: ids of those whose text is settled.
        """
        moving = moving or not self._motion.enabled
        self._quiet = not moving
        plan = self._choose(now_s, moving=moving, tracks=tracks, sure=sure)
        if plan.look is not Look.NONE:
            self._last_look_s = now_s
        if plan.look is Look.FULL:
            self._last_full_s = now_s
        return plan

    def _choose(self, now_s: float, *, moving: bool, tracks: Sequence[Track], sure: Collection[int]) -> Plan:
        if not tracks:
            return Plan(Look.FULL if moving or self._full_is_due(now_s) else Look.NONE)
        going = tuple(t for t in tracks if not _slow(t) or (moving and now_s - t.first_s < SETTLED_S))
        if moving or going:
            if self._elapsed(self._last_full_s, now_s, FULL_LOOK_WHILE_FOLLOWING_S):
                return Plan(Look.FULL, going, sure)
            going = tuple(t for t in going if t.id not in sure or self._elapsed(t.last_s, now_s, SURE_PAUSE_S))
            return Plan(Look.AROUND, going, sure) if going else Plan(Look.NONE)
        if not self._elapsed(self._last_look_s, now_s, self._hold_s):
            return Plan(Look.NONE)
        return Plan(Look.FULL) if self._full_is_due(now_s) else Plan(Look.AROUND, tuple(tracks), sure)

    def _full_is_due(self, now_s: float) -> bool:
        return self._elapsed(self._last_full_s, now_s, self._motion.full_look_every_s)

    @staticmethod
    def _elapsed(since_s: float | None, now_s: float, period_s: float) -> bool:
        return since_s is None or now_s - since_s >= period_s - 1e-6 or now_s < since_s


def around(track: Track, now_s: float) -> Box:
    """Return the part of the frame in which the plate of `track` is looked for at `now_s`."""
    ahead_s = max(0.0, now_s - track.last_s)
    cx, cy = track.box.centre
    if track.detection is not None:
        cx, cy = cx + track.velocity_px_s[0] * ahead_s, cy + track.velocity_px_s[1] * ahead_s
    return near(track.box, (cx, cy))


def near(box: Box, centre: Point) -> Box:
    """Return the part of the frame for a look from near at a plate like `box` that should be at `centre`.

    Two widths to each side and three heights up and down hold the plate of a vehicle that brakes or speeds up hard.
    """
    half_width, half_height = max(2.0 * box.width, 96.0), max(3.0 * box.height, 64.0)
    return Box(centre[0] - half_width, centre[1] - half_height, centre[0] + half_width, centre[1] + half_height)


def _slow(track: Track) -> bool:
    speed_px_s = max(abs(track.velocity_px_s[0]), abs(track.velocity_px_s[1]))
    return speed_px_s < max(STILL_PX_S, STILL_HEIGHTS_S * track.box.height)
