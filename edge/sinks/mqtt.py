"""The MQTT sink: events with QoS 1, delivered only when the broker has acknowledged them.

Paced, a bounded number in flight, in the order given. A fault ends the
connection and is raised; when to try again is the publish stage's business.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from edge import __version__
from edge.access.decision import Decision
from edge.clock import Clock, SystemClock
from edge.config.delivery import MqttSettings
from edge.errors import ConfigError, EventRejected, SinkUnavailable
from edge.sinks import mqtt_tls
from edge.sinks.fit import Shrink, fit
from edge.sinks.mqtt_connection import HOPELESS, REFUSED, MqttConnection, Will, explain, kind_of
from edge.sinks.pace import Pace
from edge.sinks.wire import utc_text
from edge.types import EventType, GateEvent

log = logging.getLogger(__name__)

Handler = Callable[[str, bytes], None]  # topic, payload; called on the publish thread
STATUS_SCHEMA = "anpr-edge/status/1"
RENEWAL_CHECK_S = 10.0  # how often the certificate files are looked at
INBOX = 100  # commands waiting; more than that is not a person's doing
PACKET_OVERHEAD_BYTES = 512  # fixed header, topic and properties beside the payload, at most
HUNG_UP = " while events were on their way; may this client id publish to its topics (broker's ACL or AWS IoT policy)?"
COPY = ""  # stands for the event id of an alert: the event itself goes its own way
BURST = 20  # with 80/s this keeps any one second below the 100 publishes that AWS IoT Core accepts


class Post(Protocol):
    """A way out for messages that are no events. Safe from any thread."""

    def __call__(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Queue a message; it is sent once, in order, and not kept on disk."""


@dataclass(slots=True, eq=False)
class _Post:
    """A message that is no event, on its way to the publish thread."""

    topic: str
    payload: bytes
    retain: bool
    expires_s: float = float("inf")
    refused: str = ""
    done: threading.Event = field(default_factory=threading.Event)


class Companion(Protocol):
    """Something that shares the connection: device shadow, jobs. Called on the publish thread only."""

    def attach(self, post: Post) -> Mapping[str, Handler]:
        """Take the way out and return the topics it wants to hear; once, before the first connection."""

    def connected(self) -> None:
        """A connection stands and the topics are subscribed."""

    def tick(self, now_s: float) -> None:
        """Do what is due; called at least once a second while connected."""


class MqttSink:
    """Delivers events to one MQTT broker. All but `interrupt`, `post`, `send` belong to the publish thread.

    Args:
        settings: section `mqtt`.
        site: name of the installation, for topics and the default client id.
        name: of this sink; its position in the outbox is kept under it.
        clock: for pacing and `published_at`.
        shrink: makes a JPEG smaller; None: a picture that is too large is left out.
        picture_url: template of the address that a picture left out has instead.
        wake: called when a message came in, so that the publish thread looks at it soon.
        companions: share the connection.
    """

    def __init__(
        self,
        settings: MqttSettings,
        site: str,
        *,
        name: str = "mqtt",
        clock: Clock | None = None,
        shrink: Shrink | None = None,
        picture_url: str | None = None,
        wake: Callable[[], None] = lambda: None,
        companions: Sequence[Companion] = (),
    ) -> None:
        self._settings, self._site, self._name = settings, site, name
        self._clock = clock or SystemClock()
        self._shrink, self._picture_url, self._wake = shrink, picture_url, wake
        self.client_id = settings.client_id_at(site)
        self.status_topic = settings.status_topic.format(site=site, client_id=self.client_id)
        self._pace = Pace(settings.pace.max_per_s, settings.pace.max_kib_per_s * 1024, BURST)
        self._handlers: dict[str, Handler] = {}
        self._fresh: set[str] = set()
        self._inbox: queue.Queue[tuple[str, bytes]] = queue.Queue(INBOX)
        self._posts: deque[_Post] = deque()
        self._interrupted = threading.Event()
        self._connection: MqttConnection | None = None
        self._files: tuple[tuple[int, int, int], ...] = ()
        self._renewal_due_s = 0.0
        self._companions = tuple(companions)
        for companion in self._companions:
            self._handlers.update(companion.attach(self.post))

    @property
    def name(self) -> str:
        return self._name

    @property
    def connected(self) -> bool:
        """Tell whether the broker is there as far as is known."""
        connection = self._connection
        return connection is not None and connection.alive

    def certificate_expires(self) -> datetime | None:
        """Return until when our own certificate is valid; None without one, or while it cannot be read."""
        path = self._settings.tls.certificate_file
        try:
            return None if path is None else mqtt_tls.expiry(path)
        except (OSError, ValueError):
            return None

    def subscribe(self, topic: str, handler: Handler, *, fresh: bool = False) -> None:
        """Call `handler` on the publish thread for each message on `topic` (no wildcards); before the first write.

        With `fresh` what the broker kept from before does not count: a car that called yesterday has gone.
        """
        self._handlers[topic] = handler
        if fresh:
            self._fresh.add(topic)

    def post(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Queue a message that is no event (state, answer to a command): sent once, in order, not kept on disk."""
        if len(self._posts) >= INBOX:
            log.warning("mqtt: too many messages wait, one to %s was left out", topic)
            return
        self._posts.append(_Post(topic, payload, retain))
        self._wake()

    def send(self, topic: str, payload: bytes, *, within_s: float) -> None:
        """Send a command now or never, and wait for the broker's acknowledgement; for threads other than our own.

        Raises:
            SinkUnavailable: not acknowledged in time. It will not be sent later: a barrier must not open hours after
                the car has gone.
        """
        post = _Post(topic, payload, False, self._clock.monotonic_s() + within_s)
        self._posts.append(post)
        self._wake()
        if not post.done.wait(within_s):
            raise SinkUnavailable(f"mqtt: not acknowledged within {within_s:g} s")
        if post.refused:
            raise SinkUnavailable(f"mqtt: {post.refused}")

    def write(self, batch: Sequence[GateEvent]) -> None:
        try:
            self._write(self._ready(), batch)
        finally:
            self._interrupted.clear()

    def interrupt(self) -> None:
        self._interrupted.set()
        connection = self._connection
        if connection is not None:
            connection.interrupt()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.alive:
            try:
                self._say(connection, "offline", "stopped")
            except SinkUnavailable as error:
                log.info("mqtt: goodbye not delivered: %s", error)
        connection.leave()

    # ---- connecting ----------------------------------------------------------------------------------------------

    def _ready(self) -> MqttConnection:
        if self._connection is not None and not self._connection.alive:
            reason = self._connection.ended
            self._abandon()
            raise SinkUnavailable(reason)
        if self._connection is not None and self._renewed():
            log.info("mqtt: certificate files changed, connecting again with the new ones")
            self.close()
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> MqttConnection:
        settings = self._settings
        try:
            tls = mqtt_tls.context(settings) if settings.tls.enabled else None
        except (ConfigError, OSError) as error:
            raise SinkUnavailable(f"mqtt: {error}") from error
        self._files = mqtt_tls.fingerprint(settings.tls)
        will = Will(self.status_topic, self._status("offline", "connection lost"))
        connection = MqttConnection(settings, self.client_id, tls, will, self._received)
        connection.open()
        try:
            for topic in self._handlers:
                connection.subscribe(topic)
            self._say(connection, "online", "connected")
        except SinkUnavailable:
            connection.kill()
            raise
        for companion in self._companions:
            companion.connected()
        log.info("mqtt: connected to %s:%d as %s", settings.host, settings.port, self.client_id)
        return connection

    def _renewed(self) -> bool:
        now_s = self._clock.monotonic_s()
        if not self._settings.tls.enabled or now_s < self._renewal_due_s:
            return False
        self._renewal_due_s = now_s + RENEWAL_CHECK_S
        files = mqtt_tls.fingerprint(self._settings.tls)
        if files == self._files:
            return False
        problems = list(mqtt_tls.file_problems(self._settings.tls))
        for problem in problems:  # half written, most likely; the old connection goes on meanwhile
            log.warning("mqtt: new certificate not used yet: %s", problem)
        return not problems

    def _abandon(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.kill()

    # ---- sending -------------------------------------------------------------------------------------------------

    def _write(self, connection: MqttConnection, batch: Sequence[GateEvent]) -> None:
        in_flight: deque[tuple[int, str]] = deque()
        delivered: set[str] = set()
        rejected: EventRejected | None = None
        try:
            self._dispatch()
            for companion in self._companions:
                companion.tick(self._clock.monotonic_s())
            self._send_posts(connection)
            for event in batch:
                while len(in_flight) >= connection.max_in_flight:
                    rejected = self._settle(connection, in_flight, delivered) or rejected
                try:
                    payload = self._payload(event, connection)
                except EventRejected as error:
                    rejected = error
                    break
                for topic, event_id in self._topics(event):
                    self._wait_for_turn(len(payload))
                    in_flight.append((connection.publish(topic, payload), event_id))
            while in_flight:
                rejected = self._settle(connection, in_flight, delivered) or rejected
        except SinkUnavailable as error:
            delivered |= {event_id for packet, event_id in in_flight if event_id and connection.acknowledged(packet)}
            self._abandon()
            silent = connection.hung_up and "refused" not in str(error)
            hint = HUNG_UP if in_flight and not delivered and silent else ""
            raise SinkUnavailable(f"{error}{hint}", delivered=delivered, kind=error.kind) from error
        if rejected is not None:
            raise EventRejected(rejected.event_id, rejected.reason, delivered=delivered)

    def alert_topic(self, lane: str) -> str | None:
        """Return where what needs a person in this lane is told; None: nowhere."""
        template = self._settings.alert_topic
        return None if template is None else template.format(site=self._site, lane=lane, client_id=self.client_id)

    def _topics(self, event: GateEvent) -> list[tuple[str, str]]:
        """Return (topic, event id) of each message that tells of `event`; a copy has no event id."""
        topic = self._settings.topic.format(
            site=event.site, lane=event.lane, camera=event.camera, type=event.type.value, client_id=self.client_id
        )
        urgent = event.type is EventType.WATCH_HIT or event.decision == Decision.MANUAL_ASSIST.value
        alert = self.alert_topic(event.lane) if urgent else None
        return [*([] if alert is None else [(alert, COPY)]), (topic, event.event_id)]

    def _payload(self, event: GateEvent, connection: MqttConnection) -> bytes:
        limit = int(self._settings.max_payload_kib * 1024)
        if connection.max_packet_bytes is not None:
            limit = min(limit, connection.max_packet_bytes - PACKET_OVERHEAD_BYTES)
        names = {"site": event.site, "lane": event.lane, "camera": event.camera, "event_id": event.event_id}
        url = None if self._picture_url is None else self._picture_url.format_map(names)
        return fit(event, self._clock.utc(), limit, self._shrink, url)

    def _wait_for_turn(self, size_bytes: int) -> None:
        wait_s = self._pace.reserve(size_bytes, self._clock.monotonic_s())
        if wait_s > 0 and self._interrupted.wait(wait_s):
            raise SinkUnavailable("mqtt: interrupted")

    def _settle(
        self, connection: MqttConnection, in_flight: deque[tuple[int, str]], delivered: set[str]
    ) -> EventRejected | None:
        """Wait for the oldest acknowledgement; return the event's rejection if trying again cannot help."""
        packet_id, event_id = in_flight[0]
        code = connection.outcome(packet_id, self._settings.acknowledge_timeout_s)
        in_flight.popleft()
        if event_id == COPY:
            if code >= REFUSED:
                log.warning("mqtt: an alert was not taken: %s", explain(code))
            return None
        if code < REFUSED:
            delivered.add(event_id)
            return None
        if code in HOPELESS:
            return EventRejected(event_id, explain(code))
        raise SinkUnavailable(f"mqtt: {explain(code)}", kind=kind_of(explain(code)))

    def _send_posts(self, connection: MqttConnection) -> None:
        while self._posts:
            post = self._posts[0]
            if self._clock.monotonic_s() < post.expires_s:
                post.refused = self._send_now(connection, post.topic, post.payload, retain=post.retain)
                post.done.set()
            self._posts.popleft()  # only now: a broken line must not swallow the answer to a job

    def _send_now(self, connection: MqttConnection, topic: str, payload: bytes, *, retain: bool) -> str:
        """Send and wait for the acknowledgement; return why it was refused, or nothing."""
        self._wait_for_turn(len(payload))
        packet_id = connection.publish(topic, payload, retain=retain)
        code = connection.outcome(packet_id, self._settings.acknowledge_timeout_s)
        if code < REFUSED:
            return ""
        log.warning("mqtt: message to %s not delivered: %s", topic, explain(code))
        return explain(code)

    def _say(self, connection: MqttConnection, state: str, reason: str) -> None:
        self._send_now(connection, self.status_topic, self._status(state, reason), retain=True)

    def _status(self, state: str, reason: str) -> bytes:
        document = {
            "schema": STATUS_SCHEMA,
            "state": state,
            "reason": reason,
            "site": self._site,
            "client_id": self.client_id,
            "version": __version__,
            "at": utc_text(self._clock.utc()),
        }
        return json.dumps(document, separators=(",", ":")).encode("utf-8")

    # ---- receiving -----------------------------------------------------------------------------------------------

    def _received(self, topic: str, payload: bytes, retained: bool) -> None:
        """Take a message from paho's thread; the publish thread looks at it."""
        if retained and topic in self._fresh:
            return  # said once, long ago
        try:
            self._inbox.put_nowait((topic, payload))
        except queue.Full:
            log.warning("mqtt: too many messages on %s, one was ignored", topic)
        self._wake()

    def _dispatch(self) -> None:
        while not self._inbox.empty():
            topic, payload = self._inbox.get_nowait()
            handler = self._handlers.get(topic)
            if handler is not None:
                handler(topic, payload)
