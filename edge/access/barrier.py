"""One lane's barrier: gives commands on a thread of its own, so that a dead controller delays nobody.

A command is given at most once per passage, never closer to the one before than
the settings allow, and never late: after its patience the car may have left.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable

from edge.access.audit import Audit
from edge.access.outputs import BarrierFault, BarrierOutput, Command
from edge.clock import Clock
from edge.config.access import BarrierSettings
from edge.errors import StorageError

log = logging.getLogger(__name__)

RETRY_S = 0.5
WAITING = 8  # commands; more than that is not a barrier's pace
_STOP = None


class Barrier:
    """A stage: `run` on its own thread, `ask` and `stop` from any.

    Args:
        output: tells the barrier.
        settings: interval, patience, dry run.
        audit: gets a line per command.
        clock: measures patience.
        alarm: is told when a command could not be given: the attendant must help.
        pause: waits between two attempts.
    """

    def __init__(
        self,
        output: BarrierOutput,
        settings: BarrierSettings,
        audit: Audit,
        clock: Clock,
        alarm: Callable[[Command, str], None] = lambda command, reason: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._output = output
        self._settings = settings
        self._audit = audit
        self._clock = clock
        self._alarm = alarm
        self._pause = pause
        self._inbox: queue.Queue[tuple[Command, float] | None] = queue.Queue(WAITING)
        self._done: dict[str, None] = {}  # passages served, newest last
        self._last_s = float("-inf")

    def ask(self, command: Command) -> None:
        """Have the barrier opened soon; a passage that was served already is left alone."""
        if command.passage_id in self._done:
            return
        self._done[command.passage_id] = None
        while len(self._done) > 1_000:
            del self._done[next(iter(self._done))]
        try:
            self._inbox.put_nowait((command, self._clock.monotonic_s()))
        except queue.Full:
            self._failed(command, "too many commands wait")

    def run(self) -> None:
        """Give commands until `stop`."""
        while (waiting := self._inbox.get()) is not _STOP:
            self._give(*waiting)
        self._output.close()

    def stop(self) -> None:
        """Make `run` return after the commands that wait."""
        self._inbox.put(_STOP)

    def _give(self, command: Command, asked_s: float) -> None:
        if self._clock.monotonic_s() - self._last_s < self._settings.min_interval_s:
            self._note("barrier.skipped", command, reason="the barrier was opened a moment ago")
            return
        if self._settings.dry_run:
            self._note("barrier.dry_run", command)
            return
        reason = self._try_until(command, asked_s + self._settings.patience_s)
        if reason:
            self._failed(command, reason)
        else:
            self._last_s = self._clock.monotonic_s()
            self._note("barrier.opened", command)

    def _try_until(self, command: Command, deadline_s: float) -> str:
        """Return an empty text once the barrier was told, else the last reason why not."""
        while True:
            try:
                self._output.open(command)
            except BarrierFault as error:
                if self._clock.monotonic_s() + RETRY_S >= deadline_s:
                    return str(error)
                self._pause(RETRY_S)
            else:
                return ""

    def _failed(self, command: Command, reason: str) -> None:
        log.error("lane %s: the barrier was not opened: %s", command.lane, reason)
        self._note("barrier.failed", command, reason=reason)
        self._alarm(command, reason)

    def _note(self, what: str, command: Command, **facts: str) -> None:
        try:
            self._audit.note(what, lane=command.lane, passage_id=command.passage_id, event_id=command.event_id, **facts)
        except StorageError as error:
            log.error("audit: %s", error)  # the barrier is more urgent than its record
