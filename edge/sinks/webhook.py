"""The webhook sink: one signed HTTP request per event, from the same outbox as everything else.

The receiver checks the signature over time stamp and body, and drops repeats
by the idempotency key, which is the event id. See docs/events.md.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import ssl
import threading
from collections.abc import Sequence

import httpx

from edge import __version__
from edge.clock import Clock, SystemClock
from edge.config.delivery import WebhookSettings
from edge.errors import ConfigError, EventRejected, SinkUnavailable
from edge.sinks.pace import Pace
from edge.sinks.wire import encode
from edge.types import GateEvent

log = logging.getLogger(__name__)

HOPELESS = frozenset({400, 413, 415, 422})  # the receiver understood and will never take this body
BURST = 5
MAX_BYTES_PER_S = 10_000_000.0  # requests are paced by number; this only keeps the arithmetic finite


class WebhookSink:
    """Posts events to one address. All but `interrupt` belong to the publish thread.

    Args:
        settings: section `webhook`, enabled.
        name: of this sink; its position in the outbox is kept under it.
        clock: for pacing, time stamps and `published_at`.

    Raises:
        ConfigError: the authority's file cannot be used.
    """

    def __init__(self, settings: WebhookSettings, *, name: str = "webhook", clock: Clock | None = None) -> None:
        self._settings, self._name = settings, name
        self._clock = clock or SystemClock()
        self._pace = Pace(settings.max_per_s, MAX_BYTES_PER_S, BURST)
        self._interrupted = threading.Event()
        self._client = httpx.Client(
            verify=_trust(settings), timeout=settings.timeout_s, headers={"User-Agent": f"anpr-edge/{__version__}"}
        )

    @property
    def name(self) -> str:
        return self._name

    def write(self, batch: Sequence[GateEvent]) -> None:
        delivered: list[str] = []
        try:
            for event in batch:
                self._wait_for_turn()
                self._post(event)
                delivered.append(event.event_id)
        except SinkUnavailable as error:
            raise SinkUnavailable(str(error), delivered=delivered, kind=error.kind) from error
        except EventRejected as error:
            raise EventRejected(error.event_id, error.reason, delivered=delivered) from error
        finally:
            self._interrupted.clear()

    def interrupt(self) -> None:
        self._interrupted.set()

    def close(self) -> None:
        self._client.close()

    def _wait_for_turn(self) -> None:
        if self._interrupted.wait(self._pace.reserve(0, self._clock.monotonic_s())):
            raise SinkUnavailable("webhook: interrupted")

    def _post(self, event: GateEvent) -> None:
        now = self._clock.utc()
        body = encode(event, now)
        at = str(int(now.timestamp()))
        secret = self._settings.secret.get_secret_value() if self._settings.secret else ""
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": event.event_id,
            "X-Anpr-Timestamp": at,
            "X-Anpr-Signature": signature(secret, at, body),
        }
        try:
            answer = self._client.post(self._settings.url.get_secret_value(), content=body, headers=headers)
        except httpx.InvalidURL as error:
            raise SinkUnavailable("webhook: the address cannot be used; correct webhook.url") from error
        except httpx.HTTPError as error:
            kind = "timeout" if isinstance(error, httpx.TimeoutException) else "unreachable"
            raise SinkUnavailable(f"webhook: {type(error).__name__}: {_without_url(error)}", kind=kind) from error
        if answer.is_success:
            return
        if answer.status_code in HOPELESS:
            raise EventRejected(event.event_id, f"the receiver answered {answer.status_code} {answer.reason_phrase}")
        raise SinkUnavailable(
            f"webhook: the receiver answered {answer.status_code} {answer.reason_phrase}{_hint(answer)}",
            kind=_KINDS.get(answer.status_code, "refused"),
        )


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return what X-Anpr-Signature must be: HMAC-SHA256 with `secret` over timestamp, a full stop and the body."""
    digest = hmac.new(secret.encode("utf-8"), timestamp.encode("ascii") + b"." + body, hashlib.sha256)
    return f"v1={digest.hexdigest()}"


def _trust(settings: WebhookSettings) -> ssl.SSLContext | bool:
    if settings.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file))
    except (OSError, ssl.SSLError) as error:
        problem = f"{settings.ca_file} cannot be used: {error.strerror or error}"
        raise ConfigError("webhook.ca_file", problem, "name a PEM file with the authority") from error


_KINDS = {401: "not_authorised", 403: "not_authorised", 429: "throttled"}


def _hint(answer: httpx.Response) -> str:
    if answer.is_redirect:
        return "; redirects are not followed, set webhook.url to the final address"
    if answer.status_code in (401, 403):
        return "; check that both sides have the same secret"
    return ""


def _without_url(error: httpx.HTTPError) -> str:
    """Return the cause without the address, which may carry a token."""
    cause = error.__cause__ or error
    text = str(cause) or "no answer"
    return text if "://" not in text else "no answer"
