"""Certificates that must be refused, renewal without a restart, and secrets that must not be told."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from edge.clock import VirtualClock
from edge.config import effective, parse
from edge.config.delivery import MqttSettings, MqttTlsSettings
from edge.errors import SinkUnavailable
from edge.sinks.mqtt import MqttSink
from edge.sinks.outbox import Outbox
from edge.sinks.publish import PublishStage
from tests.servers.authority import Authority, Identity
from tests.servers.mosquitto import Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.sinks.events import START, a_gate_event, gate_events

pytestmark = needs_mosquitto


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def gate(authority: Authority) -> Identity:
    return authority.issue("gate")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker"), tls=authority) as started:
        yield started


def sink_for(broker: Mosquitto, authority: Authority, own: Identity | None, **tls: Any) -> MqttSink:
    """Return a sink that proves itself with `own`."""
    files: dict[str, Any] = {"ca_file": authority.ca_file}
    if own is not None:
        files |= {"certificate_file": own.certificate_file, "key_file": own.key_file}
    settings = MqttSettings(host="127.0.0.1", port=broker.port, tls=MqttTlsSettings(enabled=True, **(files | tls)))
    return MqttSink(settings, "site-1")


def refusal(sink: MqttSink) -> str:
    """Return why `sink` could not connect; fail if it could."""
    with pytest.raises(SinkUnavailable) as caught:
        sink.write(())
    assert not sink.connected
    return str(caught.value)


@contextmanager
def broker_with(folder: Path, authority: Authority, **how: Any) -> Iterator[Mosquitto]:
    with Mosquitto(folder, tls=authority, **how) as started:
        yield started


def test_mutual_tls_delivers(broker: Mosquitto, authority: Authority, gate: Identity) -> None:
    sink = sink_for(broker, authority, gate)
    with Subscriber(broker.port, tls=authority) as backend:
        event = a_gate_event(sequence=1)
        sink.write([event])
        backend.wait_for_ids({event.event_id})
    sink.close()
    assert "u'gate'" in broker.log  # the broker took the name from our certificate


def test_expired_certificate_of_the_broker_is_refused(tmp_path: Path, authority: Authority, gate: Identity) -> None:
    expired = authority.issue("expired-broker", starts_days=-20, ends_days=-1)
    with broker_with(tmp_path, authority, identity=expired) as broker:
        assert "expired" in refusal(sink_for(broker, authority, gate))


def test_certificate_for_another_host_is_refused(tmp_path: Path, authority: Authority, gate: Identity) -> None:
    other = authority.issue("other-host", host="broker.example")
    with broker_with(tmp_path, authority, identity=other) as broker:
        assert "IP address mismatch" in refusal(sink_for(broker, authority, gate))


def test_broker_of_another_authority_is_refused(broker: Mosquitto, tmp_path: Path, gate: Identity) -> None:
    assert "mqtt.tls.ca_file" in refusal(sink_for(broker, Authority(tmp_path), gate))


def test_revoked_certificate_of_the_broker_is_refused(tmp_path: Path, authority: Authority, gate: Identity) -> None:
    stolen = authority.issue("stolen-broker")
    with broker_with(tmp_path, authority, identity=stolen) as broker:
        accepted = sink_for(broker, authority, gate, revoked_file=authority.revoke())
        accepted.write(())
        accepted.close()
        assert "revoked" in refusal(sink_for(broker, authority, gate, revoked_file=authority.revoke(stolen)))


@pytest.mark.parametrize("flaw", ["expired", "revoked", "none", "foreign"])
def test_gate_with_a_bad_certificate_is_told_and_keeps_its_events(
    tmp_path: Path, authority: Authority, flaw: str
) -> None:
    """The broker refuses; the gate waits with its events until somebody renews the certificate."""
    good = authority.issue(f"gate-{flaw}")
    own: Identity | None = {
        "expired": authority.issue("late-gate", starts_days=-20, ends_days=-1),
        "foreign": Authority(tmp_path / "elsewhere").issue("gate"),
        "revoked": good,
        "none": None,
    }[flaw]
    revoked = authority.revoke(good) if flaw == "revoked" else None
    with (
        broker_with(tmp_path / "broker", authority, revoked=revoked) as broker,
        Outbox(tmp_path / "outbox.db", VirtualClock(START)) as outbox,
    ):
        stage = PublishStage(outbox, sink_for(broker, authority, own), first_pause_s=0.05, max_backoff_s=0.1)
        outbox.append(gate_events(3))
        thread = threading.Thread(target=stage.run)
        thread.start()
        wait_until(lambda: stage.failures >= 2, "two refusals")
        assert not stage.status().connected
        assert "certificate" in stage.status().reason
        stage.abort()
        thread.join(timeout=60)
        assert outbox.backlog("mqtt").depth == 3


def test_renewed_certificate_is_used_without_a_restart(broker: Mosquitto, authority: Authority, tmp_path: Path) -> None:
    old, new = authority.issue("old-gate"), authority.issue("new-gate")
    used = Identity(tmp_path / "gate.pem", tmp_path / "gate.key", 0)
    clock = VirtualClock(START)
    _install(old, used)
    tls = MqttTlsSettings(
        enabled=True, ca_file=authority.ca_file, certificate_file=used.certificate_file, key_file=used.key_file
    )
    sink = MqttSink(MqttSettings(host="127.0.0.1", port=broker.port, tls=tls), "renewal", clock=clock)
    sink.write(())
    _install(new, used)
    clock.advance_to(60)
    sink.write(())
    wait_until(lambda: "u'new-gate'" in broker.log, "the new identity at the broker")
    assert "u'old-gate'" in broker.log
    sink.close()


def test_half_written_renewal_keeps_the_old_connection(broker: Mosquitto, authority: Authority, tmp_path: Path) -> None:
    used = Identity(tmp_path / "gate.pem", tmp_path / "gate.key", 0)
    clock = VirtualClock(START)
    _install(authority.issue("careful-gate"), used)
    tls = MqttTlsSettings(
        enabled=True, ca_file=authority.ca_file, certificate_file=used.certificate_file, key_file=used.key_file
    )
    sink = MqttSink(MqttSettings(host="127.0.0.1", port=broker.port, tls=tls), "careful", clock=clock)
    sink.write(())
    used.certificate_file.write_text("-----BEGIN CERTIFICATE-----\nhalf")
    clock.advance_to(60)
    sink.write([a_gate_event()])
    assert sink.connected
    sink.close()


def _install(source: Identity, target: Identity) -> None:
    for part in ("certificate_file", "key_file"):
        fresh = getattr(target, part).with_suffix(".new")
        shutil.copy2(getattr(source, part), fresh)
        fresh.rename(getattr(target, part))


def test_days_left_come_from_the_certificate_itself(broker: Mosquitto, authority: Authority) -> None:
    sink = sink_for(broker, authority, authority.issue("short", ends_days=12))
    expires = sink.certificate_expires()
    assert expires is not None
    assert timedelta(days=11.9) < expires - datetime.now(timezone.utc) < timedelta(days=12.1)


def test_no_key_and_no_password_in_any_log(
    broker: Mosquitto, authority: Authority, gate: Identity, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Logs travel: to collectors, to support, into tickets."""
    caplog.set_level(logging.DEBUG)
    password = "correct-horse-battery"
    tls = {"enabled": True, "ca_file": str(authority.ca_file), "certificate_file": str(gate.certificate_file)}
    tls["key_file"] = str(gate.key_file)
    raw = {
        "cameras": [{"name": "c", "url": f"rtsp://admin:{password}@127.0.0.1/1"}],
        "mqtt": {"port": broker.port, "username": "gate", "password": password, "tls": tls},
        "webhook": {"enabled": True, "url": f"https://x:{password}@127.0.0.1:1/hook", "secret": password},
    }
    settings = parse(raw)
    shown = [str(effective(settings)), repr(settings)]
    for broken in (False, True):
        port = 1 if broken else broker.port
        sink = MqttSink(settings.mqtt.model_copy(update={"port": port}), "site-1")
        try:
            sink.write([a_gate_event()])
        except SinkUnavailable as error:
            shown.append(str(error))
        sink.close()
    shown += [caplog.text, broker.log]
    key_lines = [line for line in gate.key_file.read_text().splitlines() if not line.startswith("-----")]
    for secret in (password, *key_lines):
        assert not any(secret in text for text in shown)
