"""The outbox: an event exists once it is here, on the disk, and not before.

One transaction with synchronous=FULL numbers an event and stores it; each sink
then takes events in that order and strikes off what was acknowledged. Any
number of threads may append, one thread reads per sink. It delivers nothing.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from edge.clock import Clock, EventIds
from edge.errors import StorageError
from edge.sinks import outbox_rows as rows
from edge.sinks.outbox_recovery import prepare
from edge.sinks.outbox_retention import MIB, Limits, drop_block, excess, unused_bytes, used_bytes
from edge.sinks.outbox_store import connect, lock, translated
from edge.sinks.timekeeping import ClockWatch
from edge.sinks.wire import decode
from edge.types import GateEvent

__all__ = ["Backlog", "Limits", "Outbox"]

log = logging.getLogger(__name__)

RETENTION_EVERY_S = 60.0
VACUUM_PAGES = 256  # handed back to the file system per round, 1 MiB


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one sink, or all of them together, still owe."""

    depth: int  # events
    oldest_s: float  # age of the oldest; 0 when there is none
    dead_letters: int
    size_bytes: int  # of the whole file that is in use


class Outbox:
    """The durable queue; a context manager that holds the file and its lock.

    Args:
        path: SQLite file; made with its folder if missing.
        clock: gives the moment of storing and the pace of retention.
        limits: age, size and free space.
        watch: tells whether UTC can be trusted; None: always.
        ids: names the gap events made here.
        on_drop: told why ("too_old", "outbox_full") and how many events the limits have cost.

    Raises:
        StorageError: (on entering) another daemon holds the file, or it cannot be opened or made.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        limits: Limits = Limits(),
        watch: ClockWatch | None = None,
        ids: EventIds | None = None,
        on_drop: Callable[[str, int], None] = lambda reason, count: None,
    ) -> None:
        self.path = Path(path)
        self.alarm: str | None = None  # why a person should look; None while all is well
        self.dropped = 0  # events that the limits have cost since the start
        self._on_drop = on_drop
        self._clock, self._limits, self._watch = clock, limits, watch
        self._ids = ids or EventIds()
        self._using = threading.Lock()  # every use of the two connections
        self._arrived = threading.Condition()
        self._arrivals = 0
        self._sinks: tuple[str, ...] = ()
        self._retention_due_s = float("-inf")
        self._problem = ""

    def __enter__(self) -> Outbox:
        self._lock = lock(self.path)
        try:
            self.alarm = prepare(self.path, self._clock.utc())
            with translated(self.path, "opening"):
                self._durable = connect(self.path, durable=True)
                self._relaxed = connect(self.path, durable=False)
            self._load_sinks()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._using:
            self._relaxed.close()
            self._durable.close()
            os.close(self._lock)

    # ---- writing -------------------------------------------------------------------------------------------------

    def register(self, *sinks: str) -> None:
        """Give every event from now on to `sinks` too; one that was never here before gets all that is stored.

        Raises:
            StorageError: the file cannot be written.
        """
        if set(sinks) <= set(self._sinks):
            return  # nothing to write: a restart must work on a full disk too
        with self._transaction(self._durable, "registering a sink") as change:
            for name in sinks:
                fresh = change.execute("SELECT 1 FROM sink WHERE name = ?", (name,)).fetchone() is None
                change.execute("INSERT OR REPLACE INTO sink VALUES (?, 1)", (name,))
                if fresh:
                    change.execute("INSERT OR IGNORE INTO pending SELECT ?, position, 0 FROM event", (name,))
        self._load_sinks()

    def retire(self, *, keep: Collection[str]) -> None:
        """Stop giving new events to sinks that are not in `keep`; what they still owe stays until its age limit."""
        gone = [(name,) for name in self._sinks if name not in keep]
        with self._transaction(self._durable, "retiring a sink") as change:
            change.executemany("UPDATE sink SET active = 0 WHERE name = ?", gone)
        self._load_sinks()

    def append(self, events: Iterable[GateEvent]) -> tuple[GateEvent, ...]:
        """Number and store `events` in one transaction; return them as stored, once the disk has them.

        An event that has no JSON form is kept as a dead letter of every sink: it has its number, the others go on.

        Raises:
            StorageError: nothing of this batch was stored; the caller still owns it. See `problem`.
        """
        batch = tuple(events)
        if not batch:
            return ()
        trusted = self._watch is None or self._watch.synchronised()
        self._refuse_when_nearly_full()
        now = self._now()
        with self._transaction(self._durable, "storing events") as change:
            stored = tuple(
                rows.store_event(change, event, self._sinks, now=now, trusted=trusted, ids=self._ids) for event in batch
            )
        self.wake()
        self._keep_limits(trusted)
        return stored

    def acknowledge(self, sink: str, event_ids: Collection[str]) -> None:
        """Strike off what `sink` has delivered; an event that no sink owes any more is deleted."""
        with self._transaction(self._relaxed, "acknowledging") as change:
            for position in rows.positions(change, event_ids):
                rows.strike(change, sink, position)

    def retry(self, sink: str, event_ids: Collection[str]) -> None:
        """Count one more failed attempt of `sink` at these events; they stay where they are."""
        with self._transaction(self._relaxed, "counting an attempt") as change:
            change.executemany(
                "UPDATE pending SET attempts = attempts + 1 WHERE sink = ? AND position = ?",
                [(sink, position) for position in rows.positions(change, event_ids)],
            )

    def reject(self, sink: str, event_id: str, reason: str) -> None:
        """Set one event aside as a dead letter of `sink`, with the reason; the rest goes on."""
        with self._transaction(self._durable, "setting an event aside") as change:
            for position in rows.positions(change, (event_id,)):
                rows.bury(change, sink, position, reason, self._now())

    # ---- reading -------------------------------------------------------------------------------------------------

    def pending(self, sink: str | None = None, limit: int = 20) -> tuple[GateEvent, ...]:
        """Return the oldest events that `sink` (None: any sink) still owes, in the order of storing."""
        with self._reading() as connection:
            found = rows.oldest(connection, sink, limit)
        try:
            return tuple(decode(body) for _, body in found)
        except ValueError:
            with self._transaction(self._durable, "setting unreadable events aside") as change:
                rows.bury_unreadable(change, found, self._now())
        return self.pending(sink, limit)

    def backlog(self, sink: str | None = None) -> Backlog:
        """Return how much `sink` (None: any sink) still owes, and since when."""
        of = {"sink": sink}
        owed = "(:sink IS NULL OR sink = :sink)" if sink is None else "sink = :sink"
        with self._reading() as connection:
            depth, first = connection.execute(
                f"SELECT COUNT(DISTINCT position), MIN(position) FROM pending WHERE {owed}",  # noqa: S608
                of,
            ).fetchone()
            oldest = connection.execute("SELECT stored_utc FROM event WHERE position = ?", (first,)).fetchone()
            (dead,) = connection.execute(
                f"SELECT COUNT(DISTINCT position) FROM dead WHERE {owed}",  # noqa: S608
                of,
            ).fetchone()
            size = used_bytes(connection)
        age_s = 0.0 if oldest is None else max(0.0, self._now() - oldest[0])
        return Backlog(depth, age_s, dead, size)

    @property
    def problem(self) -> str:
        """Return why the last append failed; empty while events are stored."""
        return self._problem

    @property
    def arrivals(self) -> int:
        """Return a number that grows with every append; give it to `wait_for_new`."""
        return self._arrivals

    def wait_for_new(self, seen: int, timeout_s: float) -> bool:
        """Block until something was appended after `arrivals` was `seen`; False when `timeout_s` passed first."""
        with self._arrived:
            return self._arrived.wait_for(lambda: self._arrivals != seen, timeout_s)

    def wake(self) -> None:
        """Make every `wait_for_new` return: something needs attention."""
        with self._arrived:
            self._arrivals += 1
            self._arrived.notify_all()

    # ---- inside --------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection, doing: str) -> Iterator[sqlite3.Connection]:
        try:
            with self._using, translated(self.path, doing):
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
        except StorageError as error:
            self._set_problem(str(error))
            raise
        self._set_problem("")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._using, translated(self.path, "reading"):
            yield self._relaxed

    def _now(self) -> float:
        return self._clock.utc().timestamp()

    def _set_problem(self, problem: str) -> None:
        if problem and not self._problem:
            log.error("outbox: %s", problem)
        elif self._problem and not problem:
            log.warning("outbox: writing works again")
        self._problem = problem

    def _load_sinks(self) -> None:
        with self._reading() as connection:
            rows = connection.execute("SELECT name FROM sink WHERE active ORDER BY name").fetchall()
        self._sinks = tuple(name for (name,) in rows)

    def _refuse_when_nearly_full(self) -> None:
        with translated(self.path, "looking at the disk"):
            free = shutil.disk_usage(self.path.parent).free
        if free < self._limits.min_free_bytes:  # pages that delivered events left behind are as good as free
            with self._reading() as connection:
                free += unused_bytes(connection)
        if free < self._limits.min_free_bytes:
            problem = (
                f"{self.path}: no event is stored, because only {free / MIB:.1f} MiB are free and"
                f" {self._limits.min_free_bytes / MIB:g} MiB are kept for acknowledgements."
                f" Free space on the disk of {self.path.parent}"
            )
            self._set_problem(problem)
            raise StorageError(problem)

    def _keep_limits(self, trusted: bool) -> None:
        """Now and then drop what is beyond the limits; a failure here never touches what was just stored."""
        now_s = self._clock.monotonic_s()
        if now_s < self._retention_due_s:
            return
        self._retention_due_s = now_s + RETENTION_EVERY_S
        with suppress(StorageError):  # reported through `problem`; tried again next time
            while self._drop_some(trusted):
                pass
            with self._reading() as connection:
                connection.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()

    def _drop_some(self, trusted: bool) -> int:
        now = self._clock.utc()
        with self._transaction(self._durable, "keeping the limits") as change:
            until, reason = excess(change, self._limits, now.timestamp(), trusted=trusted)
            lost = drop_block(change, until, reason, now, self._ids) if reason else 0
        if lost:
            self.dropped += lost
            self._on_drop("outbox_full" if until == float("inf") else "too_old", lost)
            self.alarm = f"{self.dropped} undelivered events were dropped: {reason}"
            log.error("outbox: %s; a gap event tells each consumer", self.alarm)
        return lost
