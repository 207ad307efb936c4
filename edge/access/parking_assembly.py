"""Builds the car park from the settings: its file, the sink that feeds it, and its part of the MQTT connection."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from edge.access.audit import Audit
from edge.access.parking import Parking
from edge.access.parking_mqtt import ParkingCompanion
from edge.access.parking_sink import Append, ParkingSink
from edge.board import Board
from edge.clock import Clock
from edge.config.settings import Settings
from edge.errors import ConfigError
from edge.protocols import KeepClass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CarPark:
    """The car park of one gate, ready to run."""

    parking: Parking
    sink: ParkingSink
    companion: ParkingCompanion

    def measure(self, board: Board, clock: Clock) -> None:
        """Put its figures on the board."""
        if self.parking.ready:
            board.parking_measured(self.parking.status(clock.utc()))


def assemble_parking(settings: Settings, clock: Clock, append: Append, wake: Callable[[], None]) -> CarPark | None:
    """Return the car park that the settings ask for; None when stays are not followed.

    Args:
        settings: of the process.
        clock: of the process.
        append: puts events into the outbox.
        wake: makes the publish stages look up: there is something to send.

    Raises:
        ConfigError: the gates of one site could not be told apart.
        StorageError: the file cannot be opened.
    """
    chosen, site = settings.parking, settings.site.name
    if not chosen.enabled:
        return None
    if chosen.share and not (settings.mqtt.enabled and settings.mqtt.client_id):
        fix = "set mqtt.enabled, and mqtt.client_id to a name of this gate's own"
        raise ConfigError("parking.share", "gates share over MQTT, where each needs its own client id", fix)
    lanes = {camera.lane: camera.name for camera in reversed(settings.cameras)}
    named = {lane for zone in chosen.zones for lane in zone.lanes}
    for lane in sorted(set(lanes) - named if named else ()):
        log.warning("parking: lane %s leads into no zone of parking.zones: it takes no part", lane)
    parking = Parking(chosen, clock.utc(), wait=False)
    record = Audit(settings.privacy.log, clock, "privacy.log")
    sink = ParkingSink(parking, lanes, site, append, clock, wake, partial(_record, record))
    return CarPark(parking, sink, ParkingCompanion(parking, site, clock, changed=wake))


def _record(audit: Audit, count: int) -> None:
    """Note a purge beside those of the other stores."""
    audit.note("purge", store="parking", kept_as=KeepClass.SESSION.value, records=count)
