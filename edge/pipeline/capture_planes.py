"""Planes: the grey picture and its colours, straight from what the decoder made.

The luma plane is handed on as it lies in the decoder's memory, read-only and
without a copy; colour is computed only for the region that somebody asks for,
with the matrix and range the stream declares. Frames in, arrays out; no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import Box, FloatArray, UInt8Array

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.plane import VideoPlane

_HD_HEIGHT = 720  # from here on, streams that declare no matrix use BT.709, below it BT.601 (as mpv and VLC assume)

# Kr and Kb by the number of the matrix in H.264 table E-5 / ISO 23091-2; 2 is "unspecified".
_KR_KB = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087)}
_KR_KB |= {9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
_FULL_RANGE = 2


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a pixel format keeps its samples."""

    shift_x: int = 0  # log2 of the chroma subsampling
    shift_y: int = 0
    shift_down: int = 0  # bits beyond eight; 0 means one byte per sample
    interleaved: bool = False  # both chroma components in one plane
    swapped: bool = False  # V before U
    grey: bool = False


_LAYOUTS = {
    "yuv420p": _Layout(1, 1),
    "yuvj420p": _Layout(1, 1),
    "yuv422p": _Layout(1, 0),
    "yuvj422p": _Layout(1, 0),
    "yuv444p": _Layout(0, 0),
    "yuvj444p": _Layout(0, 0),
    "yuv420p10le": _Layout(1, 1, shift_down=2),
    "yuv422p10le": _Layout(1, 0, shift_down=2),
    "yuv444p10le": _Layout(0, 0, shift_down=2),
    "yuv420p12le": _Layout(1, 1, shift_down=4),
    "nv12": _Layout(1, 1, interleaved=True),
    "nv21": _Layout(1, 1, interleaved=True, swapped=True),
    "p010le": _Layout(1, 1, shift_down=8, interleaved=True),  # ten bits in the upper part of sixteen
    "gray": _Layout(grey=True),
    "gray10le": _Layout(shift_down=2, grey=True),
}
_QUARTER_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


class Picture:
    """One decoded picture: its luma at once, its colours on demand.

    Args:
        frame: of any pixel format; packed and rare ones are converted once.
    """

    def __init__(self, frame: VideoFrame) -> None:
        if frame.format.name not in _LAYOUTS:
            frame = frame.reformat(format="yuvj444p" if "rgb" in frame.format.name else "yuv422p")
        self._frame = frame
        self._layout = _LAYOUTS[frame.format.name]
        self._turn = _QUARTER_TURNS.get(int(getattr(frame, "rotation", 0)) % 360)
        upright = self._eight_bits(_samples(frame.planes[0], frame.width, frame.height, self._layout))
        self.luma: UInt8Array = upright if self._turn is None else _turned(upright, self._turn)
        self.luma.setflags(write=False)  # the decoder predicts the next pictures from this memory

    def bgr(self, region: Box | None = None) -> UInt8Array:
        """Return the picture, or the part inside `region` (clipped to the picture), as BGR uint8 (h, w, 3)."""
        height, width = self.luma.shape
        x1, y1, x2, y2 = _pixels(region, width, height)
        if self._turn is None:
            return self._upright_bgr(x1, y1, x2, y2)
        whole = self._upright_bgr(0, 0, self._frame.width, self._frame.height)
        return np.ascontiguousarray(_turned(whole, self._turn)[y1:y2, x1:x2])

    def _upright_bgr(self, x1: int, y1: int, x2: int, y2: int) -> UInt8Array:
        if x1 >= x2 or y1 >= y2:
            return np.zeros((y2 - y1, x2 - x1, 3), np.uint8)
        frame, layout = self._frame, self._layout
        luma = self._eight_bits(_samples(frame.planes[0], frame.width, frame.height, layout)[y1:y2, x1:x2])
        if layout.grey:
            return _array(cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR))
        u, v = (self._chroma(i, x1, y1, x2, y2) for i in ((1, 0) if layout.swapped else (0, 1)))
        return _array(cv2.transform(cv2.merge((luma, u, v)), self._matrix()))

    def _chroma(self, component: int, x1: int, y1: int, x2: int, y2: int) -> UInt8Array:
        """Return U (0) or V (1) of a region at the luma's resolution."""
        frame, layout = self._frame, self._layout
        sx, sy = layout.shift_x, layout.shift_y
        width, height = -(-frame.width >> sx), -(-frame.height >> sy)  # rounded up
        if layout.interleaved:
            plane = _samples(frame.planes[1], 2 * width, height, layout)[:, component::2]
        else:
            plane = _samples(frame.planes[1 + component], width, height, layout)
        # One sample more on each side, so that a part is interpolated exactly as the whole would be.
        left, top = max(0, (x1 >> sx) - 1), max(0, (y1 >> sy) - 1)
        part = self._eight_bits(plane[top : -(-y2 >> sy) + 1, left : -(-x2 >> sx) + 1])
        if sx or sy:
            rows, columns = part.shape
            part = _array(cv2.resize(part, (columns << sx, rows << sy), interpolation=cv2.INTER_LINEAR))
        dx, dy = x1 - (left << sx), y1 - (top << sy)
        return part[dy : dy + y2 - y1, dx : dx + x2 - x1]

    def _eight_bits(self, samples: npt.NDArray[Any]) -> UInt8Array:
        if self._layout.shift_down == 0:
            return samples
        return (samples >> self._layout.shift_down).astype(np.uint8)

    def _matrix(self) -> FloatArray:
        frame = self._frame
        full = int(frame.color_range) == _FULL_RANGE or frame.format.name.startswith("yuvj")
        declared = int(frame.colorspace)
        return _yuv_to_bgr(declared if declared in _KR_KB else 1 if frame.height >= _HD_HEIGHT else 6, full)


def _yuv_to_bgr(matrix: int, full_range: bool) -> FloatArray:
    """Return the (3, 4) matrix from Y U V (0..255) to B G R. Source: ITU-T H.273, equations 38 to 48."""
    kr, kb = _KR_KB[matrix]
    kg = 1.0 - kr - kb
    y, c, black = (1.0, 1.0, 0.0) if full_range else (255 / 219, 255 / 224, 16.0)
    rows = np.array(
        [
            [y, 2 * (1 - kb) * c, 0.0],
            [y, -2 * kb * (1 - kb) / kg * c, -2 * kr * (1 - kr) / kg * c],
            [y, 0.0, 2 * (1 - kr) * c],
        ]
    )
    offset = -rows @ np.array([black, 128.0, 128.0])
    return np.hstack([rows, offset[:, None]]).astype(np.float32)


def _samples(plane: VideoPlane, width: int, height: int, layout: _Layout) -> npt.NDArray[Any]:
    """Return a plane as (height, width) without a copy; its rows may be padded to `line_size` bytes."""
    kind: np.dtype[Any] = np.dtype(np.uint16 if layout.shift_down else np.uint8)
    row = plane.line_size // kind.itemsize
    flat: npt.NDArray[Any] = np.frombuffer(memoryview(plane), kind)
    return flat[: row * height].reshape(height, row)[:, :width]


def _pixels(region: Box | None, width: int, height: int) -> tuple[int, int, int, int]:
    """Return whole pixels x1 y1 x2 y2 that cover `region` inside the picture."""
    if region is None:
        return 0, 0, width, height
    x1, y1 = min(max(int(region.x1), 0), width), min(max(int(region.y1), 0), height)
    x2, y2 = (int(np.ceil(np.clip(end, 0, size))) for end, size in ((region.x2, width), (region.y2, height)))
    return x1, y1, max(x1, x2), max(y1, y2)


def _turned(picture: UInt8Array, turn: int) -> UInt8Array:
    return _array(cv2.rotate(picture, turn))


def _array(picture: Any) -> UInt8Array:
    return np.asarray(picture, np.uint8)
