"""Time line of a live camera: when was this picture really taken?

Packets come in bursts, the camera's time stamps are even; together they give
times that are both. The earliest arrival relative to its stamp is the truth
(nothing arrives before it was taken), later ones waited in the network. Pure
arithmetic on moments that are passed in.
"""

from __future__ import annotations

_JUMP_S = 2.0  # a stamp this far off means that the camera began to count anew
_DRIFT = 0.0005  # a camera's quartz is off by less than 0.5 ms per second: follow it that fast, not faster
_LEAST_STEP_S = 1e-4  # times of two frames always differ


class Timeline:
    """Maps the camera's time stamps to the monotonic clock."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._last_s = float("-inf")
        self._last_arrival_s = 0.0

    def moment(self, stamp_s: float | None, arrival_s: float) -> float:
        """Return when a picture was taken, monotonic seconds, strictly later than the one before.

        Args:
            stamp_s: the picture's time stamp, in seconds on the camera's own scale; None when it has none.
            arrival_s: monotonic moment at which its packet arrived.
        """
        taken_s = arrival_s if stamp_s is None else min(arrival_s, stamp_s + self._follow(stamp_s, arrival_s))
        self._last_arrival_s = arrival_s
        self._last_s = max(taken_s, self._last_s + _LEAST_STEP_S)
        return self._last_s

    def _follow(self, stamp_s: float, arrival_s: float) -> float:
        """Return the offset between both scales, updated by this arrival."""
        seen_s = arrival_s - stamp_s
        if self._offset_s is None or abs(seen_s - self._offset_s) > _JUMP_S or seen_s < self._offset_s:
            self._offset_s = seen_s
        else:
            passed_s = max(0.0, arrival_s - self._last_arrival_s)
            self._offset_s += min(seen_s - self._offset_s, _DRIFT * passed_s)
        return self._offset_s
