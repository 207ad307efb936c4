"""The wire form of a gate event: one JSON document, versioned, changed only by addition.

The schema is docs/schema/event.schema.json, and a test validates what this
module writes against it. Pure functions: `published_at` is passed in, so a
replay that passes a fixed moment writes the same bytes every time.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from edge.errors import EventRejected
from edge.types import Direction, EventType, Evidence, GateEvent, Software, Verdict

SCHEMA = "anpr-edge/event/1"  # the number changes only when a consumer of the old form would break


def encode(event: GateEvent, published_at: datetime | None) -> bytes:
    """Return `event` as compact UTF-8 JSON.

    Args:
        event: any event; `sequence` may still be None (then it is null on the wire).
        published_at: aware moment of publication; None while the event is only stored.

    Raises:
        EventRejected: a value of the event has no JSON form (NaN, an object in `details`).
    """
    try:
        document = as_document(event, published_at)
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    except (TypeError, ValueError, AttributeError) as error:
        raise EventRejected(event.event_id, f"cannot be written as JSON: {error}") from error


def as_document(event: GateEvent, published_at: datetime | None) -> dict[str, Any]:
    """Return `event` as plain values in the order of the wire."""
    return {
        "schema": SCHEMA,
        "event_id": event.event_id,
        "type": event.type.value,
        "site": event.site,
        "lane": event.lane,
        "camera": event.camera,
        "sequence": event.sequence,
        "passage_id": event.passage_id,
        "direction": event.direction.value,
        "captured_at": utc_text(event.captured_at),
        "clock_synchronised": event.clock_synchronised,
        "published_at": None if published_at is None else utc_text(published_at),
        "plate": None if event.plate is None else _plate(event.plate),
        "decision": event.decision,
        "evidence": _evidence(event.evidence),
        "software": {
            "version": event.software.version,
            "detector": event.software.detector,
            "recogniser": event.software.recogniser,
        },
        "details": dict(event.details),
    }


def decode(body: bytes) -> GateEvent:
    """Return the event that `body` describes; keys it does not know are ignored, as additive changes need.

    Raises:
        ValueError: not JSON, another schema, or a required key missing or of the wrong kind.
    """
    document = json.loads(body)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"not an event of schema {SCHEMA}")
    try:
        return _event(document)
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ValueError(f"not a complete event: {type(error).__name__} {error}") from error


def utc_text(moment: datetime) -> str:
    """Return `moment` as RFC 3339 in UTC with milliseconds, e.g. 2026-01-31T07:05:09.123Z."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_moment(text: str) -> datetime:
    """Return the moment that RFC 3339 `text` names; the inverse of `utc_text`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _plate(plate: Verdict) -> dict[str, Any]:
    return {
        "text": plate.text,
        "probability": plate.probability,
        "alternatives": [[text, probability] for text, probability in plate.alternatives],
        "masked": plate.masked,
        "region": plate.region,
        "reads": plate.reads,
        "height_px": plate.height_px,
    }


def _evidence(evidence: Evidence) -> dict[str, str]:
    written: dict[str, str] = {}
    if evidence.crop_jpeg is not None:
        written["crop_jpeg_base64"] = base64.b64encode(evidence.crop_jpeg).decode("ascii")
    if evidence.url is not None:
        written["url"] = evidence.url
    return written


def _event(document: Mapping[str, Any]) -> GateEvent:
    evidence, software, plate = document["evidence"], document["software"], document["plate"]
    picture = evidence.get("crop_jpeg_base64")
    return GateEvent(
        event_id=document["event_id"],
        type=EventType(document["type"]),
        site=document["site"],
        lane=document["lane"],
        camera=document["camera"],
        passage_id=document["passage_id"],
        direction=Direction(document["direction"]),
        captured_at=utc_moment(document["captured_at"]),
        plate=None if plate is None else _verdict(plate),
        software=Software(software["version"], software["detector"], software["recogniser"]),
        decision=document["decision"],
        evidence=Evidence(None if picture is None else base64.b64decode(picture), evidence.get("url")),
        sequence=document["sequence"],
        details=tuple(document["details"].items()),
        clock_synchronised=document["clock_synchronised"],
    )


def _verdict(plate: Mapping[str, Any]) -> Verdict:
    return Verdict(
        text=plate["text"],
        probability=plate["probability"],
        alternatives=tuple((text, probability) for text, probability in plate["alternatives"]),
        masked=plate["masked"],
        reads=plate["reads"],
        region=plate["region"],
        height_px=plate["height_px"],
    )
