"""Over a real broker: lists that the office left while the gate was away; calls count only while they are fresh."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from paho.mqtt import publish

from edge.access.list_orders import ListOrders
from edge.access.store import ListStore
from edge.clock import SystemClock
from edge.sinks.mqtt import MqttSink
from edge.sinks.outbox import Outbox
from tests.servers.mosquitto import Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.sinks.test_mqtt import mqtt_settings, running

pytestmark = needs_mosquitto
TOPIC = "anpr/site-1/lists"
TEXT = "plate,list\nAB12CDE,allow\n"
ORDER = json.dumps({"number": 1, "sha256": hashlib.sha256(TEXT.encode()).hexdigest(), "csv": TEXT})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as started:
        yield started


def say(broker: Mosquitto, topic: str, payload: str, *, retain: bool = False) -> None:
    publish.single(topic, payload, qos=1, retain=retain, hostname="127.0.0.1", port=broker.port)


@contextmanager
def working(orders: ListOrders) -> Iterator[None]:
    thread = threading.Thread(target=orders.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        orders.stop()
        thread.join(60)
        assert not thread.is_alive()


def test_lists_that_were_left_while_the_gate_was_away_are_taken_and_answered(tmp_path: Path, broker: Mosquitto) -> None:
    """Retained: the office sends once, every gate of the site gets it when it comes up."""
    say(broker, TOPIC, ORDER, retain=True)
    store = ListStore(tmp_path / "lists.csv", ZoneInfo("UTC"))
    store.start()
    orders = ListOrders(store, TOPIC, "gate-7")
    with (
        Outbox(tmp_path / "outbox.db", SystemClock()) as outbox,
        Subscriber(broker.port, f"{TOPIC}/replies") as office,
        working(orders),
        running(outbox, MqttSink(mqtt_settings(broker.port), "site-1", wake=outbox.wake, companions=(orders,))),
    ):
        office.wait_for(bool, "an answer")
        say(broker, TOPIC, ORDER.replace('"number": 1', '"number": "x"'))
        office.wait_for(lambda messages: len(messages) == 2, "the refusal")
    done, refused = (json.loads(payload) for _, payload, _ in office.messages)
    assert (done["ok"], done["client_id"], done["in_force"]["entries"]) == (True, "gate-7", 1)
    assert (refused["ok"], refused["problems"][0]["at"]) == (False, "number")
    assert [e.plate for e in store.lists.entries] == ["AB12CDE"]


def test_call_that_the_broker_kept_is_no_vehicle(tmp_path: Path, broker: Mosquitto) -> None:
    """Whoever called yesterday has gone."""
    calls: list[bytes] = []
    topic = "anpr/site-1/gate/vehicle"
    say(broker, topic, "yesterday", retain=True)
    with Outbox(tmp_path / "outbox.db", SystemClock()) as outbox:
        sink = MqttSink(mqtt_settings(broker.port), "site-1", wake=outbox.wake)
        sink.subscribe(topic, lambda _topic, payload: calls.append(payload), fresh=True)
        with running(outbox, sink) as stage:
            wait_until(lambda: stage.status().connected, "a connection")
            say(broker, topic, "now")
            wait_until(lambda: bool(calls), "the call")
    assert calls == [b"now"]
