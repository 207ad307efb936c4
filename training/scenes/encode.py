"""Writes pictures as H.264 in MP4, the same bytes for the same pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

PRESET = "veryfast"


class Encoder:
    """An MP4 file being written; use as a context manager."""

    def __init__(
        self, path: Path, size: tuple[int, int], fps: float, bitrate_kbps: float, *, grey: bool = False
    ) -> None:
        self._grey = grey
        self._container: Any = av.open(str(path), "w", options={"movflags": "+faststart", "fflags": "+bitexact"})
        stream = self._container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = int(bitrate_kbps * 1000)
        stream.codec_context.gop_size = max(1, round(2 * fps))
        stream.codec_context.thread_count = 1  # x264 answers differently with other numbers of threads
        stream.options = {"preset": PRESET, "tune": "zerolatency", "flags": "+bitexact"}
        self._stream = stream

    def write(self, bgr: NDArray[np.uint8]) -> None:
        """Append one picture of the declared size."""
        frame = _neutral(bgr) if self._grey else av.VideoFrame.from_ndarray(np.ascontiguousarray(bgr), format="bgr24")
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            for packet in self._stream.encode():
                self._container.mux(packet)
        self._container.close()


def _neutral(bgr: NDArray[np.uint8]) -> av.VideoFrame:
    """Return a picture without colour; FFmpeg's own conversion rounds greys towards green."""
    height, width = bgr.shape[:2]
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height] = np.round(16 + bgr[..., 1].astype(np.float32) * (219 / 255))
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")
