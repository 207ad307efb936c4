"""What the pipeline costs beside decoding alone: CPU time, start, decision time and memory of the daemon.

Run by `make bench`. Ratios within one run are what counts; the figures in milliseconds belong to this machine, and a
busy one makes the models look up to twice as dear beside decoding.
The clips are rendered once into .cache/bench: 1080p25 for the cost, 720p15 in several lights for the decision.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import psutil

from edge.clock import SystemClock, VirtualClock, seeded_ids
from edge.config import Settings, parse
from edge.pipeline.attention import Look
from edge.pipeline.capture_file import FileSource
from edge.replay.player import EPOCH, Player
from edge.types import EventType
from edge.vision import build_pipeline
from tests.servers.mosquitto import Mosquitto, Subscriber, free_port
from training.scenes.render import render_scene
from training.scenes.spec import SceneSpec, VehicleSpec

ROOT = Path(__file__).parents[2]
CLIPS = ROOT / ".cache" / "bench"
SECONDS = 8
REPEATS = 5
LIGHTS = ("day", "overcast", "low-sun", "dusk", "night", "night-ir")
SPEEDS_KMH = (8, 14, 22)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000, help="frames of the memory measurement")
    frames = parser.parse_args().frames
    active, empty = _wide("active"), _wide("empty")
    for name, clip, bar in (("plate in view", active, 2.0), ("empty scene", empty, 1.15)):
        decode_ms, whole_ms, looked = _cost(clip)
        print(
            f"{name:<14} decode {decode_ms:5.2f} ms CPU per frame, whole pipeline {whole_ms:5.2f} ms: "
            f"ratio {whole_ms / decode_ms:.2f} (bar {bar}), detector ran on {looked:.0%} of the frames"
        )
    print(f"start of the daemon to its first looked-at frame {_start_s(active):.2f} s (bar 3)")
    decided_ms, wire_ms = sorted(_decisions_ms()), _wire_ms(_approach(LIGHTS[0], SPEEDS_KMH[1]))
    median, p95 = (decided_ms[min(len(decided_ms) - 1, int(share * len(decided_ms)))] for share in (0.5, 0.95))
    print(
        f"first legible frame to the deciding one, {len(decided_ms)} approaches at 15 fps: median {median:.0f} ms, "
        f"p95 {p95:.0f} ms; from there to an MQTT subscriber {wire_ms:.0f} ms (bar: p95 400 together)"
    )
    first_mb, last_mb = _memory(active, frames)
    growth = last_mb - first_mb
    print(f"resident memory of run, one 1080p camera: {last_mb:.0f} MB (bar 300), growth {growth:+.1f} MB")


def _wide(kind: str) -> Path:
    """Return eight seconds of 1080p25, H.264, with a vehicle in view or without."""
    car = VehicleSpec(plate="AB12 CDE", colour="blue", speed_kmh=9, from_m=22)
    return _rendered(
        SceneSpec(
            name=f"bench-{kind}",
            size=(1920, 1080),
            fps=25,
            seconds=SECONDS,
            bitrate_kbps=4000,
            vehicles=(car,) if kind == "active" else (),
        )
    )


def _approach(light: str, speed_kmh: float) -> Path:
    """Return a car that drives up at 720p15."""
    car = VehicleSpec(plate="KX64 HTM", colour="grey", speed_kmh=speed_kmh, from_m=18)
    seconds = min(9.0, 18 / (speed_kmh / 3.6))
    name = f"approach-{light}-{speed_kmh:.0f}"
    return _rendered(SceneSpec(name=name, fps=15, seconds=seconds, light=light, vehicles=(car,)))


def _rendered(spec: SceneSpec) -> Path:
    path = CLIPS / f"{spec.name}.mp4"
    return path if path.exists() else render_scene(spec, CLIPS)[0]


def _defaults() -> Settings:
    """Return what a daemon runs with when nothing but its camera is given."""
    return parse({"cameras": [{"name": "bench", "url": "bench"}], "mqtt": {"enabled": False}})


def _cost(clip: Path) -> tuple[float, float, float]:
    """Return decode and whole pipeline in CPU ms per frame (medians), and the share of frames looked at."""
    settings = _defaults()
    decode, whole, looked = [], [], 0.0
    for _ in range(REPEATS):
        decode.append(_cpu_ms_per_frame(clip, lambda frame: None))
        vision = build_pipeline(settings, settings.cameras[0], seeded_ids(1), lambda: 0.0)
        looks: list[Look | None] = []
        whole.append(_cpu_ms_per_frame(clip, lambda frame, v=vision, seen=looks: seen.append(v.step(frame).look)))
        looked = sum(look in (Look.FULL, Look.AROUND) for look in looks) / len(looks)
    return statistics.median(decode), statistics.median(whole), looked


def _cpu_ms_per_frame(clip: Path, use: Callable[..., object]) -> float:
    source = FileSource(str(clip), name="bench", clock=VirtualClock(EPOCH))
    source.open()
    began, count = time.process_time(), 0
    while (frame := source.read()) is not None:
        use(frame)
        count += 1
    took = time.process_time() - began
    source.close()
    return 1000 * took / count


def _decisions_ms() -> list[float]:
    """Return, for each approach, the video time from the first legible frame to the provisional event, ms."""
    return [_decision_ms(_approach(light, speed)) for light in LIGHTS for speed in SPEEDS_KMH]


def _decision_ms(clip: Path) -> float:
    """Return how long after the plate could first be read, by the scene's truth, its event came; negative: before."""
    (passage,) = json.loads(clip.with_suffix(".truth.json").read_text())["passages"]
    settings = _defaults()
    player = Player(clip, settings, settings.cameras[0])
    for step in player.play():
        for event in step.events:
            if event.type is EventType.PROVISIONAL and event.plate and event.plate.text == passage["plate"]:
                return 1000 * (player.duration_s - passage["first_legible_s"])
    return float("inf")


def _wire_ms(clip: Path) -> float:
    """Return how old the deciding frame was when a subscriber had the provisional event over MQTT, ms."""
    clock = SystemClock()
    with (
        tempfile.TemporaryDirectory() as folder,
        Mosquitto(Path(folder) / "broker") as broker,
        Subscriber(broker.port) as backend,
        _daemon(Path(folder), f"url: '{clip}', loop: true", f"mqtt: {{host: 127.0.0.1, port: {broker.port}}}\n"),
    ):
        while not (decided := [e for e in backend.events() if e.type is EventType.PROVISIONAL]):
            time.sleep(0.002)
        return 1000 * (clock.utc() - decided[0].captured_at).total_seconds()


def _start_s(clip: Path) -> float:
    """Return how long `anpr-edge run` takes from its start to the first frame that the detector has looked at."""
    with tempfile.TemporaryDirectory() as name:
        port, began = free_port(), time.perf_counter()
        with _daemon(Path(name), f"url: '{clip}'", f"mqtt: {{enabled: false}}\nmetrics: {{port: {port}}}\n"):
            while not _looked(port):
                time.sleep(0.01)
            return time.perf_counter() - began


def _looked(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return False
    return any(line.startswith("anpr_frames_detected_total{") and not line.endswith(" 0.0") for line in lines)


def _memory(clip: Path, frames: int) -> tuple[float, float]:
    """Return resident MB of the daemon, web page and all, after a tenth of `frames` and after all of them."""
    with tempfile.TemporaryDirectory() as name:
        more = f"mqtt: {{enabled: false}}\nmetrics: {{port: {free_port()}}}\n"
        with _daemon(Path(name), f"url: '{clip}', loop: true, max_fps: 25", more, web=True) as daemon:
            process = psutil.Process(daemon.pid)
            time.sleep(max(6.0, frames / 25 * 0.1))
            first = process.memory_info().rss
            time.sleep(frames / 25 * 0.9)
            return first / 1e6, process.memory_info().rss / 1e6


@contextmanager
def _daemon(folder: Path, camera: str, more: str, *, web: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    config = folder / "config.yaml"
    config.write_text(
        f"cameras: [{{name: gate-1, {camera}}}]\noutbox: {{path: '{folder}/outbox.db'}}\nlog: {{level: warning}}\n"
        f"web: {{enabled: {str(web).lower()}, port: {free_port()}, history: {{path: '{folder}/history.db'}}}}\n"
        + (more if "metrics" in more else f"{more}metrics: {{enabled: false}}\n")
    )
    command = [sys.executable, "-m", "edge", "run", "-c", str(config)]
    daemon = subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        yield daemon
    finally:
        daemon.terminate()
        daemon.wait(20)


if __name__ == "__main__":
    main()
