"""Builds the site's judge and its barriers from the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.access import files
from edge.access.audit import Audit
from edge.access.barrier import Barrier, Report
from edge.access.gpio import Contact, GpioContact, library
from edge.access.interlock import Interlock
from edge.access.lists import PlateLists
from edge.access.outputs import BarrierFault, make_output
from edge.access.site import Judge
from edge.access.spelling import Spelling
from edge.clock import Clock, EventIds
from edge.config.access import AccessLaneSettings
from edge.config.contacts import ContactSettings
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
    spelling: Spelling

    def load(self) -> PlateLists:
        """Return the lists in the file.

        Raises:
            ConfigError: the file is broken.
            StorageError: it cannot be read.
        """
        return files.load(self.path, self.zone, self.spelling)

    def reload(self) -> None:
        """Read the lists again; broken ones leave those in force as they are."""
        try:
            self.judge.replace_lists(self.load())
        except EdgeError as error:
            log.error("the lists in force stay as they were: %s", error)


def assemble(
    settings: Settings,
    clock: Clock,
    post: Callable[[str, bytes], None] | None,
    report: Report | None = None,
    clock_good: Callable[[], bool] = lambda: True,
) -> Access | None:
    """Return the decisions that the settings ask for; None when they are off.

    Args:
        settings: of the process.
        clock: of the process.
        post: publishes a message over MQTT; None while MQTT is off.
        report: is told what the barriers do.
        clock_good: tells whether UTC is right.

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
    zone, spelling = ZoneInfo(settings.site.timezone), Spelling(settings.voting.countries)
    audit = Audit(chosen.audit, clock)
    barriers = {
        lane.lane: _barrier(f"access.lanes[{place}].barrier", lane, audit, clock, post, report)
        for place, lane in enumerate(chosen.lanes)
    }
    lists = files.load(chosen.lists, zone, spelling)
    rules = {lane.lane: lane for lane in chosen.lanes}
    judge = Judge(rules, barriers, lists, zone, audit, EventIds(), clock_good)
    log.info("access: %d listed plates, %d lanes", len(judge.lists.entries), len(chosen.lanes))
    return Access(judge, barriers, chosen.lists, zone, spelling)


def _barrier(
    at: str,
    lane: AccessLaneSettings,
    audit: Audit,
    clock: Clock,
    post: Callable[[str, bytes], None] | None,
    report: Report | None,
) -> Barrier:
    chosen = lane.barrier
    if chosen.output == "mqtt" and post is None:
        raise ConfigError(f"{at}.output", "is 'mqtt' but MQTT is off", "set mqtt.enabled: true or another output")
    try:
        output, interlock = (
            make_output(chosen, post or _nowhere),
            Interlock(_contact(chosen.loop), _contact(chosen.closed)),
        )
    except BarrierFault as error:
        raise ConfigError(at, str(error), "install it, or do without GPIO") from error
    return Barrier(lane.lane, output, chosen, audit, clock, interlock, report)


def _contact(settings: ContactSettings | None) -> Contact | None:
    return None if settings is None else GpioContact(settings, library())


def _nowhere(topic: str, payload: bytes) -> None:
    """Take the place of an MQTT connection that no barrier uses."""
