"""Settings of the process itself: logs, metrics, evidence pictures."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator

from edge.config.base import Name, Port, Section
from edge.config.topics import fields_of

_URL_FIELDS = {"site", "lane", "camera", "event_id"}


def _picture_url(template: str) -> str:
    unknown = fields_of(template) - _URL_FIELDS
    if unknown:
        raise ValueError(f"unknown variable {{{min(unknown)}}}; use {{event_id}}, {{site}}, {{lane}}, {{camera}}")
    if urlsplit(template).scheme not in ("http", "https") or "{event_id}" not in template:
        raise ValueError("must be an http(s) address with {event_id}, or all events would share one picture")
    return template


class SiteSettings(Section):
    """What this installation is called."""

    name: Name = Field("site-1", description="Name of the car park or gate; part of every event and topic.")
    timezone: str = Field("UTC", description="IANA name, e.g. Europe/Berlin: the clock of list validity hours.")

    @field_validator("timezone")
    @classmethod
    def _zone_is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(
                f"{name!r} is not a known time zone; write e.g. Europe/Berlin (and install tzdata)"
            ) from None
        return name


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe level that is logged."
    )
    format: Literal["text", "json"] = Field("text", description="Text for people, json for log collectors.")
    show_plates: bool = Field(False, description="Write plates in clear into the log. Off: they are masked.")


class MetricsSettings(Section):
    """Prometheus end point."""

    enabled: bool = Field(True, description="Serve /metrics, /healthz, /readyz and /status.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Port = Field(9464, description="Port to listen on.")


class EvidenceSettings(Section):
    """Pictures that go with events."""

    enabled: bool = Field(True, description="Put a small picture of the plate into each event.")
    max_bytes: int = Field(20_000, ge=1_000, le=90_000, description="Largest JPEG in an event, bytes.")
    url: Annotated[str, AfterValidator(_picture_url)] | None = Field(
        None,
        description="Address of a picture that is too large for its message, e.g. "
        "https://gate.example/api/events/{event_id}/picture, where the web page serves it to who is logged in; "
        "{site}, {lane}, {camera} and {event_id} are filled in. Empty: such an event goes without.",
    )
