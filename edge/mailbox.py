"""Mailbox: where a camera leaves its newest frame for the vision thread.

A camera cannot be slowed down, so a newer item replaces the one that nobody
took yet, and every item lost that way is counted. One writer, one reader;
it keeps no history and never blocks the writer.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Room for one item between two threads; the newest wins."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._closed = False
        self._accepted = 0
        self._dropped = 0

    def put(self, item: T) -> bool:
        """Leave `item`, replacing an older one; return False when the mailbox is closed and `item` was refused."""
        with self._changed:
            if self._closed:
                return False
            self._accepted += 1
            if self._item is not None:
                self._dropped += 1
            self._item = item
            self._changed.notify()
            return True

    def take(self, timeout_s: float) -> T | None:
        """Return the newest item, waiting for one up to `timeout_s`; None when there is none or the box is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            return item

    def close(self) -> None:
        """Refuse further items; what was accepted can still be taken. Any thread may call it, any number of times."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        """Tell whether the mailbox is closed and empty: nothing will ever come out of it again."""
        with self._changed:
            return self._closed and self._item is None

    @property
    def accepted(self) -> int:
        """Return how many items were put in so far, lost ones included."""
        with self._changed:
            return self._accepted

    @property
    def dropped(self) -> int:
        """Return how many items were replaced before anybody took them."""
        with self._changed:
            return self._dropped
