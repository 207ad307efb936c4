"""What the pipeline costs beside decoding alone: CPU time, start, decision time and memory of the daemon.

Run by `make bench`. Ratios within one run are what counts; the figures in milliseconds belong to this machine.
The clips are rendered once into .cache/bench: 1080p25, H.264, with a vehicle in view and without.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from edge.clock import VirtualClock, seeded_ids
from edge.config import Settings, parse
from edge.pipeline.attention import Look
from edge.pipeline.capture_file import FileSource
from edge.replay.player import EPOCH
from edge.types import EventType
from edge.vision import build_pipeline

ROOT = Path(__file__).parents[2]
CLIPS = ROOT / ".cache" / "bench"
SECONDS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000, help="frames of the memory measurement")
    frames = parser.parse_args().frames
    active, empty = _clip("active"), _clip("empty")
    for name, clip, bar in (("plate in view", active, 2.0), ("empty scene", empty, 1.15)):
        decode_ms, whole_ms, looked = _cost(clip)
        ratio = whole_ms / decode_ms
        print(
            f"{name:<14} decode {decode_ms:5.2f} ms CPU per frame, whole pipeline {whole_ms:5.2f} ms: "
            f"ratio {ratio:.2f} (bar {bar}), detector ran on {looked:.0%} of the frames"
        )
    print(f"start to first processed frame {_start_s(active):.2f} s (bar 3)")
    print(f"first legible look to provisional event {_decision_ms(active):.0f} ms of video time (bar 400)")
    first_mib, last_mib = _memory(active, frames)
    growth = last_mib - first_mib
    print(f"resident memory of run, one 1080p camera: {last_mib:.0f} MiB (bar 300), growth {growth:+.1f} MiB")


def _clip(kind: str) -> Path:
    from training.scenes.render import render_scene
    from training.scenes.spec import SceneSpec, VehicleSpec

    car = VehicleSpec(plate="AB12 CDE", colour="blue", speed_kmh=9, from_m=22)
    spec = SceneSpec(
        name=f"bench-{kind}",
        size=(1920, 1080),
        fps=25,
        seconds=SECONDS,
        bitrate_kbps=4000,
        vehicles=(car,) if kind == "active" else (),
    )
    path = CLIPS / f"{spec.name}.mp4"
    return path if path.exists() else render_scene(spec, CLIPS)[0]


def _daemon_defaults() -> Settings:
    return parse({"cameras": [{"name": "bench", "url": "bench"}], "mqtt": {"enabled": False}})


def _cost(clip: Path) -> tuple[float, float, float]:
    """Return decode and whole pipeline in CPU ms per frame (medians of three), and the share of frames looked at."""
    settings = _daemon_defaults()
    decode, whole, looked = [], [], 0.0
    for _ in range(3):
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


def _start_s(clip: Path) -> float:
    """Return how long `anpr-edge replay` takes from the first instruction to the first frame's answer."""
    code = (
        "import sys; from pathlib import Path; from edge.commands.options import settings_for_files; "
        "from edge.replay.player import Player; s = settings_for_files(None); "
        "next(Player(Path(sys.argv[1]), s, s.cameras[0]).play())"
    )
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, str(clip)], check=True)
    return time.perf_counter() - began


def _decision_ms(clip: Path) -> float:
    settings = _daemon_defaults()
    vision = build_pipeline(settings, settings.cameras[0], seeded_ids(1), lambda: 0.0)
    source = FileSource(str(clip), name="bench", clock=VirtualClock(EPOCH))
    source.open()
    first_s: float | None = None
    while (frame := source.read()) is not None:
        step = vision.step(frame)
        if first_s is None and any(r.legible >= 0.5 for r in step.reads):
            first_s = frame.monotonic_s
        if first_s is not None and any(e.type is EventType.PROVISIONAL for e in step.events):
            return 1000 * (frame.monotonic_s - first_s)
    return float("inf")


def _memory(clip: Path, frames: int) -> tuple[float, float]:
    """Return resident MiB of the daemon after a tenth of `frames` and after all of them."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(
            f"cameras: [{{name: gate-1, url: '{clip}', loop: true, max_fps: 25}}]\n"
            f"outbox: {{path: '{folder}/outbox.db'}}\nmqtt: {{enabled: false}}\nweb: {{enabled: false}}\n"
            "metrics: {enabled: false}\nlog: {level: warning}\n"
        )
        daemon = subprocess.Popen([sys.executable, "-m", "edge", "run", "-c", str(config)], cwd=ROOT, env=os.environ)
        process = psutil.Process(daemon.pid)
        try:
            time.sleep(max(6.0, frames / 25 * 0.1))
            first = process.memory_info().rss
            time.sleep(frames / 25 * 0.9)
            last = process.memory_info().rss
        finally:
            daemon.terminate()
            daemon.wait(20)
    return first / 2**20, last / 2**20


if __name__ == "__main__":
    main()
