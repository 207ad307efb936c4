"""Receive gate events: each once, in order per lane, and know when one is missing.

    pip install paho-mqtt
    python subscriber.py HOST [PORT]     # PORT: 1883

What arrived while this program was away is delivered when it comes back (persistent session). A backend keeps `seen`
and `last` in its database, in the same transaction as the event; then it has every event exactly once.
"""

import json
import sys

from paho.mqtt import client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

seen: set[str] = set()  # event ids; a database would keep those of the last days
last: dict[str, int] = {}  # lane -> highest number so far


def take(event: dict) -> None:
    lane, number = f"{event['site']}/{event['lane']}", event["sequence"]
    if event["event_id"] in seen:
        return  # delivered again: at-least-once
    seen.add(event["event_id"])
    expected = last.get(lane, number - 1) + 1
    if event["type"] == "gap":
        d = event["details"]
        if d["restarted"]:
            last[lane] = 0
            print(f"RESTARTED {lane}: {d['reason']}", flush=True)
        elif d["last_sequence"] >= expected:
            print(f"LOST {lane} {max(expected, d['first_sequence'])}-{d['last_sequence']}: {d['reason']}", flush=True)
    else:
        if number > expected:
            print(f"MISSING {lane} {expected}-{number - 1}", flush=True)  # ask the operator: anpr-edge outbox list
        plate = event["plate"]["text"] if event["plate"] else "-"
        print(f"EVENT {lane} {number} {event['type']} {event['direction']} {plate}", flush=True)
    last[lane] = max(last.get(lane, 0), number)


def main(host: str, port: int = 1883) -> None:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "anpr-backend", protocol=mqtt.MQTTv5, manual_ack=True)
    client.on_connect = lambda c, *_: (c.subscribe("anpr/+/+/events", qos=1), print("READY", flush=True))

    def received(c: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        take(json.loads(message.payload))
        c.ack(message.mid, message.qos)  # only now the broker may forget it

    client.on_message = received
    week = Properties(PacketTypes.CONNECT)
    week.SessionExpiryInterval = 7 * 86_400
    client.connect(host, port, clean_start=False, properties=week)
    client.loop_forever()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
