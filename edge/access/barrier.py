"""One lane's barrier: gives commands on a thread of its own, so that a dead controller delays nobody.

A command is given at most once per passage, never closer to the one before than the settings allow, only while the
contacts agree, and never late: after its patience the car may have left. What could not be done is an alarm.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.access.audit import Audit
from edge.access.interlock import NO_VEHICLE, HoldGuard, Interlock
from edge.access.outputs import BarrierFault, BarrierOutput, Command
from edge.clock import Clock
from edge.config.access import BarrierSettings
from edge.errors import StorageError

log = logging.getLogger(__name__)

RETRY_S = 0.5  # after a fault
LOOK_S = 0.1  # between two looks at the contacts
GUARD_S = 1.0  # between two looks at an idle barrier
WAITING = 8  # commands; more than that is not a barrier's pace
REMEMBERED = 1_000  # passages
_STOP = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """A barrier needs a person."""

    lane: str
    kind: str  # not_opened, held_open or contact
    reason: str
    command: Command | None = None  # that could not be given; its vehicle waits


@dataclass(frozen=True, slots=True)
class Report:
    """Who is told what a barrier does."""

    alarm: Callable[[Alarm], None] = lambda alarm: None
    outcome: Callable[[str, str], None] = lambda lane, outcome: None  # opened, skipped, dry_run, failed


@dataclass(slots=True)
class _Attempt:
    """How far one command has come."""

    command: Command
    deadline_s: float
    reason: str = ""  # why it was not given, so far
    fault: bool = False  # a person is needed: something is broken, or the loop does not see who waits


class Barrier:
    """A stage: `run` on its own thread, `ask`, `gone` and `stop` from any.

    Args:
        lane: it stands in.
        output: tells the barrier.
        settings: interval, patience, dry run.
        audit: gets a line per command.
        clock: measures patience.
        interlock: its contacts.
        report: is told of commands and alarms.
        pause: waits between two attempts.
    """

    def __init__(
        self,
        lane: str,
        output: BarrierOutput,
        settings: BarrierSettings,
        audit: Audit,
        clock: Clock,
        interlock: Interlock | None = None,
        report: Report | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._lane = lane
        self._output = output
        self._settings = settings
        self._audit = audit
        self._clock = clock
        self._interlock = interlock or Interlock()
        self._report = report or Report()
        self._pause = pause
        self._inbox: queue.Queue[tuple[Command, float] | None] = queue.Queue(WAITING)
        self._done: dict[str, None] = {}  # passages served, newest last
        self._left: dict[str, None] = {}  # passages that are over
        self._guard = HoldGuard(settings.held_open_after_s)
        self._blind = False  # the contact cannot be read
        self._last_s = float("-inf")

    def ask(self, command: Command, decided_s: float | None = None) -> None:
        """Have the barrier opened soon; a passage that was served already is left alone.

        Args:
            command: for one passage.
            decided_s: monotonic moment of the decision, from which patience counts; None: now.
        """
        if command.passage_id in self._done:
            return
        _remember(self._done, command.passage_id)
        try:
            self._inbox.put_nowait((command, self._clock.monotonic_s() if decided_s is None else decided_s))
        except queue.Full:
            self._failed(command, "too many commands wait")

    def gone(self, passage_id: str) -> None:
        """Note that the vehicle of this passage has left: it must not be opened for any more."""
        _remember(self._left, passage_id)

    def run(self) -> None:
        """Give commands, and watch over the barrier in between, until `stop`."""
        while True:
            try:
                waiting = self._inbox.get(timeout=GUARD_S)
            except queue.Empty:
                self.look()
                continue
            if waiting is _STOP:
                break
            self._give(*waiting)
        self._output.close()
        self._interlock.close()

    def stop(self) -> None:
        """Make `run` return after the commands that wait."""
        self._inbox.put(_STOP)

    def look(self) -> None:
        """Look after the idle barrier: alarm when it is held open, or when its contact cannot be read."""
        try:
            held = self._guard.see(self._interlock.down(), self._clock.monotonic_s())
        except BarrierFault as error:
            if not self._blind:
                self._alarm("contact", str(error))
            self._blind = True
            return
        self._blind = False
        if held is True:
            self._alarm("held_open", f"not down for {self._settings.held_open_after_s:g} s")
        elif held is False:
            log.warning("lane %s: the barrier is down again", self._lane)
            self._note("barrier.down")

    def _give(self, command: Command, decided_s: float) -> None:
        if self._settings.dry_run:
            self._told(command, "dry_run")
            return
        attempt = _Attempt(command, decided_s + self._settings.patience_s)
        if self._try(attempt):
            self._last_s = self._clock.monotonic_s()
            if self._answers():
                self._told(command, "opened")
            else:
                self._failed(command, "the barrier was told to open and does not move")
        elif attempt.fault:
            self._failed(command, attempt.reason)
        else:
            self._told(command, "skipped", reason=attempt.reason)

    def _try(self, attempt: _Attempt) -> bool:
        """Return True once the barrier was told; False when its time is over."""
        if self._clock.monotonic_s() >= attempt.deadline_s:  # it waited for the disk, or behind other commands
            attempt.fault, attempt.reason = True, "the decision came too late: the vehicle may have left"
            return False
        while True:
            pause_s = LOOK_S
            try:
                attempt.reason = self._objection(attempt.command)
                attempt.fault = attempt.reason == NO_VEHICLE
                if not attempt.reason:
                    self._output.open(attempt.command)
                    return True
            except BarrierFault as error:
                attempt.fault, attempt.reason, pause_s = True, str(error), RETRY_S
            if self._clock.monotonic_s() + pause_s >= attempt.deadline_s:
                return False
            self._pause(pause_s)

    def _objection(self, command: Command) -> str:
        if self._clock.monotonic_s() - self._last_s < self._settings.min_interval_s:
            return "the barrier was opened a moment ago"
        return self._interlock.objection(gone=command.passage_id in self._left)

    def _answers(self) -> bool:
        """Wait until the barrier has left its closed contact; True where nothing could tell."""
        deadline_s = self._clock.monotonic_s() + self._settings.answers_within_s
        while True:
            try:
                if self._interlock.down() is not True:
                    return True
            except BarrierFault as error:
                self._alarm("contact", str(error))
                return True  # it was told; that is all anybody knows
            if self._clock.monotonic_s() + LOOK_S >= deadline_s:
                return False
            self._pause(LOOK_S)

    def _told(self, command: Command, outcome: str, **facts: str) -> None:
        self._note(f"barrier.{outcome}", command, **facts)
        self._report.outcome(self._lane, outcome)

    def _failed(self, command: Command, reason: str) -> None:
        self._told(command, "failed", reason=reason)
        self._alarm("not_opened", reason, command)

    def _alarm(self, kind: str, reason: str, command: Command | None = None) -> None:
        log.error("lane %s: barrier: %s: %s", self._lane, kind.replace("_", " "), reason)
        if command is None:
            self._note(f"barrier.{kind}", reason=reason)
        self._report.alarm(Alarm(self._lane, kind, reason, command))

    def _note(self, what: str, command: Command | None = None, **facts: Any) -> None:
        about: dict[str, Any] = (
            {} if command is None else {"passage_id": command.passage_id, "event_id": command.event_id}
        )
        try:
            self._audit.note(what, lane=self._lane, **about, **facts)
        except StorageError as error:
            log.error("audit: %s", error)  # the barrier is more urgent than its record


def _remember(passages: dict[str, None], passage_id: str) -> None:
    passages[passage_id] = None
    while len(passages) > REMEMBERED:
        del passages[next(iter(passages))]
