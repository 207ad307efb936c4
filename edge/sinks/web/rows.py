"""Rows of the page's event list: an event as its wire form without the picture, plus its correction."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from edge.sinks import wire
from edge.sinks.history import Correction, Remembered
from edge.types import GateEvent

COLUMNS = (
    "captured_at",
    "lane",
    "camera",
    "type",
    "direction",
    "plate",
    "probability",
    "region",
    "reads",
    "height_px",
    "decision",
    "corrected",
    "corrected_by",
    "passage_id",
    "event_id",
)


def row(event: GateEvent, correction: Correction | None) -> dict[str, Any]:
    """Return the event for a list; its picture has an address of its own."""
    document = wire.as_document(event, None)
    del document["published_at"], document["evidence"]
    document["crop"] = f"/api/events/{event.event_id}/crop.jpg" if event.evidence.crop_jpeg else None
    document["correction"] = (
        {"text": correction.text, "by": correction.by, "at": wire.utc_text(correction.at)} if correction else None
    )
    return document


def csv_lines(found: Iterable[Remembered], *, header: bool) -> str:
    """Return events as CSV with CRLF line ends (RFC 4180)."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    if header:
        writer.writerow(COLUMNS)
    for one in found:
        event, plate, correction = one.event, one.event.plate, one.correction
        writer.writerow(
            [
                wire.utc_text(event.captured_at),
                event.lane,
                event.camera,
                event.type.value,
                event.direction.value,
                plate.text if plate else "",
                f"{plate.probability:.4f}" if plate else "",
                (plate.region or "") if plate else "",
                plate.reads if plate else "",
                f"{plate.height_px:.0f}" if plate else "",
                event.decision or "",
                correction.text if correction else "",
                correction.by if correction else "",
                event.passage_id,
                event.event_id,
            ]
        )
    return out.getvalue()
