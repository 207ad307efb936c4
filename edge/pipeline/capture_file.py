"""Recorded video as a camera.

A frame's time is its place in the video, so two readings of one file give the
same frames with the same times, whatever the machine does meanwhile. Played in
real time it waits for each frame's moment; it never reconnects.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from edge.clock import Clock
from edge.errors import SourceUnavailable
from edge.pipeline.capture_av import Access, Connection, connect
from edge.pipeline.capture_planes import Picture
from edge.pipeline.capture_url import shown
from edge.types import Frame

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_ASSUMED_FPS = 25.0  # of a file that tells neither time stamps nor a rate


class FileSource:
    """A FrameSource over a file.

    Args:
        path: of the file, or a file:// URL.
        name: the camera's name in the frames.
        clock: its readings at `open` are the video's moment 0: give a virtual one to repeat a run exactly.
        loop: start again at the end; times go on.
        realtime: hand out each frame at its moment, as a camera would.
        pace: what that moment is measured by; without, `clock`. A virtual clock needs a real one here.
    """

    def __init__(
        self,
        path: str,
        *,
        name: str,
        clock: Clock,
        loop: bool = False,
        realtime: bool = False,
        pace: Clock | None = None,
    ) -> None:
        self._access = Access(path)
        self._name = name
        self._clock = clock
        self._loop = loop
        self._realtime = realtime
        self._pace = pace or clock
        self._interrupted = threading.Event()
        self._connection: Connection | None = None
        self._frames: Iterator[Frame] | None = None
        self._sequence = 0
        self._damaged = 0
        self._decode_s = 0.0  # per picture of the last packet

    @property
    def name(self) -> str:
        return self._name

    @property
    def damaged_packets(self) -> int:
        return self._damaged

    @property
    def connection(self) -> Connection | None:
        """Return what is open now: codec, size, rate and number of frames of the file."""
        return self._connection

    def open(self) -> None:
        self.close()
        self._refuse_when_interrupted()
        self._connection = connect(self._access)
        self._frames = self._play()

    def read(self) -> Frame | None:
        self._refuse_when_interrupted()
        if self._frames is None:
            raise SourceUnavailable(f"{shown(self._access.url)}: not open")
        return next(self._frames, None)

    def interrupt(self) -> None:
        self._interrupted.set()

    def close(self) -> None:
        self._frames = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _play(self) -> Iterator[Frame]:
        """Yield the frames of one reading, or of endless ones, on one growing time line."""
        start_s, start_utc, elapsed_s = self._clock.monotonic_s(), self._clock.utc(), 0.0
        began_s = self._pace.monotonic_s()
        while True:
            seen = self._sequence
            rate = (self._connection.fps if self._connection else None) or _ASSUMED_FPS
            for at_s, picture in self._pictures(1 / rate):
                now_s = elapsed_s + at_s
                self._wait_until(began_s + now_s)
                yield self._frame(picture, start_s + now_s, start_utc + timedelta(seconds=now_s))
            if self._sequence == seen:
                raise SourceUnavailable(
                    f"{shown(self._access.url)}: not one picture in it could be decoded. "
                    "Check that it plays in a video player",
                    retry=False,
                )
            if not self._loop:
                return
            elapsed_s = now_s + 1 / rate
            self._reopen()

    def _reopen(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = connect(self._access)

    def _pictures(self, step_s: float) -> Iterator[tuple[float, VideoFrame]]:
        """Yield (seconds since the first picture, strictly growing; picture)."""
        first_s: float | None = None
        last_s = -step_s
        for picture in self._decoded():
            stamp_s = None if picture.time is None else float(picture.time)
            if first_s is None:
                first_s = stamp_s
            at_s = last_s + step_s if stamp_s is None or first_s is None else stamp_s - first_s
            last_s = at_s if at_s > last_s else last_s + step_s
            yield last_s, picture

    def _decoded(self) -> Iterator[VideoFrame]:
        connection = self._connection
        if connection is not None:
            for packet in connection.packets():
                began_s = self._clock.monotonic_s()
                pictures = connection.decode(packet)
                self._decode_s = (self._clock.monotonic_s() - began_s) / max(1, len(pictures))
                yield from pictures
            self._damaged += connection.damaged_packets

    def _wait_until(self, moment_s: float) -> None:
        if self._realtime:
            self._interrupted.wait(max(0.0, moment_s - self._pace.monotonic_s()))
            self._refuse_when_interrupted()

    def _frame(self, video: VideoFrame, monotonic_s: float, captured_at: datetime) -> Frame:
        picture, sequence = Picture(video), self._sequence
        self._sequence += 1
        return Frame(self._name, sequence, monotonic_s, captured_at, picture.luma, picture.bgr, decode_s=self._decode_s)

    def _refuse_when_interrupted(self) -> None:
        if self._interrupted.is_set():
            raise SourceUnavailable(f"{shown(self._access.url)}: interrupted", retry=False)
