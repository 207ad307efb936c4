"""A camera that follows a script: frames, pauses of its clock and failures, without network or waiting."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timezone

import numpy as np

from edge.clock import VirtualClock
from edge.errors import SourceUnavailable
from edge.types import Frame, UInt8Array

_BLACK = np.zeros((1, 1, 3), np.uint8)
START = datetime(2026, 1, 2, tzinfo=timezone.utc)


class ScriptedSource:
    """A FrameSource that plays `script`: each connection is a list of steps.

    A step is a frame time in seconds, a (time, picture) pair, or an error to raise. A connection whose first step is
    an error fails in `open`. After the last step of a connection comes None, the end of a finite video.
    """

    def __init__(self, connections: Sequence[Sequence[object]], clock: VirtualClock, name: str = "gate") -> None:
        self._connections = [list(c) for c in connections]
        self._clock = clock
        self._name = name
        self._steps: list[object] = []
        self._sequence = 0
        self._interrupted = threading.Event()
        self.opened = 0
        self.closed = 0
        self.damaged_packets = 0

    @property
    def name(self) -> str:
        return self._name

    def open(self) -> None:
        self._refuse_when_interrupted()
        self.opened += 1
        self._steps = self._connections.pop(0)
        if self._steps and isinstance(self._steps[0], Exception):
            raise self._steps.pop(0)  # type: ignore[misc]

    def read(self) -> Frame | None:
        self._refuse_when_interrupted()
        if not self._steps:
            return None
        step = self._steps.pop(0)
        if step == "block":
            self._interrupted.wait(30)
            self._refuse_when_interrupted()
        if isinstance(step, Exception):
            raise step
        at_s, luma = step if isinstance(step, tuple) else (step, noise(self._sequence))
        self._clock.advance_to(at_s)
        frame = Frame(
            self._name, self._sequence, at_s, self._clock.utc(), luma, lambda _: np.zeros((1, 1, 3), np.uint8)
        )
        self._sequence += 1
        return frame

    def interrupt(self) -> None:
        self._interrupted.set()

    def close(self) -> None:
        self.closed += 1
        self._steps = []

    def _refuse_when_interrupted(self) -> None:
        if self._interrupted.is_set():
            raise SourceUnavailable("interrupted", retry=False)


def noise(seed: int) -> UInt8Array:
    """Return a picture unlike every other."""
    return np.random.default_rng(seed).integers(0, 255, (48, 64), np.uint8)


class Recorder:
    """An observer that writes everything down and can be waited for."""

    def __init__(self, *, keep_frames: bool = True) -> None:
        self.changed = threading.Condition()
        self._keep_frames = keep_frames
        self.states: list[tuple[str, str]] = []
        self.frames: list[Frame] = []
        self.dropped: dict[str, int] = {}

    def camera_changed(self, camera: str, state: object, reason: str) -> None:
        with self.changed:
            self.states.append((str(getattr(state, "value", state)), reason))
            self.changed.notify_all()

    def frame_received(self, frame: Frame) -> None:
        with self.changed:
            if self._keep_frames:
                self.frames.append(frame)
            self.changed.notify_all()

    def frame_dropped(self, camera: str, reason: str, count: int) -> None:
        with self.changed:
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def wait_for_state(self, state: str | set[str], after: int = 0, timeout_s: float = 60) -> int:
        """Wait until the state (or one of them) occurs at or behind place `after`; return the place behind it."""
        wanted = {state} if isinstance(state, str) else state

        def places() -> list[int]:
            return [place for place, (name, _) in enumerate(self.states) if place >= after and name in wanted]

        with self.changed:
            assert self.changed.wait_for(places, timeout_s), f"no {state} in {timeout_s} s, but {self.states[after:]}"
            return places()[0] + 1

    def wait_for_frames(self, count: int, timeout_s: float = 60) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.frames) >= count, timeout_s), self.states
