"""A camera loses its power ten times in half an hour: the daemon on a live RTSP stream, watched from outside.

Run by `scripts/soak`; no test, since half an hour of one run is the point. A bundled clip is served in a loop by a
real RTSP server that is killed again and again; the daemon publishes to a real mosquitto. Every whole round of the
clip must give exactly one final event, numbers must have no gap, and memory must not grow.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from subprocess import Popen
from urllib.request import urlopen

import av
import psutil

from edge.types import EventType, GateEvent
from tests.servers.mosquitto import Mosquitto, Subscriber, free_port
from tests.servers.rtsp import RtspServer, missing

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "assets" / "clips" / "gate-entry.mp4"
PLATE = "AB12CDE"
AWAY_S = (1.0, 12.0)  # how long the camera stays without power
SAMPLE_S = 10.0
UP_WITHIN_S = 60.0
MOST_MB, GROWTH_MB = 300, 10  # resident; growth between the second and the last tenth of the run


@dataclass
class Log:
    """What was seen from outside."""

    began_s: float = field(default_factory=time.monotonic)
    memory_mb: list[float] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)  # power on to the first picture
    rounds: list[float] = field(default_factory=list)  # of the clip, per life of the camera

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.began_s:7.0f} s  {text}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--fps", type=float, default=15.0, help="pictures a second that the daemon analyses")
    args = parser.parse_args()
    if reason := missing():
        sys.exit(f"no RTSP server: {reason}")
    with tempfile.TemporaryDirectory(prefix="anpr-edge-soak-") as name:
        folder = Path(name)
        with Mosquitto(folder / "broker") as broker, Subscriber(broker.port) as subscriber:
            return _watch(args, folder, broker.port, subscriber)


def _watch(args: argparse.Namespace, folder: Path, broker_port: int, subscriber: Subscriber) -> int:
    life_s = args.minutes * 60 / (args.kills + 1)
    video, round_s = _endless(folder / "endless.mp4", life_s * 1.5 + 60)
    camera, metrics_port, log = RtspServer({"live": video}), free_port(), Log()
    config = _settings(folder, camera.url("live"), broker_port, metrics_port, args.fps)
    camera.start()
    with (folder / "daemon.log").open("w") as messages:
        daemon = Popen([sys.executable, "-m", "edge", "run", "-c", str(config)], cwd=ROOT, stderr=messages)
    try:
        for life in range(args.kills + 1):
            if life:
                camera = _come_back(camera, video, Random(life).uniform(*AWAY_S))
            _live(log, daemon, metrics_port, life_s, round_s)
            log.say(f"camera killed ({life + 1}), {len(subscriber.events())} events so far")
            camera.kill()
    finally:
        camera.kill()
        daemon.terminate()
        status = daemon.wait(25)
    return _judge(log, status, (folder / "daemon.log").read_text(), subscriber.events())


def _endless(path: Path, seconds: float) -> tuple[Path, float]:
    """Write the clip again and again until it fills `seconds`, without encoding; return it and one round's length."""
    with av.open(str(CLIP)) as clip:
        stream = clip.streams.video[0]
        assert stream.duration is not None and stream.time_base is not None
        round_s = float(stream.duration * stream.time_base)
        with av.open(str(path), "w") as out:
            copy = out.add_stream_from_template(stream)
            for number in range(int(seconds / round_s) + 1):
                clip.seek(0)
                for packet in clip.demux(stream):
                    if packet.pts is None or packet.dts is None:
                        continue
                    packet.pts += number * stream.duration
                    packet.dts += number * stream.duration
                    packet.stream = copy
                    out.mux(packet)
    return path, round_s


def _settings(folder: Path, url: str, broker_port: int, metrics_port: int, fps: float) -> Path:
    path = folder / "config.yaml"
    path.write_text(
        # The same plate comes again every round, and every round is a passage of its own.
        f"cameras: [{{name: gate, url: '{url}', max_fps: {fps}, max_backoff_s: 5,\n"
        "           gate: {same_vehicle_within_s: 0}}]\n"
        f"outbox: {{path: '{folder}/outbox.db'}}\nmqtt: {{host: 127.0.0.1, port: {broker_port}}}\n"
        f"metrics: {{port: {metrics_port}}}\nweb: {{enabled: false}}\n"
    )
    return path


def _come_back(dead: RtspServer, video: Path, after_s: float) -> RtspServer:
    time.sleep(after_s)
    camera = RtspServer({"live": video}, port=dead.port)
    camera.start()
    return camera


def _live(log: Log, daemon: Popen[bytes], metrics_port: int, life_s: float, round_s: float) -> None:
    began_s = time.monotonic()
    while not _is_up(metrics_port):
        if daemon.poll() is not None or time.monotonic() - began_s > UP_WITHIN_S:
            raise SystemExit(f"the camera did not come up within {UP_WITHIN_S:.0f} s")
        time.sleep(0.05)
    up_s = time.monotonic()
    log.back_s.append(up_s - began_s)
    while (left_s := up_s + life_s - time.monotonic()) > 0:
        log.memory_mb.append(psutil.Process(daemon.pid).memory_info().rss / 1e6)
        time.sleep(min(SAMPLE_S, left_s))
    log.rounds.append((time.monotonic() - up_s) / round_s)
    log.say(f"up after {log.back_s[-1]:.1f} s, {log.memory_mb[-1]:.0f} MB resident")


def _is_up(metrics_port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=2) as answer:
            return 'anpr_camera_state{camera="gate",state="up"} 1.0' in answer.read().decode()
    except OSError:
        return False


def _judge(log: Log, status: int, messages: str, events: list[GateEvent]) -> int:
    finals = [e for e in events if e.type is EventType.FINAL]
    texts = Counter(e.plate.text for e in finals if e.plate)
    least, most = sum(int(r - 0.2) for r in log.rounds), sum(int(r) + 1 for r in log.rounds)
    numbers = [e.sequence for e in events]
    tenth = max(1, len(log.memory_mb) // 10)
    early, late = median(log.memory_mb[tenth : 2 * tenth + 1]), median(log.memory_mb[-tenth:])
    peak_mb = max(log.memory_mb)
    checks = {
        f"{len(finals)} passages reported, {least} to {most} driven": least <= len(finals) <= most,
        f"plates {dict(texts)}": set(texts) == {PLATE},
        f"{len(events)} events, numbered without gap": numbers == list(range(1, len(events) + 1)),
        f"{len({e.event_id for e in events})} different events": len({e.event_id for e in events}) == len(events),
        f"up again after {max(log.back_s[1:], default=0):.1f} s at most": max(log.back_s[1:], default=0) < 10,
        f"memory {early:.0f} MB early, {late:.0f} MB late (medians)": late - early < GROWTH_MB,
        f"memory {peak_mb:.0f} MB at most": peak_mb < MOST_MB,
        f"daemon ended with {status}": status == 0,
        "no traceback in its log": "Traceback" not in messages,
    }
    for text, good in checks.items():
        print("ok " if good else "BAD", text)
    if not all(checks.values()):
        print(messages[-4000:])
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
