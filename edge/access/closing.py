"""`session.closed`: what is told about a stay that has ended, and taken back when it turns out otherwise.

The gate that saw the exit tells; where a person ended the stay or no exit was
seen, the gate that saw the entry. Identifiers follow from the contents: telling
the same again is the same event. Pure functions.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from edge import __version__
from edge.access.operations import Operation
from edge.access.parking_store import Announced
from edge.access.sessions import Session
from edge.clock import EventIds
from edge.sinks.wire import decode, encode, utc_text
from edge.types import Direction, EventType, GateEvent, Software, Verdict

Details = dict[str, str | int | float | bool | None]
WITHDRAWN = "withdrawn"
_SESSION = Software(__version__, "", "")


def owner_lane(session: Session) -> str:
    """Return the lane whose gate tells about the end of `session`."""
    return session.entry.lane if session.exit is None else session.exit.lane


def news(
    session_id: str, session: Session | None, last: Announced | None, lanes: Mapping[str, str], site: str, secret: str
) -> Announced | None:
    """Return what must be told now; None while what was told last still holds.

    Args:
        session_id: of the stay.
        session: as it is now; None: it never was.
        last: what was told about it before.
        lanes: of this gate, each with the camera that stands for it.
        site: name of the installation.
        secret: of this gate; without it identifiers would tell plates to whoever tries them all.
    """
    ours = session is not None and session.end is not None and owner_lane(session) in lanes
    content = json.dumps(_details(session), sort_keys=True) if ours and session is not None else ""
    if content == ("" if last is None else last.content):
        return None
    if ours and session is not None:
        event = _closed(session, last, lanes[owner_lane(session)], site, secret)
    elif last is not None:
        event = _withdrawn(last, secret)
    else:
        return None
    return Announced(event.event_id, session_id, content, encode(event, None))


def _closed(session: Session, last: Announced | None, camera: str, site: str, secret: str) -> GateEvent:
    end = session.exit if session.exit is not None else session.entry
    details: Details = _details(session) | {"replaces": None if last is None else last.event_id}
    at = session.ended_at or end.at
    return GateEvent(
        event_id=_event_id(at, details, secret),
        type=EventType.SESSION_CLOSED,
        site=site,
        lane=end.lane,
        camera=camera,
        passage_id=end.op_id,
        direction=Direction.EXIT,
        captured_at=at,
        plate=end.plate,
        software=_SESSION,
        details=tuple(details.items()),
        clock_synchronised=end.clock_trusted,
    )


def _withdrawn(last: Announced, secret: str) -> GateEvent:
    told = decode(last.body)
    kept = dict(told.details)
    details: Details = {"session_id": kept["session_id"], "outcome": WITHDRAWN, "replaces": last.event_id}
    return replace(
        told, event_id=_event_id(told.captured_at, details, secret), plate=None, details=tuple(details.items())
    )


def _details(session: Session) -> Details:
    entry, exit_ = session.entry, session.exit
    ended = session.ended_at if exit_ is not None or session.corrected else None
    known = ended is not None and entry.clock_trusted and (exit_ is None or exit_.clock_trusted)
    return {
        "session_id": session.session_id,
        "outcome": session.end.value if session.end is not None else None,
        "stay_plate": session.plate,
        **_end("entry", entry),
        **_end("exit", exit_),
        "entered_at": utc_text(entry.at),
        "left_at": None if ended is None else utc_text(ended),
        "duration_s": round((ended - entry.at).total_seconds(), 3) if known and ended is not None else None,
        "pairing": session.pairing.value,
        "pairing_probability": round(session.probability, 4),
        "corrected": session.corrected,
        "tailgated": session.tailgated,
        "zone": session.zone,
    }


def _end(name: str, op: Operation | None) -> Details:
    plate: Verdict | None = None if op is None else op.plate
    return {
        f"{name}_lane": None if op is None else op.lane,
        f"{name}_event_id": (op.event_id or None) if op is not None else None,
        f"{name}_passage_id": None if op is None else op.op_id,
        f"{name}_plate": None if plate is None else plate.text,
        f"{name}_plate_probability": None if plate is None else plate.probability,
    }


def _event_id(at: datetime, details: Details, secret: str) -> str:
    content = json.dumps(details, sort_keys=True).encode()
    digest = int.from_bytes(hmac.digest(secret.encode(), content, "sha256"), "big")
    bits = iter((digest & 0xFFF, digest >> 12))
    return EventIds(lambda count: next(bits) & ((1 << count) - 1)).new(at)
