"""The status document: everything a person or a script asks a running daemon, as plain values.

Served as /status and shown by `anpr-edge status` and the page Site. It names
no plate and no secret, so it may be shown to whoever may see the machine.
"""

from __future__ import annotations

from typing import Any

from edge import health
from edge.board import Snapshot
from edge.health import Check
from edge.sinks import catalogue
from edge.sinks.metrics import Metrics

FUNNEL = (
    ("received", catalogue.FRAMES_RECEIVED),
    ("analysed", catalogue.FRAMES_DETECTED),
    ("plates_detected", catalogue.PLATES_DETECTED),
    ("plates_legible", catalogue.PLATES_LEGIBLE),
    ("plates_read", catalogue.PLATES_READ),
)
LOSSES = (
    ("frames", catalogue.FRAMES_DROPPED, "reason"),
    ("plates", catalogue.PLATES_LOST, "reason"),
    ("vehicles", catalogue.VEHICLES, "outcome"),
)


def document(now: Snapshot, metrics: Metrics) -> dict[str, Any]:
    """Return the status of the whole process; times in seconds unless a name says otherwise."""
    alive, ready = health.alive(now), health.ready(now)
    return {
        "site": now.site,
        "version": now.version,
        "at": now.at.isoformat(timespec="milliseconds"),
        "uptime_s": round(now.at_s - now.started_s, 1),
        "alive": health.all_ok(alive),
        "ready": health.all_ok(ready),
        "checks": [check(c) for c in (*alive, *ready)],
        "cameras": _cameras(now, metrics),
        "models": [
            {"role": m.role, "name": m.name, "provider": m.provider, "wanted": m.wanted, "ready": m.ready}
            for m in now.models.values()
        ],
        "stages": metrics.timings(),
        "outbox": {
            "events": now.outbox.depth,
            "oldest_s": round(now.outbox.oldest_s, 1),
            "dead_letters": now.outbox.dead_letters,
            "bytes": now.outbox.size_bytes,
            "problem": now.outbox.problem,
            "alarm": now.outbox.alarm,
        },
        "sinks": [_sink(s, now) for s in now.sinks],
        "disks": [
            {"volume": d.volume, "free_bytes": d.free_bytes, "total_bytes": d.total_bytes} for d in now.disks.values()
        ],
        "parking": _parking(now),
        "vehicles": _vehicles(metrics),
        "events_since_start": now.event_count,
    }


def _parking(now: Snapshot) -> dict[str, Any]:
    zones = [
        {"zone": z.zone, "cars": z.cars, "capacity": z.capacity, "free": z.free, "alarm": z.alarm}
        for z in now.parking.zones
    ]
    return {
        "zones": zones,
        "open": now.parking.open,
        "overstays": now.parking.overstays,
        "unmatched_exits": now.parking.unmatched,
    }


def _vehicles(metrics: Metrics) -> dict[str, Any]:
    """Return how many vehicles passed since the start, and how many of their plates are expected to be right."""
    totals = metrics.totals()
    outcomes = totals.get(catalogue.VEHICLES.name, {})
    passed = sum(n for labels, n in outcomes.items() if dict(labels)["outcome"] in catalogue.PASSAGES)
    right = sum(totals.get(catalogue.EXPECTED_CORRECT.name, {}).values())
    return {"passed": int(passed), "expected_right": round(right, 3)}


def check(one: Check) -> dict[str, Any]:
    """Return a check as plain values."""
    return {"name": one.name, "ok": one.ok, "reason": one.reason}


def _cameras(now: Snapshot, metrics: Metrics) -> list[dict[str, Any]]:
    totals = metrics.totals()
    return [
        {
            "camera": c.camera,
            "lane": c.lane,
            "state": c.state.value,
            "reason": c.reason,
            "state_for_s": round(now.at_s - c.changed_s, 1),
            "width": c.width,
            "height": c.height,
            "fps": round(c.fps, 1),
            "frame_age_s": None if c.frame_s is None else round(now.at_s - c.frame_s, 2),
            "reconnects": c.reconnects,
            "funnel": {name: int(_sum(totals, m.name, c.camera)) for name, m in FUNNEL},
            "gated": int(_sum(totals, catalogue.FRAMES_GATED.name, c.camera)),
            "losses": {name: _by(totals, m.name, c.camera, label) for name, m, label in LOSSES},
        }
        for c in now.cameras.values()
    ]


def _sink(name: str, now: Snapshot) -> dict[str, Any]:
    sink = now.sinks[name]
    expires = sink.certificate_expires
    return {
        "sink": sink.sink,
        "connected": sink.connected,
        "reason": sink.reason,
        "state_for_s": round(now.at_s - sink.changed_s, 1),
        "connections": sink.connections,
        "pending": sink.pending,
        "certificate_days": None if expires is None else round((expires - now.at).total_seconds() / 86_400, 1),
    }


Totals = dict[str, dict[tuple[tuple[str, str], ...], float]]


def _sum(totals: Totals, name: str, camera: str) -> float:
    return sum(v for labels, v in totals.get(name, {}).items() if ("camera", camera) in labels)


def _by(totals: Totals, name: str, camera: str, label: str) -> dict[str, int]:
    """Return label value -> count for one camera, zeros left out."""
    rows = ((dict(labels), value) for labels, value in totals.get(name, {}).items())
    return {row[label]: int(value) for row, value in rows if row["camera"] == camera and value}
