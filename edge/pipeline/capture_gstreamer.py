"""Cameras through a GStreamer pipeline and OpenCV: the hardware decoder of a Jetson.

The pipeline is the operator's; it ends in `appsink` and should deliver NV12,
which costs no conversion. OpenCV must be built with GStreamer, as the one of
JetPack is and the one of PyPI is not; without it `open` says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import cv2
import numpy as np

from edge.clock import Clock
from edge.config.camera import CameraSettings
from edge.errors import SourceUnavailable
from edge.pipeline.capture_pump import Pump
from edge.pipeline.capture_url import shown
from edge.types import Box, Frame, UInt8Array

_WAITING_PICTURES = 2  # they are decoded already: older ones are of no use
_GRACE_S = 2.0  # at the end of the process, a thread that is still inside OpenCV would abort it
_TO_BGR = {"NV12": cv2.COLOR_YUV2BGR_NV12, "I420": cv2.COLOR_YUV2BGR_I420}

Capture = Any  # cv2.VideoCapture, or a stand-in with isOpened, read and release


def open_pipeline(pipeline: str) -> Capture:
    """Return OpenCV's capture over `pipeline`.

    Raises:
        SourceUnavailable: this OpenCV knows no GStreamer, or the pipeline is refused.
    """
    if "GStreamer:                   YES" not in cv2.getBuildInformation():
        raise SourceUnavailable(
            "gst: this OpenCV is built without GStreamer. Use the one that comes with JetPack (python3-opencv, see "
            "deploy/jetson), or give the camera's rtsp:// address to decode with FFmpeg instead",
            retry=False,
        )
    capture = cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER)
    if not capture.isOpened():
        raise SourceUnavailable(
            f"gst:{shown(pipeline)}: GStreamer refuses this pipeline. Try it with gst-launch-1.0 and fakesink "
            "instead of appsink; it must end in video/x-raw,format=NV12 ! appsink"
        )
    return capture


class _Session:
    """An open pipeline as the pump sees it."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def items(self) -> Iterator[UInt8Array]:
        while True:
            good, picture = self._capture.read()
            if not good:
                return
            yield picture

    def close(self) -> None:
        self._capture.release()


class GStreamerSource:
    """A FrameSource over a GStreamer pipeline.

    Args:
        pipeline: as for gst-launch-1.0, ending in `appsink`; delivers NV12, I420, GRAY8 or BGR.
        camera: name and time-outs.
        clock: for the times of frames: that of their arrival.
        opener: makes the capture; tests give their own.
    """

    def __init__(
        self, pipeline: str, camera: CameraSettings, clock: Clock, opener: Callable[[str], Capture] = open_pipeline
    ) -> None:
        self._pipeline = pipeline
        self._camera = camera
        self._clock = clock
        self._opener = opener
        self._format = next((f for f in _TO_BGR if f"format={f}" in pipeline.replace("(string)", "")), None)
        self._lock = threading.Lock()  # guards the two below: `interrupt` comes from another thread
        self._interrupted = False
        self._pump: Pump[UInt8Array] | None = None
        self._sequence = 0

    @property
    def name(self) -> str:
        return self._camera.name

    @property
    def damaged_packets(self) -> int:
        return 0

    def open(self) -> None:
        self.close()
        pump = Pump(
            f"gst:{shown(self._pipeline)}",
            lambda: _Session(self._opener(self._pipeline)),
            capacity=_WAITING_PICTURES,
            resumes=lambda _: True,
            clock=self._clock,
        )
        with self._lock:
            if self._interrupted:
                raise SourceUnavailable(f"gst:{shown(self._pipeline)}: interrupted", retry=False)
            self._pump = pump
        pump.open(self._camera.open_timeout_s)

    def read(self) -> Frame | None:
        if self._pump is None:
            raise SourceUnavailable(f"gst:{shown(self._pipeline)}: not connected")
        picture, arrival_s = self._pump.next(self._camera.read_timeout_s)
        sequence = self._sequence
        self._sequence += 1
        captured_at = self._clock.utc() - timedelta(seconds=self._clock.monotonic_s() - arrival_s)
        luma, to_bgr = _planes(picture, self._format)
        return Frame(self.name, sequence, arrival_s, captured_at, luma, to_bgr)

    def interrupt(self) -> None:
        with self._lock:
            self._interrupted = True
            pump = self._pump
        if pump is not None:
            pump.interrupt()

    def close(self) -> None:
        with self._lock:
            pump, self._pump = self._pump, None
        if pump is not None:
            pump.abandon()
            pump.join(_GRACE_S)


def _planes(picture: UInt8Array, pixel_format: str | None) -> tuple[UInt8Array, Callable[[Box | None], UInt8Array]]:
    """Return the luma of what appsink delivered, and the function that gives colours."""
    if picture.ndim == 3:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8), lambda box: _cut(picture, box)
    if pixel_format is None:  # GRAY8
        return picture, lambda box: np.asarray(cv2.cvtColor(_cut(picture, box), cv2.COLOR_GRAY2BGR), np.uint8)
    luma = picture[: picture.shape[0] * 2 // 3]
    return luma, lambda box: _cut(np.asarray(cv2.cvtColor(picture, _TO_BGR[pixel_format]), np.uint8), box)


def _cut(picture: UInt8Array, box: Box | None) -> UInt8Array:
    if box is None:
        return picture
    height, width = picture.shape[:2]
    x1, y1 = min(max(int(box.x1), 0), width), min(max(int(box.y1), 0), height)
    x2, y2 = min(max(int(np.ceil(box.x2)), x1), width), min(max(int(np.ceil(box.y2)), y1), height)
    return picture[y1:y2, x1:x2]
