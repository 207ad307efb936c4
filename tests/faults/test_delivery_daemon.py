"""The whole daemon, killed while cars drive: cameras, models, outbox and broker together.

Each life costs seconds, so there are few; the hundreds of kills are in
test_delivery.py, with the same outbox and publish stage.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from edge.types import EventType
from tests.faults.test_delivery import assert_complete_and_in_order
from tests.servers.mosquitto import Mosquitto, Subscriber, needs_mosquitto, wait_until

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "assets" / "clips" / "gate-entry.mp4"
KILLS = int(os.environ.get("ANPR_DAEMON_KILLS", "3"))
LIFE_S = 120.0  # from the start of a daemon on a busy machine to its first event

pytestmark = [needs_mosquitto, pytest.mark.slow, pytest.mark.skipif(not CLIP.exists(), reason="no bundled clip")]


@contextmanager
def daemon(config: Path, log: Path = Path(os.devnull)) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "edge", "run", "-c", str(config)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (
        log.open("wb") as out,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def settings(folder: Path, port: int) -> Path:
    path = folder / "config.yaml"
    path.write_text(
        f"cameras: [{{name: cam-1, lane: lane-1, url: {CLIP}, loop: true}}]\n"
        f"outbox: {{path: {folder}/outbox.db}}\n"
        f"mqtt: {{port: {port}}}\n"
        "metrics: {enabled: false}\nweb: {enabled: false}\n"
    )
    return path


@pytest.mark.timeout(900)
def test_killed_daemon_goes_on_counting_and_loses_no_event(tmp_path: Path) -> None:
    random = Random(2)
    with Mosquitto(tmp_path / "broker") as broker, Subscriber(broker.port) as backend:
        config = settings(tmp_path, broker.port)
        for _ in range(KILLS):
            before = len(backend.events())
            with daemon(config) as process:
                wait_until(lambda before=before: len(backend.events()) > before, "an event", LIFE_S)  # type: ignore[misc]
                try:
                    process.wait(timeout=random.uniform(0.0, 3.0))
                except subprocess.TimeoutExpired:
                    process.kill()
        before = len(backend.events())
        with daemon(config) as process:
            wait_until(lambda: len(backend.events()) > before, "an event of the last life", LIFE_S)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
        received = backend.events()
    assert_complete_and_in_order(received)
    assert len({event.event_id for event in received}) > KILLS
    assert {event.type for event in received} <= {EventType.PROVISIONAL, EventType.FINAL, EventType.UNREAD}
    print(f"\n{KILLS} kills of the daemon: {len(received)} events received")
