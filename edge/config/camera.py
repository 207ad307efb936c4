"""Settings of cameras and lanes: where frames come from and what a passage means there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from typing_extensions import Self

from edge.config.base import Fraction, Name, PointFraction, Section
from edge.config.contacts import ContactSettings
from edge.config.topics import check_template

MIN_TOKEN_LENGTH = 16


class MotionSettings(Section):
    """When an idle picture need not be looked at."""

    enabled: bool = Field(True, description="Skip the detector while nothing moves and no plate is followed.")
    sensitivity: Fraction = Field(0.5, description="0 needs large changes, 1 reacts to the smallest.")
    full_look_every_s: float = Field(2.0, gt=0, le=60, description="Look at a still picture at least this often.")


class GateSettings(Section):
    """How a passage is recognised and which way it went."""

    direction: Literal["line", "growth", "entry", "exit"] = Field(
        "growth",
        description="By a virtual line, by growth of the plate, or fixed by the camera's role.",
    )
    approaching: Literal["entry", "exit"] = Field(
        "entry", description="What a vehicle does that comes towards the camera (its plate grows)."
    )
    line: tuple[PointFraction, PointFraction] | None = Field(
        None,
        description="Two points, as shares of width and height. Crossing from its left side to its right is an entry.",
    )
    parked_after_s: float = Field(
        30.0, gt=0, description="A plate that never moved for this long after it was first seen is parked: no event."
    )
    still_plates: Literal["ignore", "report", "carried"] = Field(
        "ignore",
        description="Plates that never move: parked cars that are no passages; 'report' gives them with unknown "
        "direction; 'carried' does so only while the camera itself is moved, by hand or in a vehicle.",
    )
    ends_after_s: float = Field(1.5, gt=0, description="A passage ends when its plate is out of sight for this long.")
    same_vehicle_within_s: float = Field(
        20.0, ge=0, description="The same plate seen again in the lane within this time belongs to the same passage."
    )

    @model_validator(mode="after")
    def _line_is_there(self) -> Self:
        if self.direction == "line" and self.line is None:
            raise ValueError("direction is 'line' but there is no line; add line: [[x1, y1], [x2, y2]]")
        if self.line is not None and self.line[0] == self.line[1]:
            raise ValueError("line: both ends are the same point; give two different points")
        return self


def _trigger_topic(template: str) -> str:
    return check_template(template, ("site", "lane", "camera", "client_id"))


TriggerTopic = Annotated[str, AfterValidator(_trigger_topic)]


class TriggerSettings(Section):
    """Others say that a vehicle is here: a loop or a button, a request, a message. One that is not read is reported."""

    window_s: float = Field(
        8.0, ge=1, le=120, description="A vehicle that called and is not read within this time is a passage.unread."
    )
    contact: ContactSettings | None = Field(None, description="Contact of a loop or button: it calls when it closes.")
    topic: TriggerTopic | None = Field(
        None,
        description="MQTT topic on which any fresh message calls, e.g. anpr/{site}/{camera}/vehicle; empty: nobody.",
    )
    token: SecretStr | None = Field(
        None,
        description="Lets POST /api/cameras/<name>/vehicle call, as `Authorization: Bearer <token>`; empty: nobody.",
    )

    @field_validator("token")
    @classmethod
    def _token_is_long(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and len(token.get_secret_value()) < MIN_TOKEN_LENGTH:
            raise ValueError(f"is shorter than {MIN_TOKEN_LENGTH} characters; make one with `openssl rand -hex 16`")
        return token


class CameraSettings(Section):
    """One camera at the gate."""

    name: Name = Field(description="Unique name; it appears in events and metrics.")
    lane: Name = Field("lane-1", description="The lane it watches; events are numbered per lane.")
    url: SecretStr = Field(
        description="rtsp://, rtsps://, http(s)://, a file, /dev/video0, or gst:<pipeline> for GStreamer. "
        "${NAME} is replaced by the environment variable, so that passwords can stay out of this file."
    )
    transport: Literal["tcp", "udp"] = Field("tcp", description="How RTSP carries the video.")
    loop: bool = Field(False, description="Start a file again when it ends (demonstrations and soak tests).")
    open_timeout_s: float = Field(10.0, gt=0, le=120, description="Give up connecting after this long.")
    read_timeout_s: float = Field(5.0, gt=0, le=120, description="No packet for this long means stalled: reconnect.")
    frozen_after_s: float = Field(
        30.0, gt=0, description="Identical pictures for this long mean a frozen camera: reconnect."
    )
    max_backoff_s: float = Field(30.0, gt=0, le=600, description="Longest pause between two attempts to connect.")
    max_fps: float = Field(15.0, gt=0, le=120, description="Analyse at most this many pictures a second.")
    region: tuple[PointFraction, ...] = Field(
        (), description="Polygon, as shares of width and height, in which plates are looked for. Empty: everywhere."
    )
    motion: MotionSettings = Field(MotionSettings(), description="When to look.")
    gate: GateSettings = Field(GateSettings(), description="What a passage is.")
    trigger: TriggerSettings = Field(TriggerSettings(), description="Who may say that a vehicle is here.")
    threshold: Fraction = Field(
        0.95, description="A provisional event is sent once the text is right with at least this probability."
    )
    final_threshold: Fraction = Field(
        0.5, description="Below this probability the passage ends as passage.unread instead of passage.final."
    )

    @model_validator(mode="after")
    def _region_is_a_polygon(self) -> Self:
        if 0 < len(self.region) < 3:
            raise ValueError("region: a polygon needs at least three points; add some, or leave it out")
        return self
