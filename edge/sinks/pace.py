"""Pace: how long to wait before the next message, so that a backlog drains without being discarded.

Two leaky buckets, messages and bytes, each with a small burst (generic cell
rate algorithm). Pure arithmetic: the moment is passed in, nothing sleeps here.
"""

from __future__ import annotations


class Pace:
    """Allows `per_s` messages and `bytes_per_s` bytes a second; owned by one thread.

    Args:
        per_s: messages a second in the long run.
        bytes_per_s: payload bytes a second in the long run.
        burst: messages that may go at once after a pause; at most this many above the rate in any second.
    """

    def __init__(self, per_s: float, bytes_per_s: float, burst: int = 20) -> None:
        if per_s <= 0 or bytes_per_s <= 0 or burst < 1:
            raise ValueError(f"a pace needs positive rates, got {per_s}/s, {bytes_per_s} B/s, burst {burst}")
        self._per_s, self._bytes_per_s = per_s, bytes_per_s
        self._slack_s = (burst - 1) / per_s
        self._message_due_s = self._bytes_due_s = float("-inf")

    def reserve(self, size_bytes: int, now_s: float) -> float:
        """Take one message of `size_bytes`; return how many seconds to wait before sending it."""
        message_due_s = max(self._message_due_s, now_s - self._slack_s)
        bytes_due_s = max(self._bytes_due_s, now_s)
        at_s = max(now_s, message_due_s, bytes_due_s)
        self._message_due_s = message_due_s + 1 / self._per_s
        self._bytes_due_s = bytes_due_s + size_bytes / self._bytes_per_s
        return at_s - now_s
