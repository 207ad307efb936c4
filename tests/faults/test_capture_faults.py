"""Cameras that die, hang and come back: the capture thread against a real RTSP server that is killed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

import psutil
import pytest

from edge.clock import SystemClock
from edge.config.camera import CameraSettings
from edge.mailbox import Mailbox
from edge.memory import keep_few_arenas
from edge.pipeline.capture import CaptureThread, open_source
from edge.types import Frame
from tests.clips import make_clip
from tests.pipeline.fakes import Recorder
from tests.servers.mjpeg import MjpegServer
from tests.servers.rtsp import RtspServer, needs_rtsp


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "gate.mp4", frames=1200, gop=10)


@contextmanager
def capturing(url: str, keep_frames: bool = True, **changes: object) -> Iterator[tuple[Recorder, Mailbox[Frame]]]:
    """Run a capture thread; at the end it must stop without waiting for its camera."""
    settings = {"name": "gate", "url": url, "open_timeout_s": 3, "read_timeout_s": 1, "max_backoff_s": 0.2, **changes}
    camera, clock = CameraSettings.model_validate(settings), SystemClock()
    seen, mailbox = Recorder(keep_frames=keep_frames), Mailbox[Frame]()
    capture = CaptureThread(open_source(camera, clock), mailbox, camera, clock, observer=seen, random=Random(1))
    thread = threading.Thread(target=capture.run, name="capture-gate")
    thread.start()
    try:
        yield seen, mailbox
    finally:
        capture.stop()
        thread.join(60)
    assert not thread.is_alive()
    assert mailbox.finished or mailbox.take(0) is not None


@needs_rtsp
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_camera_that_was_killed_comes_back(clip: Path, transport: str) -> None:
    """A camera loses power again and again; frames go on with growing numbers each time."""
    server = RtspServer({"live": clip})
    server.start()
    with capturing(server.url("live"), transport=transport) as (seen, _):
        place = seen.wait_for_state("up")
        for _ in range(3):
            server.kill()
            place = seen.wait_for_state({"down", "stalled"}, place)
            server = RtspServer({"live": clip}, port=server.port)
            server.start()
            place = seen.wait_for_state("up", place)
            seen.wait_for_frames(len(seen.frames) + 5)
        server.kill()

    numbers = [f.sequence for f in seen.frames]
    assert numbers == list(range(len(numbers)))
    assert all(b.monotonic_s > a.monotonic_s for a, b in pairwise(seen.frames))


@needs_rtsp
def test_a_muted_camera_is_stalled_and_called_again(clip: Path) -> None:
    """Connected, silent: the state says so, and a new connection is tried until it speaks."""
    with RtspServer({"live": clip}) as server, capturing(server.url("live")) as (seen, _):
        place = seen.wait_for_state("up")
        server.tell("mute")
        place = seen.wait_for_state("stalled", place)
        server.tell("unmute")
        seen.wait_for_state("up", place)


@needs_rtsp
def test_a_frozen_camera_is_noticed_and_called_again(tmp_path: Path) -> None:
    """Its encoder repeats one picture; the stream looks healthy to every other check."""
    still = make_clip(tmp_path / "still.mp4", frames=300, still=True, gop=1, options={"qp": "25"})
    with RtspServer({"live": still}) as server, capturing(server.url("live"), frozen_after_s=1.5) as (seen, _):
        place = seen.wait_for_state("up")
        place = seen.wait_for_state("frozen", place)
        seen.wait_for_state("up", place)
        assert any("has not changed for 1.5 s" in reason for _, reason in seen.states)


@needs_rtsp
def test_one_dead_camera_does_not_disturb_another(clip: Path) -> None:
    """One camera's fault never stops another."""
    with (
        RtspServer({"live": clip}) as good,
        capturing("rtsp://127.0.0.1:9/live") as (dead, _),
        capturing(good.url("live"), open_timeout_s=60, read_timeout_s=60) as (alive, _),  # the machine may be busy
    ):
        alive.wait_for_frames(20)
        dead.wait_for_state("down")
        assert {state for state, _ in alive.states} == {"connecting", "up"}


@needs_rtsp
def test_wrong_password_is_not_repeated(clip: Path) -> None:
    """Every failed attempt brings the camera nearer to locking the account."""
    with RtspServer({"live": clip}, user="root", password="right") as server:
        url = server.url("live", login="root:wrong")
        with capturing(url, max_backoff_s=30, open_timeout_s=60) as (seen, _):
            seen.wait_for_state("down")
        assert [state for state, _ in seen.states].count("connecting") == 1
        assert "refuses the user name or password" in seen.states[1][1]
        assert "wrong" not in str(seen.states)


@pytest.mark.slow
def test_two_hundred_reconnects_leak_nothing() -> None:
    """A camera that drops the connection every few seconds for a month must not fill memory or file table.

    Counted in a process of its own: what other tests hand back or ask for would move the figures of this one.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        early, late = alone.submit(used_while_reconnecting, 100, 300).result(timeout=300)
    assert late.files <= early.files + 6
    assert late.threads <= early.threads + 3
    assert late.rss_bytes - early.rss_bytes < 10_000_000  # 50 kB each: less than one picture


class Used(NamedTuple):
    """What a process holds at one moment."""

    rss_bytes: int
    files: int
    threads: int


def used_while_reconnecting(*counts: int) -> list[Used]:
    """Return what this process holds when its camera has come back so many times."""
    keep_few_arenas()  # as the daemon does
    process, used = psutil.Process(), list[Used]()

    def came_back(count: int) -> bool:
        return sum(state == "up" for state, _ in seen.states) >= count

    with (
        MjpegServer(fps=60, frames=6) as server,
        capturing(server.url("video"), keep_frames=False, max_backoff_s=0.01) as (seen, box),
    ):
        for count in counts:
            with seen.changed:
                assert seen.changed.wait_for(partial(came_back, count), 240), seen.states[-4:]
            box.take(0)
            used.append(Used(process.memory_info().rss, process.num_fds(), threading.active_count()))
    return used
