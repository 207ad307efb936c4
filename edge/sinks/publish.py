"""The publish stage: one thread per sink that empties the outbox into it.

An event leaves the outbox when its sink has delivered it, or becomes a dead
letter when the sink says that it never can. Everything else waits on disk.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from random import Random

from edge.board import SinkStatus
from edge.clock import Clock, SystemClock
from edge.errors import EventRejected, SinkUnavailable, StorageError
from edge.protocols import Sink
from edge.sinks.backoff import Backoff
from edge.sinks.outbox import Outbox
from edge.types import GateEvent

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 2.0  # with jitter at least 1 s: AWS IoT Core allows one CONNECT a second per client id
BATCH = 20
STUCK = 5  # failures in a row at the same event before the event itself is suspected
POLL_S = 0.5  # a waiting stage looks up this often: heartbeat, connection, events that the command line put back


class PublishStage:
    """Registers its sink with the outbox when made; `run` works until `stop`.

    Args:
        outbox: where events wait.
        sink: where they go; only this stage's thread uses it.
        clock: measures back-off.
        heartbeat: called at least every few seconds while the thread is alive.
        max_backoff_s: longest pause after failures.
        batch: events handed to the sink at once.
        random: source of jitter.
        certificate_expires: tells until when the sink's own certificate is valid; for the status.
    """

    def __init__(
        self,
        outbox: Outbox,
        sink: Sink,
        *,
        clock: Clock | None = None,
        heartbeat: Callable[[], None] = lambda: None,
        max_backoff_s: float = 60.0,
        first_pause_s: float = FIRST_PAUSE_S,
        batch: int = BATCH,
        random: Random | None = None,
        certificate_expires: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._outbox, self._sink, self._heartbeat = outbox, sink, heartbeat
        self._clock = clock or SystemClock()
        self._batch = batch
        self._certificate_expires = certificate_expires
        self._backoff = Backoff(first_pause_s, max_backoff_s, random)
        self._stopping = threading.Event()
        self._drain_until_s = float("inf")
        self._status = SinkStatus(sink.name)
        self._stuck_on: str | None = None  # the oldest event that the last attempt did not get rid of
        self._stuck_times = 0
        self.delivered = 0
        self.rejected = 0
        self.failures = 0  # attempts that found the sink unavailable
        outbox.register(sink.name)

    @property
    def name(self) -> str:
        """Return the thread's name."""
        return f"publish-{self._sink.name}"

    @property
    def sink(self) -> str:
        """Return the sink's name."""
        return self._sink.name

    def status(self) -> SinkStatus:
        """Return the state of the sink, for the status board. Safe from any thread."""
        depth = self._outbox.backlog(self._sink.name).depth
        return replace(self._status, pending=depth, certificate_expires=self._certificate_expires())

    def run(self) -> None:
        """Deliver until `stop`; then what is left for as long as the stop allows and the sink works."""
        try:
            while not self._finished():
                self._heartbeat()
                self._turn()
        finally:
            self._sink.close()

    def stop(self, drain_s: float = 3.0) -> None:
        """Ask the thread to end once all is delivered, a delivery fails, or `drain_s` have passed."""
        self._drain_until_s = self._clock.monotonic_s() + drain_s
        self._stopping.set()
        self._outbox.wake()

    def abort(self) -> None:
        """Ask the thread to end now, even out of a blocked delivery; what is not acknowledged stays on disk."""
        self._drain_until_s = float("-inf")
        self._stopping.set()
        self._sink.interrupt()
        self._outbox.wake()

    def _finished(self) -> bool:
        if not self._stopping.is_set():
            return False
        if self._clock.monotonic_s() >= self._drain_until_s or self._backoff.failures:
            return True
        return not self._outbox.pending(self._sink.name, 1)

    def _turn(self) -> None:
        """Deliver one batch, or keep the sink ready and wait for events; after a fault, pause."""
        seen = self._outbox.arrivals
        try:
            worked = self._deliver()
        except SinkUnavailable as error:
            self._failed(str(error))
        except StorageError as error:
            self._failed(str(error))
        else:
            if not worked and not self._stopping.is_set():
                self._outbox.wait_for_new(seen, POLL_S)

    def _deliver(self) -> bool:
        """Hand one batch to the sink and note what became of it; False when there was nothing to do."""
        name = self._sink.name
        batch = self._outbox.pending(name, self._batch)
        try:
            if self._stuck_times >= STUCK and len(batch) > 1 and batch[0].event_id == self._stuck_on:
                self._test_the_event(batch[0], batch[1])
            else:
                self._sink.write(batch)
                self._done([event.event_id for event in batch])
        except SinkUnavailable as error:
            self._done(error.delivered)
            left = [event.event_id for event in batch if event.event_id not in error.delivered]
            self._outbox.retry(name, left)
            self._note_stuck(left)
            raise
        except EventRejected as error:
            self._done(error.delivered)
            self._reject(error)
        self._works()
        return bool(batch)

    def _note_stuck(self, left: list[str]) -> None:
        first = left[0] if left else None
        self._stuck_times = self._stuck_times + 1 if first == self._stuck_on else 1
        self._stuck_on = first

    def _test_the_event(self, suspect: GateEvent, other: GateEvent) -> None:
        """After many failures at one event: if another goes through and this one still fails, it is to blame.

        Some brokers hang up at an event that they do not like, and never say why; it must not hold up all others.
        """
        self._stuck_times = 0
        self._sink.write([other])  # raises when the sink does not work at all: then the event is innocent
        self._done([other.event_id])
        try:
            self._sink.write([suspect])
        except SinkUnavailable as error:
            self._reject(EventRejected(suspect.event_id, f"the sink fails on this event and takes others: {error}"))
        else:
            self._done([suspect.event_id])

    def _reject(self, error: EventRejected) -> None:
        self._outbox.reject(self._sink.name, error.event_id, error.reason)
        self.rejected += 1
        log.error("sink %s: event %s is set aside: %s", self._sink.name, error.event_id, error.reason)

    def _done(self, event_ids: list[str] | frozenset[str]) -> None:
        if event_ids:
            self._outbox.acknowledge(self._sink.name, event_ids)
            self.delivered += len(event_ids)

    def _works(self) -> None:
        self._backoff.reset()
        if not self._status.connected:
            log.info("sink %s works", self._sink.name)
            now_s, times = self._clock.monotonic_s(), self._status.connections + 1
            self._status = replace(self._status, connected=True, reason="", changed_s=now_s, connections=times)

    def _failed(self, reason: str) -> None:
        self.failures += 1
        pause_s = self._backoff.next_s()
        if self._status.connected or self._status.reason != reason:
            log.warning("sink %s unavailable: %s; next attempt in %.1f s", self._sink.name, reason, pause_s)
            self._status = replace(self._status, connected=False, reason=reason, changed_s=self._clock.monotonic_s())
        until_s = self._clock.monotonic_s() + pause_s
        while (left_s := until_s - self._clock.monotonic_s()) > 0 and not self._stopping.is_set():
            self._heartbeat()
            self._stopping.wait(min(left_s, POLL_S))
