"""What being watched costs, on this machine: scrapes, live views, the first page.

    python -m tests.bench.observe

A camera's bundled clip goes through the real pipeline at 15 pictures a second, in rounds without and with 50 viewers
(a process of their own), so that both see the same load of the machine. Ratios count, not the absolute numbers.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx

from edge.board import Vehicle
from edge.clock import EventIds
from edge.config import parse
from edge.pipeline.capture_file import FileSource
from edge.types import Frame
from edge.vision import build_pipeline
from tests.web.fake_gate import FakeGate
from tests.web.site import Site, serve

CLIP = Path(__file__).parents[2] / "assets" / "clips" / "gate-entry.mp4"
CAMERA = "entry-cam"
VIEWERS = 50
FPS = 15.0
ROUND_S = 6.0
ROUNDS = 3
SCRAPE_EVERY_S = 15.0


class Gate:
    """The real pipeline on frames of the clip, as many a second as a camera gives, on a thread of its own."""

    def __init__(self, site: Site) -> None:
        self._board = site.gate.board
        settings = parse({"cameras": [{"name": CAMERA, "url": str(CLIP), "max_fps": 120}]}, {})
        self._pipeline = build_pipeline(settings, settings.cameras[0], EventIds(), time.perf_counter)
        source = FileSource(str(CLIP), name=CAMERA, clock=site.gate.clock)
        source.open()
        self._count = 0
        self._frames: list[Frame] = []
        while (frame := source.read()) is not None and len(self._frames) < 120:
            self._frames.append(frame)

    def run(self, seconds: float) -> tuple[int, float]:
        """Return frames processed in time and seconds of CPU that the vision thread used."""
        done, used = 0, 0.0
        began = time.monotonic()
        for number, still in enumerate(itertools.cycle(self._frames)):
            due = began + number / FPS
            self._count += 1
            frame = replace(still, sequence=self._count, monotonic_s=self._count / FPS)
            if due > began + seconds:
                return done, used
            wait_s = due - time.monotonic()
            if wait_s < -1 / FPS:
                continue  # a newer one has replaced it
            threading.Event().wait(max(0.0, wait_s))
            before = time.thread_time()
            step = self._pipeline.step(frame)
            used += time.thread_time() - before
            vehicles = tuple(Vehicle(t, "approaching", step.verdicts.get(t.id)) for t in step.tracks)
            self._board.frame_seen(frame, vehicles)
            done += 1
        raise AssertionError("the frames never end")


def main() -> None:
    """Print each figure on a line of its own."""
    _scrape()
    with tempfile.TemporaryDirectory() as name, serve(Path(name), web={"max_viewers": VIEWERS}) as site:
        _first_page(site)
        _viewers(site)


def _scrape() -> None:
    gate = FakeGate()
    gate.come_up()
    gate.drive_by(CAMERA)
    times = []
    for _ in range(20):
        before = time.thread_time()
        size = len(gate.metrics.exposition())
        times.append(time.thread_time() - before)
    cost_s = sorted(times)[10]
    share = 100 * cost_s / SCRAPE_EVERY_S
    _show("scrape of 2 cameras", f"{1000 * cost_s:.1f} ms CPU, {size / 1000:.0f} kB, {share:.3f} % of a core (bar 1 %)")


def _first_page(site: Site) -> None:
    with httpx.Client(base_url=site.url) as http:
        before, used = time.monotonic(), time.process_time()
        names = ["/", *(f"/static/{f.name}" for f in (Path(__file__).parents[2] / "edge/sinks/web/static").iterdir())]
        size = sum(len(http.get(name).content) for name in names)
        took_s, used_s = time.monotonic() - before, time.process_time() - used
    _show("whole page, one after the other", f"{took_s:.2f} s for {size / 1000:.0f} kB (bars 1 s, 200 kB)")
    _show("of that, processor time", f"{used_s:.2f} s, both ends together (what other programs take is not ours)")


def _viewers(site: Site) -> None:
    gate = Gate(site)
    gate.run(2.0)
    alone, watched = [0, 0.0, 0.0], [0, 0.0, 0.0]
    frames = 0
    for _ in range(ROUNDS):
        _round(gate, alone)
        command = [sys.executable, "-m", "tests.bench.observe", site.url]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as viewers:
            while site.server.viewers < VIEWERS:
                threading.Event().wait(0.05)
            _round(gate, watched)
            frames += int(viewers.communicate("stop\n")[0])
        while site.server.viewers:
            threading.Event().wait(0.05)
    extra = (watched[2] - watched[1] - (alone[2] - alone[1])) / (ROUNDS * ROUND_S)
    _show(
        "pictures processed, nobody looks",
        f"{alone[0]} in {ROUNDS * ROUND_S:.0f} s, {1000 * alone[1] / alone[0]:.1f} ms CPU each",
    )
    _show(
        f"pictures processed, {VIEWERS} look", f"{watched[0]}, {1000 * watched[1] / max(1, watched[0]):.1f} ms CPU each"
    )
    _show("ratio", f"{watched[0] / alone[0]:.3f} (bar 0.95)")
    _show("pictures delivered to a viewer", f"{frames / VIEWERS / (ROUNDS * ROUND_S):.1f} a second")
    _show("CPU for all viewers", f"{100 * extra:.1f} % of a core, {100 * extra / VIEWERS:.2f} % each (bar 10 %)")


def _round(gate: Gate, sums: list[float]) -> None:
    before = time.process_time()
    done, used = gate.run(ROUND_S)
    sums[0] += done
    sums[1] += used
    sums[2] += time.process_time() - before


def _show(name: str, value: str) -> None:
    print(f"{name:36} {value}")


async def _watch(url: str) -> int:
    """Open 50 live views and return how many pictures all of them got until a line comes in."""
    os.nice(19)  # people look from other machines: what their browsers cost must not be taken from this gate
    seen = 0
    host, port = url.removeprefix("http://").split(":")

    async def look() -> None:
        nonlocal seen
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 22)
        writer.write(f"GET /api/live?camera={CAMERA} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        while line := await reader.readline():
            seen += line.startswith(b"event: frame")

    tasks = [asyncio.create_task(look()) for _ in range(VIEWERS)]
    await asyncio.to_thread(sys.stdin.readline)
    for task in tasks:
        task.cancel()
    return seen


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(asyncio.run(_watch(sys.argv[1])))
    else:
        main()
