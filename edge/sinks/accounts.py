"""Accounts on their way: why plates were read so, from the vision threads to the history, which keeps them.

In memory and bounded: an account is a convenience, the event is the promise. Safe from any thread.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from edge.tracking.account import Account

KEPT = 32  # accounts that the history has not fetched yet; beyond, the oldest is forgotten. Each is up to 0.3 MiB


class Accounts:
    """Holds the account of each event until it is taken.

    Args:
        kept: at most so many; 0 where nobody will take them, as there is no history.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, Account] = OrderedDict()

    def put(self, accounts: Mapping[str, Account]) -> None:
        """Take in accounts by event id; call it before anybody can hear of the events."""
        with self._lock:
            self._waiting.update(accounts)
            while len(self._waiting) > self._kept:
                self._waiting.popitem(last=False)

    def take(self, event_id: str) -> Account | None:
        """Return the account of an event and forget it; None when there is none."""
        with self._lock:
            return self._waiting.pop(event_id, None)
