"""Builds the site's judge and its barriers from the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.access import files
from edge.access.audit import Audit
from edge.access.barrier import Barrier
from edge.access.outputs import BarrierFault, make_output
from edge.access.site import Judge
from edge.clock import Clock, EventIds
from edge.config.access import AccessLaneSettings
from edge.config.settings import Settings
from edge.errors import ConfigError, EdgeError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """Decisions of one site, ready to run: each barrier wants a thread."""

    judge: Judge
    barriers: Mapping[str, Barrier]
    path: Path  # of the lists
    zone: ZoneInfo

    def reload(self) -> None:
        """Read the lists again; broken ones leave those in force as they are."""
        try:
            self.judge.replace_lists(files.load(self.path, self.zone))
        except EdgeError as error:
            log.error("the lists in force stay as they were: %s", error)


def assemble(settings: Settings, clock: Clock, post: Callable[[str, bytes], None] | None) -> Access | None:
    """Return the decisions that the settings ask for; None when they are off.

    Args:
        settings: of the process.
        clock: of the process.
        post: publishes a message over MQTT; None while MQTT is off.

    Raises:
        ConfigError: a lane that no camera watches, a barrier without its transport, or broken lists.
    """
    chosen = settings.access
    if not chosen.enabled:
        return None
    watched = {camera.lane for camera in settings.cameras}
    for place, lane in enumerate(chosen.lanes):
        if lane.lane not in watched:
            at, fix = f"access.lanes[{place}].lane", f"name one of: {', '.join(sorted(watched))}"
            raise ConfigError(at, f"no camera watches lane {lane.lane!r}", fix)
    zone = ZoneInfo(settings.site.timezone)
    audit = Audit(chosen.audit, clock)
    barriers = {lane.lane: _barrier(place, lane, audit, clock, post) for place, lane in enumerate(chosen.lanes)}
    judge = Judge(
        {lane.lane: lane for lane in chosen.lanes}, barriers, files.load(chosen.lists, zone), zone, audit, EventIds()
    )
    log.info("access: %d listed plates, %d lanes", len(judge.lists.entries), len(chosen.lanes))
    return Access(judge, barriers, chosen.lists, zone)


def _barrier(
    place: int, lane: AccessLaneSettings, audit: Audit, clock: Clock, post: Callable[[str, bytes], None] | None
) -> Barrier:
    at = f"access.lanes[{place}].barrier.output"
    if lane.barrier.output == "mqtt" and post is None:
        raise ConfigError(at, "is 'mqtt' but MQTT is off", "set mqtt.enabled: true or choose another output")
    try:
        output = make_output(lane.barrier, post or _nowhere)
    except BarrierFault as error:
        raise ConfigError(at, str(error), "install it or choose another output") from error
    return Barrier(output, lane.barrier, audit, clock)


def _nowhere(topic: str, payload: bytes) -> None:
    """Take the place of an MQTT connection that no barrier uses."""
