"""The webhook sink against a real HTTP server: signed, retried from the outbox, never doubled by key."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.clock import SystemClock
from edge.config.delivery import WebhookSettings
from edge.errors import ConfigError, EventRejected, SinkUnavailable
from edge.sinks.outbox import Outbox
from edge.sinks.webhook import WebhookSink
from edge.sinks.wire import decode
from tests.servers.authority import Authority
from tests.servers.mosquitto import free_port, wait_until
from tests.servers.receiver import Receiver
from tests.sinks.events import a_gate_event, gate_events
from tests.sinks.test_mqtt import running

SECRET = "not-for-any-log"


def sink_for(url: str, **changes: Any) -> WebhookSink:
    return WebhookSink(WebhookSettings(**({"enabled": True, "url": url, "secret": SECRET, "max_per_s": 500} | changes)))


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.db", SystemClock()) as opened:
        yield opened


def test_request_is_signed_over_time_stamp_and_body() -> None:
    """The check is written out here as a receiver would write it, not with our own function."""
    with Receiver() as receiver:
        event = a_gate_event(sequence=1)
        sink_for(receiver.url).write([event])
        ((headers, body),) = receiver.requests
    signed = headers["X-Anpr-Timestamp"].encode() + b"." + body
    assert headers["X-Anpr-Signature"] == "v1=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["Idempotency-Key"] == event.event_id
    assert decode(body) == event


def test_receiver_that_fails_gets_the_event_again_with_the_same_key(outbox: Outbox) -> None:
    with Receiver((500, 503, 429, 204)) as receiver, running(outbox, sink_for(receiver.url)) as stage:
        (event,) = outbox.append([a_gate_event()])
        wait_until(lambda: outbox.backlog("webhook").depth == 0, "delivery")
        assert stage.failures == 3
        assert {headers["Idempotency-Key"] for headers, _ in receiver.requests} == {event.event_id}
        assert len(receiver.requests) == 4


def test_event_that_the_receiver_refuses_is_set_aside_and_the_rest_goes_on(outbox: Outbox) -> None:
    with Receiver((204, 422, 204)) as receiver, running(outbox, sink_for(receiver.url)):
        stored = outbox.append(gate_events(4))
        wait_until(lambda: outbox.backlog("webhook").depth == 0, "delivery")
        assert outbox.backlog("webhook").dead_letters == 1
        assert [decode(body) for _, body in receiver.requests] == list(stored)


def test_refusal_reports_what_went_out_before_it() -> None:
    with Receiver((204, 400)) as receiver:
        first, second = gate_events(2)
        with pytest.raises(EventRejected) as caught:
            sink_for(receiver.url).write([first, second])
        assert (caught.value.event_id, caught.value.delivered) == (second.event_id, frozenset({first.event_id}))


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (401, "same secret", "not_authorised"),
        (302, "redirects are not followed", "refused"),
        (404, "404", "refused"),
        (429, "429", "throttled"),
    ],
)
def test_answer_that_somebody_can_mend_keeps_the_event(status: int, said: str, kind: str) -> None:
    with Receiver((status,)) as receiver, pytest.raises(SinkUnavailable, match=said) as caught:
        sink_for(receiver.url).write([a_gate_event()])
    assert caught.value.kind == kind


def test_nobody_there_is_unavailable_and_tells_no_secret() -> None:
    url = f"http://user:{SECRET}@127.0.0.1:{free_port()}/hook?token={SECRET}"
    with pytest.raises(SinkUnavailable) as caught:
        sink_for(url).write([a_gate_event()])
    assert caught.value.kind == "unreachable"
    assert SECRET not in str(caught.value)


def test_private_authority_is_accepted_and_a_foreign_one_refused(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    with Receiver(identity=ours.issue("receiver")) as receiver:
        sink_for(receiver.url, ca_file=ours.ca_file).write([a_gate_event()])
        with pytest.raises(SinkUnavailable, match=r"(?i)certificate"):
            sink_for(receiver.url, ca_file=theirs.ca_file).write([a_gate_event()])
        assert len(receiver.requests) == 1


def test_missing_authority_is_a_matter_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"webhook\.ca_file"):
        sink_for("https://127.0.0.1/hook", ca_file=tmp_path / "none.pem")


def test_interrupt_ends_a_long_pause() -> None:
    with Receiver() as receiver:
        sink = sink_for(receiver.url, max_per_s=0.01)
        sink.write(gate_events(5))  # the burst
        sink.interrupt()
        with pytest.raises(SinkUnavailable, match="interrupted"):
            sink.write(gate_events(1))
