"""Settings of the outbox and of the sinks that empty it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from typing_extensions import Self

from edge.config.base import Port, Section
from edge.config.topics import BASIC_INGEST, check_for_aws, check_template

AWS_ENDPOINT = re.compile(r"^[a-z0-9]+(-ats)?\.iot\.[a-z]{2}(-[a-z]+)+-\d\.amazonaws\.com(\.cn)?$")
AWS_THING = re.compile(r"^[a-zA-Z0-9:_-]{1,128}$")
AWS_MAX_PER_S = 100  # publishes on one connection, in and out together; more are discarded
AWS_MAX_KIB_PER_S = 512
AWS_MAX_PAYLOAD_KIB = 128


def _allowed(template: str) -> str:
    """Check one argument only: pydantic before 2.8 would pass its own as the second."""
    return check_template(template)


TopicTemplate = Annotated[str, AfterValidator(_allowed)]


class OutboxSettings(Section):
    """The queue on disk that every event enters first."""

    path: Path = Field(Path("var/outbox.db"), description="SQLite file; its folder must be writable.")
    max_age_days: float = Field(
        30.0,
        gt=0,
        description="Undelivered events older than this are dropped, with a gap event (not under an unset clock).",
    )
    max_mb: float = Field(
        1_000.0, gt=1, description="Beyond this size the oldest undelivered events are dropped, with a gap event."
    )
    min_free_mb: float = Field(
        16.0, ge=0, description="With less free space on the disk no event is promised; what is stored stays safe."
    )


class MqttTlsSettings(Section):
    """Encryption and identity of the MQTT connection."""

    enabled: bool = Field(False, description="Encrypt, and check the broker's certificate and host name.")
    ca_file: Path | None = Field(
        None, description="PEM of the authority that signed the broker's certificate; empty: the system's authorities."
    )
    certificate_file: Path | None = Field(None, description="PEM of our own certificate (mutual TLS).")
    key_file: Path | None = Field(None, description="PEM of its private key; readable by this user only (chmod 600).")
    revoked_file: Path | None = Field(
        None, description="PEM with revocation lists (CRL); a broker's certificate named there is refused."
    )

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file belong together; give both or neither")
        return self


class PaceSettings(Section):
    """How fast a backlog may be sent: a broker discards what comes too fast."""

    max_per_s: float = Field(80.0, gt=0, le=10_000, description="Publishes a second.")
    max_kib_per_s: float = Field(512.0, gt=0, le=1_000_000, description="Payload a second, KiB.")
    max_in_flight: int = Field(20, ge=1, le=1_000, description="Publishes that wait for their acknowledgement.")


class AwsSettings(Section):
    """What AWS IoT Core offers beyond publishing; only with profile aws-iot."""

    shadow: bool = Field(True, description="Report version, health and models to the device shadow, accept settings.")
    jobs: bool = Field(True, description="Accept jobs: load-lists, reload-lists, upload-logs, update.")
    log_command: tuple[str, ...] = Field(
        ("journalctl", "--unit=anpr-edge", "--since=-24h", "--no-pager"),
        min_length=1,
        description="Prints the log that the job upload-logs sends.",
    )
    update_command: tuple[str, ...] = Field(
        (), description="Installer that the job update calls, {version} is filled in; empty: updates are refused."
    )


class MqttSettings(Section):
    """Delivery over MQTT."""

    enabled: bool = Field(True, description="Publish events over MQTT.")
    host: str = Field("127.0.0.1", description="Broker's host name.")
    port: Port = Field(1883, description="Broker's port; 8883 with TLS, 443 for AWS IoT behind a firewall.")
    profile: Literal["generic", "aws-iot"] = Field("generic", description="aws-iot applies the limits of AWS IoT Core.")
    protocol: Literal["5", "3.1.1"] = Field("5", description="MQTT version; 5 tells refusals, 3.1.1 stays silent.")
    transport: Literal["tcp", "websockets"] = Field("tcp", description="How MQTT is carried.")
    websocket_path: str = Field("/mqtt", pattern="^/", description="Path of the broker's web socket.")
    client_id: str = Field("", max_length=128, description="Empty: anpr-edge-<site>. AWS IoT: the thing's name.")
    username: str | None = Field(None, description="User name, if the broker wants one.")
    password: SecretStr | None = Field(None, description="Password; ${NAME} takes it from the environment.")
    tls: MqttTlsSettings = Field(MqttTlsSettings(), description="Encryption and identity.")
    topic: TopicTemplate = Field(
        "anpr/{site}/{lane}/events", description="Topic of events; {site}, {lane}, {camera}, {type} are filled in."
    )
    status_topic: TopicTemplate = Field(
        "anpr/{site}/{client_id}/status", description="Retained topic that says online or offline (last will)."
    )
    alert_topic: TopicTemplate | None = Field(
        None,
        description="Topic of what needs a person, e.g. anpr/{site}/{lane}/alerts: copies of watch.hit and "
        "manual_assist events, and barriers that do not work. Empty: none.",
    )
    keep_alive_s: int = Field(60, ge=5, le=1200, description="A silent connection is checked this often.")
    connect_timeout_s: float = Field(10.0, gt=0, le=120, description="Give up connecting after this long.")
    acknowledge_timeout_s: float = Field(
        15.0, gt=0, le=300, description="A broker that acknowledges nothing for this long is taken for lost."
    )
    max_backoff_s: float = Field(60.0, gt=0, le=3600, description="Longest pause between two attempts to connect.")
    expiry_s: int | None = Field(
        None, gt=0, description="The broker forgets an event nobody fetched after this long (MQTT 5); empty: never."
    )
    max_payload_kib: float = Field(
        128.0, ge=4, le=1024, description="Larger events lose their picture (it shrinks, or becomes a link)."
    )
    pace: PaceSettings = Field(PaceSettings(), description="How fast a backlog is sent.")
    aws: AwsSettings = Field(AwsSettings(), description="Device shadow and jobs.")

    def client_id_at(self, site: str) -> str:
        """Return the client id of a gate at `site`: the one that was set, or one made from the site's name."""
        return self.client_id or f"anpr-edge-{site}"

    @field_validator("host")
    @classmethod
    def _host_is_a_name(cls, host: str) -> str:
        if not host or re.search(r"[/\s@]|:\d+$", host):
            raise ValueError(f"{host!r} is not a host name; write only the name, without scheme, port or path")
        return host

    @field_validator("alert_topic")
    @classmethod
    def _alerts_have_no_camera(cls, topic: str | None) -> str | None:
        if topic is not None and {"{camera}", "{type}"} & set(re.findall(r"{\w+}", topic)):
            raise ValueError("a barrier has no camera and no type of event; use only {site}, {lane} and {client_id}")
        return topic

    @field_validator("status_topic")
    @classmethod
    def _status_is_one_topic(cls, topic: str) -> str:
        if {"{lane}", "{camera}", "{type}"} & set(re.findall(r"{\w+}", topic)):
            raise ValueError("there is one status per process; use only {site} and {client_id}")
        if topic.startswith("$"):
            raise ValueError("the status is retained and $ topics cannot be; choose an ordinary topic")
        return topic

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = self._aws_problems() if self.profile == "aws-iot" else self._generic_problems()
        if self.password is not None and self.username is None and self.protocol == "3.1.1":
            problems.append("MQTT 3.1.1 has no password without a username; give one, or use protocol 5")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _generic_problems(self) -> list[str]:
        if BASIC_INGEST.match(self.topic):
            return ["topic: $aws/rules/... exists only on AWS IoT Core; set profile: aws-iot or choose another topic"]
        return []

    def _aws_problems(self) -> list[str]:
        tls, pace = self.tls, self.pace
        rules = (
            (
                bool(AWS_ENDPOINT.match(self.host)),
                f"host {self.host!r} is no AWS IoT endpoint; print yours with"
                " `aws iot describe-endpoint --endpoint-type iot:Data-ATS`",
            ),
            (self.port in (8883, 443), f"port {self.port}: AWS IoT Core listens on 8883, and 443 by ALPN"),
            (self.transport == "tcp", "transport: use tcp; AWS web sockets want another kind of login"),
            (tls.enabled and tls.certificate_file is not None, "tls: AWS IoT Core needs enabled, certificate and key"),
            (bool(AWS_THING.match(self.client_id)), "client_id: give the thing's name (letters, digits, : _ -)"),
            (self.keep_alive_s >= 30, f"keep_alive_s {self.keep_alive_s}: AWS IoT Core allows 30 to 1200"),
            (pace.max_per_s < AWS_MAX_PER_S, f"pace.max_per_s: AWS discards from {AWS_MAX_PER_S}/s on; use 80"),
            (pace.max_kib_per_s <= AWS_MAX_KIB_PER_S, f"pace.max_kib_per_s: at most {AWS_MAX_KIB_PER_S}"),
            (pace.max_in_flight <= AWS_MAX_PER_S, f"pace.max_in_flight: at most {AWS_MAX_PER_S}"),
            (self.max_payload_kib <= AWS_MAX_PAYLOAD_KIB, f"max_payload_kib: at most {AWS_MAX_PAYLOAD_KIB}"),
        )
        found = [problem for holds, problem in rules if not holds]
        topics = [t for t in (self.topic, self.status_topic, self.alert_topic) if t]
        return found + [p for p in map(check_for_aws, topics) if p]


class WebhookSettings(Section):
    """Delivery by HTTP POST, signed; one event per request."""

    enabled: bool = Field(False, description="Post events to a web server.")
    url: SecretStr = Field(
        SecretStr(""), description="https:// address that takes the events; ${NAME} is filled from the environment."
    )
    secret: SecretStr | None = Field(None, description="Key of the HMAC-SHA256 signature; ${NAME} is recommended.")
    ca_file: Path | None = Field(None, description="PEM of a private authority; empty: the usual ones.")
    timeout_s: float = Field(10.0, gt=0, le=120, description="Give up a request after this long.")
    max_per_s: float = Field(20.0, gt=0, le=1_000, description="Requests a second.")
    max_backoff_s: float = Field(300.0, gt=0, le=3600, description="Longest pause between two attempts.")

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        if not self.enabled:
            return self
        url = self.url.get_secret_value()
        if not re.match(r"^https?://[^/\s]+", url):
            raise ValueError("url must begin with https:// (or http:// on a trusted network)")
        if self.secret is None or not self.secret.get_secret_value():
            raise ValueError("secret is missing; make one with `openssl rand -hex 32` and give it to the receiver")
        return self
