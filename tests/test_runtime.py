"""The life of the process: order of start and stop, signals, failures, and what systemd is told."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.errors import ConfigError, StorageError
from edge.runtime import EXIT_AGAIN, Runtime, Stage
from edge.service_manager import ServiceManager


class Worker:
    """A stage that works until it is stopped and writes its life into `diary`."""

    def __init__(self, name: str, diary: list[str], *, leads: bool = False) -> None:
        self.name, self.leads = name, leads
        self.stopped = threading.Event()
        self._diary = diary

    def run(self) -> None:
        self._diary.append(f"{self.name} runs")
        self.stopped.wait(30)
        self._diary.append(f"{self.name} ends")

    def stop(self) -> None:
        self._diary.append(f"stop {self.name}")
        self.stopped.set()

    @property
    def stage(self) -> Stage:
        return Stage(self.name, self.run, self.stop, leads=self.leads)


def a_stage(run: Callable[[], None], name: str = "extra") -> Stage:
    return Stage(name, run, lambda: None)


def waits_for(event: threading.Event) -> Callable[[], None]:
    def run() -> None:
        event.wait(20)

    return run


def run_and_stop(*stages: Stage) -> int:
    """Run the stages, with a last one that asks for the stop as soon as it runs."""
    last: list[Runtime] = []
    last.append(Runtime([*stages, a_stage(lambda: last[0].request_stop())]))  # noqa: PLW0108  (it does not exist yet)
    return last[0].run()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The other end of NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other_end:
        other_end.bind(str(tmp_path / "notify"))
        other_end.settimeout(10)
        yield other_end


def manager(systemd: socket.socket, **environment: str) -> ServiceManager:
    return ServiceManager({"NOTIFY_SOCKET": systemd.getsockname(), **environment})


def heard(systemd: socket.socket, until: str) -> list[str]:
    """Return all messages up to the first that begins with `until`."""
    messages: list[str] = []
    while not messages or not messages[-1].startswith(until):
        messages.append(systemd.recv(4096).decode())
    return messages


def test_stages_start_from_the_broker_and_stop_from_the_camera() -> None:
    """What a camera has handed on is still taken in by those behind it."""
    diary: list[str] = []
    names = ["publish", "vision", "capture"]
    stages = [Worker(n, diary).stage for n in names]

    assert run_and_stop(*stages) == 0
    assert [d for d in diary if d.endswith("runs")] == [f"{n} runs" for n in names]
    assert [d for d in diary if not d.endswith("runs")] == [
        "stop capture", "capture ends", "stop vision", "vision ends", "stop publish", "publish ends",
    ]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything(number: signal.Signals) -> None:
    """systemctl stop, and Ctrl-C."""
    diary: list[str] = []
    worker = Worker("capture", diary)
    code = Runtime([worker.stage, a_stage(lambda: os.kill(os.getpid(), number))]).run()

    assert code == 0
    assert diary == ["capture runs", "stop capture", "capture ends"]


def test_a_second_signal_exits_at_once() -> None:
    """An operator who presses Ctrl-C twice does not want to wait for the broker."""
    codes: list[int] = []
    gave_up = threading.Event()

    def exit_now(code: int) -> None:
        codes.append(code)
        gave_up.set()

    hanging = Stage("hangs", waits_for(gave_up), lambda: os.kill(os.getpid(), signal.SIGTERM))
    runtime = Runtime([hanging, a_stage(lambda: os.kill(os.getpid(), signal.SIGTERM))], exit_now=exit_now)
    started_s = time.monotonic()
    runtime.run()

    assert codes == [EXIT_AGAIN]
    assert time.monotonic() - started_s < 5


def test_an_unexpected_error_in_any_thread_ends_the_process_with_1(caplog: pytest.LogCaptureFixture) -> None:
    """A daemon that lost a part is worse than one that systemd restarts; the others still stop in order."""
    diary: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError("a bug")

    assert Runtime([Worker("publish", diary).stage, a_stage(fail, "vision-gate")]).run() == 1
    assert diary == ["publish runs", "stop publish", "publish ends"]
    assert "thread vision-gate failed" in caplog.text
    assert "ZeroDivisionError: a bug" in caplog.text


def test_an_error_while_stopping_counts_too() -> None:
    """Exit code 0 promises that everything was stored."""

    class FailsLate(Worker):
        def run(self) -> None:
            super().run()
            raise StorageError("the disk is full")

    assert run_and_stop(FailsLate("vision", []).stage) == 1


def test_a_stage_that_cannot_be_stopped_does_not_keep_the_others_from_stopping(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A camera that hangs must not cost the events that wait for the broker."""
    monkeypatch.setattr("edge.runtime.STAGE_WITHIN_S", 0.3)
    diary: list[str] = []
    release = threading.Event()

    def refuse() -> None:
        raise StorageError("no")

    stages = [
        Worker("publish", diary).stage,
        Stage("refuses", lambda: None, refuse),
        Stage("hangs", waits_for(release), lambda: None),
    ]

    assert run_and_stop(*stages) == 1
    release.set()
    assert diary[-1] == "publish ends"
    assert "thread hangs did not end in time" in caplog.text
    assert "thread refuses cannot be stopped: no" in caplog.text


def test_what_hangs_while_closing_is_left_by_force(caplog: pytest.LogCaptureFixture) -> None:
    """A file system that does not answer must not keep the old process beside its successor."""
    codes: list[int] = []
    left = threading.Event()

    def exit_now(code: int) -> None:
        codes.append(code)
        left.set()

    def hang_in_stop() -> None:
        left.wait(20)

    runtime = Runtime([Stage("outbox", lambda: None, hang_in_stop, leads=True)], exit_now=exit_now, leave_within_s=0.3)
    runtime.run()

    assert codes == [1]
    assert "leaving by force" in caplog.text
    assert "hang_in_stop" in caplog.text


def test_the_daemon_ends_when_its_videos_have_ended() -> None:
    """A demonstration plays a clip once; publishing alone is no reason to stay."""
    diary: list[str] = []
    one, two = Worker("vision-a", diary, leads=True), Worker("vision-b", diary, leads=True)
    one.stopped.set()
    threading.Timer(0.2, two.stopped.set).start()

    assert Runtime([Worker("publish", diary).stage, one.stage, two.stage]).run() == 0
    assert diary.index("stop publish") > diary.index("vision-b ends")


def test_sighup_reads_settings_again_and_survives_wrong_ones(
    systemd: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    """A typing error in the file must not take a working gate down."""
    caplog.set_level(logging.INFO)
    outcomes = [ConfigError("log.level", "is 'loud'", "use info"), None]
    done = threading.Event()

    def reload() -> None:
        outcome = outcomes.pop(0)
        if not outcomes:
            done.set()
        if outcome is not None:
            raise outcome

    def hang_up_twice() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        heard(systemd, "RELOADING=1")
        heard(systemd, "READY=1")
        os.kill(os.getpid(), signal.SIGHUP)
        done.wait(10)
        runtime.request_stop()

    runtime = Runtime(
        [Worker("publish", []).stage, a_stage(hang_up_twice)], reload=reload, service_manager=manager(systemd)
    )
    assert runtime.run() == 0
    assert "the settings stay as they were: log.level: is 'loud'" in caplog.text
    assert outcomes == []


def test_systemd_hears_ready_alive_status_and_stopping(systemd: socket.socket) -> None:
    """Type=notify with a watchdog, spoken over a real socket."""
    told: list[str] = []

    def listen() -> None:
        told.extend(heard(systemd, "WATCHDOG=1"))
        runtime.request_stop()

    runtime = Runtime(
        [Worker("publish", []).stage, a_stage(listen)],
        status=lambda: "gate: up\n3 events wait",
        service_manager=manager(systemd, WATCHDOG_USEC="300000", WATCHDOG_PID=str(os.getpid())),
    )
    assert runtime.run() == 0
    assert told[0] == "READY=1"
    told += heard(systemd, "STOPPING=1")
    assert told.count("STATUS=gate: up 3 events wait") == 1  # the same line is not sent twice


def test_reloading_carries_the_moment_systemd_wants(systemd: socket.socket) -> None:
    """Type=notify-reload ignores the message without it."""
    manager(systemd).reloading()
    message = systemd.recv(4096).decode()

    assert message.startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert abs(int(message.rpartition("=")[2]) - time.monotonic_ns() // 1000) < 5_000_000


def test_watchdog_is_not_fed_while_vision_hangs(systemd: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    """systemd then kills and restarts us; the log says which thread hung, and where."""
    looks = iter([True, False, False, False])

    def healthy() -> bool:
        answer = next(looks, None)
        if answer is None:
            runtime.request_stop()
        return bool(answer)

    runtime = Runtime(
        [Worker("vision-gate", []).stage],
        healthy=healthy,
        service_manager=manager(systemd, WATCHDOG_USEC="3000"),
    )
    runtime.run()

    messages = heard(systemd, "STOPPING=1")
    assert messages.count("WATCHDOG=1") == 1
    assert caplog.text.count("a thread makes no progress") == 1
    assert "thread vision-gate:" in caplog.text
    assert "self.stopped.wait(30)" in caplog.text


@pytest.mark.parametrize(
    "environment", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"}]
)
def test_watchdog_is_fed_only_when_asked(systemd: socket.socket, environment: dict[str, str]) -> None:
    """Another process's watchdog (WATCHDOG_PID) is not ours."""
    service = manager(systemd, **environment)
    service.alive()
    service.stopping()

    assert heard(systemd, "STOPPING=1") == ["STOPPING=1"]


def test_without_systemd_nothing_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A terminal, a container; or a socket that has gone, which is said once."""
    ServiceManager({}).ready()
    assert caplog.text == ""
    gone = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    gone.ready()
    gone.stopping()
    assert caplog.text.count("cannot be told") == 1


def test_abstract_sockets_are_understood() -> None:
    """systemd in a container hands out names that begin with @."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other_end:
        name = f"anpr-edge-test-{os.getpid()}"
        other_end.bind("\0" + name)
        other_end.settimeout(5)
        ServiceManager({"NOTIFY_SOCKET": "@" + name}).ready()
        assert other_end.recv(100) == b"READY=1"


def test_a_killed_terminal_process_ends_by_its_signal_handlers(tmp_path: Path) -> None:
    """The whole of it in a process of its own: ready, SIGTERM, ordered end, exit code 0."""
    script = tmp_path / "daemon.py"
    script.write_text(
        "import sys, threading\n"
        "from edge.runtime import Runtime, Stage\n"
        "end = threading.Event()\n"
        "def work():\n"
        "    print('working', flush=True)\n"
        "    end.wait(60)\n"
        "sys.exit(Runtime([Stage('work', work, end.set)]).run())\n"
    )
    root = Path(__file__).parents[1]
    with subprocess.Popen([sys.executable, str(script)], cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
                          stdout=subprocess.PIPE, text=True) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
