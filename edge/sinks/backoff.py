"""Back-off: pauses that double up to a cap, with jitter so that a fleet does not return as one crowd."""

from __future__ import annotations

from random import Random


class Backoff:
    """Gives the pause before the next attempt; owned by one thread.

    Args:
        first_s: the first pause is between half of this and this.
        cap_s: no pause is longer.
        random: source of the jitter.
    """

    def __init__(self, first_s: float, cap_s: float, random: Random | None = None) -> None:
        if first_s <= 0:
            raise ValueError(f"the first pause must be positive, got {first_s}")
        self._first_s, self._cap_s = first_s, max(first_s, cap_s)
        self._random = random or Random()  # noqa: S311  (jitter needs no secrecy)
        self.failures = 0

    def next_s(self) -> float:
        """Count one more failure and return the pause after it, in seconds."""
        exponent = min(self.failures, 32)
        self.failures += 1
        return min(self._cap_s, self._first_s * 2.0**exponent) * self._random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Forget the failures: an attempt has worked."""
        self.failures = 0
