"""The monitoring port: real HTTP, real reasons, no plates."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from rich.console import Console

from edge.board import ModelStatus, OutboxStatus
from edge.commands.status import duration, fetch, show
from edge.errors import SinkUnavailable
from edge.protocols import SourceState
from edge.sinks.monitor import Monitor
from tests.web.fake_gate import FakeGate


@pytest.fixture
def gate() -> FakeGate:
    made = FakeGate()
    made.come_up()
    return made


@pytest.fixture
def monitor(gate: FakeGate) -> Iterator[Monitor]:
    served = Monitor(gate.board, gate.metrics, "127.0.0.1", 0)
    served.start()
    yield served
    served.close()


def get(monitor: Monitor, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(monitor.url + path, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def failing(body: bytes) -> dict[str, str]:
    return {c["name"]: c["reason"] for c in json.loads(body)["checks"] if not c["ok"]}


def test_a_gate_that_works_is_alive_and_ready(monitor: Monitor) -> None:
    """Both end points answer 200 when a passage now would be read, stored and delivered."""
    assert get(monitor, "/healthz")[0] == 200
    assert get(monitor, "/readyz")[0] == 200


def test_readyz_names_each_thing_that_is_missing(gate: FakeGate, monitor: Monitor) -> None:
    """'503' alone sends somebody on a search; the reason sends him to the switch."""
    gate.board.camera_changed("exit-cam", SourceState.DOWN, "wrong user name or password")
    gate.board.sink_changed("mqtt", connected=False, reason="connection refused")
    gate.board.sink_pending("mqtt", 12)
    gate.board.model_loaded(ModelStatus("detector", "x.onnx", "none", "auto", ready=False, reason="hash differs"))
    gate.board.outbox_measured(OutboxStatus(problem="No space left on device"))

    status, body = get(monitor, "/readyz")

    assert status == 503
    reasons = failing(body)
    assert set(reasons) == {"camera/exit-cam", "sink/mqtt", "model/detector", "disk/outbox"}
    assert "wrong user name or password" in reasons["camera/exit-cam"]
    assert reasons["sink/mqtt"] == "connection refused; 12 events wait on disk"
    assert get(monitor, "/healthz")[0] == 200  # the process is fine: a restart would not help


def test_healthz_fails_when_vision_stands_still(gate: FakeGate, monitor: Monitor) -> None:
    """A process that runs but does not look is dead; the service manager must know."""
    gate.clock.advance_to(gate.clock.monotonic_s() + 11)
    gate.board.beat("vision-exit-cam")
    gate.board.beat("publish-mqtt")

    status, body = get(monitor, "/healthz")

    assert status == 503
    assert set(failing(body)) == {"thread/vision-entry-cam"}


def test_metrics_are_served_in_prometheus_format(gate: FakeGate, monitor: Monitor) -> None:
    """The content type decides which parser Prometheus uses."""
    with urllib.request.urlopen(monitor.url + "/metrics", timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert b'anpr_camera_state{camera="entry-cam",state="up"} 1.0' in answer.read()


def test_status_shows_no_plate(gate: FakeGate, monitor: Monitor) -> None:
    """The monitoring port has no log-in, so it may not tell who drives."""
    gate.drive_by("entry-cam", plate="XY99ZZZ")
    gate.show("entry-cam", 1, plate="XY99ZZZ")
    for path in ("/status", "/metrics", "/readyz", "/healthz"):
        assert b"XY99ZZZ" not in get(monitor, path)[1]


def test_unknown_page_lists_the_pages(monitor: Monitor) -> None:
    """A person who mistypes learns what there is."""
    status, body = get(monitor, "/nothing")
    assert status == 404
    assert "/readyz" in json.loads(body)["pages"]


def test_a_taken_port_is_an_instruction(monitor: Monitor, gate: FakeGate) -> None:
    """Not a traceback."""
    port = int(monitor.url.rpartition(":")[2])
    with pytest.raises(SinkUnavailable, match=r"metrics\.port: cannot listen on .* Fix: "):
        Monitor(gate.board, gate.metrics, "127.0.0.1", port)


def test_terminal_status_shows_funnel_and_reasons(gate: FakeGate, monitor: Monitor) -> None:
    """What `anpr-edge status` prints comes from the same document."""
    gate.drive_by("entry-cam")
    gate.board.camera_changed("exit-cam", SourceState.STALLED, "no packet for 5 s")
    console = Console(record=True, width=120, force_terminal=False)

    show(fetch(monitor.url), console)

    text = console.export_text()
    assert "NOT READY" in text
    assert "no packet for 5 s" in text
    assert "received 60 > analysed 25 > plates 20" in text
    assert "too small 6" in text
    assert "nothing waits" in text


def test_status_of_nothing_says_what_to_do() -> None:
    """The usual mistake: the daemon is not running."""
    with pytest.raises(SinkUnavailable, match="start the daemon"):
        fetch("http://127.0.0.1:9", timeout_s=1)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(5, "5 s"), (300, "5 min"), (11_520, "3 h 12 min"), (200_000, "2 d 7 h")]
)
def test_durations_use_the_unit_a_person_would(seconds: float, shown: str) -> None:
    """'11520 s' makes the reader calculate."""
    assert duration(seconds) == shown
