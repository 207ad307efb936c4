"""From settings to sinks, and AWS IoT Core's profile as a whole against a broker with mutual TLS."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edge.board import Board, ModelStatus
from edge.clock import SystemClock
from edge.config import parse
from edge.config.settings import Settings
from edge.errors import ConfigError
from edge.protocols import SourceState
from edge.sinks.assembly import Site, companions, deliveries, observed
from edge.sinks.aws.shadow import MAX_BYTES
from edge.sinks.outbox import Outbox
from edge.sinks.tuning import Tuning
from tests.servers.authority import Authority
from tests.servers.mosquitto import Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.sinks.events import a_gate_event
from tests.sinks.test_mqtt import running


def settings(**sections: Any) -> Settings:
    return parse({"cameras": [{"name": "cam-1", "url": "x.mp4", "threshold": 0.9}]} | sections)


def site() -> Site:
    board = Board(SystemClock(), "north", {"cam-1": "lane-1"}, "0.1.0")
    board.camera_changed("cam-1", SourceState.UP, "frames arrive")
    board.model_loaded(ModelStatus("detector", "plates-1", "cpu", "auto"))
    return Site(board, Tuning({"cam-1": 0.9}), SystemClock(), model_hashes={"detector": "ab" * 32})


def test_settings_name_the_sinks() -> None:
    webhook = {"enabled": True, "url": "https://x/hook", "secret": "s"}
    both = deliveries(settings(webhook=webhook), site())
    assert [d.sink.name for d in both] == ["mqtt", "webhook"]
    assert deliveries(settings(mqtt={"enabled": False}), site()) == []
    assert companions(settings(), site()) == ()  # an ordinary broker has neither shadow nor jobs


def test_report_is_small_and_holds_what_an_operator_asks_first() -> None:
    found = observed(site())
    assert found["version"] == "0.1.0"
    assert found["cameras"] == {"cam-1": "up"}
    assert found["models"] == {"detector": {"name": "plates-1", "provider": "cpu", "sha256": "ab" * 32}}
    assert found["thresholds"] == {"cam-1": 0.9}
    assert len(json.dumps(found)) < MAX_BYTES // 4


@pytest.mark.parametrize("wanted", [{"cam-9": 0.9}, {"cam-1": 1.2}, {"cam-1": 0.5, "cam-9": 0.5}])
def test_threshold_that_cannot_be_changes_nothing(wanted: dict[str, float]) -> None:
    tuning = Tuning({"cam-1": 0.9})
    with pytest.raises(ConfigError):
        tuning.set_thresholds(wanted)
    assert tuning.thresholds() == {"cam-1": 0.9}


def _aws_settings(folder: Path, authority: Authority, port: int) -> Settings:
    """Return settings of the profile that point at our broker: validated for AWS first, then bent to the loop-back."""
    gate = authority.issue("gate-7")
    chosen = settings(
        site={"name": "north"},
        outbox={"path": str(folder / "outbox.db")},
        mqtt={
            "profile": "aws-iot",
            "host": "abc123-ats.iot.eu-central-1.amazonaws.com",
            "port": 8883,
            "client_id": "gate-7",
            "topic": "$aws/rules/anpr_events/anpr/{site}/{lane}/events",
            "tls": {
                "enabled": True,
                "ca_file": str(authority.ca_file),
                "certificate_file": str(gate.certificate_file),
                "key_file": str(gate.key_file),
            },
        },
    )
    bent = chosen.mqtt.model_copy(update={"host": "127.0.0.1", "port": port})
    return chosen.model_copy(update={"mqtt": bent})


@needs_mosquitto
def test_aws_profile_delivers_reports_and_takes_a_threshold(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    rules = tmp_path / "acl"
    shadow = "$aws/things/gate-7/shadow"
    rules.write_text(
        "user gate-7\n"  # what the policy of deploy/aws allows, and nothing else
        "topic write $aws/rules/anpr_events/anpr/north/+/events\n"
        "topic write anpr/north/gate-7/status\n"
        "topic readwrite $aws/things/gate-7/shadow/#\n"
        "topic readwrite $aws/things/gate-7/jobs/#\n"
        "user backend\ntopic readwrite #\ntopic readwrite $aws/#\n"
    )
    parts = site()
    with (
        Mosquitto(tmp_path / "broker", tls=authority, extra=f"acl_file {rules}") as broker,
        Outbox(tmp_path / "o.db", SystemClock()) as outbox,
        Subscriber(broker.port, "$aws/#", tls=authority) as backend,
    ):
        chosen = _aws_settings(tmp_path, authority, broker.port)
        (delivery,) = deliveries(chosen, parts)
        assert delivery.certificate_expires() is not None
        with running(outbox, delivery.sink) as stage:
            stored = outbox.append([a_gate_event(site="north")])
            backend.wait_for_ids({stored[0].event_id})
            backend.wait_for(lambda m: any(t == f"{shadow}/update" for t, _, _ in m), "the report")
            backend.wait_for(lambda m: any(t.endswith("/jobs/start-next") for t, _, _ in m), "the question for jobs")
            delta = {"version": 1, "state": {"thresholds": {"cam-1": 0.97}}}
            own = authority.issue("backend")
            command = f"mosquitto_pub -h 127.0.0.1 -p {broker.port} -q 1 -i cloud -t {shadow}/update/delta".split()
            command += ["--cafile", str(authority.ca_file), "--cert", str(own.certificate_file)]
            subprocess.run([*command, "--key", str(own.key_file), "-m", json.dumps(delta)], check=True)
            wait_until(lambda: parts.tuning.threshold("cam-1") == 0.97, "the threshold")
            backend.wait_for(lambda m: any(b'"cam-1":0.97' in p for _, p, _ in m), "its report")
            assert stage.failures == 0
