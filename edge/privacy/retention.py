"""Retention: forgets each class of data when its days are over, in all stores, and keeps a record of it.

A chore of the daemon's housekeeping. It works in small steps, so that nothing
waits for it, and only while the clock can be trusted: a clock that leaps
forward must not cost a month of data.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

from edge.access.audit import Audit
from edge.clock import Clock
from edge.config.privacy import KeepSettings
from edge.errors import StorageError
from edge.privacy.keeping import oldest_kept
from edge.protocols import KeepClass, PersonalData

log = logging.getLogger(__name__)

EVERY_S = 3600.0
BATCH = 200  # records per class, store and step


class Retention:
    """Call it often; it does something once an hour, then step by step until all is done.

    Args:
        stores: where data is kept.
        keep: for how long.
        clock: of the process.
        trusted: tells whether UTC is right.
        audit: gets a line per store and class, without plates.
    """

    def __init__(
        self,
        stores: Sequence[PersonalData],
        keep: KeepSettings,
        clock: Clock,
        trusted: Callable[[], bool],
        audit: Audit,
    ) -> None:
        self._stores = tuple(stores)
        self._keep, self._clock, self._trusted, self._audit = keep, clock, trusted, audit
        self._due_s = float("-inf")
        self._gone: Counter[tuple[str, KeepClass]] = Counter()  # in this round, not yet recorded

    def __call__(self) -> None:
        """Do the next step, if one is due."""
        if self._clock.monotonic_s() < self._due_s or not self._trusted():
            return
        try:
            more = self._step()
        except StorageError as error:
            log.error("privacy: what is too old could not be forgotten: %s", error)
            more = False
        if not more:
            self._due_s = self._clock.monotonic_s() + EVERY_S
            self._record()

    def _step(self) -> bool:
        """Forget one batch per store and class; return whether there may be more."""
        until = oldest_kept(self._keep, self._clock.utc())
        more = False
        for store in self._stores:
            for kept_as, count in store.purge(until, BATCH).items():
                self._gone[store.name, kept_as] += count
                more = more or count >= BATCH
        return more

    def _record(self) -> None:
        until = oldest_kept(self._keep, self._clock.utc())
        for (store, kept_as), count in sorted(self._gone.items()):
            older_than = until[kept_as].isoformat(timespec="seconds")
            try:
                self._audit.note("purge", store=store, kept_as=kept_as.value, records=count, older_than=older_than)
            except StorageError as error:
                log.error("privacy: %s", error)
        self._gone.clear()
