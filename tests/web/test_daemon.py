"""The page on the real daemon: a clip through capture, vision and outbox, searched, tried, watched, stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import httpx
import numpy as np
import pytest

from tests.onnx_files import models_folder, plate_picture

TEXT = "AB12CDE"
DEADLINE_S = 120.0
STOP_WITHIN_S = 20.0
CONFIG = """\
cameras:
  - name: entry-cam   # above the barrier
    url: {clip}
    loop: true
    gate: {{ends_after_s: 0.5, same_vehicle_within_s: 0}}
mqtt:
  enabled: false
outbox:
  path: {folder}/outbox.db
metrics:
  port: {metrics}
web:
  port: {web}
  history:
    path: {folder}/history.db
    labels: {folder}/labels
"""


@dataclass(frozen=True)
class Daemon:
    """A running daemon and where it listens."""

    process: subprocess.Popen[str]
    page: str
    monitor: str


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("daemon")
    metrics, web = free_ports(2)
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(clip=approach(folder), folder=folder, metrics=metrics, web=web))
    environment = {**os.environ, "ANPR_MODELS": str(models_folder(folder / "models"))}
    command = [sys.executable, "-m", "edge", "run", "-c", str(config)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        yield Daemon(process, f"http://127.0.0.1:{web}", f"http://127.0.0.1:{metrics}")
        if process.poll() is None:
            process.kill()


def approach(folder: Path) -> Path:
    """A vehicle that comes nearer, as the tiny models see it; its grey levels are the plate's text."""
    path = folder / "approach.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
        stream.options = {"crf": "4", "preset": "ultrafast"}
        for index in range(75):
            picture = np.full((480, 640), 40, np.uint8)  # an empty lane: without it the next vehicle is the same one
            if index < 60:
                width, y = 96 + 2 * index, 60 + 4 * index
                picture = plate_picture(TEXT, box=(320 - width // 2, y, 320 + width // 2, y + width // 3))
            frame = av.VideoFrame.from_ndarray(picture, format="gray8").reformat(format="yuvj420p")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(p.getsockname()[1]) for p in probes]
    for probe in probes:
        probe.close()
    return ports


def eventually(question: Callable[[], Any]) -> Any:
    """Ask until there is an answer."""
    pause = threading.Event()
    for _ in range(int(DEADLINE_S / 0.25)):
        try:
            if answer := question():
                return answer
        except httpx.TransportError:
            pass  # not up yet
        pause.wait(0.25)
    raise AssertionError("did not happen in time")


def test_a_car_in_the_clip_becomes_a_row_on_the_page(daemon: Daemon) -> None:
    """Through capture, vision, outbox and history to what the desk sees."""

    def finals() -> list[Any]:
        found = httpx.get(daemon.page + "/api/events", params={"plate": "AB12CDF"}, timeout=60).json()["events"]
        return [e for e in found if e["type"] == "passage.final"]

    row = eventually(finals)[0]
    assert row["plate"]["text"] == TEXT
    assert row["direction"] == "entry"
    crop = httpx.get(daemon.page + row["crop"], timeout=60)
    assert crop.content.startswith(b"\xff\xd8")


def test_the_row_is_explained_by_its_looks(daemon: Daemon) -> None:
    """Whoever doubts an answer sees what each look said; of a car that has just left, too."""
    found = eventually(lambda: httpx.get(daemon.page + "/api/events", timeout=20).json()["events"])
    row = next(e for e in found if e["plate"] is not None)
    account = httpx.get(f"{daemon.page}/api/events/{row['event_id']}/explain", timeout=20).json()
    assert account["answer"] == row["plate"]["text"] == TEXT
    assert account["detections"] >= len(account["looks"]) >= 3
    assert TEXT in {"".join(c for c, _ in look["characters"]) for look in account["looks"]}


def test_what_is_drawn_is_used_at_once(daemon: Daemon) -> None:
    """The technician says that cars which come closer leave here: the next ones are exits, without a restart."""
    drawing = {"region": [], "direction": "growth", "approaching": "exit", "line": None}

    def leaves() -> Any:
        found = httpx.get(daemon.page + "/api/events", timeout=20).json()["events"]
        return any(e["direction"] == "exit" for e in found)

    with httpx.Client(base_url=daemon.page, timeout=20) as http:
        headers = {"X-CSRF-Token": http.get("/api/me").json()["csrf"]}
        saved = http.put("/api/cameras/entry-cam/drawing", json=drawing, headers=headers)
        assert saved.json() == {"message": "Saved, and used from now on."}
    assert eventually(leaves)


def test_the_funnel_of_the_real_daemon_adds_up(daemon: Daemon) -> None:
    """Found plates are read or lost for a reason; nothing disappears."""

    def busy() -> Any:
        camera = httpx.get(daemon.monitor + "/status", timeout=60).json()["cameras"][0]
        return camera if camera["funnel"]["plates_read"] > 5 else None

    camera = eventually(busy)
    funnel, lost = camera["funnel"], camera["losses"]["plates"]
    assert funnel["plates_detected"] == funnel["plates_legible"] + sum(lost.values()) - lost.get("illegible", 0)
    assert funnel["plates_legible"] == funnel["plates_read"] + lost.get("illegible", 0)
    frames = camera["losses"]["frames"]
    assert funnel["received"] >= funnel["analysed"] + camera["gated"] + sum(frames.values()) - 2  # two are on their way


def test_the_gate_is_ready_and_says_why(daemon: Daemon) -> None:
    """The reasons are those of real parts."""

    def ready() -> Any:
        answer = httpx.get(daemon.monitor + "/readyz", timeout=60)
        return answer.json() if answer.status_code == 200 else None

    checks = {c["name"]: c["reason"] for c in eventually(ready)["checks"]}
    assert set(checks) == {
        "model/detector", "model/recogniser", "camera/entry-cam", "sink/history", "disk/outbox", "disk/outbox-space",
    }  # fmt: skip
    assert checks["camera/entry-cam"].startswith("640 x 480")


def test_a_picture_is_tried_with_the_real_reader(daemon: Daemon) -> None:
    """The page hands it to `anpr-edge read` in a process of its own."""
    picture = cv2.imencode(".png", plate_picture(TEXT, size=(600, 900), box=(300, 240, 492, 312)))[1].tobytes()
    with httpx.Client(base_url=daemon.page, timeout=DEADLINE_S) as http:
        token = eventually(lambda: http.get("/api/me").json())["csrf"]
        answer = http.post("/api/try", content=picture, headers={"X-CSRF-Token": token})
        refused = http.post("/api/try", content=b"\x89PNG\r\n\x1a\n" + b"x" * 99, headers={"X-CSRF-Token": token})
    assert answer.status_code == 200, answer.text
    assert [p["text"] for p in answer.json()["lines"][0]["plates"]] == [TEXT]
    assert refused.status_code == 422, refused.text
    assert "anpr-try" not in answer.text + refused.text


def test_it_stops_in_time_with_somebody_looking(daemon: Daemon) -> None:
    """SIGTERM while a browser watches: every thread ends, exit code 0 (last test: the daemon is gone afterwards)."""
    with (
        httpx.Client(timeout=DEADLINE_S) as http,
        http.stream("GET", daemon.page + "/api/live", params={"camera": "entry-cam"}) as stream,
    ):
        lines = stream.iter_lines()
        frame = next(line for line in lines if line.startswith("data: ") and '"jpeg"' in line)
        assert json.loads(frame.removeprefix("data: "))["width"] == 640
        daemon.process.send_signal(signal.SIGTERM)
        _, errors = daemon.process.communicate(timeout=STOP_WITHIN_S)
    assert daemon.process.returncode == 0, errors
    assert "Traceback" not in errors
