"""A real mosquitto on the loop-back, with or without TLS, that can be stopped, killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.sinks.wire import decode
from edge.types import GateEvent
from tests.servers.authority import Authority, Identity

START_TIMEOUT_S = 60.0
SESSION_EXPIRY_S = 3600
_PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")

needs_mosquitto = pytest.mark.skipif(
    _PROGRAM is None or shutil.which("mosquitto_sub") is None,
    reason="mosquitto is not installed (apt install mosquitto mosquitto-clients)",
)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(met: Callable[[], bool], what: str, timeout_s: float = 90.0) -> None:
    """Poll until `met` or fail after `timeout_s`, naming `what` was awaited."""
    pause = threading.Event()
    deadline_s = time.monotonic() + timeout_s
    while not met():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        pause.wait(0.02)


class Mosquitto:
    """A broker whose port and stored sessions survive a restart; used as a context manager.

    Args:
        folder: for its settings, its log and its stored sessions.
        extra: further lines of mosquitto.conf.
        tls: authority whose clients may connect; None: plain, anyone.
        identity: the broker's own certificate; None: a good one for 127.0.0.1.
        revoked: revocation list for clients.
    """

    def __init__(
        self,
        folder: Path,
        *,
        extra: str = "",
        tls: Authority | None = None,
        identity: Identity | None = None,
        revoked: Path | None = None,
        anonymous: bool = True,
        protocol: str = "mqtt",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        lines = [
            "per_listener_settings false",
            f"listener {self.port} 127.0.0.1",
            f"protocol {protocol}",
            f"allow_anonymous {str(anonymous).lower()}",
            "persistence true",
            f"persistence_location {folder}/",
            "max_queued_messages 0",
            "max_inflight_messages 100",
            f"log_dest file {folder}/mosquitto.log",
            "log_type all",
            "set_tcp_nodelay true",
            extra,
        ]
        if os.getuid() == 0:
            lines.append("user root")
        if tls is not None:
            own = identity or tls.issue("broker")
            lines += [f"cafile {tls.ca_file}", f"certfile {own.certificate_file}", f"keyfile {own.key_file}"]
            lines += ["require_certificate true", "use_identity_as_username true"]
            lines += [f"crlfile {revoked}"] if revoked else []
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    @property
    def log(self) -> str:
        """Return what the broker has logged."""
        return (self._folder / "mosquitto.log").read_text(errors="replace")

    def start(self) -> None:
        """Start and wait until it listens."""
        assert _PROGRAM is not None
        self._process = subprocess.Popen(
            [_PROGRAM, "-c", self._folder / "mosquitto.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._listens, f"mosquitto on port {self.port}; see {self._folder}", START_TIMEOUT_S)

    def stop(self) -> None:
        """End it in an orderly way: sessions are stored."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it: connections stand, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.resume()
            self.stop()

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"mosquitto ended with {self._process.returncode}: see {self._folder}/mosquitto.log")
        with socket.socket() as probe:
            probe.settimeout(1.0)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(timeout=START_TIMEOUT_S)


class Subscriber:
    """Collects messages with QoS 1 and a session that survives restarts of the broker; a context manager."""

    def __init__(
        self, port: int, topic: str = "anpr/#", *, tls: Authority | None = None, name: str = "backend"
    ) -> None:
        self._news = threading.Condition()
        self.messages: list[tuple[str, bytes, bool]] = []  # topic, payload, retained; gate events apart
        self._events: list[GateEvent] = []
        self._ids: set[str] = set()
        self._ready = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=False
        )
        self._client.reconnect_delay_set(1, 1)
        if tls is not None:
            own = tls.issue(name)
            self._client.tls_set(str(tls.ca_file), str(own.certificate_file), str(own.key_file))
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._received
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        self._client.connect("127.0.0.1", port, clean_start=False, properties=properties)

    def __enter__(self) -> Subscriber:
        self._client.loop_start()
        assert self._ready.wait(START_TIMEOUT_S), "no subscription"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def events(self) -> list[GateEvent]:
        """Return the gate events so far, duplicates included, in the order of arrival."""
        with self._news:
            return list(self._events)

    def wait_for(self, met: Callable[[list[tuple[str, bytes, bool]]], bool], what: str, timeout_s: float = 90) -> None:
        """Block until `met` holds for the messages so far."""
        with self._news:
            assert self._news.wait_for(lambda: met(self.messages), timeout_s), (
                f"not within {timeout_s:g} s: {what}; {len(self.messages)} messages"
            )

    def wait_for_ids(self, wanted: set[str], timeout_s: float = 120) -> None:
        """Block until every event of `wanted` has arrived."""
        with self._news:
            assert self._news.wait_for(lambda: wanted <= self._ids, timeout_s), (
                f"not within {timeout_s:g} s: {len(wanted - self._ids)} of {len(wanted)} events"
            )

    def _received(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        topic, payload = message.topic, bytes(message.payload)
        with self._news:
            if topic.endswith("/events"):
                event = decode(payload)
                self._events.append(event)
                self._ids.add(event.event_id)
            else:
                self.messages.append((topic, payload, bool(message.retain)))
            self._news.notify_all()
