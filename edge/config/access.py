"""Settings of decisions at the gate: lists, lanes and their barriers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from typing_extensions import Self

from edge.config.base import Fraction, Name, Section
from edge.config.contacts import ContactSettings
from edge.config.topics import check_template


def _lists_topic(template: str) -> str:
    return check_template(template, ("site", "client_id"))


ListsTopic = Annotated[str, AfterValidator(_lists_topic)]


class BarrierSettings(Section):
    """How the barrier of one lane is told to open."""

    output: Literal["none", "mqtt", "http", "gpio"] = Field("none", description="Where the command goes.")
    dry_run: bool = Field(False, description="Decide, log and audit, but move nothing.")
    min_interval_s: float = Field(3.0, ge=0, le=600, description="Two commands are never closer than this.")
    patience_s: float = Field(
        6.0, gt=0, le=60, description="A command that cannot be given for this long is dropped: the car may have left."
    )
    loop: ContactSettings | None = Field(
        None, description="Contact that closes while a vehicle stands at the barrier; it opens only then."
    )
    closed: ContactSettings | None = Field(
        None, description="Contact that closes while the barrier is down; no command is given while it is not."
    )
    answers_within_s: float = Field(
        5.0, gt=0, le=60, description="With `closed`: a barrier that has not left it by then does not answer: alarm."
    )
    held_open_after_s: float = Field(
        120.0,
        gt=0,
        le=86_400,
        description="With `closed`: a barrier that is not down for this long is held open: alarm.",
    )
    topic: str = Field(
        "anpr/{site}/{lane}/barrier", description="mqtt: topic of the command; {site} and {lane} are filled in."
    )
    url: SecretStr | None = Field(None, description="http: address of the barrier's controller.")
    method: Literal["GET", "POST", "PUT", "PATCH"] = Field("POST", description="http: method of the request.")
    headers: dict[str, SecretStr] = Field({}, description="http: headers, e.g. an authorisation.")
    body: str = Field(
        '{{"lane": "{lane}", "passage_id": "{passage_id}"}}',
        description="http: body; {site}, {lane}, {passage_id}, {event_id} are filled in; {{ and }} give braces.",
    )
    expected_status: tuple[int, ...] = Field((200, 201, 202, 204), description="http: status codes that mean done.")
    chip: str = Field("/dev/gpiochip0", description="gpio: character device of the chip.")
    line: int = Field(0, ge=0, le=1023, description="gpio: number of the line that drives the relay.")
    active_low: bool = Field(False, description="gpio: the relay closes on a low level.")
    pulse_ms: int = Field(200, ge=10, le=10_000, description="gpio: length of the pulse.")

    @model_validator(mode="after")
    def _http_has_an_address(self) -> Self:
        if self.output == "http" and self.url is None:
            raise ValueError("output is 'http' but there is no url")
        return self


class AccessLaneSettings(Section):
    """What is decided in one lane."""

    lane: Name = Field(description="A lane that some camera watches.")
    direction: Literal["entry", "exit", "any"] = Field(
        "entry", description="Only passages in this direction open the barrier; an unknown direction never does."
    )
    unknown: Literal["refuse", "open", "manual_assist"] = Field(
        "refuse", description="What happens to a plate that is on no list."
    )
    open_probability: Fraction = Field(
        0.98, description="Least probability that the read is the listed plate, for the barrier to open."
    )
    deny_probability: Fraction = Field(0.5, description="The same for a plate on the deny list to be refused.")
    barrier: BarrierSettings = Field(BarrierSettings(), description="How the barrier is told.")


class AccessSettings(Section):
    """Decisions on the device: they work with the network down."""

    enabled: bool = Field(False, description="Decide passages by the lists.")
    lists: Path = Field(Path("var/lists.csv"), description="Lists in force; `anpr-edge lists import` replaces them.")
    lists_topic: ListsTopic | None = Field(
        None, description="MQTT topic on which the office sends lists, e.g. anpr/{site}/lists; empty: it may not."
    )
    audit: Path = Field(Path("var/audit.jsonl"), description="Append-only record of decisions and commands.")
    lanes: tuple[AccessLaneSettings, ...] = Field((), description="One entry per lane with a barrier.")

    @field_validator("lanes")
    @classmethod
    def _lanes_are_told_apart(cls, lanes: tuple[AccessLaneSettings, ...]) -> tuple[AccessLaneSettings, ...]:
        names = [lane.lane for lane in lanes]
        for name in sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"lane {name!r} stands here twice; keep one")
        return lanes
