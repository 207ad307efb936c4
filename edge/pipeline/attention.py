"""Decides how hard to look at a frame: not at all, around the plates we follow, or everywhere.

An idle gate is the normal case, so most frames should cost next to nothing; a
passage must never be missed for it. Pure logic: time comes with the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from edge.config.camera import CameraSettings
from edge.types import Box, Track

HOLD_LOOKS_PER_DEADLINE = 3  # a standing plate is confirmed this often before its passage could end
FULL_LOOK_WHILE_FOLLOWING_S = 0.3  # a second vehicle is found at the latest after this
STILL_PX_S = 6.0  # a plate that moves slower than this stands


class Look(str, Enum):
    """How hard a frame is looked at."""

    NONE = "none"
    AROUND = "around"
    FULL = "full"


class Attention:
    """Chooses the look for each frame of one camera."""

    def __init__(self, settings: CameraSettings) -> None:
        self._motion = settings.motion
        self._period_s = 1.0 / settings.max_fps
        self._hold_s = min(0.5, settings.gate.ends_after_s / HOLD_LOOKS_PER_DEADLINE)
        self._due_s: float | None = None
        self._last_full_s: float | None = None
        self._last_look_s: float | None = None

    def wanted(self, now_s: float) -> bool:
        """Tell whether a frame at `now_s` is due under the frame-rate limit. Ask once per frame."""
        if self._due_s is None or now_s - self._due_s > 10 * self._period_s or now_s < self._due_s - self._period_s:
            self._due_s = now_s  # first frame, or the stream paused: start counting anew
        if now_s < self._due_s - 0.25 * self._period_s:
            return False
        self._due_s += self._period_s
        return True

    def choose(self, now_s: float, *, moving: bool, tracks: Sequence[Track]) -> Look:
        """Return how to look at the frame at `now_s`, and remember that it was done."""
        look = self._choose(now_s, moving=moving or not self._motion.enabled, tracks=tracks)
        if look is not Look.NONE:
            self._last_look_s = now_s
        if look is Look.FULL:
            self._last_full_s = now_s
        return look

    def _choose(self, now_s: float, *, moving: bool, tracks: Sequence[Track]) -> Look:
        if not tracks:
            return (
                Look.FULL
                if moving or self._elapsed(self._last_full_s, now_s, self._motion.full_look_every_s)
                else Look.NONE
            )
        if not moving and all(_stands(t) for t in tracks) and not self._elapsed(self._last_look_s, now_s, self._hold_s):
            return Look.NONE
        return Look.FULL if self._elapsed(self._last_full_s, now_s, FULL_LOOK_WHILE_FOLLOWING_S) else Look.AROUND

    @staticmethod
    def _elapsed(since_s: float | None, now_s: float, period_s: float) -> bool:
        return since_s is None or now_s - since_s >= period_s - 1e-6 or now_s < since_s


def around(track: Track, now_s: float) -> Box:
    """Return the region of the frame in which the plate of `track` is looked for at `now_s`.

    Two plate widths to each side and three heights up and down of the predicted
    centre hold the plate of a vehicle that brakes or speeds up hard.
    """
    ahead_s = max(0.0, now_s - track.last_s)
    cx, cy = track.box.centre
    if track.detection is not None:
        cx, cy = cx + track.velocity_px_s[0] * ahead_s, cy + track.velocity_px_s[1] * ahead_s
    half_width = max(2.0 * track.box.width, 96.0)
    half_height = max(3.0 * track.box.height, 64.0)
    return Box(cx - half_width, cy - half_height, cx + half_width, cy + half_height)


def _stands(track: Track) -> bool:
    return max(abs(track.velocity_px_s[0]), abs(track.velocity_px_s[1])) < STILL_PX_S
