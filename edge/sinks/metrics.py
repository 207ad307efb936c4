"""What the daemon counts and times, for Prometheus: the funnel from frame to acknowledgement.

One method per fact, called by the stage where the fact happens; every loss has
a reason from a fixed set. Label values come from the settings or from the
catalogue, anything else becomes "other", so no series grows with plates or
time. What *is* (states, depths, ages) comes from the board at scrape time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from edge.board import Board, Snapshot
from edge.protocols import SourceState
from edge.sinks import catalogue, catalogue_access
from edge.sinks.metric import Metric
from edge.types import Direction, EventType, Verdict

OTHER = "other"
NAMES_PER_LABEL = 64  # cameras, sinks, models: more than this many distinct names share "other"

CONTENT_TYPE: str = CONTENT_TYPE_LATEST


class Metrics:
    """All counters and histograms of one process; safe from any thread.

    Args:
        board: gives the cameras, and at scrape time all states.
    """

    def __init__(self, board: Board) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # halves the series
        self.registry = CollectorRegistry()
        self._lanes = dict(board.lanes)
        self._names: dict[str, set[str]] = {"camera": set(self._lanes), "lane": set(self._lanes.values())}
        self._families: dict[str, Any] = {}
        self._children: dict[tuple[str, ...], Any] = {}
        for metric in catalogue.COUNTED:
            self._families[metric.name] = _family(metric, self.registry)
        for camera, lane in self._lanes.items():
            self._show_zeros({"camera": camera, "lane": lane})
        self.registry.register(_BoardCollector(board))
        ProcessCollector(registry=self.registry)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return bytes(generate_latest(self.registry))

    # -- frames ------------------------------------------------------------------------------------------------------

    def frame_received(self, camera: str) -> None:
        """Count a decoded frame."""
        self._child(catalogue.FRAMES_RECEIVED, camera).inc()

    def frame_dropped(self, camera: str, reason: str, count: int = 1) -> None:
        """Count frames that vision never saw; `reason` from catalogue.FRAME_LOSSES."""
        self._child(catalogue.FRAMES_DROPPED, camera, reason).inc(count)

    def frame_gated(self, camera: str) -> None:
        """Count a frame in which nothing moved, so that the detector was spared."""
        self._child(catalogue.FRAMES_GATED, camera).inc()

    def frame_detected(self, camera: str, plates: int) -> None:
        """Count a frame that the detector looked at, and the plates it found there."""
        self._child(catalogue.FRAMES_DETECTED, camera).inc()
        if plates:
            self._child(catalogue.PLATES_DETECTED, camera).inc(plates)

    # -- plates and vehicles -----------------------------------------------------------------------------------------

    def plate_lost(self, camera: str, reason: str, count: int = 1) -> None:
        """Count detected plates that never became a read; `reason` from catalogue.PLATE_LOSSES."""
        self._child(catalogue.PLATES_LOST, camera, reason).inc(count)

    def plate_legible(self, camera: str, height_px: float, sharpness: float) -> None:
        """Count a plate large, sharp and whole enough to be given to the recogniser."""
        self._child(catalogue.PLATES_LEGIBLE, camera).inc()
        self._child(catalogue.PLATE_HEIGHT, camera).observe(height_px)
        self._child(catalogue.PLATE_SHARPNESS, camera).observe(sharpness)

    def plate_read(self, camera: str) -> None:
        """Count a look that got a say in a vote."""
        self._child(catalogue.PLATES_READ, camera).inc()

    def vehicle_ended(self, camera: str, outcome: str, verdict: Verdict | None = None) -> None:
        """Count a vehicle whose passage is over; `outcome` from catalogue.VEHICLE_OUTCOMES."""
        self._child(catalogue.VEHICLES, camera, outcome).inc()
        if verdict is not None and outcome == "voted":
            self._child(catalogue.EXPECTED_CORRECT, camera).inc(verdict.probability)
            self._child(catalogue.READ_PROBABILITY, camera).observe(verdict.probability)

    # -- events and delivery -----------------------------------------------------------------------------------------

    def event_stored(self, lane: str, type_: EventType, direction: Direction) -> None:
        """Count an event committed to the outbox."""
        self._child(catalogue.EVENTS, lane, type_.value, direction.value).inc()

    def event_published(self, sink: str, count: int = 1) -> None:
        """Count events handed to the network, redeliveries included."""
        self._child(catalogue.EVENTS_PUBLISHED, sink).inc(count)

    def event_acknowledged(self, sink: str, waited_s: float) -> None:
        """Count an event that the other side confirmed, `waited_s` after it was stored."""
        self._child(catalogue.EVENTS_ACKNOWLEDGED, sink).inc()
        self._child(catalogue.DELIVERY_SECONDS, sink).observe(waited_s)

    def event_lost(self, sink: str, reason: str, count: int = 1) -> None:
        """Count events that `sink` will never get; `reason` from catalogue.EVENT_LOSSES."""
        self._child(catalogue.EVENTS_LOST, sink, reason).inc(count)

    def publish_failed(self, sink: str, reason: str) -> None:
        """Count an attempt that failed and will be repeated; `reason` from catalogue.PUBLISH_FAILURES."""
        self._child(catalogue.PUBLISH_FAILED, sink, reason).inc()

    # -- decisions ---------------------------------------------------------------------------------------------------

    def decision_made(self, lane: str, decision: str) -> None:
        """Count an event by what was decided; `decision` from catalogue_access.DECISIONS."""
        self._child(catalogue_access.DECIDED, lane, decision).inc()

    def barrier_told(self, lane: str, outcome: str) -> None:
        """Count a command to a barrier; `outcome` from catalogue_access.BARRIER_OUTCOMES."""
        self._child(catalogue_access.BARRIER_COMMANDS, lane, outcome).inc()

    def barrier_alarm(self, lane: str, kind: str) -> None:
        """Count a call for a person at a barrier; `kind` from catalogue_access.BARRIER_ALARMS."""
        self._child(catalogue_access.BARRIER_ALARM, lane, kind).inc()

    # -- time --------------------------------------------------------------------------------------------------------

    def stage_took(self, camera: str, stage: str, seconds: float) -> None:
        """Time one stage of one frame; `stage` from catalogue.STAGES."""
        self._child(catalogue.STAGE_SECONDS, camera, stage).observe(seconds)

    def decided(self, lane: str, seconds: float) -> None:
        """Time from the first legible look at a vehicle to its provisional event in the outbox."""
        self._child(catalogue.DECISION_SECONDS, lane).observe(seconds)

    # -- the rest ----------------------------------------------------------------------------------------------------

    def provider_fell_back(self, role: str) -> None:
        """Count a model that had to run somewhere slower than asked for."""
        self._child(catalogue.PROVIDER_FALLBACKS, role).inc()

    def web_login(self, outcome: str) -> None:
        """Count an attempt to log in; `outcome` from catalogue.LOGIN_OUTCOMES."""
        self._child(catalogue.WEB_LOGINS, outcome).inc()

    # -- read back, for /status and the web page -----------------------------------------------------------------------

    def totals(self) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
        """Return name -> sorted label pairs -> value of every counter, and of each histogram's _sum and _count."""
        found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        for family in self._families.values():
            for sample in (s for f in family.collect() for s in f.samples):
                if not sample.name.endswith(("_created", "_bucket")):
                    found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = float(sample.value)
        return found

    def timings(self) -> list[dict[str, Any]]:
        """Return camera, stage, count, mean and 95th percentile (from the buckets) of every stage that ran, in ms."""
        rows: dict[tuple[str, str], list[tuple[float, float]]] = {}
        sums: dict[tuple[str, str], float] = {}
        for sample in (s for f in self._families[catalogue.STAGE_SECONDS.name].collect() for s in f.samples):
            key = (sample.labels["camera"], sample.labels["stage"])
            if sample.name.endswith("_bucket"):
                rows.setdefault(key, []).append((float(sample.labels["le"]), sample.value))
            elif sample.name.endswith("_sum"):
                sums[key] = sample.value
        return [
            {
                "camera": camera,
                "stage": stage,
                "count": int(buckets[-1][1]),
                "mean_ms": round(1000 * sums[camera, stage] / buckets[-1][1], 2),
                "p95_ms": round(1000 * quantile(0.95, buckets), 2),
            }
            for (camera, stage), buckets in rows.items()
            if buckets[-1][1]
        ]

    def _child(self, metric: Metric, *values: str) -> Any:
        key = (metric.name, *values)
        child = self._children.get(key)
        if child is None:
            bounded = [self._bounded(metric, label, value) for label, value in zip(metric.labels, values, strict=True)]
            child = self._families[metric.name].labels(*bounded)
            if tuple(bounded) == values:  # unknown names are not remembered: they could be without end
                self._children[key] = child
        return child

    def _bounded(self, metric: Metric, label: str, value: str) -> str:
        allowed = metric.values.get(label)
        if allowed is not None:
            return value if value in allowed else OTHER
        names = self._names.setdefault(label, set())
        if label in ("camera", "lane") or len(names) >= NAMES_PER_LABEL:
            return value if value in names else OTHER
        names.add(value)
        return value

    def _show_zeros(self, names: Mapping[str, str]) -> None:
        """Make the series of one camera exist at zero: a rate needs a first value, an alert needs a series."""
        for metric in catalogue.COUNTED:
            if metric.labels and metric.labels[0] in names:
                for rest in itertools.product(*(metric.values[label] for label in metric.labels[1:])):
                    self._child(metric, names[metric.labels[0]], *rest)


def quantile(share: float, buckets: list[tuple[float, float]]) -> float:
    """Return the value below which `share` of the observations lie, interpolated as Prometheus does.

    Args:
        buckets: upper bound and cumulative count, ascending, the last bound infinite, at least one observation.
    """
    rank = share * buckets[-1][1]
    lower, below = 0.0, 0.0
    for upper, count in buckets:
        if count >= rank and count > below:
            return lower if upper == float("inf") else lower + (upper - lower) * (rank - below) / (count - below)
        lower, below = upper, count
    return lower


def _family(metric: Metric, registry: CollectorRegistry) -> Any:
    if metric.kind == "histogram":
        return Histogram(metric.name, metric.meaning, metric.labels, registry=registry, buckets=metric.buckets)
    return Counter(metric.name, metric.meaning, metric.labels, registry=registry)


class _BoardCollector:
    """Turns the board into gauges when somebody asks."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def describe(self) -> list[Any]:
        return []

    def collect(self) -> Iterable[Any]:
        now = self._board.snapshot()
        yield InfoMetricFamily("anpr_build", catalogue.BUILD.meaning, value={"version": now.version, "site": now.site})
        for metric, rows in _gauges(now):
            family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
            for labels, value in rows:
                family.add_metric(list(labels), value)
            yield family


Rows = list[tuple[tuple[str, ...], float]]


def _gauges(now: Snapshot) -> Iterable[tuple[Metric, Rows]]:
    yield from _camera_gauges(now)
    yield catalogue.HEARTBEAT_AGE, [((t,), now.at_s - s) for t, s in now.beats_s.items()]
    yield catalogue.MODEL_READY, [((m.role, m.name, m.provider), float(m.ready)) for m in now.models.values()]
    yield catalogue.OUTBOX_DEPTH, [((), now.outbox.depth)]
    yield catalogue.OUTBOX_OLDEST, [((), now.outbox.oldest_s)]
    yield catalogue.OUTBOX_DEAD, [((), now.outbox.dead_letters)]
    yield catalogue.OUTBOX_SIZE, [((), now.outbox.size_bytes)]
    yield catalogue.OUTBOX_WRITABLE, [((), float(not now.outbox.problem))]
    yield catalogue.SINK_UP, [((s.sink,), float(s.connected)) for s in now.sinks.values()]
    yield catalogue.SINK_CONNECTIONS, [((s.sink,), s.connections) for s in now.sinks.values()]
    yield catalogue.SINK_PENDING, [((s.sink,), s.pending) for s in now.sinks.values()]
    yield (
        catalogue.CERTIFICATE_DAYS,
        [
            ((s.sink,), (s.certificate_expires - now.at).total_seconds() / 86_400)
            for s in now.sinks.values()
            if s.certificate_expires is not None
        ],
    )
    yield catalogue.DISK_FREE, [((d.volume,), d.free_bytes) for d in now.disks.values()]
    yield catalogue.DISK_TOTAL, [((d.volume,), d.total_bytes) for d in now.disks.values()]
    if now.parking.zones:
        yield from _parking_gauges(now)


def _parking_gauges(now: Snapshot) -> Iterable[tuple[Metric, Rows]]:
    zones = now.parking.zones
    yield catalogue.ZONE_CARS, [((z.zone,), z.cars) for z in zones]
    yield catalogue.ZONE_FREE, [((z.zone,), z.free) for z in zones if z.free is not None]
    yield catalogue.ZONE_ALARM, [((z.zone,), float(bool(z.alarm))) for z in zones]
    yield catalogue.STAYS_OPEN, [((), now.parking.open)]
    yield catalogue.STAYS_LONG, [((), now.parking.overstays)]
    yield catalogue.EXITS_UNMATCHED, [((), now.parking.unmatched)]


def _camera_gauges(now: Snapshot) -> Iterable[tuple[Metric, Rows]]:
    cameras = now.cameras.values()
    yield (
        catalogue.CAMERA_STATE,
        [((c.camera, state.value), float(c.state is state)) for c in cameras for state in SourceState],
    )
    yield catalogue.CAMERA_LANE, [((c.camera, c.lane), 1.0) for c in cameras]
    yield catalogue.CAMERA_RECONNECTS, [((c.camera,), c.reconnects) for c in cameras]
    yield catalogue.CAMERA_FPS, [((c.camera,), c.fps) for c in cameras]
    # A camera that never gave a frame is as old as the process: an alert on age then needs no second rule.
    yield (
        catalogue.FRAME_AGE,
        [((c.camera,), now.at_s - (now.started_s if c.frame_s is None else c.frame_s)) for c in cameras],
    )
