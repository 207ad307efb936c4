"""Settings of the web page: who may see and change what, and what is kept for it."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from typing_extensions import Self

from edge.config.base import Name, Port, Section

Role = Literal["viewer", "operator", "admin"]


class UserSettings(Section):
    """One person who may log in."""

    name: Name = Field(description="Log-in name.")
    role: Role = Field(
        "viewer", description="viewer sees; operator also corrects plates and tries pictures; admin also aims cameras."
    )
    password_hash: SecretStr = Field(description="What `anpr-edge web password` prints: argon2, never the password.")

    @field_validator("password_hash")
    @classmethod
    def _is_a_hash(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith("$argon2id$"):
            raise ValueError("is not an argon2id hash; run `anpr-edge web password` and copy what it prints")
        return value


class HistorySettings(Section):
    """The events that the page can search, kept as privacy.keep says."""

    path: Path = Field(Path("var/history.db"), description="SQLite file; its folder must be writable.")
    keep_events: int = Field(
        100_000, ge=100, le=5_000_000, description="Beyond this number the oldest events are deleted."
    )
    labels: Path = Field(
        Path("var/labels"), description="Folder for corrected plates, kept for training: pictures and labels.csv."
    )


class WebSettings(Section):
    """The page for the person at the gate."""

    enabled: bool = Field(True, description="Serve the web page.")
    host: str = Field(
        "127.0.0.1", description="Address to listen on. Any other than loop-back needs at least one user."
    )
    port: Port = Field(8080, description="Port to listen on.")
    names: tuple[str, ...] = Field(
        (), description="Host names under which browsers may reach the page, when a proxy or tunnel uses others."
    )
    certificate: Path | None = Field(None, description="TLS certificate chain, PEM; with it the page speaks https.")
    key: Path | None = Field(None, description="Private key of the certificate, PEM.")
    behind_proxy: bool = Field(
        False, description="A proxy on this machine does TLS and tells the caller's address in X-Forwarded-For."
    )
    users: tuple[UserSettings, ...] = Field((), description="Who may log in. Empty: everybody on this machine.")
    session_hours: float = Field(12.0, gt=0, le=720, description="Log in again after this long.")
    live_fps: float = Field(5.0, gt=0, le=15, description="Pictures a second in the live view, at most.")
    live_width_px: int = Field(960, ge=160, le=3840, description="Width of the pictures in the live view.")
    max_viewers: int = Field(64, ge=1, le=1000, description="Live views open at the same time, at most.")
    upload_max_mb: float = Field(100.0, gt=0, le=4000, description="Largest picture or video that can be tried.")
    try_timeout_s: float = Field(60.0, gt=0, le=3600, description="Give up on a tried file after this long.")
    history: HistorySettings = Field(HistorySettings(), description="Events kept for the page.")

    @property
    def is_local(self) -> bool:
        """Tell whether only this machine can reach the page."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _strangers_need_a_password(self) -> Self:
        if self.enabled and not self.users and not self.is_local:
            raise ValueError(
                f"host is {self.host}, which other machines can reach, but there are no users; "
                "add one (`anpr-edge web password`) or listen on 127.0.0.1"
            )
        if self.enabled and not self.users and self.behind_proxy:
            raise ValueError("behind_proxy lets other machines in, but there are no users; add one")
        return self

    @model_validator(mode="after")
    def _certificate_and_key_belong_together(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key: give both or neither")
        return self

    @field_validator("users")
    @classmethod
    def _users_are_told_apart(cls, users: tuple[UserSettings, ...]) -> tuple[UserSettings, ...]:
        names = [u.name for u in users]
        for name in sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"two users are named {name!r}")
        return users
