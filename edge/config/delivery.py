"""Settings of the outbox and of the sinks that empty it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from edge.config.base import Section


class OutboxSettings(Section):
    """The queue on disk that every event enters first."""

    path: Path = Field(Path("var/outbox.db"), description="SQLite file; its folder must be writable.")
    max_age_days: float = Field(
        30.0, gt=0, description="Undelivered events older than this are dropped, with a gap event."
    )
    max_mb: float = Field(
        1_000.0, gt=1, description="Beyond this size the oldest undelivered events are dropped, with a gap event."
    )


class MqttSettings(Section):
    """Delivery over MQTT."""

    enabled: bool = Field(True, description="Publish events over MQTT.")
    host: str = Field("127.0.0.1", description="Broker's host name.")
    port: int = Field(1883, ge=1, le=65535, description="Broker's port.")
    profile: Literal["generic", "aws-iot"] = Field("generic", description="aws-iot applies the limits of AWS IoT Core.")
    protocol: Literal["5", "3.1.1"] = Field("5", description="MQTT version.")
    client_id: str = Field("", description="Empty: anpr-edge-<site>. AWS IoT: the thing's name.")
    username: str | None = Field(None, description="User name, if the broker wants one.")
    password: SecretStr | None = Field(None, description="Password; ${NAME} takes it from the environment.")
    topic: str = Field(
        "anpr/{site}/{lane}/events", description="Topic of events; {site}, {lane}, {camera}, {type} are filled in."
    )
