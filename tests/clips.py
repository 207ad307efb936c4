"""Small videos made on the spot: a bright square that moves over a textured road."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]


def picture(index: int, width: int = 320, height: int = 240) -> UInt8Array:
    """Return the `index`-th picture as BGR: its square stands 4 px further right than the one before."""
    rows, columns = np.mgrid[0:height, 0:width]
    road = ((rows * 3 + columns * 5) % 64 + 64).astype(np.uint8)
    image = np.dstack([road, road, road])
    x = (4 * index) % max(1, width - 40)
    image[height // 3 : height // 3 + 40, x : x + 40] = (40, 200, 240)
    return image


def make_clip(
    path: Path,
    *,
    frames: int = 20,
    fps: int = 20,
    size: tuple[int, int] = (320, 240),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    gop: int = 10,
    still: bool = False,
    options: dict[str, str] | None = None,
    first: int = 0,
) -> Path:
    """Write a clip of `picture`s; the file's suffix chooses the container."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        stream.gop_size = gop
        stream.codec_context.time_base = Fraction(1, fps)
        stream.options = {**_OPTIONS.get(codec, {}), **(options or {})}
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(first if still else first + index, *size), format="bgr24")
            frame.pts = index
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


_OPTIONS = {
    "libx264": {"preset": "ultrafast", "tune": "zerolatency", "threads": "1"},
    "libx265": {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=error:pools=1"},
}
