"""Settings of the process itself: logs, metrics, evidence pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from edge.config.base import Name, Port, Section


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
    directory: Path | None = Field(None, description="Also keep pictures here; empty: not kept.")
    keep_days: float = Field(30.0, gt=0, description="Kept pictures older than this are deleted.")
    keep_mb: float = Field(2_000.0, gt=0, description="Kept pictures beyond this are deleted, oldest first.")
