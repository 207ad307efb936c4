"""Runs the daemon's stages: starts them in order, watches them, stops them in order.

A stage is a thread with a way to stop. The first unexpected error in any thread
takes the process down, so that the service manager starts a clean one; a second
signal exits at once. What the stages do is none of this module's business.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from edge.service_manager import ServiceManager

log = logging.getLogger(__name__)

STOP_WITHIN_S = 18.0  # the service manager kills after 20
WATCH_EVERY_S = 0.5
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
        reload: what SIGHUP does.
        service_manager: is told when the daemon is ready, alive and stopping.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        healthy: Callable[[], bool] = lambda: True,
        reload: Callable[[], None] = lambda: None,
        service_manager: ServiceManager | None = None,
    ) -> None:
        self._stages = tuple(stages)
        self._healthy = healthy
        self._reload = reload
        self._manager = service_manager or ServiceManager()
        self._threads: dict[str, threading.Thread] = {}
        self._wake = threading.Event()
        self._stop_wanted = False
        self._reload_wanted = False
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
            late = self._stop()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        return EXIT_FAILED if self._failed or late else 0

    def request_stop(self) -> None:
        """Make `run` stop everything and return. Any thread may call it."""
        self._stop_wanted = True
        self._wake.set()

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
            self._wake.set()

    def _watch(self) -> None:
        while not self._over():
            if self._reload_wanted:
                self._reload_wanted = False
                self._manager.reloading()
                self._reload()
                self._manager.ready()
            if self._healthy():
                self._manager.alive()
            self._wake.wait(WATCH_EVERY_S)
            self._wake.clear()

    def _over(self) -> bool:
        leading = [self._threads[s.name] for s in self._stages if s.leads]
        return (
            self._stop_wanted or self._failed is not None or (bool(leading) and not any(t.is_alive() for t in leading))
        )

    def _stop(self) -> list[str]:
        """Stop the stages from the last one started to the first; return those that did not end in time."""
        deadline_s = time.monotonic() + STOP_WITHIN_S
        late: list[str] = []
        for stage in reversed(self._stages):
            stage.stop()
            thread = self._threads.get(stage.name)
            if thread is None:
                continue
            thread.join(max(0.1, deadline_s - time.monotonic()))
            if thread.is_alive():
                late.append(stage.name)
        if late:
            log.error("threads that did not end in time: %s", ", ".join(late))
        return late

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reload_wanted = True
        elif self._stop_wanted:
            os._exit(EXIT_AGAIN)
        else:
            self._stop_wanted = True
        self._wake.set()
