"""Barriers: one command per passage, never late, never a crash; every output keeps the same contract."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.access.audit import Audit
from edge.access.barrier import Alarm, Barrier, Report
from edge.access.gpio import GpioContact, GpioOutput, library
from edge.access.interlock import Interlock
from edge.access.outputs import BarrierFault, BarrierOutput, Command, HttpOutput, MqttOutput, NoOutput
from edge.clock import VirtualClock
from edge.config.access import BarrierSettings
from edge.config.contacts import ContactSettings
from edge.errors import ConfigError

CLOCK_START = datetime(2026, 1, 2, tzinfo=timezone.utc)
COMMAND = Command("site-1", "lane-1", "p1", "e1")
NEXT = Command("site-1", "lane-1", "p2", "e2")


class FakeChip:
    """libgpiod 2 without a chip: notes the levels of its lines, or is unplugged."""

    def __init__(self) -> None:
        value = SimpleNamespace(ACTIVE="active", INACTIVE="inactive")
        direction = SimpleNamespace(OUTPUT="output", INPUT="input")
        edge = SimpleNamespace(RISING="rising", NONE="none")
        self.line = SimpleNamespace(Value=value, Direction=direction, Edge=edge)
        self.levels: list[str] = []
        self.inputs: dict[int, str] = {}
        self.calls: list[int] = []  # lines that became active and were not read yet
        self.unplugged = False
        self.released = 0

    def LineSettings(self, **settings: object) -> dict[str, object]:
        return settings

    def request_lines(self, chip: str, *, consumer: str, config: dict[int, dict[str, object]]) -> FakeChip:
        if self.unplugged:
            raise FileNotFoundError(2, "No such file or directory")
        assert consumer == "anpr-edge"
        assert all(c["direction"] == "input" or c["output_value"] == "inactive" for c in config.values())
        return self

    def set_value(self, line: int, value: str) -> None:
        assert line == 3
        self.levels.append(value)

    def get_value(self, line: int) -> str:
        if self.unplugged:
            raise OSError(19, "No such device")
        return self.inputs.get(line, "inactive")

    def wait_edge_events(self, timeout: timedelta) -> bool:
        return bool(self.calls)

    def read_edge_events(self) -> list[int]:
        calls, self.calls = self.calls, []
        return calls

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
    chip = FakeChip()
    waits: list[float] = []
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


class Switch:
    """A contact that a test closes and opens, or breaks."""

    def __init__(self, closed: bool) -> None:
        self.closed = closed
        self.broken = False

    def active(self) -> bool:
        if self.broken:
            raise BarrierFault("the wire is cut")
        return self.closed

    def close(self) -> None:
        """Nothing is held."""


class Gate:
    """An output that fails as often as it is told, its contacts, and what was audited."""

    def __init__(
        self, folder: Path, loop: Switch | None = None, down: Switch | None = None, **settings: object
    ) -> None:
        self.failures = 0
        self.opened: list[Command] = []
        self.alarms: list[Alarm] = []
        self.outcomes: list[str] = []
        self.clock = VirtualClock(CLOCK_START)
        self.audit_file = folder / "audit.jsonl"
        self.on_open: Callable[[], None] = lambda: None
        self.later: dict[float, Callable[[], None]] = {}  # moment -> what happens then
        self.barrier = Barrier(
            "lane-1",
            self,
            BarrierSettings.model_validate({"output": "none", **settings}),
            Audit(self.audit_file, self.clock),
            self.clock,
            Interlock(loop, down),
            Report(self.alarms.append, lambda lane, outcome: self.outcomes.append(outcome)),
            pause=self.wait,
        )

    def wait(self, seconds: float) -> None:
        self.clock.advance_to(self.clock.monotonic_s() + seconds)
        for at_s in [t for t in self.later if t <= self.clock.monotonic_s()]:
            self.later.pop(at_s)()

    def open(self, command: Command) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise BarrierFault("no answer")
        self.opened.append(command)
        self.on_open()

    def close(self) -> None:
        """Nothing is held."""

    def serve(self, *commands: Command) -> list[str]:
        for command in commands:
            self.barrier.ask(command)
        self.barrier.stop()
        self.barrier.run()
        return [json.loads(line)["what"] for line in self.audit_file.read_text().splitlines()]


def test_one_passage_opens_once(tmp_path: Path) -> None:
    """Provisional events may be repeated; a second car must not slip through."""
    gate = Gate(tmp_path)
    assert gate.serve(COMMAND, COMMAND) == ["barrier.opened"]
    assert gate.opened == [COMMAND]


def test_two_commands_are_never_closer_than_the_interval(tmp_path: Path) -> None:
    """The next car waits its turn; it is not forgotten."""
    gate = Gate(tmp_path, min_interval_s=3)
    moments: list[float] = []
    gate.on_open = lambda: moments.append(gate.clock.monotonic_s())
    assert gate.serve(COMMAND, NEXT) == ["barrier.opened", "barrier.opened"]
    assert moments[1] - moments[0] == pytest.approx(3, abs=0.11)


def test_command_that_cannot_wait_for_the_interval_is_skipped(tmp_path: Path) -> None:
    """The boom is still up for the car before."""
    gate = Gate(tmp_path, min_interval_s=30)
    assert gate.serve(COMMAND, NEXT) == ["barrier.opened", "barrier.skipped"]
    assert gate.alarms == []


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
    assert gate.alarms == [Alarm("lane-1", "not_opened", "no answer", COMMAND)]
    assert gate.outcomes == ["failed"]
    assert gate.clock.monotonic_s() <= 6


def test_dry_run_moves_nothing_and_says_so(tmp_path: Path) -> None:
    """A week of watching before the first real opening."""
    gate = Gate(tmp_path, dry_run=True)
    assert gate.serve(COMMAND) == ["barrier.dry_run"]
    assert gate.opened == []


def test_vehicle_that_left_while_the_controller_was_away_is_not_opened_for(tmp_path: Path) -> None:
    """The next one at the barrier is somebody else."""
    gate = Gate(tmp_path, patience_s=10)
    gate.failures = 3
    gate.later = {1.2: lambda: gate.barrier.gone("p1")}
    assert gate.serve(COMMAND) == ["barrier.skipped"]
    assert (gate.opened, gate.alarms) == ([], [])


def test_command_that_comes_too_late_is_not_given_at_all(tmp_path: Path) -> None:
    """It waited for a full disk, or behind other commands; not even the first attempt is made."""
    gate = Gate(tmp_path, patience_s=6)
    gate.clock.advance_to(600)
    gate.barrier.ask(COMMAND, decided_s=5.0)
    assert gate.serve() == ["barrier.failed"]
    assert (gate.opened, len(gate.alarms)) == ([], 1)


def test_loop_knows_better_than_the_camera_whether_the_vehicle_is_still_there(tmp_path: Path) -> None:
    """At the barrier the plate is out of the picture."""
    gate = Gate(tmp_path, loop=Switch(True))
    gate.barrier.gone("p1")
    assert gate.serve(COMMAND) == ["barrier.opened"]


def test_barrier_opens_when_the_vehicle_reaches_the_loop(tmp_path: Path) -> None:
    """The plate was read ten metres before."""
    loop = Switch(False)
    gate = Gate(tmp_path, loop=loop)
    gate.later = {2.0: lambda: setattr(loop, "closed", True)}
    assert gate.serve(COMMAND) == ["barrier.opened"]
    assert gate.clock.monotonic_s() == pytest.approx(2.0, abs=0.11)


def test_vehicle_that_never_reaches_the_loop_is_a_matter_for_a_person(tmp_path: Path) -> None:
    """It stands too far back, or the loop is broken: no opening into the blue, and nobody forgotten."""
    gate = Gate(tmp_path, loop=Switch(False))
    assert gate.serve(COMMAND) == ["barrier.failed"]
    assert (gate.opened, [a.kind for a in gate.alarms]) == ([], ["not_opened"])


def test_barrier_that_is_open_gets_no_second_pulse(tmp_path: Path) -> None:
    """Many controllers close on the second pulse: onto the roof."""
    gate = Gate(tmp_path, down=Switch(False))
    assert gate.serve(COMMAND) == ["barrier.skipped"]
    assert gate.opened == []


def test_barrier_that_does_not_move_is_an_alarm(tmp_path: Path) -> None:
    """The relay clicks and nothing happens."""
    gate = Gate(tmp_path, down=Switch(True), answers_within_s=5)
    assert gate.serve(COMMAND) == ["barrier.failed"]
    assert [a.reason for a in gate.alarms] == ["the barrier was told to open and does not move"]


def test_barrier_that_leaves_its_contact_has_opened(tmp_path: Path) -> None:
    """The boom takes a second to rise."""
    down = Switch(True)
    gate = Gate(tmp_path, down=down)
    gate.later = {1.0: lambda: setattr(down, "closed", False)}
    assert gate.serve(COMMAND) == ["barrier.opened"]


def test_contact_that_cannot_be_read_never_opens(tmp_path: Path) -> None:
    """A cut wire looks like nothing; it must not look like a yes."""
    loop = Switch(True)
    loop.broken = True
    gate = Gate(tmp_path, loop=loop)
    assert gate.serve(COMMAND) == ["barrier.failed"]
    assert (gate.opened, [a.reason for a in gate.alarms]) == ([], ["the wire is cut"])


def test_barrier_held_open_is_told_once_and_again_when_it_is_down(tmp_path: Path) -> None:
    """A brick under the boom, for the whole weekend."""
    down = Switch(False)
    gate = Gate(tmp_path, down=down, held_open_after_s=60)
    for _ in range(100):
        gate.wait(1.0)
        gate.barrier.look()
    assert [a.kind for a in gate.alarms] == ["held_open"]
    down.closed = True
    gate.barrier.look()
    lines = [json.loads(line)["what"] for line in gate.audit_file.read_text().splitlines()]
    assert lines == ["barrier.held_open", "barrier.down"]


def test_broken_contact_of_an_idle_barrier_is_told_once(tmp_path: Path) -> None:
    """Before the next car needs it."""
    down = Switch(True)
    gate = Gate(tmp_path, down=down)
    down.broken = True
    for _ in range(3):
        gate.barrier.look()
    assert [(a.kind, a.reason) for a in gate.alarms] == [("contact", "the wire is cut")]


def test_gpio_contact_is_read_waited_for_and_taken_anew_after_a_fault() -> None:
    """A loop detector's relay on an input line."""
    chip = FakeChip()
    contact = GpioContact(ContactSettings(line=5), chip, calls=True)
    assert not contact.active()
    chip.inputs[5] = "active"
    assert contact.active()
    assert not contact.wait(0.1)
    chip.calls = [5, 5]  # bounced: one call
    assert contact.wait(0.1)
    assert not contact.wait(0.1)
    chip.unplugged = True
    with pytest.raises(BarrierFault, match=r"line 5: .*No such device"):
        contact.active()
    chip.unplugged = False
    assert contact.active()


def test_library_has_what_the_fake_chip_stands_for() -> None:
    """The names and arguments that the wrapper uses, on the real libgpiod 2; and a chip that is not there."""
    gpiod = pytest.importorskip("gpiod", reason="needs the extra [gpio]")
    assert library() is gpiod
    with pytest.raises(BarrierFault, match=r"/dev/no-such-chip line 3: .*No such file"):
        GpioOutput(BarrierSettings(output="gpio", chip="/dev/no-such-chip", line=3), gpiod).open(COMMAND)
    with pytest.raises(BarrierFault, match="No such file"):
        GpioContact(ContactSettings(chip="/dev/no-such-chip", line=3), gpiod, calls=True).wait(0.1)
    for name in ("get_value", "set_value", "wait_edge_events", "read_edge_events", "release"):
        assert callable(getattr(gpiod.LineRequest, name))
