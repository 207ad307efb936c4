"""Settings of delivery that cannot work are refused before the first event, each with its fix."""

from __future__ import annotations

import socket
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from edge.config import parse
from edge.config.settings import Settings
from edge.errors import ConfigError
from edge.sinks.preflight import facts
from tests.servers.authority import Authority, Identity

NOW = datetime.now(timezone.utc)
THING = {"client_id": "gate-7", "profile": "aws-iot", "port": 8883}
ENDPOINT = "a1b2c3d4e5f6g7-ats.iot.eu-central-1.amazonaws.com"


def settings(**mqtt: Any) -> Settings:
    return parse({"cameras": [{"name": "c", "url": "x.mp4"}], "mqtt": mqtt})


def complaint(**mqtt: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        facts(settings(**mqtt), NOW, None)
    return str(caught.value)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def gate(authority: Authority) -> Identity:
    return authority.issue("gate")


def tls(authority: Authority, own: Identity, **changes: Any) -> dict[str, Any]:
    files = {"ca_file": authority.ca_file, "certificate_file": own.certificate_file, "key_file": own.key_file}
    return {"enabled": True} | {name: str(path) for name, path in (files | changes).items()}


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("anpr/{gate}/events", "unknown variable {gate}. Fix: use {site}"),
        ("anpr/#", "+ and # are for subscribers"),
        ("", "must not be empty"),
        ("/anpr", "empty level"),
        ("anpr//x", "empty level"),
        ("$SYS/x", "$ is reserved"),
        ("$aws/rules/events/{lane}", "only on AWS IoT Core"),
        ("anpr/{", "Single '{'"),
        ("anpr/{lane!r}", "only a name"),
    ],
)
def test_topic_that_cannot_work_is_refused(topic: str, said: str) -> None:
    assert said in complaint(topic=topic)


@pytest.mark.parametrize("host", ["mqtt://broker", "broker:8883", "user@broker", "broker/path", ""])
def test_host_with_more_than_a_name_is_refused(host: str) -> None:
    assert "write only the name" in complaint(host=host)


def test_every_limit_of_aws_iot_is_named_at_once() -> None:
    said = complaint(
        profile="aws-iot",
        host="a1b2c3-ats.iot.eu-central-1.amazonaw.com",
        port=1883,
        topic="a/b/c/d/e/f/g/h/i",
        pace={"max_per_s": 200},
        keep_alive_s=20,
    )
    for part in ("describe-endpoint", "8883", "certificate", "thing's name", "30 to 1200", "8 slashes", "discards"):
        assert part in said


def test_basic_ingest_prefix_does_not_count_as_depth(authority: Authority, gate: Identity) -> None:
    good = THING | {"host": ENDPOINT, "tls": tls(authority, gate)}
    assert settings(**good, topic="$aws/rules/anpr_events/a/b/c/d/e/f/g/h").mqtt.profile == "aws-iot"
    assert "8 slashes" in complaint(**good, topic="$aws/rules/anpr_events/a/b/c/d/e/f/g/h/i")


@pytest.mark.parametrize("name", ["ca_file", "certificate_file", "key_file"])
def test_wrong_path_is_refused(authority: Authority, gate: Identity, name: str) -> None:
    said = complaint(tls=tls(authority, gate, **{name: Path("/nowhere/x.pem")}))
    assert f"mqtt.tls.{name}: /nowhere/x.pem cannot be read: No such file" in said


def test_key_that_others_can_read_is_refused(authority: Authority, gate: Identity) -> None:
    gate.key_file.chmod(0o644)
    assert f"chmod 600 {gate.key_file}" in complaint(tls=tls(authority, gate))


def test_key_of_another_certificate_is_refused(authority: Authority, gate: Identity) -> None:
    other = authority.issue("other")
    assert "does not open" in complaint(tls=tls(authority, gate, key_file=other.key_file))


def test_certificate_in_the_place_of_the_key_is_refused(authority: Authority, gate: Identity) -> None:
    said = complaint(tls=tls(authority, gate, key_file=gate.certificate_file))
    assert "holds no private key" in said


def test_certificate_without_key_is_refused(gate: Identity) -> None:
    assert "belong together" in complaint(tls={"enabled": True, "certificate_file": str(gate.certificate_file)})


def test_expired_certificate_is_refused(authority: Authority) -> None:
    late = authority.issue("late", starts_days=-9, ends_days=-2)
    assert "expired on" in complaint(tls=tls(authority, late))


def test_certificate_of_tomorrow_points_at_the_clock(authority: Authority) -> None:
    early = authority.issue("early", starts_days=2)
    assert "timedatectl" in complaint(tls=tls(authority, early))


def test_host_that_does_not_exist_is_refused_but_a_dead_network_is_not() -> None:
    def unknown(host: str, port: int) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def offline(host: str, port: int) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with pytest.raises(ConfigError, match=r"there is no host 'brokr\.example'"):
        facts(settings(host="brokr.example"), NOW, unknown)
    assert "mqtt" in facts(settings(host="broker.example"), NOW, offline)


def test_facts_say_where_events_will_go(authority: Authority, gate: Identity) -> None:
    found = facts(settings(host="broker.example", port=8883, tls=tls(authority, gate)), NOW, None)
    assert found["mqtt"] == "broker.example:8883 (TLS) as anpr-edge-site-1"
    assert found["topic of c"] == "anpr/site-1/lane-1/events"
    assert found["mqtt certificate"] in ("valid for 29 more days", "valid for 30 more days")


def test_webhook_without_secret_is_refused() -> None:
    with pytest.raises(ConfigError, match="openssl rand"):
        parse({"cameras": [{"name": "c", "url": "x"}], "webhook": {"enabled": True, "url": "https://x/hook"}})


def test_outbox_in_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    chosen = parse({"cameras": [{"name": "c", "url": "x"}], "outbox": {"path": str(tmp_path / "file" / "o.db")}})
    with pytest.raises(ConfigError, match=r"outbox\.path"):
        facts(chosen, NOW, None)
