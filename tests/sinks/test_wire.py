"""The wire form: complete, repeatable, and refusing what JSON cannot say."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from edge.errors import EventRejected
from edge.sinks.wire import SCHEMA, decode, encode
from edge.types import EventType, Evidence
from tests.sinks.events import START, a_gate_event


def test_event_survives_the_wire_unchanged() -> None:
    """The outbox keeps the wire form, so a field that gets lost there is lost for ever."""
    event = a_gate_event(sequence=41, details=(("dwell_s", 12.5), ("list", None)), clock_synchronised=False)
    assert decode(encode(event, START)) == event


def test_event_without_plate_or_picture_survives_too() -> None:
    event = a_gate_event(type=EventType.UNREAD, plate=None, decision=None, evidence=Evidence(url="https://x/1.jpg"))
    assert decode(encode(event, None)) == event


def test_same_event_and_moment_give_the_same_bytes() -> None:
    """Replays are compared bit by bit."""
    event = a_gate_event(sequence=1)
    assert encode(event, START) == encode(event, START)
    assert json.loads(encode(event, START + timedelta(hours=1)))["published_at"] == "2026-03-01T07:00:00.000Z"


@pytest.mark.parametrize("bad", [float("nan"), object(), b"bytes"])
def test_value_without_json_form_rejects_the_event(bad: object) -> None:
    event = a_gate_event(details=(("bad", bad),))
    with pytest.raises(EventRejected, match=event.event_id):
        encode(event, START)


def test_additions_of_a_newer_writer_are_ignored() -> None:
    """Additive changes must not stop an older program that reads its outbox."""
    document = json.loads(encode(a_gate_event(), None)) | {"colour": "red"}
    assert decode(json.dumps(document).encode()).site == "site-1"


@pytest.mark.parametrize("body", [b"[]", b'{"schema":"other"}', b"{", json.dumps({"schema": SCHEMA}).encode()])
def test_foreign_or_incomplete_document_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(body)
