"""Retention: forgets each class of data when its days are over, in all stores, and keeps a record of it.

A chore of the daemon's housekeeping. It works in small steps, so that nothing
waits for it, and only while the clock can be trusted: a clock that leaps
forward must not cost a month of data. A gate without a time server must forget
too: its clock is taken for good when it has run evenly for a day.
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
EVEN_FOR_S = 86_400.0  # of a clock that nothing synchronises: time enough for a person to see that it is wrong
JUMP_S = 2.0


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
        self._offset_s, self._even_since_s = self._offset(), clock.monotonic_s()
        self._gone: Counter[tuple[str, KeepClass]] = Counter()  # in this round, not yet recorded

    def __call__(self) -> None:
        """Do the next step, if one is due."""
        if not self._clock_is_good() or self._clock.monotonic_s() < self._due_s:
            return
        try:
            more = self._step()
        except StorageError as error:
            log.error("privacy: what is too old could not be forgotten: %s", error)
            more = False
        if not more:
            self._due_s = self._clock.monotonic_s() + EVERY_S
            self._record()

    def _clock_is_good(self) -> bool:
        offset_s, now_s = self._offset(), self._clock.monotonic_s()
        if abs(offset_s - self._offset_s) > JUMP_S:
            self._even_since_s = now_s
        self._offset_s = offset_s
        return self._trusted() or now_s - self._even_since_s >= EVEN_FOR_S

    def _offset(self) -> float:
        return self._clock.utc().timestamp() - self._clock.monotonic_s()

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
