"""Builds the site's judge and its barriers from the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from edge.access.audit import Audit
from edge.access.barrier import Barrier, Report
from edge.access.gpio import Contact, GpioContact, library
from edge.access.interlock import Interlock
from edge.access.outputs import BarrierFault, make_output
from edge.access.site import Judge
from edge.access.spelling import Spelling
from edge.access.store import ListStore
from edge.clock import Clock, EventIds
from edge.config.access import AccessLaneSettings
from edge.config.contacts import ContactSettings
from edge.config.settings import Settings
from edge.errors import ConfigError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """Decisions of one site, ready to run: each barrier wants a thread."""

    judge: Judge
    barriers: Mapping[str, Barrier]


def open_lists(settings: Settings, clock: Clock) -> ListStore:
    """Return the site's lists, not read yet."""
    chosen, spelling = settings.access, Spelling(settings.voting.countries)
    return ListStore(chosen.lists, ZoneInfo(settings.site.timezone), spelling, Audit(chosen.audit, clock))


def assemble(
    settings: Settings,
    store: ListStore,
    clock: Clock,
    post: Callable[[str, bytes], None] | None,
    report: Report | None = None,
    clock_good: Callable[[], bool] = lambda: True,
) -> Access | None:
    """Return the decisions that the settings ask for; None when they are off.

    Args:
        settings: of the process.
        store: of the lists; it is read here.
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
    audit = Audit(chosen.audit, clock)
    barriers = {
        lane.lane: _barrier(f"access.lanes[{place}].barrier", lane, audit, clock, post, report)
        for place, lane in enumerate(chosen.lanes)
    }
    rules = {lane.lane: lane for lane in chosen.lanes}
    judge = Judge(rules, barriers, store.lists, store.zone, audit, EventIds(), clock_good, clock.monotonic_s)
    store.start()
    store.tell(judge.replace_lists)
    log.info("access: %d listed plates, %d lanes", len(judge.lists.entries), len(chosen.lanes))
    return Access(judge, barriers)


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
