"""Delivery in numbers, on this machine: commits, publishing, latency, a drained backlog.

    python -m tests.bench.delivery

Everything is real: the disk of $TMPDIR with synchronous=FULL, mosquitto on the loop-back, our own stage and sink.
`commit` is compared with a bare fsync of the same disk, since nothing durable can be faster.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.clock import SystemClock
from edge.sinks.mqtt import MqttSink
from edge.sinks.outbox import Outbox
from edge.types import Evidence, GateEvent
from tests.servers.mosquitto import Mosquitto, Subscriber, wait_until
from tests.sinks.events import a_gate_event
from tests.sinks.test_mqtt import mqtt_settings, running

COMMITS = 500
LATENCIES = 200
BACKLOG = 10_000
PICTURE = Evidence(crop_jpeg=os.urandom(6_000))  # a typical crop


def main() -> None:
    """Print each figure on a line of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare_s = _fsyncs(folder / "bare")
        commits_s = _commits(folder / "commits.db")
        _show("bare fsync of 8 KiB", bare_s)
        _show("outbox commit, FULL", commits_s)
        ratio = statistics.median(commits_s) / statistics.median(bare_s)
        print(f"{'commit / fsync':24} {ratio:8.2f}  (median)")
        with Mosquitto(folder / "broker") as broker:
            _show("event to subscriber", _latencies(folder / "latency.db", broker.port))
            took_s = _drain(folder / "drain.db", broker.port)
        print(f"{'drain of 10,000':24} {took_s:8.1f} s  {BACKLOG / took_s:8.0f} events/s published and acknowledged")


def _fsyncs(path: Path) -> list[float]:
    block = os.urandom(8192)
    with path.open("wb", buffering=0) as file:

        def once() -> None:
            file.write(block)
            os.fsync(file.fileno())

        return [_timed(once) for _ in range(COMMITS)]


def _commits(path: Path) -> list[float]:
    events = [a_gate_event(evidence=PICTURE) for _ in range(COMMITS)]
    with Outbox(path, SystemClock()) as outbox:
        outbox.register("mqtt")
        return [_timed(lambda event=event: outbox.append([event])) for event in events]  # type: ignore[misc]


def _latencies(path: Path, port: int) -> list[float]:
    """Measure from the call of append to the arrival at a subscriber, one event at a time."""
    found: list[float] = []
    sink = MqttSink(mqtt_settings(port, client_id="latency-gate"), "site-1")
    pause = threading.Event()
    with (
        Outbox(path, SystemClock()) as outbox,
        Subscriber(port, name="latency") as backend,
        running(outbox, sink) as stage,
    ):
        wait_until(lambda: stage.status().connected, "a connection")
        for _ in range(LATENCIES):
            event = a_gate_event(evidence=PICTURE)
            began_s = time.perf_counter()
            outbox.append([event])
            backend.wait_for_ids({event.event_id})
            found.append(time.perf_counter() - began_s)
            pause.wait(0.01)
    return found


def _drain(path: Path, port: int) -> float:
    with Outbox(path, SystemClock()) as outbox:
        outbox.register("mqtt")
        _fill(outbox)
        with running(outbox, MqttSink(mqtt_settings(port, client_id="drain-gate"), "site-1")) as stage:
            began_s = time.perf_counter()
            wait_until(lambda: stage.delivered >= BACKLOG, "the drain", 600)
            return time.perf_counter() - began_s


def _fill(outbox: Outbox) -> None:
    batch: list[GateEvent] = []
    for _ in range(BACKLOG):
        batch.append(a_gate_event(evidence=PICTURE))
        if len(batch) == 100:
            outbox.append(batch)
            batch = []


def _timed(action: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    action()
    return time.perf_counter() - began_s


def _show(name: str, seconds: Sequence[float]) -> None:
    ordered = sorted(seconds)
    p50_ms, p99_ms = (1000 * ordered[int(len(ordered) * share)] for share in (0.5, 0.99))
    print(f"{name:24} {p50_ms:8.2f} ms p50  {p99_ms:8.2f} ms p99  {len(seconds) / sum(seconds):8.0f}/s")


if __name__ == "__main__":
    main()
