"""The whole daemon as systemd sees it: ready, a camera that dies and comes back, wrong settings, reload, stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clips import make_clip
from tests.servers.mosquitto import free_port, wait_until
from tests.servers.rtsp import RtspServer, needs_rtsp

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0  # importing everything takes long on a busy machine


class Daemon:
    """`anpr-edge run` with this test as its service manager."""

    def __init__(self, folder: Path, config: str) -> None:
        self.config = folder / "config.yaml"
        self.config.write_text(config)
        self._log = folder / "log"
        self._systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._systemd.bind(str(folder / "notify"))
        self._systemd.settimeout(PATIENCE_S)
        self.heard: list[str] = []
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", "run", "-c", str(self.config)],
                cwd=folder,
                stderr=log,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "NOTIFY_SOCKET": str(folder / "notify"),
                    "WATCHDOG_USEC": "2000000",
                    "OMP_NUM_THREADS": "1",
                },
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def hear(self, what: str) -> None:
        """Wait until systemd is told something that contains `what`."""
        try:
            while what not in (message := self._systemd.recv(4096).decode()):
                self.heard.append(message)
        except TimeoutError:
            raise AssertionError(f"never heard {what!r}, but {self.heard}\n{self.log}") from None
        self.heard.append(message)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._systemd.close()


@contextmanager
def running(folder: Path, url: str, more: str = "") -> Iterator[Daemon]:
    daemon = Daemon(
        folder,
        f"cameras: [{{name: gate, url: '{url}', max_fps: 2, read_timeout_s: 2, max_backoff_s: 0.5}}]\n"
        f"outbox: {{path: {folder / 'outbox.db'}}}\n"
        f"mqtt: {{enabled: false}}\nmetrics: {{port: {free_port()}}}\nweb: {{enabled: false}}\n{more}",
    )
    try:
        yield daemon
    finally:
        daemon.close()


@pytest.mark.slow
@needs_rtsp
def test_a_day_in_the_life_of_the_service(tmp_path: Path) -> None:
    """Ready, up, camera killed, up again, reload with wrong and right settings, stop with 0 within 20 s."""
    clip = make_clip(tmp_path / "gate.mp4", frames=400, fps=10, gop=10)
    server = RtspServer({"live": clip}, user="viewer", password="hunter2")
    server.start()
    with running(tmp_path, server.url("live", login="viewer:hunter2")) as daemon:
        daemon.hear("READY=1")
        daemon.hear("1 of 1 cameras up")
        server.kill()
        daemon.hear("0 of 1 cameras up")
        server = RtspServer({"live": clip}, port=server.port, user="viewer", password="hunter2")
        server.start()
        daemon.hear("1 of 1 cameras up")
        daemon.hear("WATCHDOG=1")

        good = daemon.config.read_text()
        daemon.config.write_text(good + "log: {level: loud}\n")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.hear("READY=1")
        daemon.config.write_text(good + "log: {level: debug}\n")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.hear("READY=1")

        started_s = time.monotonic()
        assert daemon.stop() == 0, daemon.log
        assert time.monotonic() - started_s < 20
        server.kill()

        assert "camera gate: up again after" in daemon.log
        assert "log.level" in daemon.log
        assert "hunter2" not in daemon.log
        assert "Traceback" not in daemon.log


@pytest.mark.slow
def test_without_its_camera_the_service_runs_and_says_why(tmp_path: Path) -> None:
    """A gate computer boots faster than its cameras; that is no failure."""
    with running(tmp_path, f"rtsp://viewer:hunter2@127.0.0.1:{free_port()}/live") as daemon:
        daemon.hear("READY=1")
        daemon.hear("gate down")
        assert daemon.stop() == 0, daemon.log

        assert "nothing listens there" in daemon.log
        assert "hunter2" not in daemon.log


@pytest.mark.slow
def test_cameras_that_end_or_fail_leave_the_others_alone(tmp_path: Path) -> None:
    """A recording that is over is no thread that hangs: the watchdog must be fed for the cameras that go on."""
    road = make_clip(tmp_path / "road.mp4", frames=40, fps=10)
    short = make_clip(tmp_path / "short.mp4", frames=5, fps=10)
    text = tmp_path / "text.mp4"
    text.write_text("I am no video")
    port = free_port()
    config = (
        f"cameras:\n- {{name: road, url: '{road}', loop: true, max_fps: 2}}\n- {{name: short, url: '{short}'}}\n"
        f"- {{name: text, url: '{text}'}}\n- {{name: jetson, url: 'gst:videotestsrc ! appsink'}}\n"
        f"outbox: {{path: {tmp_path / 'outbox.db'}}}\n"
        f"mqtt: {{enabled: false}}\nmetrics: {{port: {port}}}\nweb: {{enabled: false}}\n"
    )
    daemon = Daemon(tmp_path, config)
    try:
        daemon.hear("1 of 4 cameras up (short down, text down, jetson down)")
        wait_until(lambda: "thread/vision-short" not in threads_of(port), "the ended camera's thread is let go", 60)
        assert {"thread/vision-road", "thread/vision-text"} <= threads_of(port)
        assert daemon.stop() == 0, daemon.log
    finally:
        daemon.close()
    assert "this is not a video" in daemon.log
    assert "built without GStreamer" in daemon.log
    assert "Traceback" not in daemon.log


def threads_of(port: int) -> set[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as answer:
        return {check["name"] for check in json.load(answer)["checks"]}


def test_wrong_settings_exit_with_78_and_name_all_of_them(tmp_path: Path) -> None:
    """systemd must not restart on these, and a technician wants the whole list."""
    with running(tmp_path, "rtsp://127.0.0.1/live", "log: {level: loud}\nsite: {nmae: x}\n") as daemon:
        assert daemon.process.wait(PATIENCE_S) == 78
        assert "log.level" in daemon.log
        assert "nmae" in daemon.log
        assert "Traceback" not in daemon.log
