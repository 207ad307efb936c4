"""Makes an event fit the broker's largest message: the picture gives way, never the event.

First the picture shrinks, then only its address stays, then nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from edge.errors import EventRejected
from edge.sinks.wire import encode
from edge.types import Evidence, GateEvent

Shrink = Callable[[bytes, int], bytes | None]  # JPEG, most bytes wanted -> smaller JPEG, or None when it cannot
ENVELOPE_BYTES = 64  # spare room, so that one attempt at shrinking is enough


def fit(
    event: GateEvent, published_at: datetime, limit_bytes: int, shrink: Shrink | None = None, url: str | None = None
) -> bytes:
    """Return `event` as JSON of at most `limit_bytes`.

    Args:
        event: to be sent.
        published_at: aware UTC.
        limit_bytes: what the broker takes.
        shrink: makes its picture smaller; None: it is left out at once.
        url: where a picture that was left out can be seen.

    Raises:
        EventRejected: it is too large even without its picture, or has no JSON form.
    """
    body = encode(event, published_at)
    picture = event.evidence.crop_jpeg
    if len(body) <= limit_bytes:
        return body
    if picture is not None and shrink is not None:
        bare_bytes = len(encode(replace(event, evidence=replace(event.evidence, crop_jpeg=b"")), published_at))
        wanted = (limit_bytes - bare_bytes - ENVELOPE_BYTES) * 3 // 4  # base64 makes 4 of 3
        smaller = shrink(picture, wanted) if wanted > 0 else None
        if smaller is not None and len(smaller) <= wanted:
            return encode(replace(event, evidence=replace(event.evidence, crop_jpeg=smaller)), published_at)
    address = event.evidence.url if picture is None or url is None else url
    body = encode(replace(event, evidence=Evidence(url=address)), published_at)
    if len(body) > limit_bytes:
        raise EventRejected(
            event.event_id, f"{len(body)} bytes without its picture, but the broker takes at most {limit_bytes}"
        )
    return body
