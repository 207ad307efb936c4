"""Decisions while broker and internet are away: the whole daemon opens, watches, calls, and delivers it all later."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import httpx
import pytest

from edge.types import EventType
from tests.access.test_barrier import Controller
from tests.faults.test_delivery_daemon import CLIP, LIFE_S, daemon
from tests.servers.mosquitto import Mosquitto, Subscriber, free_port, needs_mosquitto, wait_until

PLATE = "AB12CDE"  # of the bundled clip
TOKEN = "0123456789abcdef"
CONFIG = """\
cameras:
  - {{name: front, lane: lane-1, url: {clip}, loop: true, gate: {{direction: entry}}}}
  - name: back
    lane: lane-2
    url: rtsp://127.0.0.1:9/dead
    trigger: {{window_s: 1, token: {token}}}
outbox: {{path: {folder}/outbox.db}}
mqtt: {{port: {broker}, max_backoff_s: 1, alert_topic: 'anpr/{{site}}/{{lane}}/alerts'}}
metrics: {{enabled: false}}
web: {{port: {web}, history: {{path: {folder}/history.db, labels: {folder}/labels}}}}
access:
  enabled: true
  lists: {folder}/lists.csv
  audit: {folder}/audit.jsonl
  lanes:
    - {{lane: lane-1, open_probability: 0.95, barrier: {{output: http, url: '{controller}'}}}}
    - {{lane: lane-2}}
"""

pytestmark = [needs_mosquitto, pytest.mark.slow, pytest.mark.skipif(not CLIP.exists(), reason="no bundled clip")]


def audited(folder: Path) -> list[str]:
    path = folder / "audit.jsonl"
    return [json.loads(line)["what"] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.timeout(600)
def test_gate_decides_without_broker_and_delivers_later(tmp_path: Path) -> None:
    """The line is down for a while: the tenant gets in, the watch list is watched, the loop gets its person."""
    broker, controller, web = Mosquitto(tmp_path / "broker"), Controller(), free_port()
    threading.Thread(target=controller.serve_forever, daemon=True).start()
    (tmp_path / "lists.csv").write_text(f"plate,list\n{PLATE},allow\n{PLATE},watch\n")
    config = tmp_path / "config.yaml"
    config.write_text(
        CONFIG.format(clip=CLIP, token=TOKEN, folder=tmp_path, broker=broker.port, web=web, controller=controller.url)
    )
    with daemon(config, tmp_path / "log"):
        wait_until(lambda: "barrier.opened" in audited(tmp_path), "the barrier", LIFE_S)
        address = f"http://127.0.0.1:{web}/api/cameras/back/vehicle"
        assert httpx.post(address, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 202
        with broker, Subscriber(broker.port) as backend:
            wait_until(
                lambda: {EventType.WATCH_HIT, EventType.UNREAD} <= {e.type for e in backend.events()},
                "all of it",
                LIFE_S,
            )
            backend.wait_for(bool, "an alert")
            events = backend.events()
            alerts = {json.loads(p)["type"] for t, p, _ in backend.messages if t.endswith("/alerts")}
    controller.shutdown()
    opened = next(e for e in events if e.decision == "open")
    missed = next(e for e in events if e.type is EventType.UNREAD and e.lane == "lane-2")
    assert opened.type is EventType.PROVISIONAL and opened.plate is not None and opened.plate.text == PLATE
    assert (missed.decision, dict(missed.details)["trigger"]) == ("manual_assist", "http")
    assert controller.requests[0][0] == "/open/lane-1"
    assert "watch.hit" in alerts
    assert PLATE not in (tmp_path / "log").read_text()
