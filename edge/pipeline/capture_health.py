"""How a camera is doing: when to try again, when a picture is frozen.

Small pure rules over moments that are passed in; no clock, no thread, no I/O.
"""

from __future__ import annotations

from random import Random

import numpy as np

from edge.types import UInt8Array

_FIRST_PAUSE_S = 1.0
_HOPELESS_FACTOR = 10  # wrong password or path: cameras lock an account after a few attempts within minutes
_GRID_PX = 8  # a frozen picture is recognised on every 8th pixel each way
_CHECK_S = 0.5
_MOST_PATIENCE = 20  # times the setting


class Backoff:
    """Growing pauses between attempts to connect.

    The n-th pause is 2^n seconds up to the longest, shortened at random by up to
    half: cameras that were lost together (a switch rebooted) do not come back together.
    """

    def __init__(self, longest_s: float, random: Random | None = None) -> None:
        self._longest_s = longest_s
        self._random = random or Random()  # noqa: S311  (no secret depends on it)
        self._failures = 0

    def next_s(self, *, retry_helps: bool = True) -> float:
        """Return how long to wait now; ten times the longest pause when trying again cannot help."""
        pause_s = min(self._longest_s, _FIRST_PAUSE_S * 2.0 ** min(self._failures, 30))
        self._failures += 1
        if not retry_helps:
            pause_s = _HOPELESS_FACTOR * self._longest_s
        return pause_s * self._random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin again with the shortest pause: the camera works."""
        self._failures = 0


class FrozenPicture:
    """Notices a camera that repeats one picture: its encoder lives, its sensor does not.

    A picture of a sensor is never the same twice, noise sees to that. Should a
    scene be that still after all (a test picture, noise suppressed to nothing),
    patience doubles each time a new connection shows the very same picture.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self.patience_s = after_s  # how long the picture may stay the same, at present
        self._sample: UInt8Array | None = None
        self._since_s = 0.0
        self._checked_s = float("-inf")

    def is_frozen(self, luma: UInt8Array, now_s: float) -> bool:
        """Tell whether the picture has been the same for too long; True once, then the time starts again."""
        if now_s - self._checked_s < _CHECK_S:
            return False
        if now_s - self._checked_s > self._after_s:
            self._since_s = now_s  # there was a pause: nobody knows what happened meanwhile
        self._checked_s = now_s
        sample = luma[::_GRID_PX, ::_GRID_PX]
        if self._sample is None or not np.array_equal(sample, self._sample):
            self._sample, self._since_s, self.patience_s = sample.copy(), now_s, self._after_s
            return False
        if now_s - self._since_s < self.patience_s:
            return False
        self._since_s = now_s
        return True

    def be_patient(self) -> None:
        """Wait twice as long next time, unless the picture changes: reconnecting may not help."""
        self.patience_s = min(2 * self.patience_s, _MOST_PATIENCE * self._after_s)
