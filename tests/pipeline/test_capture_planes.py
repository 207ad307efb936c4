"""Luma and colours of every pixel format a camera may send."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from edge.pipeline.capture_planes import Picture
from edge.types import Box
from tests.clips import UInt8Array

FORMATS = ["yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "nv12", "nv21", "yuv420p10le", "p010le"]
PACKED = ["yuyv422", "uyvy422", "bgr24", "rgb24", "gray", "gray10le", "rgba", "bgr0"]


def smooth(width: int = 150, height: int = 94) -> UInt8Array:
    """Return a colour gradient: chroma subsampling cannot hide behind sharp edges."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.dstack([columns * 255 // width, rows * 255 // height, (rows + columns) * 255 // (width + height)]).astype(
        np.uint8
    )


def frame_of(image: UInt8Array, pix_fmt: str, matrix: int = 6, full: bool = False) -> VideoFrame:
    source = av.VideoFrame.from_ndarray(image, format="bgr24")
    full = full or pix_fmt.startswith("yuvj")
    frame = source.reformat(
        format=pix_fmt, dst_colorspace="ITU709" if matrix == 1 else "ITU601", dst_color_range="JPEG" if full else "MPEG"
    )
    frame.colorspace, frame.color_range = matrix, 2 if full else 1
    return frame


@pytest.mark.parametrize("pix_fmt", FORMATS)
@pytest.mark.parametrize("matrix", [1, 6])
@pytest.mark.parametrize("full", [False, True])
def test_colours_come_back_as_they_went_in(pix_fmt: str, matrix: int, full: bool) -> None:
    """A wrong matrix or range turns a yellow plate white; FFmpeg's own conversion made the input."""
    image = smooth()
    made = Picture(frame_of(image, pix_fmt, matrix, full))
    if full and made.luma.max() < 240:
        pytest.skip("the FFmpeg of this PyAV cannot make such a picture")
    got = made.bgr()

    assert got.shape == image.shape
    assert np.abs(got.astype(int) - image).mean() < 3
    assert np.percentile(np.abs(got.astype(int) - image)[4:-4, 4:-4], 99.5) < 8


@pytest.mark.parametrize("pix_fmt", PACKED)
def test_packed_and_grey_formats_are_read_too(pix_fmt: str) -> None:
    """USB cameras send YUYV, screen recordings RGB, thermal cameras grey."""
    image = smooth()
    made = Picture(frame_of(image, pix_fmt))
    grey = pix_fmt.startswith("gray")
    want = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR) if grey else image

    assert made.luma.shape == image.shape[:2]
    assert np.abs(made.bgr().astype(int) - want).mean() < (12 if grey else 4)


@pytest.mark.parametrize("pix_fmt", FORMATS)
@pytest.mark.parametrize("size", [(150, 94), (151, 95), (33, 1), (1, 1)])
def test_luma_ignores_the_padding_of_rows(pix_fmt: str, size: tuple[int, int]) -> None:
    """Decoders pad rows; odd sizes show it at once as a sheared picture."""
    image = smooth(*size)
    frame = frame_of(image, pix_fmt)
    want = frame.reformat(format="gray" if "j" not in pix_fmt else "yuvj444p").to_ndarray()
    if want.ndim == 3:
        want = want[0]
    got = Picture(frame).luma

    assert got.shape == (size[1], size[0])
    if "10" not in pix_fmt and "j" in pix_fmt:
        assert np.array_equal(got, want)
    else:  # FFmpeg's grey is full range
        limited = got.astype(float)
        assert np.abs((limited - 16) * 255 / 219 - want).max() < 3


@pytest.mark.parametrize("region", [Box(0, 0, 20, 20), Box(13, 7, 60, 41), Box(100.4, 50.2, 149.9, 93.7)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "nv12", "yuv422p", "p010le"])
def test_a_region_equals_the_same_part_of_the_whole(pix_fmt: str, region: Box) -> None:
    """Converting only a part must not shift its chroma."""
    made = Picture(frame_of(smooth(), pix_fmt))
    part, whole = made.bgr(region), made.bgr()
    x, y = int(region.x1), int(region.y1)
    want = whole[y : y + part.shape[0], x : x + part.shape[1]]

    assert part.shape[0] >= region.height
    assert part.shape[1] >= region.width
    assert np.array_equal(part, want)


@pytest.mark.parametrize("region", [Box(-50, -50, 1e6, 1e6), Box(500, 500, 600, 600), Box(-9, -9, -3, -3)])
def test_regions_are_clipped_to_the_picture(region: Box) -> None:
    """A predicted box may lie outside."""
    got = Picture(frame_of(smooth(), "yuv420p")).bgr(region)

    assert got.shape in {(94, 150, 3), (0, 0, 3)}


def test_undeclared_matrix_is_bt709_for_hd_and_bt601_below() -> None:
    """Most cameras declare nothing; players follow this rule."""
    for size, matrix in (((1280, 720), 1), ((640, 480), 6)):
        frame = frame_of(smooth(*size), "yuv420p", matrix)
        frame.colorspace = 2
        assert np.abs(Picture(frame).bgr().astype(int) - smooth(*size)).mean() < 3


def test_a_picture_of_a_turned_phone_stands_upright() -> None:
    """Phones store the turn beside the picture; a sideways plate is never found."""

    class Turned:
        """A frame with the display matrix of a phone held upright."""

        def __init__(self, frame: VideoFrame) -> None:
            self._frame, self.rotation = frame, -90

        def __getattr__(self, name: str) -> object:
            return getattr(self._frame, name)

    image = smooth()
    frame = frame_of(image, "yuv420p")
    made = Picture(Turned(frame))  # type: ignore[arg-type]
    want = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)

    assert made.luma.shape == want.shape[:2]
    assert np.abs(made.bgr(Box(10, 20, 60, 90)).astype(int) - want[20:90, 10:60]).mean() < 3
