"""Live cameras: a real RTSP server and a real HTTP camera, over the network."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edge.clock import SystemClock
from edge.config.camera import CameraSettings
from edge.errors import SourceStalled, SourceUnavailable
from edge.pipeline.capture_pump import Pump
from edge.pipeline.capture_stream import StreamSource
from edge.types import Frame
from tests.clips import make_clip
from tests.servers.mjpeg import MjpegServer
from tests.servers.mosquitto import free_port
from tests.servers.rtsp import RtspServer, needs_rtsp


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    make_clip(folder / "small.h264", frames=30, gop=10)
    make_clip(folder / "large.h264", frames=300, gop=10, size=(480, 272))
    both = folder / "both.h264"
    both.write_bytes((folder / "small.h264").read_bytes() + (folder / "large.h264").read_bytes())
    return {
        "avc": make_clip(folder / "avc.mp4", frames=600, gop=10),
        "hevc": make_clip(folder / "265.mp4", frames=600, gop=10, codec="libx265"),
        "both": both,
        "smart": make_clip(folder / "smart.mp4", frames=600, gop=300),
    }


@pytest.fixture(scope="module")
def camera(clips: dict[str, Path]) -> Iterator[RtspServer]:
    with RtspServer(clips) as server:
        yield server


def a_source(url: str, **changes: object) -> StreamSource:
    settings = {"name": "gate", "url": url, "open_timeout_s": 8, "read_timeout_s": 3, **changes}
    return StreamSource(CameraSettings.model_validate(settings), SystemClock())


def frames_of(source: StreamSource, count: int) -> list[Frame]:
    source.open()
    try:
        return [frame for _ in range(count) if (frame := source.read()) is not None]
    finally:
        source.close()


@needs_rtsp
@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("path", ["avc", "hevc"])
def test_rtsp_gives_even_times_that_are_now(camera: RtspServer, path: str, transport: str) -> None:
    """Speed comes from intervals, so bursts of the network must not show; events carry the moment of capture."""
    frames = frames_of(a_source(camera.url(path), transport=transport), 30)

    steps = np.diff([f.monotonic_s for f in frames])
    assert np.median(steps) == pytest.approx(1 / 20, abs=0.005)
    assert np.quantile(steps, 0.1) > 0.02  # no burst, not even of what the server had stored before we came
    assert [f.sequence for f in frames] == list(range(30))
    assert abs((datetime.now(timezone.utc) - frames[-1].captured_at).total_seconds()) < 2
    assert frames[0].luma.shape == (240, 320)
    assert frames[0].luma.std() > 10


@needs_rtsp
def test_picture_size_may_change_in_mid_stream(camera: RtspServer) -> None:
    """Somebody changes the resolution in the camera's web page."""
    frames = frames_of(a_source(camera.url("both")), 60)
    shapes = [f.luma.shape for f in frames]

    assert shapes[0] == (240, 320)
    assert shapes[-1] == (272, 480)
    assert frames[-1].bgr().shape == (272, 480, 3)


@needs_rtsp
def test_a_source_can_be_opened_again_and_goes_on_counting(camera: RtspServer) -> None:
    """The sequence names a frame for the camera's whole life."""
    source = a_source(camera.url("avc"))
    first, second = frames_of(source, 5), frames_of(source, 5)

    assert [f.sequence for f in first + second] == list(range(10))
    assert second[0].monotonic_s > first[-1].monotonic_s


@needs_rtsp
def test_wrong_path_is_told_from_wrong_password(clips: dict[str, Path], camera: RtspServer) -> None:
    """Both are typing errors; each has its own remedy, and neither shows the password."""
    with pytest.raises(SourceUnavailable, match="no stream under this path") as caught:
        a_source(camera.url("nothing", login="root:hunter2")).open()
    assert not caught.value.retry
    assert "hunter2" not in str(caught.value)


@needs_rtsp
@pytest.mark.parametrize("digest", [False, True], ids=["basic", "digest"])
def test_passwords_are_used_and_never_shown(clips: dict[str, Path], digest: bool) -> None:
    """Cameras ask by either method; a password may hold characters that a URL must escape."""
    with RtspServer(clips, user="root", password="p@ss:w/rd", digest=digest) as server:
        assert frames_of(a_source(server.url("avc", login="root:p%40ss%3Aw%2Frd")), 3)
        for login in ("root:hunter2", ""):
            with pytest.raises(SourceUnavailable, match="refuses the user name or password") as caught:
                a_source(server.url("avc", login=login)).open()
            assert not caught.value.retry
            assert "hunter2" not in str(caught.value)
            assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_an_unknown_host_is_told() -> None:
    """FFmpeg only says "Input/output error"."""
    with pytest.raises(SourceUnavailable, match="no host of this name") as caught:
        a_source("rtsp://root:hunter2@camera.invalid/live").open()
    assert caught.value.retry  # the name server may be what is missing


def test_a_missing_usb_camera_may_be_plugged_in_later() -> None:
    with pytest.raises(SourceUnavailable, match="no such file or device") as caught:
        a_source("/dev/video99").open()
    assert caught.value.retry


@needs_rtsp
def test_nothing_listens_is_told_at_once() -> None:
    """A camera that restarts refuses connections for half a minute."""
    with pytest.raises(SourceUnavailable, match="nothing listens there") as caught:
        a_source(f"rtsp://127.0.0.1:{free_port()}/live").open()
    assert caught.value.retry


@needs_rtsp
def test_a_camera_that_stops_sending_is_stalled(camera: RtspServer) -> None:
    """The connection stands, TCP is content, and yet nothing comes: only a time-out notices."""
    source = a_source(camera.url("avc"), read_timeout_s=0.7)
    source.open()
    for _ in range(5):
        source.read()
    camera.tell("mute")
    try:
        with pytest.raises(SourceStalled, match=r"no packet for 0\.7 s"):
            while source.read() is not None:
                pass
    finally:
        camera.tell("unmute")
        source.close()


def test_a_machine_that_accepts_and_stays_silent_times_out_in_open() -> None:
    """A hung camera still accepts connections in its kernel."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = a_source(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/live", open_timeout_s=0.6, read_timeout_s=0.6)
        with pytest.raises(SourceUnavailable, match=r"no answer within 0\.6 s"):
            source.open()
        source.close()


def test_interrupt_ends_a_blocked_open_at_once() -> None:
    """Stopping must not wait for the time-out of a dead camera."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = a_source(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/live", open_timeout_s=60, read_timeout_s=60)
        told: list[str] = []

        def open_it() -> None:
            try:
                source.open()
            except SourceUnavailable as error:
                told.append(str(error))

        opener = threading.Thread(target=open_it)
        opener.start()
        with silent.accept()[0]:
            source.interrupt()
            opener.join(60)
            source.close()

    assert not opener.is_alive()
    assert "interrupted" in told[0]


def test_http_camera_with_password(tmp_path: Path) -> None:
    """The oldest and cheapest cameras send JPEG after JPEG."""
    with MjpegServer(login="root:hunter2") as server:
        frames = frames_of(a_source(server.url("video", login="root:hunter2")), 10)
        assert frames[0].luma.shape == (240, 320)
        assert all(b.monotonic_s > a.monotonic_s for a, b in pairwise(frames))
        for path, login, says in (
            ("video", "root:wrong", "refuses the user name or password"),
            ("absent", "root:hunter2", "no stream under this path"),
            ("page", "root:hunter2", "that it is a video"),
        ):
            with pytest.raises(SourceUnavailable, match=says) as caught:
                a_source(server.url(path, login=login)).open()
            assert "hunter2" not in str(caught.value)


@needs_rtsp
def test_a_slow_reader_sees_the_present_not_the_past(camera: RtspServer) -> None:
    """Where decoding cannot keep up, groups of pictures are skipped to the next key frame, and counted."""
    source = a_source(camera.url("avc"))
    source.open()
    source.read()
    pump = source._pump
    assert pump is not None
    with pump._changed:
        assert pump._changed.wait_for(lambda: pump._lost > 0, 10)  # nobody reads for three seconds
    late = source.read()
    source.close()

    assert late is not None
    assert SystemClock().monotonic_s() - late.monotonic_s < 1.0
    assert source.damaged_packets >= 30


class Ending:
    """A connection that gives one item, and ends when it is told to."""

    def __init__(self, end: threading.Event) -> None:
        self._end = end

    def items(self) -> Iterator[int]:
        yield 1
        self._end.wait(5.0)

    def close(self) -> None:
        """Nothing to let go of."""


def test_a_connection_that_ended_is_freed_without_the_garbage_collector() -> None:
    """Its decoder weighs five megabytes, which the collector does not see: it would come by after days."""
    end = threading.Event()
    pump: Pump[int] = Pump("camera", lambda: Ending(end), capacity=4, resumes=lambda item: True, clock=SystemClock())
    freed = weakref.ref(pump)
    pump.open(2.0)
    assert pump.next(2.0)[0] == 1
    end.set()
    with suppress(SourceUnavailable):
        pump.next(2.0)
        pytest.fail("it did not end")
    pump.abandon()
    pump.join(2.0)
    gc.disable()
    try:
        del pump
        assert freed() is None
    finally:
        gc.enable()
