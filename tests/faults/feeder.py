"""The process that is killed: the real outbox and publish stage, fed with events of two lanes.

Stands for the daemon without its cameras, so that hundreds of kills take
minutes. What `append` has promised is noted in a file that outlives the kill.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from random import Random

from edge.clock import EventIds, SystemClock
from edge.config.delivery import MqttSettings
from edge.sinks.mqtt import MqttSink
from edge.sinks.outbox import Outbox
from edge.sinks.publish import PublishStage
from tests.sinks.events import a_gate_event

LANES = ("entry", "exit")


def feed(outbox_file: Path, promised_file: Path, settings: MqttSettings, seed: int) -> None:
    """Append events until killed; publish them meanwhile."""
    promised = os.open(promised_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with Outbox(outbox_file, SystemClock()) as outbox:
        stage = PublishStage(outbox, MqttSink(settings, "site-1"), first_pause_s=0.05, max_backoff_s=0.2)
        threading.Thread(target=stage.run, daemon=True).start()
        threads = [
            threading.Thread(target=_feed_lane, args=(outbox, promised, lane, Random(f"{seed}{lane}")), daemon=True)
            for lane in LANES
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def drain(outbox_file: Path, settings: MqttSettings) -> None:
    """Deliver what is left, then end by itself."""
    with Outbox(outbox_file, SystemClock()) as outbox:
        stage = PublishStage(outbox, MqttSink(settings, "site-1"), first_pause_s=0.05, max_backoff_s=0.2)
        stage.stop(drain_s=120.0)
        stage.run()


def _feed_lane(outbox: Outbox, promised: int, lane: str, random: Random) -> None:
    ids, pause = EventIds(), threading.Event()
    while True:
        batch = [a_gate_event(lane=lane, ids=ids) for _ in range(random.randint(1, 3))]
        stored = outbox.append(batch)
        os.write(promised, "".join(f"{e.event_id} {e.lane} {e.sequence}\n" for e in stored).encode())
        pause.wait(random.expovariate(50))
