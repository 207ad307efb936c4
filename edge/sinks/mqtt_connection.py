"""One MQTT connection, from CONNECT to its end: the only module that knows paho.

A connection is used once: after any fault it is thrown away, and with it
everything paho keeps in memory, because the outbox is what remembers. paho's
own thread only notes what happened; the caller's thread decides.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.config.delivery import MqttSettings
from edge.errors import SinkUnavailable

log = logging.getLogger(__name__)

OnMessage = Callable[[str, bytes, bool], None]  # topic, payload, retained: it may be old
REFUSED = 0x80  # MQTT 5 reason codes from here on are refusals
TOPIC_INVALID, TOO_LARGE, FORMAT_INVALID = 0x90, 0x95, 0x99  # about the message itself: trying again cannot help
HOPELESS = frozenset({TOPIC_INVALID, TOO_LARGE, FORMAT_INVALID})
_FIXES = {
    "Not authorized": "let this client id publish to its topics (broker's ACL or AWS IoT policy)",
    "Bad user name or password": "correct mqtt.username and mqtt.password",
    "Client identifier not valid": "correct mqtt.client_id",
    "Quota exceeded": "raise the broker's quota, or lower mqtt.pace",
    "Unsupported protocol version": "set mqtt.protocol to 3.1.1",
    "Session taken over": "another client uses this client id; give each device its own",
}
_KINDS = {
    "Not authorized": "not_authorised",
    "Bad user name or password": "not_authorised",
    "Quota exceeded": "throttled",
    "Server busy": "throttled",
    "Message rate too high": "throttled",
    "Connection rate exceeded": "throttled",
}


@dataclass(frozen=True, slots=True)
class Will:
    """The retained message that the broker publishes when this connection dies."""

    topic: str
    payload: bytes


class MqttConnection:
    """Connects when made; never reconnects.

    Args:
        settings: where and how to connect.
        client_id: already filled in.
        tls: context, or None for a plain connection.
        will: the broker's message when we vanish.
        on_message: called on paho's thread for each message; must return at once.

    Raises:
        SinkUnavailable: (from `open`) why there is no connection and what to do.
    """

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        tls: ssl.SSLContext | None,
        will: Will,
        on_message: OnMessage,
    ) -> None:
        self._settings, self._on_message = settings, on_message
        self._news = threading.Condition()
        self._connected = False
        self._ended: str | None = None
        self._kind = "unreachable"  # of the end, see SinkUnavailable
        self._cause = ""
        self.hung_up = False  # the connection stood, then broke without a word
        self._outcomes: dict[int, int] = {}  # packet id -> reason code
        self.max_in_flight = settings.pace.max_in_flight
        self.max_packet_bytes: int | None = None
        self._v5 = settings.protocol == "5"
        self._client = self._make_client(client_id, tls, will)

    def open(self) -> None:
        """Connect and wait for the broker's consent.

        Raises:
            SinkUnavailable: unreachable, refused, or silent for `connect_timeout_s`.
        """
        s = self._settings
        try:
            self._client.connect(s.host, s.port, s.keep_alive_s)  # a new client starts clean
        except ssl.SSLError as error:
            raise SinkUnavailable(f"{self._where}: TLS refused: {_tls_reason(error)}", kind="refused") from error
        except (OSError, ValueError, paho.WebsocketConnectionError) as error:
            hint = "; does this port speak TLS?" if s.tls.enabled and isinstance(error, ConnectionResetError) else ""
            raise SinkUnavailable(f"{self._where}: cannot connect: {error}{hint}") from error
        self._client.loop_start()
        with self._news:
            self._news.wait_for(lambda: self._connected or self._ended is not None, s.connect_timeout_s)
            silent = not self._connected and self._ended is None
            reason = self._ended or ("no answer to CONNECT" if silent else "")
        if reason:
            self.kill()
            raise SinkUnavailable(f"{self._where}: {reason}", kind="timeout" if silent else self._kind)

    @property
    def alive(self) -> bool:
        """Tell whether the connection stands as far as is known."""
        return self._connected and self._ended is None

    @property
    def ended(self) -> str:
        """Return why and where the connection ended; empty while it stands."""
        return f"{self._where}: {self._ended}" if self._ended else ""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Send one message with QoS 1; return its packet id, for `outcome`.

        Raises:
            SinkUnavailable: the connection is gone.
        """
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=self._properties())
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise SinkUnavailable(f"{self._where}: {self._ended or paho.error_string(info.rc)}", kind=self._kind)
        return info.mid

    def subscribe(self, topic: str) -> None:
        """Ask for a topic's messages, QoS 1; a refusal ends the connection.

        Raises:
            SinkUnavailable: the connection is gone.
        """
        code, _ = self._client.subscribe(topic, qos=1)
        if code != paho.MQTT_ERR_SUCCESS:
            raise SinkUnavailable(f"{self._where}: {self._ended or paho.error_string(code)}", kind=self._kind)

    def outcome(self, packet_id: int, timeout_s: float) -> int:
        """Wait for the acknowledgement of one publish and return its reason code (0: accepted).

        Raises:
            SinkUnavailable: the connection ended, or nothing came in `timeout_s`.
        """
        with self._news:
            self._news.wait_for(lambda: packet_id in self._outcomes or self._ended is not None, timeout_s)
            if packet_id in self._outcomes:
                return self._outcomes.pop(packet_id)
            silent = self._ended is None
            reason = self._ended or f"no acknowledgement for {timeout_s:g} s; the line may be dead"
        raise SinkUnavailable(f"{self._where}: {reason}", kind="timeout" if silent else self._kind)

    def acknowledged(self, packet_id: int) -> bool:
        """Tell, without waiting, whether the broker accepted this publish; asks once."""
        with self._news:
            return self._outcomes.pop(packet_id, REFUSED) < REFUSED

    def leave(self) -> None:
        """Say goodbye (the broker then keeps the will to itself) and let go."""
        self._client.disconnect()
        with self._news:
            self._news.wait_for(lambda: self._ended is not None, 2.0)
        self.kill()

    def kill(self) -> None:
        """Let go at once, whatever the state of the line; may be called twice and from any thread."""
        self._end("closed by us")
        line = self._client.socket()
        if line is not None:
            _shut_down(line.fileno())  # makes paho's thread return even when the peer is silent
        self._client.loop_stop()

    def interrupt(self) -> None:
        """Make whoever waits in this connection give up. Safe from any thread."""
        self._end("interrupted")

    @property
    def _where(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def _make_client(self, client_id: str, tls: ssl.SSLContext | None, will: Will) -> paho.Client:
        s = self._settings
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=None if self._v5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if self._v5 else MQTTProtocolVersion.MQTTv311,
            transport=s.transport,
            reconnect_on_failure=False,
        )
        client.connect_timeout = s.connect_timeout_s
        client.max_inflight_messages_set(s.pace.max_in_flight)
        if s.transport == "websockets":
            client.ws_set_options(path=s.websocket_path)
        if s.username is not None or s.password is not None:
            client.username_pw_set(s.username or "", s.password.get_secret_value() if s.password else None)
        if tls is not None:
            client.tls_set_context(tls)
        client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_connect = self._connect_answered
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        client.on_subscribe = self._subscribed
        client.on_message = self._received
        client.on_log = self._logged
        return client

    def _properties(self) -> Properties | None:
        if not self._v5:
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = "application/json"
        properties.PayloadFormatIndicator = 1
        if self._settings.expiry_s is not None:
            properties.MessageExpiryInterval = self._settings.expiry_s
        return properties

    # ---- called on paho's thread ---------------------------------------------------------------------------------

    def _connect_answered(self, _c: Any, _u: Any, _f: Any, reason: Any, properties: Properties | None) -> None:
        if reason.is_failure:
            self._end(_refusal("the broker refused the connection", str(reason)), kind_of(str(reason)))
            return
        granted: Mapping[str, Any] = properties.json() if properties is not None else {}  # type: ignore[no-untyped-call]
        with self._news:
            self.max_in_flight = min(self.max_in_flight, int(granted.get("ReceiveMaximum", 65_535)))
            self.max_packet_bytes = granted.get("MaximumPacketSize")
            self._connected = True
            self._news.notify_all()

    def _disconnected(self, _c: Any, _u: Any, flags: Any, reason: Any, _p: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            self._end(_refusal("the broker ended the connection", str(reason)), kind_of(str(reason)))
        else:
            self.hung_up = self._connected
            kind = "not_authorised" if "certificate" in self._cause else "unreachable"
            self._end(f"the connection was lost{self._cause}" if self._connected else self._turned_away(), kind)

    def _published(self, _c: Any, _u: Any, packet_id: int, reason: Any, _p: Any) -> None:
        with self._news:
            self._outcomes[packet_id] = int(reason.value)
            self._news.notify_all()

    def _subscribed(self, _c: Any, _u: Any, _m: int, reasons: list[Any], _p: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._end(_refusal("the broker refused a subscription", str(reasons[0])), kind_of(str(reasons[0])))

    def _received(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        self._on_message(message.topic, bytes(message.payload), bool(message.retain))

    def _logged(self, _c: Any, _u: Any, level: int, text: str) -> None:
        """Keep the cause of a broken line: paho tells it only in its log. TLS 1.3 refuses a client this late."""
        alert = re.search(r"ALERT_([A-Z_]+)", text)
        if alert is not None:
            self._cause = f": the broker refused our certificate ({_words(alert[1])}); check mqtt.tls.certificate_file"
        elif level == paho.MQTT_LOG_ERR and "EOF" not in text:
            self._cause = f": {text}"

    def _turned_away(self) -> str:
        if not self._settings.tls.enabled or "certificate" in self._cause:
            return f"the broker hung up before it answered{self._cause}"
        own = "our certificate (missing, expired, revoked, or of another authority)"
        return f"the broker hung up before it answered: it may not accept {own}; check mqtt.tls.certificate_file"

    def _end(self, reason: str, kind: str = "unreachable") -> None:
        with self._news:
            self._kind = self._kind if self._ended else kind
            self._ended = self._ended or reason
            self._news.notify_all()


def explain(reason_code: int) -> str:
    """Return why the broker refused a publish, and what to do about it."""
    names = {
        0x80: "Unspecified error",
        0x83: "Implementation specific error",
        0x87: "Not authorized",
        TOPIC_INVALID: "Topic name invalid",
        TOO_LARGE: "Packet too large",
        0x97: "Quota exceeded",
        FORMAT_INVALID: "Payload format invalid",
    }
    return _refusal("the broker refused the event", names.get(reason_code, f"reason 0x{reason_code:02x}"))


def kind_of(refusal: str) -> str:
    """Return which kind of failure the broker's words are, see SinkUnavailable."""
    return next((kind for words, kind in _KINDS.items() if words in refusal), "refused")


def _refusal(what: str, reason: str) -> str:
    fix = _FIXES.get(reason)
    return f"{what}: {reason}" + (f"; {fix}" if fix else "")


def _words(name: str) -> str:
    return name.lower().replace("_", " ")


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not accepted: {error.verify_message}; check mqtt.tls.ca_file and mqtt.host"
    return f"{error.reason or error}; check mqtt.tls and that the port speaks TLS"


def _shut_down(descriptor: int) -> None:
    if descriptor < 0:
        return
    try:
        with socket.socket(fileno=os.dup(descriptor)) as twin:
            twin.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("the socket was closed already")
