"""All settings of one process: one file, validated as a whole."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator
from typing_extensions import Self

from edge.config.access import AccessSettings
from edge.config.base import Section
from edge.config.camera import CameraSettings
from edge.config.delivery import MqttSettings, OutboxSettings, WebhookSettings
from edge.config.models import ModelSettings, VotingSettings
from edge.config.parking import ParkingSettings
from edge.config.privacy import PrivacySettings
from edge.config.service import EvidenceSettings, LogSettings, MetricsSettings, SiteSettings
from edge.config.web import WebSettings


class Settings(Section):
    """The whole of config.yaml."""

    site: SiteSettings = Field(SiteSettings(), description="This installation.")
    cameras: tuple[CameraSettings, ...] = Field(description="At least one camera.")
    models: ModelSettings = Field(ModelSettings(), description="Detector and recogniser.")
    voting: VotingSettings = Field(VotingSettings(), description="From looks to an answer.")
    evidence: EvidenceSettings = Field(EvidenceSettings(), description="Pictures.")
    outbox: OutboxSettings = Field(OutboxSettings(), description="The durable queue.")
    mqtt: MqttSettings = Field(MqttSettings(), description="MQTT delivery.")
    webhook: WebhookSettings = Field(WebhookSettings(), description="Delivery by signed HTTP requests.")
    metrics: MetricsSettings = Field(MetricsSettings(), description="Prometheus.")
    access: AccessSettings = Field(AccessSettings(), description="Lists, decisions and barriers.")
    parking: ParkingSettings = Field(ParkingSettings(), description="Stays and free spaces.")
    web: WebSettings = Field(WebSettings(), description="The web page.")
    privacy: PrivacySettings = Field(PrivacySettings(), description="What leaves in which form, and how long it stays.")
    log: LogSettings = Field(LogSettings(), description="Logs.")

    @model_validator(mode="after")
    def _gates_do_not_tell_what_events_hide(self) -> Self:
        if self.parking.enabled and self.parking.share and self.privacy.mqtt.plates != "clear":
            raise ValueError(
                f"privacy.mqtt.plates is {self.privacy.mqtt.plates}, but parking.share sends plates in clear to "
                "the same broker; set parking.share: false, or keep plates in clear there"
            )
        return self

    @field_validator("cameras")
    @classmethod
    def _there_is_a_camera(cls, cameras: tuple[CameraSettings, ...]) -> tuple[CameraSettings, ...]:
        if not cameras:
            raise ValueError("there is no camera; add one with a name and a url")
        return cameras
