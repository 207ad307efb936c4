"""Runs the daemon's stages: starts them in order, watches them, stops them in order.

A stage is a thread with a way to stop. The first unexpected error in any thread
takes the process down, so that the service manager starts a clean one; a second
signal exits at once. What the stages do is none of this module's business.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from edge.errors import EdgeError
from edge.service_manager import ServiceManager

log = logging.getLogger(__name__)

STOP_WITHIN_S = 18.0  # all stages together; the service manager kills after 20
LEAVE_WITHIN_S = 19.0  # the same, with everything that is closed afterwards
STAGE_WITHIN_S = 6.0  # one that hangs must not use up the time of those behind it, which store and deliver
WATCH_EVERY_S = 0.5
DEEPEST_CALLS = 4  # per thread, in the report on a hang
EXIT_FAILED = 1
EXIT_AGAIN = 130  # a second signal


@dataclass(frozen=True, slots=True)
class Stage:
    """One thread of the daemon.

    Attributes:
        name: of the thread.
        run: its work; returns when it was stopped or has nothing more to do.
        stop: asks `run` to return soon; may be called from any thread, also when it has ended already.
        leads: when all leading stages have ended by themselves (a video file is over), the daemon stops.
    """

    name: str
    run: Callable[[], None]
    stop: Callable[[], None]
    leads: bool = False


class Runtime:
    """The life of the process between start and stop.

    Args:
        stages: in the order in which they start; they are stopped the other way round, one after the other, so that
            whatever a stage hands on is still taken in.
        healthy: tells whether the watchdog may be fed.
        reload: what SIGHUP does; when it raises an EdgeError, the old settings stay in force.
        status: gives the line that `systemctl status` shows.
        service_manager: is told when the daemon is ready, alive and stopping.
        exit_now: ends the process without any cleaning, at a second signal.
        leave_within_s: when the process still exists this long after the stop began, it is ended by force, and the log
            says where it hung. Goes on after `run` has returned: closing files may hang as well.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        healthy: Callable[[], bool] = lambda: True,
        reload: Callable[[], None] = lambda: None,
        status: Callable[[], str] = lambda: "watching the gate",
        service_manager: ServiceManager | None = None,
        exit_now: Callable[[int], object] = os._exit,
        leave_within_s: float | None = None,
    ) -> None:
        self._stages = tuple(stages)
        self._healthy = healthy
        self._reload = reload
        self._manager = service_manager or ServiceManager()
        self._status = status
        self._exit_now = exit_now
        self._leave_within_s = leave_within_s
        self._threads: dict[str, threading.Thread] = {}
        # Wakes the main thread. An Event could dead-lock in a signal handler that interrupts its own reader;
        # SimpleQueue is made for that.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._stop_wanted = ""
        self._signals = 0
        self._reload_wanted = False
        self._was_healthy = True
        self._failed: str | None = None

    def run(self) -> int:
        """Start everything, wait for a reason to stop, stop everything; return the exit code of the process."""
        previous = {s: signal.signal(s, self._on_signal) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            for stage in self._stages:
                self._start(stage)
            self._manager.ready()
            self._watch()
            self._manager.stopping()
            self._limit_the_stop()
            late = self._stop()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        return EXIT_FAILED if self._failed or late else 0

    def request_stop(self) -> None:
        """Make `run` stop everything and return. Any thread may call it."""
        self._stop_wanted = self._stop_wanted or "asked to stop"
        self._wake.put(None)

    def _start(self, stage: Stage) -> None:
        thread = threading.Thread(target=self._guarded, args=(stage,), name=stage.name, daemon=True)
        self._threads[stage.name] = thread
        thread.start()

    def _guarded(self, stage: Stage) -> None:
        try:
            stage.run()
        except Exception:  # the one place: an unexpected error in any thread ends the process
            log.exception("thread %s failed; the daemon stops", stage.name)
            self._failed = self._failed or stage.name
        finally:
            self._wake.put(None)

    def _watch(self) -> None:
        while not self._over():
            if self._reload_wanted:
                self._reload_wanted = False
                self._read_settings_again()
            self._feed_watchdog()
            self._manager.status(self._status())
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=WATCH_EVERY_S)

    def _read_settings_again(self) -> None:
        self._manager.reloading()
        try:
            self._reload()
        except EdgeError as error:
            log.error("the settings stay as they were: %s", error)
        self._manager.ready()

    def _feed_watchdog(self) -> None:
        healthy = self._healthy()
        if healthy:
            self._manager.alive()
        if healthy != self._was_healthy:
            self._was_healthy = healthy
            if healthy:
                log.warning("all threads make progress again")
            else:
                log.error("a thread makes no progress; the service manager is no longer told that all is well")
                log.error("where the threads are:\n%s", _stacks())  # the only witness before we are killed

    def _over(self) -> bool:
        if self._failed is not None:
            return True
        if self._stop_wanted:
            log.info("stopping: %s", self._stop_wanted)
            return True
        leading = [self._threads[s.name] for s in self._stages if s.leads]
        if leading and not any(t.is_alive() for t in leading):
            log.info("stopping: nothing is left to do")
            return True
        return False

    def _limit_the_stop(self) -> None:
        if self._leave_within_s is not None:
            limit = threading.Timer(self._leave_within_s, self._leave)
            limit.daemon = True
            limit.start()

    def _leave(self) -> None:
        log.error("still here %.0f s after the stop began: leaving by force", self._leave_within_s)
        log.error("where the threads are:\n%s", _stacks())
        self._exit_now(EXIT_FAILED)

    def _stop(self) -> list[str]:
        """Stop the stages from the last one started to the first; return those that did not end as they should."""
        deadline_s = time.monotonic() + STOP_WITHIN_S
        late: list[str] = []
        for stage in reversed(self._stages):
            try:
                stage.stop()
            except EdgeError as error:
                log.error("thread %s cannot be stopped: %s", stage.name, error)
                late.append(stage.name)
            thread = self._threads.get(stage.name)
            if thread is None:
                continue
            thread.join(max(0.1, min(STAGE_WITHIN_S, deadline_s - time.monotonic())))
            if thread.is_alive():
                log.error("thread %s did not end in time and is left behind", stage.name)
                late.append(stage.name)
        return late

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reload_wanted = True
        else:
            self._signals += 1
            self._stop_wanted = self._stop_wanted or signal.Signals(number).name
        if self._signals > 1:
            self._exit_now(EXIT_AGAIN)
        self._wake.put(None)


def _stacks() -> str:
    """Return what every thread is doing now, as text."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"thread {names.get(ident, ident)}:\n{''.join(traceback.format_stack(frame)[-DEEPEST_CALLS:])}"
        for ident, frame in sys._current_frames().items()
    )
