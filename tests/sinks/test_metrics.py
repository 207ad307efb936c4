"""Metrics: the funnel adds up, labels stay bounded, the catalogue tells the truth, a scrape is cheap."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.protocols import SourceState
from edge.sinks import catalogue
from edge.sinks.metrics import Metrics, quantile
from tests.web.fake_gate import START, FakeGate


def values(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """Parse the exposition as Prometheus would and return label values -> value of one series name."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {tuple(s.labels.values()): s.value for f in families for s in f.samples if s.name == name}


@pytest.fixture
def gate() -> FakeGate:
    return FakeGate()


def test_funnel_narrows_and_every_loss_has_a_reason(gate: FakeGate) -> None:
    """The desk must see where plates are lost: each step minus its losses is the next step."""
    for _ in range(3):
        gate.drive_by("entry-cam")

    plates = values(gate.metrics, "anpr_plates_detected_total")[("entry-cam",)]
    lost = sum(v for k, v in values(gate.metrics, "anpr_plates_lost_total").items() if k[0] == "entry-cam")
    legible = values(gate.metrics, "anpr_plates_legible_total")[("entry-cam",)]
    assert (plates, lost, legible) == (60, 24, 36)
    assert plates - lost == legible
    assert values(gate.metrics, "anpr_frames_dropped_total")[("entry-cam", "newest_wins")] == 6
    assert values(gate.metrics, "anpr_events_acknowledged_total")[("mqtt",)] == 3


def test_a_quiet_camera_shows_zeros_from_the_start(gate: FakeGate) -> None:
    """An alert on a series that does not exist never fires."""
    assert values(gate.metrics, "anpr_frames_received_total") == {("entry-cam",): 0.0, ("exit-cam",): 0.0}
    dropped = values(gate.metrics, "anpr_frames_dropped_total")
    assert {k[1] for k in dropped} == set(catalogue.FRAME_LOSSES)


def test_unknown_label_values_share_one_series(gate: FakeGate) -> None:
    """Neither plates nor time may make series grow, whatever a caller passes."""
    before = gate.metrics.exposition().count(b"\n")
    for k in range(500):
        gate.metrics.frame_dropped("entry-cam", f"reason-{k}")
        gate.metrics.frame_received(f"camera-{k}")
        gate.metrics.event_published(f"sink-{k}")
    after = gate.metrics.exposition().count(b"\n")

    assert values(gate.metrics, "anpr_frames_dropped_total")[("entry-cam", "other")] == 500
    assert values(gate.metrics, "anpr_frames_received_total")[("other",)] == 500
    assert after - before <= 64 + 3


def test_read_rate_is_weighted_by_calibrated_probability(gate: FakeGate) -> None:
    """Two plates at 0.98 and one at 0.50 are worth 2.46 right answers, not 3."""
    gate.drive_by("entry-cam", probability=0.98)
    gate.drive_by("entry-cam", probability=0.98)
    gate.drive_by("entry-cam", probability=0.50)
    gate.metrics.vehicle_ended("entry-cam", "unsure")

    assert values(gate.metrics, "anpr_expected_correct_total")[("entry-cam",)] == pytest.approx(2.46)
    assert sum(v for k, v in values(gate.metrics, "anpr_vehicles_total").items() if k[0] == "entry-cam") == 4


def test_states_come_from_the_board_at_scrape_time(gate: FakeGate) -> None:
    """An age that is only written when something happens stands still exactly when it matters."""
    gate.come_up()
    first = values(gate.metrics, "anpr_frame_age_seconds")[("entry-cam",)]
    gate.clock.advance_to(gate.clock.monotonic_s() + 42)
    gate.board.camera_changed("entry-cam", SourceState.STALLED, "no packet for 5 s")

    assert values(gate.metrics, "anpr_frame_age_seconds")[("entry-cam",)] == pytest.approx(first + 42)
    state = values(gate.metrics, "anpr_camera_state")
    assert {k[1]: v for k, v in state.items() if k[0] == "entry-cam" and v} == {"stalled": 1.0}


def test_certificate_days_count_down(gate: FakeGate) -> None:
    """Thirty days before the end somebody must hear of it."""
    gate.board.sink_changed("mqtt", connected=True, certificate_expires=START + timedelta(days=29))
    assert values(gate.metrics, "anpr_certificate_days")[("mqtt",)] == pytest.approx(29)


def test_catalogue_is_what_the_end_point_serves(gate: FakeGate) -> None:
    """A metric that is served but not explained, or explained but not served, helps nobody."""
    gate.come_up()
    gate.board.sink_changed("mqtt", connected=True, certificate_expires=START + timedelta(days=29))
    served = {
        line.split()[2] for line in gate.metrics.exposition().decode().splitlines() if line.startswith("# TYPE anpr_")
    }
    assert served == {m.name for m in catalogue.CATALOGUE}


@pytest.mark.parametrize("metric", catalogue.CATALOGUE, ids=lambda m: m.name)
def test_catalogue_entries_follow_the_conventions(metric: catalogue.Metric) -> None:
    """Names end in their unit or _total, and each entry says what to do."""
    assert re.fullmatch(r"anpr_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.meaning.endswith(".") and metric.action.endswith(".")
    assert list(metric.buckets) == sorted(metric.buckets)
    assert set(metric.values) <= set(metric.labels)


def test_counting_from_many_threads_loses_nothing(gate: FakeGate) -> None:
    """Capture and vision threads count at the same time."""

    def count() -> None:
        for _ in range(2000):
            gate.metrics.frame_received("entry-cam")
            gate.metrics.stage_took("entry-cam", "step", 0.01)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(gate.metrics, "anpr_frames_received_total")[("entry-cam",)] == 8000
    assert values(gate.metrics, "anpr_stage_seconds_count")[("entry-cam", "step")] == 8000


def test_quantile_interpolates_inside_the_bucket() -> None:
    """Worked by hand: 10 below 0.1 and 10 between 0.1 and 0.2; the 75th percentile lies in the middle of the second."""
    buckets = [(0.1, 10.0), (0.2, 20.0), (float("inf"), 20.0)]
    assert quantile(0.75, buckets) == pytest.approx(0.15)
    assert quantile(0.25, buckets) == pytest.approx(0.05)


def test_quantile_beyond_the_last_bucket_is_its_bound() -> None:
    """Nothing is known about how far beyond."""
    assert quantile(0.95, [(0.1, 1.0), (float("inf"), 100.0)]) == 0.1


def test_timings_of_stages_that_never_ran_are_left_out(gate: FakeGate) -> None:
    """The status shows what happens, not what could."""
    gate.drive_by("entry-cam")
    rows = {(r["camera"], r["stage"]) for r in gate.metrics.timings()}
    assert rows == {("entry-cam", "step"), ("entry-cam", "detect"), ("entry-cam", "read")}
    assert all(0 < r["mean_ms"] < 50 and r["p95_ms"] >= r["mean_ms"] * 0.5 for r in gate.metrics.timings())
