"""A camera's thread: keeps its source running and leaves the newest frame in a mailbox.

It tries for ever, with growing pauses, and says once what changed; only `stop`,
or the end of a finite video, ends it. Which kind of source an address needs is
decided here; how each works, and what a frame shows, are others' business.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from random import Random
from typing import Protocol

from edge.clock import Clock
from edge.config.camera import CameraSettings
from edge.errors import SourceStalled, SourceUnavailable
from edge.mailbox import Mailbox
from edge.pipeline.capture_file import FileSource
from edge.pipeline.capture_gstreamer import GStreamerSource
from edge.pipeline.capture_health import Backoff, FrozenPicture
from edge.pipeline.capture_stream import StreamSource
from edge.pipeline.capture_url import gstreamer_pipeline, is_file, is_gstreamer, shown
from edge.protocols import FrameSource, SourceState
from edge.types import Frame

log = logging.getLogger(__name__)

_STOPPED, _ENDED = "stopped", "the video has ended"
_STABLE_S = 10.0  # a connection that lived this long was a good one: the next pause is short again


def open_source(camera: CameraSettings, clock: Clock, *, realtime: bool = True) -> FrameSource:
    """Return the source that suits the camera's address, not opened yet.

    Args:
        camera: its settings.
        clock: gives the times of frames; a virtual one makes a file's times repeat.
        realtime: a file gives each frame at its moment, as a camera would; else as fast as it is read.
    """
    url = camera.url.get_secret_value()
    if is_gstreamer(url):
        return GStreamerSource(gstreamer_pipeline(url), camera, clock)
    if is_file(url):
        return FileSource(url, name=camera.name, clock=clock, loop=camera.loop, realtime=realtime)
    return StreamSource(camera, clock)


class CaptureObserver(Protocol):
    """Who wants to know what a camera does. Called on the capture thread; must return at once."""

    def camera_changed(self, camera: str, state: SourceState, reason: str) -> None:
        """Note a new state, or a new reason for the same one; `reason` is for people and holds no password."""

    def frame_received(self, frame: Frame) -> None:
        """Note a decoded frame, analysed or not."""

    def frame_dropped(self, camera: str, reason: str, count: int) -> None:
        """Note pictures that nobody will see: newest_wins or decode_error."""


class CaptureThread:
    """The work of one capture thread: `run` is its target, `stop` may be called from any thread.

    Args:
        source: of this camera, not opened yet; nobody else uses it.
        mailbox: gets the newest frame; closed when the work ends.
        camera: time-outs and pauses; `max_fps` is the pipeline's business.
        clock: measures how long states last.
        observer: is told of states, frames and losses.
        random: makes the pauses uneven, so that a site's cameras do not all call at once; seed it to repeat a run.
        pause: waits that many seconds, True when it was told to stop; by default until `stop` is called.
    """

    def __init__(
        self,
        source: FrameSource,
        mailbox: Mailbox[Frame],
        camera: CameraSettings,
        clock: Clock,
        *,
        observer: CaptureObserver | None = None,
        random: Random | None = None,
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        self._source = source
        self._mailbox = mailbox
        self._clock = clock
        self._observer = observer or _Nobody()
        self._stopping = threading.Event()
        self._pause = pause or self._stopping.wait
        self._backoff = Backoff(camera.max_backoff_s, random)
        url = camera.url.get_secret_value()
        self._address = shown(url)
        self._frozen = None if is_file(url) else FrozenPicture(camera.frozen_after_s)
        self._state = SourceState.CONNECTING
        self._news = _News(camera.name)
        self._damaged = 0

    @property
    def state(self) -> SourceState:
        """Return what the camera is doing now."""
        return self._state

    def run(self) -> None:
        """Read frames until `stop` or until a finite video ends, whatever the camera does meanwhile."""
        try:
            while not self._stopping.is_set() and not self._ended():
                self._source.close()
        finally:
            self._source.close()
            self._mailbox.close()
        self._set(SourceState.DOWN, _STOPPED if self._stopping.is_set() else _ENDED)

    def _ended(self) -> bool:
        """Run one connection; return True when a finite video was read to its end."""
        try:
            self._read_to_the_end()
        except SourceUnavailable as error:
            if not self._stopping.is_set():
                self._source.close()
                self._lost(error)
            return False
        return not self._stopping.is_set()

    def stop(self) -> None:
        """Make `run` return soon, even out of a blocked read. Any thread, any number of times."""
        self._stopping.set()
        self._source.interrupt()

    def _read_to_the_end(self) -> None:
        self._set(SourceState.CONNECTING, "")
        self._source.open()
        first_s = None
        while (frame := self._source.read()) is not None and not self._stopping.is_set():
            if first_s is None:  # up means: a picture came
                first_s = frame.monotonic_s
                self._set(SourceState.UP, f"{frame.width}x{frame.height}")
            if frame.monotonic_s - first_s > _STABLE_S:
                self._backoff.reset()
            self._refuse_frozen(frame)
            self._pass_on(frame)

    def _refuse_frozen(self, frame: Frame) -> None:
        if self._frozen is None:
            return
        patience_s = self._frozen.patience_s
        if self._frozen.is_frozen(frame.luma, frame.monotonic_s):
            self._frozen.be_patient()
            raise _PictureFrozen(
                f"{self._address}: the picture has not changed for {patience_s:g} s. Look at it in the camera's web "
                "page; if it stands still there too, restart the camera"
            )

    def _pass_on(self, frame: Frame) -> None:
        self._observer.frame_received(frame)
        if (damaged := self._source.damaged_packets) > self._damaged:
            self._observer.frame_dropped(frame.camera, "decode_error", damaged - self._damaged)
            self._damaged = damaged
        before = self._mailbox.dropped
        self._mailbox.put(frame)
        if self._mailbox.dropped > before:
            self._observer.frame_dropped(frame.camera, "newest_wins", 1)

    def _lost(self, error: SourceUnavailable) -> None:
        """Say what happened and wait before the next attempt."""
        frozen, stalled = isinstance(error, _PictureFrozen), isinstance(error, SourceStalled)
        self._set(SourceState.FROZEN if frozen else SourceState.STALLED if stalled else SourceState.DOWN, str(error))
        self._pause(self._backoff.next_s(retry_helps=error.retry))

    def _set(self, state: SourceState, reason: str) -> None:
        self._state = state
        self._observer.camera_changed(self._source.name, state, reason)
        self._news.tell(state, reason, self._clock.monotonic_s())


class _PictureFrozen(SourceUnavailable):
    """The camera sends, but always the same picture."""


class _News:
    """Logs what a person wants to know about a camera, once: it came, it went and why, it came back after how long."""

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._told = ""
        self._lost_s: float | None = None

    def tell(self, state: SourceState, reason: str, now_s: float) -> None:
        if state is SourceState.CONNECTING or (news := f"{state.value} {reason}") == self._told:
            return
        self._told = news
        if reason in (_STOPPED, _ENDED):
            log.info("camera %s: %s", self._camera, reason)
        elif state is not SourceState.UP:
            self._lost_s = now_s if self._lost_s is None else self._lost_s
            log.warning("camera %s: %s: %s", self._camera, state.value, reason)
        elif self._lost_s is None:
            log.info("camera %s: up, %s", self._camera, reason)
        else:
            log.info("camera %s: up again after %.0f s, %s", self._camera, now_s - self._lost_s, reason)
            self._lost_s = None


class _Nobody:
    """The observer where there is none."""

    def camera_changed(self, camera: str, state: SourceState, reason: str) -> None: ...

    def frame_received(self, frame: Frame) -> None: ...

    def frame_dropped(self, camera: str, reason: str, count: int) -> None: ...
