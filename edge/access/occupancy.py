"""Occupancy: how many cars are in each zone, and whether the count can still be believed.

Cars inside are the open stays and those without one: cars that were there
before the first recount, less cars that left unrecognised. The plain count of
ins and outs runs beside it; when the two part, somebody should count. Frozen
values, pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from edge.config.parking import WHOLE_SITE, ZoneSettings


@dataclass(frozen=True, slots=True)
class ZoneCount:
    """One zone now."""

    zone: str
    stays: int = 0  # open stays that began here
    others: int = 0  # cars inside without a stay; below zero: cars left, and nobody knows yet which
    plain: int = 0  # ins less outs since the last recount
    recounted_at: datetime | None = None

    @property
    def cars(self) -> int:
        """Return how many cars are inside, as far as is known."""
        return self.stays + self.others

    def recounted(self, cars: int, at: datetime) -> ZoneCount:
        """Return the zone after a person counted `cars` at `at`."""
        return replace(self, others=cars - self.stays, plain=cars, recounted_at=at)


@dataclass(frozen=True, slots=True)
class ZoneState:
    """What is told about a zone."""

    zone: str
    cars: int
    capacity: int | None
    free: int | None  # never below zero nor above the capacity; None without a capacity
    plain: int
    recounted_at: datetime | None
    alarm: str  # why the count should be checked; empty while it can be believed


class SitePlan:
    """Which lane leads where.

    Args:
        zones: of the settings; empty: one zone for all lanes.
    """

    def __init__(self, zones: tuple[ZoneSettings, ...]) -> None:
        self.zones: Mapping[str, ZoneSettings] = {
            z.name: z for z in zones or (ZoneSettings(name=WHOLE_SITE, lanes=()),)
        }
        self._by_lane = {lane: z for z in zones for lane in z.lanes}
        self._whole = None if zones else self.zones[WHOLE_SITE]

    def zone_of(self, lane: str) -> ZoneSettings | None:
        """Return the zone that `lane` leads into; None: the lane takes no part."""
        return self._whole or self._by_lane.get(lane)


def zone_state(count: ZoneCount, settings: ZoneSettings, drift_alarm: int) -> ZoneState:
    """Return what is told about a zone; `drift_alarm` is how far the two counts may part."""
    capacity = settings.capacity
    free = None if capacity is None else max(0, min(capacity, capacity - count.cars))
    alarm = _alarm(count, capacity, drift_alarm)
    return ZoneState(count.zone, count.cars, capacity, free, count.plain, count.recounted_at, alarm)


def _alarm(count: ZoneCount, capacity: int | None, drift_alarm: int) -> str:
    if count.cars < 0:
        return f"{-count.cars} more cars have left than came in; count the cars and reset"
    if capacity is not None and count.cars > capacity:
        return f"{count.cars - capacity} more cars than spaces; count the cars and reset"
    if abs(count.plain - count.cars) > drift_alarm:
        return f"ins and outs say {count.plain}, stays say {count.cars}; count the cars and reset"
    return ""
