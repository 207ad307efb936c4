"""Settings of the car park: zones, sessions, and how gates of one site share them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator, model_validator
from typing_extensions import Self

from edge.config.base import Fraction, Name, Section
from edge.config.topics import check_for_aws, check_template

ZONE_FIELDS = ("site", "zone")
SHARE_FIELDS = ("site",)
WHOLE_SITE = "site"  # name of the one zone where none is named


def _ordinary(template: str, fields: tuple[str, ...]) -> str:
    check_template(template, fields)
    problem = check_for_aws(template)  # kept everywhere: a site may move to AWS IoT Core
    if template.startswith("$"):
        problem = f"topic {template!r}: $ topics are neither retained nor heard by other gates; choose an ordinary one"
    if problem:
        raise ValueError(problem)
    return template


def _zone_topic(template: str) -> str:
    _ordinary(template, ZONE_FIELDS)
    if "{zone}" not in template:
        raise ValueError(f"topic {template!r}: each zone has its own state; use {{zone}}")
    return template


def _share_topic(template: str) -> str:
    return _ordinary(template, SHARE_FIELDS)


class ZoneSettings(Section):
    """One part of the car park whose cars are counted."""

    name: Name = Field(description="Name of the zone, part of its topic.")
    capacity: int | None = Field(None, ge=1, le=1_000_000, description="Spaces; empty: only counted.")
    lanes: tuple[Name, ...] = Field(
        description="Lanes that lead into and out of the zone, also those of the site's other gates."
    )
    inside: Name | None = Field(
        None,
        description="The zone that these lanes come from; empty: the street, and only such lanes begin and end stays.",
    )


class ParkingSettings(Section):
    """Stays and free spaces, decided on the device."""

    enabled: bool = Field(False, description="Pair entries with exits and count cars.")
    path: Path = Field(Path("var/parking.db"), description="SQLite file of the site's passages and stays.")
    keep_days: float = Field(30.0, ge=1, le=3660, description="Ended stays older than this are forgotten.")
    zones: tuple[ZoneSettings, ...] = Field(
        (), description="Parts with a capacity. Empty: one zone named site that all lanes lead into."
    )
    pair_probability: Fraction = Field(
        0.9, description="Least probability that an exit belongs to a stay, for the two to be paired."
    )
    well_read: Fraction = Field(
        0.995, description="Two plates that are both read at least this surely, and differ, are never paired."
    )
    reversal_s: float = Field(
        120.0, ge=0, le=3600, description="Who comes back through the same lane within this time has turned round."
    )
    tailgate_s: float = Field(
        4.0, ge=0, le=60, description="Who follows an opened barrier this closely, and was not let in, is marked."
    )
    overstay_h: float = Field(24.0, gt=0, le=24_000, description="Stays longer than this are shown as overstays.")
    gone_after_h: float | None = Field(
        None,
        gt=0,
        le=24_000,
        description="Cars inside for longer no longer count: their exit was missed. Empty: never.",
    )
    drift_alarm: int = Field(
        5, ge=1, le=10_000, description="Alarm when the plain count of ins and outs differs from the stays by so many."
    )
    zone_topic: Annotated[str, AfterValidator(_zone_topic)] = Field(
        "anpr/{site}/zones/{zone}", description="Retained topic of each zone's free spaces."
    )
    share: bool = Field(False, description="Share passages with the site's other gates over the broker.")
    share_topic: Annotated[str, AfterValidator(_share_topic)] = Field(
        "anpr/{site}/sessions", description="Topic over which gates of one site share; plates are in clear there."
    )

    @field_validator("zones")
    @classmethod
    def _zones_are_told_apart(cls, zones: tuple[ZoneSettings, ...]) -> tuple[ZoneSettings, ...]:
        names = [zone.name for zone in zones]
        lanes = [lane for zone in zones for lane in zone.lanes]
        for kind, found in (("zone", names), ("lane", lanes)):
            for name in sorted({n for n in found if found.count(n) > 1}):
                raise ValueError(f"{kind} {name!r} stands here twice; keep one")
        return zones

    @model_validator(mode="after")
    def _outer_zones_exist(self) -> Self:
        parents = {zone.name: zone.inside for zone in self.zones}
        for name, outer in parents.items():
            seen, at = {name}, outer
            while at is not None:
                if at not in parents:
                    raise ValueError(f"zone {name!r} lies inside {at!r}, which is not a zone; add it")
                if at in seen:
                    raise ValueError(f"zone {name!r} lies inside itself; leave one inside empty")
                seen.add(at)
                at = parents[at]
        return self
