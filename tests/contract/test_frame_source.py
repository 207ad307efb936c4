"""What every FrameSource promises, fakes included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.clock import SystemClock, VirtualClock
from edge.config.camera import CameraSettings
from edge.errors import SourceUnavailable
from edge.pipeline.capture_file import FileSource
from edge.pipeline.capture_gstreamer import GStreamerSource
from edge.pipeline.capture_stream import StreamSource
from edge.protocols import FrameSource
from edge.types import Box, UInt8Array
from tests.clips import make_clip, picture
from tests.pipeline.fakes import START, ScriptedSource
from tests.servers.mjpeg import MjpegServer
from tests.servers.rtsp import RtspServer, missing


@dataclass(frozen=True)
class Maker:
    """Makes fresh sources over one and the same video."""

    make: Callable[[], FrameSource]
    finite: bool


class FakePipeline:
    """Stands in for OpenCV's capture over a Jetson's decoder: NV12 pictures without end."""

    def __init__(self, _pipeline: str) -> None:
        self._index = 0

    def read(self) -> tuple[bool, UInt8Array]:
        i420 = np.asarray(cv2.cvtColor(picture(self._index), cv2.COLOR_BGR2YUV_I420), np.uint8)
        chroma = i420[240:].reshape(2, -1)
        self._index += 1
        return True, np.vstack([i420[:240], np.dstack([chroma[0], chroma[1]]).reshape(120, 320)])

    def release(self) -> None:
        """Nothing to let go of."""


def settings(url: str) -> CameraSettings:
    return CameraSettings.model_validate({"name": "gate", "url": url, "open_timeout_s": 8, "read_timeout_s": 5})


@pytest.fixture(scope="module", params=["file", "rtsp", "http", "gstreamer", "scripted"])
def maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    folder: Path = tmp_path_factory.mktemp("clips")
    if request.param == "file":
        clip = make_clip(folder / "a.mp4", frames=12)
        yield Maker(lambda: FileSource(str(clip), name="gate", clock=VirtualClock(START)), finite=True)
    elif request.param == "rtsp":
        if missing():
            pytest.skip(str(missing()))
        with RtspServer({"live": make_clip(folder / "b.mp4", frames=600)}) as server:
            yield Maker(lambda: StreamSource(settings(server.url("live")), SystemClock()), finite=False)
    elif request.param == "http":
        with MjpegServer() as http:
            yield Maker(lambda: StreamSource(settings(http.url("video")), SystemClock()), finite=False)
    elif request.param == "gstreamer":
        pipeline = "decoder ! video/x-raw,format=NV12 ! appsink"
        yield Maker(
            lambda: GStreamerSource(pipeline, settings("gst:x"), SystemClock(), opener=FakePipeline), finite=False
        )
    else:
        yield Maker(lambda: ScriptedSource([[0.0, 0.1, 0.2, 0.3, 0.4, 0.5]] * 3, VirtualClock(START)), finite=True)


def test_frames_are_numbered_and_their_times_grow(maker: Maker) -> None:
    source = maker.make()
    source.open()
    frames = [frame for _ in range(6) if (frame := source.read()) is not None]
    source.close()

    assert source.name == "gate"
    assert [f.sequence for f in frames] == list(range(6))
    assert [f.camera for f in frames] == ["gate"] * 6
    assert all(b.monotonic_s > a.monotonic_s for a, b in pairwise(frames))
    assert all(b.captured_at > a.captured_at for a, b in pairwise(frames))
    assert source.damaged_packets == 0


def test_numbers_go_on_after_opening_again(maker: Maker) -> None:
    source = maker.make()
    numbers = []
    for _ in range(2):
        source.open()
        numbers += [frame.sequence for _ in range(3) if (frame := source.read()) is not None]
        source.close()

    assert numbers == list(range(6))


def test_a_finite_source_ends_with_none(maker: Maker) -> None:
    if not maker.finite:
        pytest.skip("a camera has no end")
    source = maker.make()
    source.open()
    while source.read() is not None:
        pass

    assert source.read() is None
    source.close()


def test_interrupt_is_final(maker: Maker) -> None:
    """A stop that comes between two attempts must not be forgotten by the next one."""
    source = maker.make()
    source.open()
    source.read()
    source.interrupt()
    source.interrupt()
    with pytest.raises(SourceUnavailable, match="interrupted"):
        source.read()
    source.close()
    with pytest.raises(SourceUnavailable, match="interrupted"):
        source.open()
    source.close()


def test_closing_twice_and_closing_unopened_is_harmless(maker: Maker) -> None:
    source = maker.make()
    source.close()
    source.open()
    source.close()
    source.close()


def test_colours_of_a_region_come_on_demand(maker: Maker) -> None:
    source = maker.make()
    source.open()
    frame = source.read()
    source.close()

    assert frame is not None
    if isinstance(source, ScriptedSource):
        return  # its frames have no colours
    assert frame.luma.shape == (240, 320)
    part = frame.bgr(Box(0, 80, 40, 120))
    assert part.shape == (40, 40, 3)
    assert np.array_equal(frame.bgr()[80:120, 0:40], part)
    if isinstance(source, FileSource):  # the others may miss the first pictures
        assert np.abs(part[4:-4, 4:-4].astype(int).mean((0, 1)) - (40, 200, 240)).max() < 12


def test_reading_what_is_not_open_is_an_error(maker: Maker) -> None:
    source = maker.make()
    if isinstance(source, ScriptedSource):
        pytest.skip("the fake ends instead")
    with pytest.raises(SourceUnavailable, match=r"not (open|connected)"):
        source.read()
