"""Delivery under fire: the process killed anywhere, the broker away, the line dead, the disk full."""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import psutil
import pytest

from edge.clock import SystemClock, VirtualClock
from edge.config.delivery import MqttSettings, MqttTlsSettings, PaceSettings
from edge.errors import StorageError
from edge.sinks.mqtt import MqttSink
from edge.sinks.outbox import Limits, Outbox
from edge.sinks.publish import PublishStage
from edge.sinks.timekeeping import ClockWatch, kernel_synchronised
from edge.types import Evidence, GateEvent
from tests.faults import feeder
from tests.servers.authority import Authority
from tests.servers.cable import Cable
from tests.servers.mosquitto import Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.servers.refusing_broker import RefusingBroker
from tests.sinks.events import START, a_gate_event, gate_events
from tests.sinks.test_mqtt import FAST, mqtt_settings, running

pytestmark = needs_mosquitto

KILLS = int(os.environ.get("ANPR_KILLS", "30"))  # the full proof is 300
BACKLOG = int(os.environ.get("ANPR_BACKLOG", "20000"))
LONGEST_LIFE_S = 0.6
PICTURE = Evidence(crop_jpeg=os.urandom(600))


def assert_complete_and_in_order(received: Sequence[GateEvent]) -> None:
    """After de-duplication by id: every number once, in order, per lane; one id always carries one number."""
    numbers: dict[str, int | None] = {}
    lanes: dict[str, list[int | None]] = defaultdict(list)
    for event in received:
        if numbers.setdefault(event.event_id, event.sequence) != event.sequence:
            raise AssertionError(f"event {event.event_id} changed its number")
    seen: set[str] = set()
    for event in received:
        if event.event_id not in seen:
            seen.add(event.event_id)
            lanes[event.lane].append(event.sequence)
    for lane, sequence in lanes.items():
        assert sequence == list(range(1, len(sequence) + 1)), f"lane {lane} is not complete and in order"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_kill_at_any_moment_loses_or_doubles_an_event(tmp_path: Path) -> None:
    """SIGKILL leaves no time to tidy up, as a power cut would; what `append` promised must still arrive."""
    authority = Authority(tmp_path / "ca")
    gate = authority.issue("gate")
    tls = MqttTlsSettings(
        enabled=True, ca_file=authority.ca_file, certificate_file=gate.certificate_file, key_file=gate.key_file
    )
    promised = tmp_path / "promised"
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.faults.feeder"])
    random = Random(4)
    with Mosquitto(tmp_path / "broker", tls=authority) as broker, Subscriber(broker.port, tls=authority) as backend:
        settings = MqttSettings(host="127.0.0.1", port=broker.port, tls=tls, pace=FAST)
        for seed in range(KILLS):
            victim = processes.Process(target=feeder.feed, args=(tmp_path / "o.db", promised, settings, seed))
            victim.start()
            victim.join(timeout=random.uniform(0.0, LONGEST_LIFE_S))
            assert victim.is_alive(), f"the process ended by itself in round {seed}"
            victim.kill()
            victim.join(timeout=60)
        last = processes.Process(target=feeder.drain, args=(tmp_path / "o.db", settings))
        last.start()
        last.join(timeout=150)
        assert last.exitcode == 0
        wanted = {line.split()[0] for line in promised.read_text().splitlines()}
        backend.wait_for_ids(wanted)
        received = backend.events()
    assert_complete_and_in_order(received)
    doubles = len(received) - len({event.event_id for event in received})
    print(f"\n{KILLS} kills: {len(wanted)} events promised, {len(received)} received, {doubles} of them again")


def _fill(path: Path, count: int) -> None:
    """Store `count` events as 72 hours without a broker leave them."""
    clock = VirtualClock(START - timedelta(hours=72))
    step = 100
    with Outbox(path, clock) as outbox:
        outbox.register("mqtt")
        for first in range(0, count, step):
            clock.advance_to(72 * 3600 * first / count)
            outbox.append([a_gate_event(evidence=PICTURE) for _ in range(min(step, count - first))])


@pytest.mark.slow
def test_three_days_without_broker_drain_at_the_pace_with_flat_memory(tmp_path: Path) -> None:
    """A backlog sent too fast is discarded by the broker; one held in memory dies with the process."""
    rate_per_s = 1000.0
    _fill(tmp_path / "o.db", BACKLOG)
    me = psutil.Process()
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Outbox(tmp_path / "o.db", SystemClock()) as outbox,
        subprocess.Popen(
            f"mosquitto_sub -h 127.0.0.1 -p {broker.port} -t anpr/+/+/events -q 1 -C {BACKLOG}".split(),
            stdout=(tmp_path / "received").open("wb"),
        ) as backend,
    ):
        wait_until(lambda: "Received SUBSCRIBE" in broker.log, "the subscription")
        assert outbox.backlog("mqtt").depth == BACKLOG
        before_bytes, began_s = me.memory_info().rss, time.monotonic()
        pace = PaceSettings(max_per_s=rate_per_s, max_kib_per_s=100_000)
        peak_bytes = before_bytes
        with running(outbox, MqttSink(mqtt_settings(broker.port, pace=pace), "site-1")) as stage:
            for goal in range(BACKLOG // 20, BACKLOG + 1, BACKLOG // 20):
                wait_until(partial(_delivered, stage, goal), f"{goal} events")
                peak_bytes = max(peak_bytes, me.memory_info().rss)
        took_s = time.monotonic() - began_s
        backend.wait(timeout=60)
    lines = (tmp_path / "received").read_bytes().splitlines()
    assert len(lines) == BACKLOG
    assert took_s >= (BACKLOG - 40) / rate_per_s
    assert peak_bytes - before_bytes < 30 << 20
    grown_kib = (peak_bytes - before_bytes) >> 10
    print(f"\n{BACKLOG} events in {took_s:.1f} s, {BACKLOG / took_s:.0f}/s; memory +{grown_kib} KiB")


def _delivered(stage: PublishStage, count: int) -> bool:
    return stage.delivered >= count


def test_broker_restarted_in_mid_drain_costs_nothing(tmp_path: Path) -> None:
    _fill(tmp_path / "o.db", 600)
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Outbox(tmp_path / "o.db", SystemClock()) as outbox,
        Subscriber(broker.port) as backend,
    ):
        pace = PaceSettings(max_per_s=300, max_kib_per_s=100_000)
        with running(outbox, MqttSink(mqtt_settings(broker.port, pace=pace), "site-1")) as stage:
            for part in (100, 300):
                wait_until(partial(_delivered, stage, part), f"{part} events")
                broker.stop()
                broker.start()
            wait_until(lambda: outbox.backlog("mqtt").depth == 0, "an empty outbox")
            assert stage.failures >= 2
        wait_until(lambda: len({e.event_id for e in backend.events()}) == 600, "all events at the backend")
        assert_complete_and_in_order(backend.events())


def test_broker_away_at_start_is_waited_for(tmp_path: Path) -> None:
    """A car park boots all at once; the gate may be up first."""
    broker = Mosquitto(tmp_path / "broker")
    sink = MqttSink(mqtt_settings(broker.port), "site-1")
    with Outbox(tmp_path / "o.db", SystemClock()) as outbox, running(outbox, sink) as stage:
        outbox.append(gate_events(5))
        wait_until(lambda: stage.failures >= 3, "three failed attempts")
        with broker:
            wait_until(lambda: outbox.backlog("mqtt").depth == 0, "delivery")
            assert stage.status().connections == 1


def test_half_open_connection_is_noticed_and_replaced(tmp_path: Path) -> None:
    """A router that forgot the connection sends no reset; only the missing acknowledgement tells."""
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Cable(broker.port) as cable,
        Outbox(tmp_path / "o.db", SystemClock()) as outbox,
        Subscriber(broker.port) as backend,
    ):
        sink = MqttSink(mqtt_settings(cable.port, acknowledge_timeout_s=1.0), "site-1")
        with running(outbox, sink) as stage:
            first = outbox.append(gate_events(3))
            backend.wait_for_ids({event.event_id for event in first})
            cable.freeze()
            second = outbox.append(gate_events(3))
            backend.wait_for_ids({event.event_id for event in second})
            wait_until(lambda: outbox.backlog("mqtt").depth == 0, "an empty outbox")
            assert stage.failures >= 1
        assert_complete_and_in_order(backend.events())


def test_idle_half_open_connection_is_noticed_by_keep_alive(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Cable(broker.port) as cable,
        Outbox(tmp_path / "o.db", SystemClock()) as outbox,
    ):
        sink = MqttSink(mqtt_settings(cable.port, keep_alive_s=5), "site-1")
        with running(outbox, sink) as stage:
            wait_until(lambda: stage.status().connected, "a connection")
            cable.freeze()
            wait_until(lambda: stage.status().connections == 2, "a second connection")


def test_slow_broker_gets_everything_without_a_fault(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Cable(broker.port, delay_s=0.05) as cable,
        Outbox(tmp_path / "o.db", SystemClock()) as outbox,
        Subscriber(broker.port) as backend,
    ):
        with running(outbox, MqttSink(mqtt_settings(cable.port), "site-1")) as stage:
            stored = outbox.append(gate_events(60))
            backend.wait_for_ids({event.event_id for event in stored})
            wait_until(lambda: outbox.backlog("mqtt").depth == 0, "an empty outbox")
            assert stage.failures == 0
        assert backend.events() == list(stored)


@pytest.mark.parametrize(
    ("connect_reason", "publish_reasons"),
    [(0x97, (0,)), (0x87, (0,)), (0, (0, 0x97)), (0, (0, 0x87))],
    ids=["quota at connect", "not authorised", "quota at publish", "not authorised to publish"],
)
def test_refusal_that_may_end_keeps_every_event(
    tmp_path: Path, connect_reason: int, publish_reasons: tuple[int, ...]
) -> None:
    """Quotas refill and policies get mended: nothing becomes a dead letter meanwhile."""
    with (
        RefusingBroker(connect_reason=connect_reason, publish_reasons=publish_reasons) as broker,
        Outbox(tmp_path / "o.db", SystemClock()) as outbox,
        running(outbox, MqttSink(mqtt_settings(broker.port), "s")) as stage,
    ):
        outbox.append(gate_events(2))
        wait_until(lambda: stage.failures >= 3, "three refusals")
        assert re.search("Quota exceeded; raise|Not authorized; let this client", stage.status().reason)
        assert outbox.backlog("mqtt").depth == 2
        assert outbox.backlog("mqtt").dead_letters == 0


def test_event_that_the_broker_calls_invalid_is_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    topic_name_invalid = 0x90
    with (
        RefusingBroker(publish_reasons=(0, 0, topic_name_invalid, 0)) as broker,  # the first is our status
        Outbox(tmp_path / "o.db", SystemClock()) as outbox,
        running(outbox, MqttSink(mqtt_settings(broker.port), "s")),
    ):
        outbox.append(gate_events(4))
        wait_until(lambda: outbox.backlog("mqtt").depth == 0, "delivery of the rest")
        assert outbox.backlog("mqtt").dead_letters == 1


@contextmanager
def small_disk(folder: Path, size_kib: int) -> Iterator[Path]:
    """Mount a disk of that size; needs root."""
    folder.mkdir()
    if os.getuid() != 0:
        pytest.skip("needs root to mount a small file system")
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_backlog_never_fills_the_disk_so_far_that_it_cannot_drain(tmp_path: Path) -> None:
    """Striking off a delivered event needs a little space too; without it the queue would be stuck for ever."""
    with small_disk(tmp_path / "disk", 8192) as disk, Mosquitto(tmp_path / "broker") as broker:
        limits = Limits(min_free_bytes=3 << 20)
        with Outbox(disk / "o.db", SystemClock(), limits=limits) as outbox, Subscriber(broker.port) as backend:
            outbox.register("mqtt")
            promised: list[GateEvent] = []
            with pytest.raises(StorageError, match="Free space"):
                for _ in range(5000):
                    promised += outbox.append([a_gate_event(evidence=PICTURE)])
            assert "no event is stored" in outbox.problem
            with running(outbox, MqttSink(mqtt_settings(broker.port), "site-1")):
                backend.wait_for_ids({event.event_id for event in promised})
                wait_until(lambda: outbox.backlog("mqtt").depth == 0, "an empty outbox")
                late: list[GateEvent] = []
                wait_until(partial(_stored, outbox, late), "room for new events")
                backend.wait_for_ids({late[0].event_id})
            assert outbox.problem == ""
        assert_complete_and_in_order(backend.events())
        print(f"\n{len(promised)} events fitted on 8 MiB with 3 MiB kept free")


def _stored(outbox: Outbox, into: list[GateEvent]) -> bool:
    with suppress(StorageError):
        into += outbox.append([a_gate_event()])
    return bool(into)


def test_disk_filled_by_others_to_the_last_byte_loses_no_promise(tmp_path: Path) -> None:
    """Nothing can be promised or struck off then; when space returns everything goes on by itself."""
    with small_disk(tmp_path / "disk", 4096) as disk, Mosquitto(tmp_path / "broker") as broker:
        limits = Limits(min_free_bytes=0)  # so that SQLite itself meets the end of the disk
        with Outbox(disk / "o.db", SystemClock(), limits=limits) as outbox, Subscriber(broker.port) as backend:
            outbox.register("mqtt")
            promised = list(outbox.append([a_gate_event(evidence=PICTURE) for _ in range(200)]))
            ballast = _fill_up(disk)
            with pytest.raises(StorageError, match="full"):
                for _ in range(50):
                    promised += outbox.append([a_gate_event(evidence=PICTURE)])
            with running(outbox, MqttSink(mqtt_settings(broker.port), "site-1")):
                backend.wait_for_ids({event.event_id for event in promised[:20]})
                ballast.unlink()
                backend.wait_for_ids({event.event_id for event in promised})
                wait_until(lambda: outbox.backlog("mqtt").depth == 0, "an empty outbox")
                promised += outbox.append([a_gate_event()])
                backend.wait_for_ids({promised[-1].event_id})
            assert outbox.problem == ""
        assert_complete_and_in_order(backend.events())


def _fill_up(disk: Path) -> Path:
    ballast = disk / "somebody-else"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    return ballast


def test_disk_filled_by_others_is_said_before_the_outbox_suffers(tmp_path: Path) -> None:
    limits = Limits(min_free_bytes=1 << 20)
    with small_disk(tmp_path / "disk", 8192) as disk, Outbox(disk / "o.db", SystemClock(), limits=limits) as outbox:
        outbox.register("mqtt")
        promised = outbox.append(gate_events(20))
        ballast = disk / "somebody-else"
        ballast.write_bytes(b"x" * (7 << 20))
        with pytest.raises(StorageError, match="MiB are free"):
            outbox.append(gate_events(1))
        outbox.acknowledge("mqtt", [promised[0].event_id])  # there is still room for this
        ballast.unlink()
        assert outbox.append(gate_events(1))[0].sequence == 21
        assert outbox.problem == ""


class JumpingClock(SystemClock):
    """The system's clock, whose UTC can be set wrong; its monotonic part cannot."""

    def __init__(self) -> None:
        self.error = timedelta()

    def utc(self) -> datetime:
        return super().utc() + self.error


@pytest.mark.parametrize("days", [1, -1])
def test_clock_jump_delays_nothing_and_is_marked_until_it_is_over(tmp_path: Path, days: int) -> None:
    clock = JumpingClock()
    disciplined = threading.Event()
    disciplined.set()
    watch = ClockWatch(clock, kernel=disciplined.is_set)
    with Mosquitto(tmp_path / "broker") as broker, Outbox(tmp_path / "o.db", clock, watch=watch) as outbox:
        with (
            Subscriber(broker.port) as backend,
            running(outbox, MqttSink(mqtt_settings(broker.port), "s", clock=clock)),
        ):
            outbox.append([a_gate_event(captured_at=clock.utc())])
            clock.error = timedelta(days=days)
            disciplined.clear()
            jumped_s = time.monotonic()
            stored = outbox.append(gate_events(3))
            backend.wait_for_ids({event.event_id for event in stored})
            assert time.monotonic() - jumped_s < 10
        assert [event.clock_synchronised for event in backend.events()] == [True, False, False, False]
        assert outbox.dropped == 0


def test_clock_is_trusted_again_only_after_it_has_been_good_for_a_while() -> None:
    class Stepped(VirtualClock):
        error_s = 0.0

        def utc(self) -> datetime:
            return super().utc() + timedelta(seconds=self.error_s)

    clock = Stepped(START)
    good = [True]
    watch = ClockWatch(clock, kernel=lambda: good[0])
    assert watch.synchronised()
    clock.error_s, good[0] = 86_400.0, False
    assert not watch.synchronised()
    clock.advance_to(300)
    assert not watch.synchronised()
    good[0] = True
    assert not watch.synchronised()
    clock.advance_to(370)
    assert watch.synchronised()


def test_kernel_is_asked_for_the_clock_without_starting_a_program() -> None:
    """Asked at every event: it must cost microseconds, not a subprocess."""
    began_s = time.process_time()
    answers = {kernel_synchronised() for _ in range(200)}
    assert answers <= {True, False}
    assert time.process_time() - began_s < 0.2
