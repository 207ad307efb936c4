"""Barriers: one command per passage, never late, never a crash; every output keeps the same contract."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.access.audit import Audit
from edge.access.barrier import Barrier
from edge.access.outputs import BarrierFault, BarrierOutput, Command, GpioOutput, HttpOutput, MqttOutput, NoOutput
from edge.clock import VirtualClock
from edge.config.access import BarrierSettings
from edge.errors import ConfigError

CLOCK_START = datetime(2026, 1, 2, tzinfo=timezone.utc)
COMMAND = Command("site-1", "lane-1", "p1", "e1")


class FakeChip:
    """libgpiod 2 without a chip: notes the levels of one line, or is unplugged."""

    def __init__(self) -> None:
        value = SimpleNamespace(ACTIVE="active", INACTIVE="inactive")
        self.line = SimpleNamespace(Value=value, Direction=SimpleNamespace(OUTPUT="output"))
        self.levels: list[str] = []
        self.unplugged = False
        self.released = 0

    def LineSettings(self, **settings: object) -> dict[str, object]:
        return settings

    def request_lines(self, chip: str, *, consumer: str, config: dict[int, dict[str, object]]) -> FakeChip:
        if self.unplugged:
            raise FileNotFoundError(2, "No such file or directory")
        assert consumer == "anpr-edge"
        assert config[3]["output_value"] == "inactive"
        return self

    def set_value(self, line: int, value: str) -> None:
        assert line == 3
        self.levels.append(value)

    def release(self) -> None:
        self.released += 1


class Controller(HTTPServer):
    """A barrier controller on loop-back."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/open/{{lane}}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.requests.append((self.path, self.headers.get("Authorization", ""), body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests need no access log."""


@pytest.fixture
def controller() -> Iterator[Controller]:
    server = Controller()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["none", "mqtt", "http", "gpio"])
def output(request: pytest.FixtureRequest, controller: Controller) -> BarrierOutput:
    if request.param == "mqtt":
        return MqttOutput(BarrierSettings(output="mqtt"), lambda topic, payload: None)
    if request.param == "http":
        return HttpOutput(BarrierSettings.model_validate({"output": "http", "url": controller.url}))
    if request.param == "gpio":
        return GpioOutput(BarrierSettings(output="gpio", line=3, pulse_ms=10), FakeChip())
    return NoOutput()


def test_every_output_opens_again_and_again_and_closes_twice(output: BarrierOutput) -> None:
    """The contract: opening twice is harmless, closing twice too."""
    output.open(COMMAND)
    output.open(COMMAND)
    output.close()
    output.close()


def test_gpio_gives_one_pulse_and_leaves_the_relay_at_rest() -> None:
    """200 ms is what barrier controls expect; a relay that stays closed holds the barrier open."""
    chip, waits = FakeChip(), []
    GpioOutput(BarrierSettings(output="gpio", line=3), chip, waits.append).open(COMMAND)
    assert chip.levels == ["active", "inactive"]
    assert waits == [0.2]


def test_gpio_leaves_the_relay_at_rest_even_when_it_is_interrupted() -> None:
    """A crash in the middle of the pulse must not hold the gate open."""
    chip = FakeChip()

    def crash(seconds: float) -> None:
        raise ValueError("interrupted")

    with pytest.raises(BarrierFault):
        GpioOutput(BarrierSettings(output="gpio", line=3), chip, crash).open(COMMAND)
    assert chip.levels[-1] == "inactive"
    assert chip.released == 1


def test_missing_relay_is_a_fault_and_works_once_it_is_plugged_in() -> None:
    """USB relays fall out."""
    chip = FakeChip()
    chip.unplugged = True
    relay = GpioOutput(BarrierSettings(output="gpio", line=3, pulse_ms=10), chip)
    with pytest.raises(BarrierFault, match="No such file"):
        relay.open(COMMAND)
    chip.unplugged = False
    relay.open(COMMAND)
    assert chip.levels == ["active", "inactive"]


def test_http_fills_in_the_request(controller: Controller) -> None:
    """Any controller with an HTTP interface can be driven."""
    settings = {"output": "http", "url": controller.url, "headers": {"Authorization": "Bearer s3cret"}}
    HttpOutput(BarrierSettings.model_validate(settings)).open(COMMAND)
    ((path, authorisation, body),) = controller.requests
    assert path == "/open/lane-1"
    assert authorisation == "Bearer s3cret"
    assert json.loads(body) == {"lane": "lane-1", "passage_id": "p1"}


def test_http_refusal_and_silence_are_faults(controller: Controller) -> None:
    """Neither may look like an open barrier."""
    output = HttpOutput(BarrierSettings.model_validate({"output": "http", "url": controller.url}))
    controller.status = 500
    with pytest.raises(BarrierFault, match="answers 500"):
        output.open(COMMAND)
    nobody = HttpOutput(BarrierSettings.model_validate({"output": "http", "url": "http://127.0.0.1:9/"}))
    with pytest.raises(BarrierFault, match="does not answer"):
        nobody.open(COMMAND)


def test_http_without_address_is_refused() -> None:
    """Better at check than at the gate."""
    with pytest.raises(ValueError, match="no url"):
        BarrierSettings(output="http")
    assert issubclass(ConfigError, Exception)


class Gate:
    """An output that fails as often as it is told, and what was audited."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.failures = 0
        self.opened: list[Command] = []
        self.alarms: list[str] = []
        self.clock = VirtualClock(CLOCK_START)
        self.audit_file = folder / "audit.jsonl"
        self.barrier = Barrier(
            self,
            BarrierSettings.model_validate({"output": "none", **settings}),
            Audit(self.audit_file, self.clock),
            self.clock,
            alarm=lambda command, reason: self.alarms.append(reason),
            pause=lambda seconds: self.clock.advance_to(self.clock.monotonic_s() + seconds),
        )

    def open(self, command: Command) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise BarrierFault("no answer")
        self.opened.append(command)

    def close(self) -> None:
        """Nothing is held."""

    def serve(self, *commands: Command, between: Callable[[], None] = lambda: None) -> list[str]:
        for command in commands:
            self.barrier.ask(command)
            between()
        self.barrier.stop()
        self.barrier.run()
        return [json.loads(line)["what"] for line in self.audit_file.read_text().splitlines()]


def test_one_passage_opens_once(tmp_path: Path) -> None:
    """Provisional events may be repeated; a second car must not slip through."""
    gate = Gate(tmp_path)
    assert gate.serve(COMMAND, COMMAND) == ["barrier.opened"]
    assert gate.opened == [COMMAND]


def test_two_commands_are_never_closer_than_the_interval(tmp_path: Path) -> None:
    """The boom is still up."""
    gate = Gate(tmp_path, min_interval_s=3)
    assert gate.serve(COMMAND, Command("site-1", "lane-1", "p2", "e2")) == ["barrier.opened", "barrier.skipped"]


def test_controller_that_comes_back_in_time_still_opens(tmp_path: Path) -> None:
    """A reboot of two seconds."""
    gate = Gate(tmp_path, patience_s=6)
    gate.failures = 4
    assert gate.serve(COMMAND) == ["barrier.opened"]


def test_command_is_dropped_with_an_alarm_when_the_car_may_have_left(tmp_path: Path) -> None:
    """Opening a minute later lets in whoever stands there then."""
    gate = Gate(tmp_path, patience_s=6)
    gate.failures = 1_000
    assert gate.serve(COMMAND) == ["barrier.failed"]
    assert gate.opened == []
    assert gate.alarms == ["no answer"]
    assert gate.clock.monotonic_s() <= 6


def test_dry_run_moves_nothing_and_says_so(tmp_path: Path) -> None:
    """A week of watching before the first real opening."""
    gate = Gate(tmp_path, dry_run=True)
    assert gate.serve(COMMAND) == ["barrier.dry_run"]
    assert gate.opened == []
