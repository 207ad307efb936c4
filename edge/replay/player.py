"""Plays a recorded video through the pipeline of a live gate, on a virtual clock.

The video's own time stamps are the clock and the identifiers come from a seed,
so two runs give the same events bit for bit, however fast the machine is.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from edge.clock import SystemClock, VirtualClock, seeded_ids
from edge.config.camera import CameraSettings
from edge.config.settings import Settings
from edge.errors import SourceUnavailable
from edge.pipeline.capture_file import FileSource
from edge.pipeline.pipeline import Pipeline, Step, Stopwatch
from edge.types import Frame, GateEvent, Trigger
from edge.vision import build_pipeline

EPOCH = datetime(2000, 1, 1, tzinfo=timezone.utc)  # of videos whose date nobody gives


class Player:
    """One video through one camera's pipeline.

    Args:
        video: the file.
        settings: of a site; the models and thresholds come from it.
        camera: the camera of `settings` that the video stands for.
        start: when the video was taken, as aware UTC.
        realtime: as slowly as it was recorded; its events are the same.
        stopwatch: for the timings of stages; without one they are zero.
        triggers: seconds after the first frame at which somebody says that a vehicle is here.

    Raises:
        ModelError: a model cannot be used.
    """

    def __init__(
        self,
        video: Path,
        settings: Settings,
        camera: CameraSettings,
        *,
        start: datetime = EPOCH,
        realtime: bool = False,
        stopwatch: Stopwatch = lambda: 0.0,
        triggers: Sequence[float] = (),
    ) -> None:
        clock = VirtualClock(start)
        self._video = video
        self._source = FileSource(str(video), name=camera.name, clock=clock, realtime=realtime, pace=SystemClock())
        self.pipeline: Pipeline = build_pipeline(settings, camera, seeded_ids(_seed(video)), stopwatch)
        self._triggers = sorted(triggers)
        self._sequence = 0
        self.frames = 0
        self.expected_frames = 0  # as many as the file claims to hold; 0 when it does not say, or before it is played
        self.duration_s = 0.0

    def play(self) -> Iterator[Step]:
        """Yield the step of every frame, then one last step with the events that the end of the video brought.

        Raises:
            SourceUnavailable: not a video, or nothing in it can be decoded.
        """
        self._source.open()
        self.expected_frames = self._source.connection.frames if self._source.connection else 0
        last: Step | None = None
        first_s: float | None = None
        try:
            while (frame := self._source.read()) is not None:
                first_s = frame.monotonic_s if first_s is None else first_s
                last = self._numbered(self.pipeline.step(frame, self._due(frame, first_s)))
                self.frames += 1
                self.duration_s = frame.monotonic_s - first_s
                yield last
        finally:
            self._source.close()
        if last is None:
            raise SourceUnavailable(f"{self._video}: no frame in it. Give a recording of a camera", retry=False)
        yield self._numbered(Step(last.frame, None, events=self.pipeline.settle()))

    def _due(self, frame: Frame, first_s: float) -> list[Trigger]:
        """Return the scripted triggers whose moment has come."""
        ages_s = [frame.monotonic_s - first_s - at_s for at_s in self._triggers]
        due = [age_s for age_s in ages_s if age_s >= 0]
        del self._triggers[: len(due)]
        return [Trigger(frame.monotonic_s - a, frame.captured_at - timedelta(seconds=a), "script") for a in due]

    def _numbered(self, step: Step) -> Step:
        """Give events the sequence that the outbox gives them at a live gate."""
        if not step.events:
            return step
        events: list[GateEvent] = []
        for event in step.events:
            self._sequence += 1
            events.append(replace(event, sequence=self._sequence))
        return replace(step, events=tuple(events))


def published_at(event: GateEvent, step: Step) -> datetime:
    """Return when a live gate would have published `event` at the earliest: when its frame was looked at."""
    return max(event.captured_at, step.frame.captured_at)


def _seed(video: Path) -> int:
    """Return a number that is the same for the same file name and size: the identifiers of its events."""
    size = video.stat().st_size if video.exists() else 0
    return zlib.crc32(f"{video.name}:{size}".encode())
