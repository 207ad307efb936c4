"""The car park as plain values: for the web page's interface and for --json. They hold plates, as `show` gives them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from edge.access.occupancy import ZoneState
from edge.access.operations import Operation
from edge.access.parking import ParkingState
from edge.access.sessions import LooseExit, Session
from edge.sinks.wire import utc_text

Show = Callable[[str], str]  # plate -> what people may see of it


def parking_document(state: ParkingState, overstay_h: float, show: Show = str) -> dict[str, Any]:
    """Return everything that people look at."""
    return {
        "zones": [zone(z) for z in state.zones],
        "open": [stay(s, state.at, overstay_h, show) for s in state.open],
        "ended": [stay(s, state.at, overstay_h, show) for s in state.ended],
        "unmatched": [unmatched(one, show) for one in state.loose],
    }


def zone(one: ZoneState) -> dict[str, Any]:
    """Return one zone."""
    return {
        "zone": one.zone,
        "cars": one.cars,
        "capacity": one.capacity,
        "free": one.free,
        "plain_count": one.plain,
        "recounted_at": None if one.recounted_at is None else utc_text(one.recounted_at),
        "alarm": one.alarm,
    }


def stay(one: Session, now: datetime, overstay_h: float, show: Show = str) -> dict[str, Any]:
    """Return one stay."""
    until = one.ended_at or now
    long_s = (until - one.entry.at).total_seconds()
    return {
        "session_id": one.session_id,
        "plate": show(one.plate),
        "zone": one.zone,
        "entry": _end(one.entry, show),
        "exit": None if one.exit is None else _end(one.exit, show),
        "outcome": None if one.end is None else one.end.value,
        "ended_at": None if one.ended_at is None else utc_text(one.ended_at),
        "duration_s": round(long_s, 3),
        "overstay": one.ended_at is None and long_s > overstay_h * 3600,
        "pairing": one.pairing.value,
        "pairing_probability": round(one.probability, 4),
        "corrected": one.corrected,
        "tailgated": one.tailgated,
    }


def unmatched(one: LooseExit, show: Show = str) -> dict[str, Any]:
    """Return one exit without a stay."""
    return {"zone": one.zone, "exit": _end(one.exit, show), "candidates": sorted(one.candidates)}


def _end(op: Operation, show: Show) -> dict[str, Any]:
    return {
        "passage_id": op.op_id,
        "event_id": op.event_id or None,
        "lane": op.lane,
        "at": utc_text(op.at),
        "clock_synchronised": op.clock_trusted,
        "plate": None if op.plate is None else show(op.plate.text),
        "probability": None if op.plate is None else op.plate.probability,
        "by": op.by or None,
    }
