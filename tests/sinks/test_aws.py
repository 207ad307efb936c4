"""Device shadow and jobs, over a real broker; the other side is played by what AWS documents of its topics."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import SystemClock
from edge.config.delivery import AwsSettings, MqttSettings
from edge.errors import ConfigError, EdgeError, SinkUnavailable
from edge.sinks.aws.jobs import Jobs
from edge.sinks.aws.operations import operations, update, upload_logs
from edge.sinks.aws.shadow import MAX_BYTES, Desired, Shadow
from edge.sinks.mqtt import Companion, MqttSink
from edge.sinks.mqtt_tls import AWS_ALPN, context
from edge.sinks.outbox import Outbox
from tests.servers.authority import Authority
from tests.servers.mosquitto import Mosquitto, needs_mosquitto, wait_until
from tests.servers.receiver import Receiver
from tests.sinks.test_mqtt import mqtt_settings, running

SHADOW = "$aws/things/gate-7/shadow"
JOBS = "$aws/things/gate-7/jobs"


class Cloud:
    """The cloud's end of the topics of one thing; a context manager."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "cloud")
        self._client.on_message = lambda _c, _d, m: self.heard.append((m.topic, json.loads(m.payload)))
        ready = threading.Event()
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe("$aws/things/+/#", 1)
        assert ready.wait(10)

    def say(self, topic: str, document: Mapping[str, Any]) -> None:
        self._client.publish(topic, json.dumps(document), qos=1).wait_for_publish(10)

    def on(self, topic: str) -> list[dict[str, Any]]:
        return [document for heard, document in list(self.heard) if heard == topic]

    def reported(self) -> dict[str, Any]:
        """Return the shadow's reported part, merged as AWS merges it: null deletes a key."""
        merged: dict[str, Any] = {}
        for document in self.on(f"{SHADOW}/update"):
            merged |= document["state"]["reported"]
        return {key: value for key, value in merged.items() if value is not None}

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def gate(folder: Path, *companions: Companion) -> Iterator[Cloud]:
    """Run a gate with these companions against a broker; yield the cloud's end."""
    with Mosquitto(folder / "broker") as broker, Outbox(folder / "o.db", SystemClock()) as outbox:
        cloud = Cloud(broker.port)
        sink = MqttSink(
            mqtt_settings(broker.port, client_id="gate-7"), "site-1", wake=outbox.wake, companions=companions
        )
        with running(outbox, sink):
            yield cloud
        cloud.close()


@needs_mosquitto
def test_shadow_reports_after_connecting_and_applies_what_is_desired(tmp_path: Path) -> None:
    applied: list[Desired] = []
    shadow = Shadow("gate-7", lambda: {"version": "0.1.0", "health": "ok"}, applied.append)
    with gate(tmp_path, shadow) as cloud:
        wait_until(lambda: cloud.reported() == {"version": "0.1.0", "health": "ok"}, "the first report")
        assert cloud.on(f"{SHADOW}/get") == [{}]
        cloud.say(f"{SHADOW}/update/delta", {"version": 3, "state": {"thresholds": {"cam-1": 0.97}}})
        wait_until(lambda: cloud.reported().get("thresholds") == {"cam-1": 0.97}, "the setting in force")
    assert applied == [Desired(thresholds={"cam-1": 0.97})]


@needs_mosquitto
def test_desired_settings_that_cannot_be_are_reported_with_the_reason(tmp_path: Path) -> None:
    def apply(desired: Desired) -> None:
        if "cam-9" in desired.thresholds:
            raise ConfigError("thresholds.cam-9", "there is no such camera", "name one of: cam-1")

    with gate(tmp_path, Shadow("gate-7", lambda: {"version": "1"}, apply)) as cloud:
        wait_until(lambda: "version" in cloud.reported(), "the first report")
        wrong = {"thresholds": {"cam-9": 0.9}, "password": "x", "lists_version": "7"}
        cloud.say(f"{SHADOW}/update/delta", {"version": 1, "state": wrong})
        wait_until(lambda: "rejected" in cloud.reported(), "the refusal")
        found = cloud.reported()
        assert "there is no such camera" in found["rejected"]["thresholds"]
        assert "Extra inputs are not permitted" in found["rejected"]["password"]
        assert found["lists_version"] == "7"  # one wrong key does not hold up the others
        cloud.say(f"{SHADOW}/update/delta", {"version": 2, "state": {"thresholds": {"cam-1": 1.5}}})
        wait_until(lambda: "less than or equal to 1" in cloud.reported()["rejected"]["thresholds"], "the next refusal")
        cloud.say(f"{SHADOW}/update/delta", {"version": 3, "state": {"thresholds": {"cam-1": 0.5}}})
        wait_until(lambda: "rejected" not in cloud.reported(), "the refusal to be withdrawn")


def _heard(shadow: Shadow) -> list[tuple[str, dict[str, Any]]]:
    sent: list[tuple[str, dict[str, Any]]] = []
    shadow.attach(lambda topic, payload: sent.append((topic, json.loads(payload))))
    return sent


def test_what_was_desired_while_away_is_taken_from_the_whole_shadow() -> None:
    applied: list[Desired] = []
    shadow = Shadow("gate-7", dict, applied.append)
    handlers = shadow.attach(lambda _topic, _payload: None)
    document = {"version": 9, "state": {"desired": {}, "delta": {"lists_version": "12"}}}
    handlers[f"{SHADOW}/get/accepted"]("", json.dumps(document).encode())
    handlers[f"{SHADOW}/update/delta"]("", json.dumps({"version": 8, "state": {"lists_version": "11"}}).encode())
    assert applied == [Desired(lists_version="12")]  # the older one came late and is not applied


def test_report_goes_out_only_when_something_changed_and_once_a_minute() -> None:
    state = {"health": "ok", "version": "1"}
    shadow = Shadow("gate-7", lambda: dict(state), lambda _: None)
    sent = _heard(shadow)
    shadow.connected()
    for now_s in (0.0, 1.0, 61.0, 62.0):
        shadow.tick(now_s)
        state["health"] = "degraded" if now_s == 1.0 else state["health"]
    reports = [body["state"]["reported"] for topic, body in sent if topic.endswith("/update")]
    assert reports == [{"health": "ok", "version": "1", "rejected": None}, {"health": "degraded"}]


def test_report_is_never_larger_than_aws_takes() -> None:
    shadow = Shadow("gate-7", lambda: {"version": "1", "models": "x" * 9000}, lambda _: None)
    sent = _heard(shadow)
    shadow.tick(0.0)
    ((_, body),) = sent
    assert body["state"]["reported"] == {"version": "1", "rejected": None}
    assert len(json.dumps(body)) <= MAX_BYTES


@pytest.mark.parametrize("payload", [b"no json", b"[]", b'{"state": 3, "version": 1}', b'{"state": {"thresholds": 4}}'])
def test_nonsense_from_the_cloud_is_ignored(payload: bytes) -> None:
    applied: list[Desired] = []
    shadow = Shadow("gate-7", dict, applied.append)
    handlers = shadow.attach(lambda _topic, _payload: None)
    for handle in handlers.values():
        handle("", payload)
    assert applied == []


class JobService:
    """Answers start-next as AWS does: the job in progress, else the oldest queued one, else nothing."""

    def __init__(self, cloud: Cloud, documents: Mapping[str, Mapping[str, Any]]) -> None:
        self._cloud, self._open = cloud, dict(documents)
        self._answered = self._updated = 0

    def run_until_done(self) -> dict[str, dict[str, Any]]:
        """Play the service until every job has an outcome; return them."""
        outcomes: dict[str, dict[str, Any]] = {}

        def turn() -> bool:
            for topic, document in list(self._cloud.heard):
                job = topic.removeprefix(f"{JOBS}/").removesuffix("/update")
                if topic.endswith("/update") and topic.startswith(JOBS) and self._open.pop(job, None) is not None:
                    outcomes[job] = document
            asked = len(self._cloud.on(f"{JOBS}/start-next"))
            for _ in range(asked - self._answered):
                first = next(iter(self._open.items()), None)
                execution = {"execution": {"jobId": first[0], "jobDocument": first[1]}} if first else {}
                self._cloud.say(f"{JOBS}/start-next/accepted", execution)
            self._answered = asked
            return not self._open

        wait_until(turn, "outcomes of all jobs")
        return outcomes


@needs_mosquitto
def test_jobs_are_done_in_turn_and_each_outcome_is_reported(tmp_path: Path) -> None:
    threads: list[str] = []

    def reload_lists(_job: str, _document: Mapping[str, Any]) -> str:
        threads.append(threading.current_thread().name)
        return "lists 12 are in force"

    def fail(_job: str, _document: Mapping[str, Any]) -> str:
        raise SinkUnavailable("the disk is on fire")

    jobs = Jobs("gate-7", {"reload-lists": reload_lists, "upload-logs": fail})
    with gate(tmp_path, jobs) as cloud:
        orders = {"a": {"operation": "reload-lists"}, "b": {"operation": "upload-logs"}, "c": {"operation": "rm -rf"}}
        outcomes = JobService(cloud, orders).run_until_done()
    jobs.close()
    assert {job: outcome["status"] for job, outcome in outcomes.items()} == {
        "a": "SUCCEEDED",
        "b": "FAILED",
        "c": "REJECTED",
    }
    assert outcomes["a"]["statusDetails"]["detail"] == "lists 12 are in force"
    assert outcomes["b"]["statusDetails"]["detail"] == "the disk is on fire"
    assert "known: reload-lists, upload-logs" in outcomes["c"]["statusDetails"]["detail"]
    assert threads == ["jobs"]  # a long job never stops the events


@needs_mosquitto
def test_job_that_comes_while_connected_is_noticed(tmp_path: Path) -> None:
    jobs = Jobs("gate-7", {"reload-lists": lambda _job, _document: "done"})
    with gate(tmp_path, jobs) as cloud:
        wait_until(lambda: len(cloud.on(f"{JOBS}/start-next")) == 1, "the question after connecting")
        cloud.say(f"{JOBS}/start-next/accepted", {"timestamp": 1})
        cloud.say(f"{JOBS}/notify-next", {"execution": {"jobId": "late", "status": "QUEUED"}})
        wait_until(lambda: len(cloud.on(f"{JOBS}/start-next")) == 2, "the question after the notice")
    jobs.close()


def test_log_goes_compressed_to_the_given_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    with Receiver((200,), identity=authority.issue("s3")) as receiver:
        done = upload_logs(("printf", "line 1\nline 2"), {"upload_url": receiver.url}, "127.0.0.1")
    ((_, body),) = receiver.requests
    assert gzip.decompress(body) == b"line 1\nline 2"
    assert done == f"{len(body)} bytes uploaded"


@pytest.mark.parametrize(
    "address", ["http://x.s3.amazonaws.com/log", "https://evil.example/log", "https://amazonaws.com.evil.example/x", ""]
)
def test_log_never_goes_anywhere_else(address: str) -> None:
    with pytest.raises(ConfigError, match="pre-signed"):
        upload_logs(("printf", "secret"), {"upload_url": address}, ".amazonaws.com")


def test_log_that_cannot_be_read_is_said() -> None:
    with pytest.raises(SinkUnavailable, match="could not be read"):
        upload_logs(("false",), {"upload_url": "https://b.s3.amazonaws.com/x"}, ".amazonaws.com")


def _installer(folder: Path) -> tuple[str, ...]:
    script = folder / "installer"
    script.write_text(f'#!/bin/sh\necho "$1" >> {folder}/installed\n')
    script.chmod(0o755)
    return (str(script), "{version}")


def test_update_is_handed_over_once_and_answered_after_the_restart(tmp_path: Path) -> None:
    command, state = _installer(tmp_path), tmp_path / "update.json"
    document = {"operation": "update", "version": "0.2.0"}
    assert update(command, document, "job-1", state, "0.1.0") is None
    assert (tmp_path / "installed").read_text() == "0.2.0\n"
    assert update(command, document, "job-1", state, "0.2.0") == "version 0.2.0 runs"
    assert not state.exists()


def test_update_that_brought_nothing_is_reported_as_failed_not_repeated(tmp_path: Path) -> None:
    command, state = _installer(tmp_path), tmp_path / "update.json"
    update(command, {"version": "0.2.0"}, "job-1", state, "0.1.0")
    with pytest.raises(SinkUnavailable, match=r"0\.1\.0 still runs"):
        update(command, {"version": "0.2.0"}, "job-1", state, "0.1.0")
    assert (tmp_path / "installed").read_text() == "0.2.0\n"


@pytest.mark.parametrize("version", ["", "latest", "1.0; rm -rf /", "../../evil", "1.0\n2.0", "1.0\n"])
def test_update_takes_only_a_version(tmp_path: Path, version: str) -> None:
    with pytest.raises(ConfigError, match="not a version"):
        update(_installer(tmp_path), {"version": version}, "j", tmp_path / "s", "0.1.0")


def test_update_without_an_installer_is_refused(tmp_path: Path) -> None:
    chosen = operations(AwsSettings(), tmp_path / "s", lambda: "x", lambda order: f"loaded {order}")
    with pytest.raises(EdgeError, match="update_command"):
        chosen["update"]("j", {"version": "9.9.9"})


@needs_mosquitto
def test_port_443_speaks_the_alpn_that_aws_asks_for(tmp_path: Path) -> None:
    """Checked at the socket: a TLS server sees the protocol name and our server name."""
    import socket
    import ssl

    authority = Authority(tmp_path)
    own, server_own = authority.issue("gate-7"), authority.issue("endpoint", host="localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(server_own.certificate_file, server_own.key_file)
    server.set_alpn_protocols([AWS_ALPN])
    names: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    settings = MqttSettings(
        profile="aws-iot",
        host="abc123-ats.iot.eu-central-1.amazonaws.com",
        port=443,
        client_id="gate-7",
        tls={
            "enabled": True,
            "ca_file": authority.ca_file,
            "certificate_file": own.certificate_file,
            "key_file": own.key_file,
        },
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        chosen: list[str | None] = []

        def serve() -> None:
            connection, _ = listener.accept()
            with server.wrap_socket(connection, server_side=True) as secure:
                chosen.append(secure.selected_alpn_protocol())

        thread = threading.Thread(target=serve)
        thread.start()
        with (
            socket.create_connection(listener.getsockname()) as plain,
            context(settings).wrap_socket(plain, server_hostname="localhost"),
        ):
            thread.join(timeout=60)
    assert chosen == [AWS_ALPN]
    assert names == ["localhost"]
