"""Who calls whom at the gate: loops and messages call a camera, a barrier in trouble calls a person.

Wiring between the parts of one process; it decides nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence

from edge.access.barrier import Alarm, Report
from edge.access.doorbell import Doorbell
from edge.access.gpio import GpioContact, library
from edge.access.outputs import BarrierFault, Command
from edge.clock import Clock
from edge.config.camera import CameraSettings
from edge.config.settings import Settings
from edge.errors import ConfigError, StorageError
from edge.runtime import Stage
from edge.sinks.metrics import Metrics
from edge.sinks.mqtt import MqttSink
from edge.sinks.wire import utc_text
from edge.types import GateEvent

log = logging.getLogger(__name__)

Store = Callable[[Iterable[GateEvent]], tuple[GateEvent, ...]]
Ring = Callable[[str, str], None]  # camera, source: a vehicle is here


def report(
    failed: Callable[[Command, str], tuple[GateEvent, ...]],
    store: Store,
    sinks: Sequence[MqttSink],
    metrics: Metrics,
    clock: Clock,
) -> Report:
    """Return who is told what the barriers do.

    Args:
        failed: gives the event that calls a person to a vehicle whose barrier did not open.
        store: keeps events for delivery.
        sinks: take what concerns a barrier alone, on their alert topic.
        metrics: count.
        clock: of the process.
    """

    def alarm(alarm: Alarm) -> None:
        metrics.barrier_alarm(alarm.lane, alarm.kind)
        if alarm.command is None:
            _tell(alarm, sinks, clock)
            return
        try:
            for event in store(failed(alarm.command, alarm.reason)):
                metrics.decision_made(event.lane, str(event.decision))
        except StorageError as error:
            log.error("nobody is called to lane %s: %s", alarm.lane, error)

    return Report(alarm, metrics.barrier_told)


def hear(settings: Settings, sinks: Sequence[MqttSink], ring: Ring) -> None:
    """Let fresh MQTT messages on a camera's topic say that a vehicle is here; before the first connection."""
    for sink in sinks:
        for camera in settings.cameras:
            template = camera.trigger.topic
            if template is not None:
                topic = template.format(
                    site=settings.site.name, lane=camera.lane, camera=camera.name, client_id=sink.client_id
                )
                sink.subscribe(topic, _ringing(ring, camera.name), fresh=True)


def doorbells(settings: Settings, ring: Ring, metrics: Metrics) -> list[Stage]:
    """Return the stages that wait for the cameras' loops and buttons.

    Raises:
        ConfigError: a contact is set, and the library for GPIO is missing.
    """
    return [_doorbell(camera, ring, metrics) for camera in settings.cameras if camera.trigger.contact is not None]


def _doorbell(camera: CameraSettings, ring: Ring, metrics: Metrics) -> Stage:
    assert camera.trigger.contact is not None
    try:
        contact = GpioContact(camera.trigger.contact, library(), calls=True)
    except BarrierFault as error:
        raise ConfigError(f"cameras.{camera.name}.trigger.contact", str(error), "install it, or do without") from error
    bell = Doorbell(
        camera.name,
        contact,
        ring=lambda: ring(camera.name, "gpio"),
        fault=lambda: metrics.barrier_alarm(camera.lane, "contact"),
    )
    return Stage(f"loop-{camera.name}", bell.run, bell.stop)


def _ringing(ring: Ring, camera: str) -> Callable[[str, bytes], None]:
    return lambda _topic, _payload: ring(camera, "mqtt")


def _tell(alarm: Alarm, sinks: Sequence[MqttSink], clock: Clock) -> None:
    body = {
        "alert": f"barrier.{alarm.kind}",
        "lane": alarm.lane,
        "reason": alarm.reason,
        "at": utc_text(clock.utc()),
    }
    for sink in sinks:
        topic = sink.alert_topic(alarm.lane)
        if topic is not None:
            sink.post(topic, json.dumps(body).encode())
