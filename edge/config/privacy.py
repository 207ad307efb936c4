"""Settings of privacy: in which form plates leave the gate, and where what is done about them is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from edge.config.base import Section

PassageType = Literal["passage.provisional", "passage.final", "passage.unread", "session.closed", "watch.hit"]


class DisclosureSettings(Section):
    """In which form one way out shows plates and pictures."""

    plates: Literal["clear", "pseudonym", "truncated"] = Field(
        "clear",
        description="pseudonym: the same 16 characters for the same plate, by a key that stays here; "
        "truncated: the first characters only.",
    )
    pictures: Literal["as-plates", "kept", "blurred", "dropped"] = Field(
        "as-plates", description="as-plates: kept where plates are in clear, dropped where they are not."
    )

    @model_validator(mode="after")
    def _picture_does_not_tell(self) -> Self:
        if self.pictures == "kept" and self.plates != "clear":
            raise ValueError(f"pictures are kept but plates are {self.plates}: the picture shows the plate; blur it")
        return self


class TopicSettings(DisclosureSettings):
    """The same for a sink that sends each event away."""

    in_clear: tuple[PassageType, ...] = Field(
        (), description="Types of event that keep plate and picture here all the same, e.g. watch.hit."
    )


class KeepSettings(Section):
    """For how long what is kept; purged every hour, while the clock is good. Stays: parking.keep_days."""

    listed_days: float = Field(30.0, gt=0, le=3650, description="Passages of vehicles on a list of the site.")
    unlisted_days: float = Field(30.0, gt=0, le=3650, description="All other passages.")
    session_days: float = Field(30.0, gt=0, le=3650, description="Events that tell of a stay that ended.")
    watch_days: float = Field(30.0, gt=0, le=3650, description="Hits of a watch list.")
    label_days: float = Field(365.0, gt=0, le=3650, description="Corrected plates with picture, kept for training.")


class PrivacySettings(Section):
    """What leaves the gate in which form, and for how long what is kept."""

    mqtt: TopicSettings = Field(TopicSettings(), description="Events over MQTT.")
    webhook: TopicSettings = Field(TopicSettings(), description="Events by webhook.")
    web: DisclosureSettings = Field(DisclosureSettings(), description="The history and the web page.")
    key_file: Path = Field(
        Path("var/privacy.key"), description="Key of the pseudonyms, made when missing; this user only (chmod 600)."
    )
    keep_characters: int = Field(3, ge=1, le=4, description="What is left of a truncated plate.")

    keep: KeepSettings = Field(KeepSettings(), description="For how long.")
    log: Path = Field(
        Path("var/privacy.jsonl"), description="Append-only record of purges, exports and erasures, without plates."
    )

    @property
    def needs_key(self) -> bool:
        """Tell whether anything leaves under a pseudonym."""
        return "pseudonym" in {self.mqtt.plates, self.webhook.plates, self.web.plates}
