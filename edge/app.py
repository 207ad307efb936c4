"""The composition root: from settings to a running daemon.

Built from the broker backwards, so that whoever makes something finds somebody
to take it; `Runtime` stops it the other way round. Only here do the parts meet.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from edge import __version__, callers, health
from edge.access.assembly import Access, assemble, open_lists
from edge.access.audit import Audit
from edge.access.list_orders import ListOrders, obey
from edge.access.parking_assembly import CarPark, assemble_parking
from edge.access.store import ListStore
from edge.board import Board, ModelStatus
from edge.clock import EventIds, SystemClock
from edge.config import load
from edge.config.camera import CameraSettings
from edge.config.settings import Settings
from edge.errors import EdgeError
from edge.housekeeping import Housekeeping
from edge.mailbox import Mailbox
from edge.memory import Thrift, settle
from edge.pipeline.capture import CaptureThread, open_source
from edge.pipeline.evidence import blur, shrink
from edge.pipeline.models import fingerprints
from edge.pipeline.onnx import ProviderFallback, log_fallback
from edge.privacy.disguise import Disguise, DisguisedSink, disguises
from edge.privacy.key import PseudonymKey
from edge.privacy.retention import Retention
from edge.privacy.stores import stores_of_passages
from edge.runtime import LEAVE_WITHIN_S, Runtime, Stage
from edge.sinks.accounts import Accounts
from edge.sinks.assembly import Delivery, deliveries
from edge.sinks.assembly import Site as DeliverySite
from edge.sinks.history import NAME as HISTORY
from edge.sinks.history import History
from edge.sinks.metrics import Metrics
from edge.sinks.monitor import Monitor
from edge.sinks.mqtt import MqttSink
from edge.sinks.outbox import Limits, Outbox
from edge.sinks.outbox_retention import DAY_S, MIB
from edge.sinks.preflight import facts
from edge.sinks.publish import PublishStage
from edge.sinks.timekeeping import ClockWatch
from edge.sinks.tuning import Tuning
from edge.telemetry import CameraTelemetry, MeteredSink
from edge.types import Frame, GateEvent
from edge.vision import VisionStage, build_pipeline

log = logging.getLogger(__name__)

COMMAND_S = 2.0  # a barrier's command that the broker has not acknowledged by then is tried again or given up
HISTORY_PAUSE_S = 10.0  # the history is a local file: when it fails, trying again soon costs nothing


@dataclass(frozen=True, slots=True)
class _Site:
    """What every part of one process shares."""

    settings: Settings
    clock: SystemClock
    board: Board
    metrics: Metrics
    outbox: Outbox
    tuning: Tuning
    accounts: Accounts
    watch: ClockWatch
    lists: ListStore
    car_park: CarPark | None
    disguises: Mapping[str, Disguise]  # by sink: in which form its events leave
    calls: dict[str, Callable[[str], None]] = field(default_factory=dict)  # camera -> a vehicle is here, says source
    aims: dict[str, Callable[[CameraSettings], None]] = field(default_factory=dict)  # camera -> see it so from now on

    def aim(self, path: Path | None, camera: str) -> str:
        """Let the vision of `camera` use what was drawn and saved to the settings file; return what to tell people."""
        running = next(c for c in self.settings.cameras if c.name == camera)
        if path is None or camera not in self.aims:
            return "Saved."
        drawn = next(c for c in load(path).cameras if c.name == camera)
        ways = {name: getattr(drawn.gate, name) for name in ("direction", "approaching", "line")}
        gate = running.gate.model_copy(update=ways)
        self.aims[camera](running.model_copy(update={"region": drawn.region, "gate": gate}))
        return "Saved, and used from now on."

    def call(self, camera: str, source: str) -> None:
        """Tell a camera that a vehicle stands before it; one that does not run yet misses nothing."""
        if camera in self.calls:
            self.calls[camera](source)


def run(settings: Settings, *, reload: Callable[[], None] = lambda: None, config_path: Path | None = None) -> int:
    """Watch the cameras of `settings` until told to stop; return the exit code of the process.

    Args:
        settings: validated.
        reload: what SIGHUP does.
        config_path: where the settings came from; the web page saves drawings there.

    Raises:
        ModelError: a model cannot be used.
        StorageError: the outbox cannot be opened.
        SinkUnavailable: a port is taken.
    """
    with ExitStack() as stack:
        site = _site(settings, stack)
        facts(settings, site.clock.utc(), resolve=None)
        web, sinks = _web(site, config_path)
        orders = _list_orders(site)
        found = _deliveries(site, orders)
        mqtt = [d.sink for d in found if isinstance(d.sink, MqttSink)]
        access = _access(site, mqtt)
        publishers = [_publisher(site, delivery) for delivery in [*found, *_parking(site), *sinks]]
        site.outbox.retire(keep={p.sink for p in publishers})
        callers.hear(settings, mqtt, site.call)
        stages = [
            *_delivery_stages(site, publishers, orders),
            *web,
            *_barrier_stages(access),
            *_all_camera_stages(site, access),
            *callers.doorbells(settings, site.call, site.metrics),
        ]
        _serve(site, stack)
        settle()
        log.info("anpr-edge %s watches %d camera(s)", __version__, len(settings.cameras))
        return Runtime(
            stages,
            healthy=lambda: health.all_ok(health.alive(site.board.snapshot())),
            reload=lambda: _reload(reload, site),
            status=lambda: health.one_line(site.board.snapshot()),
            leave_within_s=LEAVE_WITHIN_S,
        ).run()


def _delivery_stages(site: _Site, publishers: Sequence[PublishStage], orders: Sequence[ListOrders]) -> Iterator[Stage]:
    """Return what runs beside the cameras for the sake of the events."""
    volumes = {"outbox": site.settings.outbox.path.resolve().parent}
    keeper = Housekeeping(site.board, site.outbox, publishers, volumes, _chores(site))
    yield from (Stage(p.name, p.run, p.stop) for p in publishers)
    yield Stage("housekeeping", keeper.run, keeper.stop)
    yield from (Stage("lists", o.run, o.stop) for o in orders)


def _all_camera_stages(site: _Site, access: Access | None) -> Iterator[Stage]:
    """Return the vision of every camera, then their captures: pictures come when somebody looks at them."""
    cameras = [_camera_stages(site, camera, access) for camera in site.settings.cameras]
    yield from (vision for vision, _ in cameras)
    yield from (capture for _, capture in cameras)


def _site(settings: Settings, stack: ExitStack) -> _Site:
    clock = SystemClock()
    board = Board(clock, settings.site.name, {c.name: c.lane for c in settings.cameras}, __version__)
    chosen = settings.outbox
    limits = Limits(chosen.max_age_days * DAY_S, int(chosen.max_mb * MIB), int(chosen.min_free_mb * MIB))
    metrics, watch = Metrics(board), ClockWatch(clock)
    outbox = stack.enter_context(
        Outbox(
            chosen.path,
            clock,
            limits=limits,
            watch=watch,
            on_drop=lambda reason, count: metrics.event_lost("outbox", reason, count),
        )
    )
    tuning = Tuning({c.name: c.threshold for c in settings.cameras})
    append = partial(_store, outbox, board, metrics)
    car_park = assemble_parking(settings, clock, append, outbox.wake)
    return _Site(
        settings,
        clock,
        board,
        metrics,
        outbox,
        tuning,
        Accounts() if settings.web.enabled else Accounts(kept=0),
        watch,
        open_lists(settings, clock),
        car_park,
        _disguises(settings),
    )


def _store(outbox: Outbox, board: Board, metrics: Metrics, events: Iterable[GateEvent]) -> tuple[GateEvent, ...]:
    """Store events that come from no camera, and report them."""
    stored = outbox.append(events)
    for event in stored:
        board.event_stored(event)
        metrics.event_stored(event.lane, event.type, event.direction)
    return stored


def _parking(site: _Site) -> list[Delivery]:
    """Return the sink that feeds the car park, if there is one."""
    return [] if site.car_park is None else [Delivery(site.car_park.sink, HISTORY_PAUSE_S)]


def _chores(site: _Site) -> list[Callable[[], None]]:
    chosen = site.settings.privacy
    audit = Audit(chosen.log, site.clock, "privacy.log")
    kept = stores_of_passages(site.settings)
    retention = Retention(kept, chosen.keep, site.clock, site.watch.synchronised, audit)
    chores: list[Callable[[], None]] = [retention, Thrift(site.clock)]
    return chores if site.car_park is None else [*chores, partial(site.car_park.measure, site.board, site.clock)]


def _disguises(settings: Settings) -> Mapping[str, Disguise]:
    key = PseudonymKey(settings.privacy.key_file)
    if settings.privacy.needs_key:
        if key.make():
            log.warning("privacy: no key was there, a new one is made; pseudonyms from before belong to nothing now")
        key.load()  # a key that others may read is refused before anything leaves
    return disguises(settings.privacy, key.pseudonym, blur)


def _deliveries(site: _Site, orders: Sequence[ListOrders]) -> list[Delivery]:
    """Return the sinks that the settings name."""
    decides = site.settings.access.enabled
    parts = DeliverySite(
        site.board,
        site.tuning,
        site.clock,
        wake=site.outbox.wake,
        shrink=shrink,
        reload_lists=(lambda: site.lists.reload().version) if decides else None,
        load_lists=partial(obey, site.lists) if decides else None,
        lists_version=(lambda: site.lists.lists.version) if decides else None,
        model_hashes=fingerprints(site.settings.models),
        companions=(*orders, *(() if site.car_park is None else (site.car_park.companion,))),
    )
    return deliveries(site.settings, parts)


def _list_orders(site: _Site) -> list[ListOrders]:
    """Return who takes lists over MQTT, if anybody may send them."""
    chosen, mqtt = site.settings.access, site.settings.mqtt
    if not (chosen.enabled and chosen.lists_topic and mqtt.enabled):
        return []
    name = site.settings.site.name
    client_id = mqtt.client_id_at(name)
    return [ListOrders(site.lists, chosen.lists_topic.format(site=name, client_id=client_id), client_id)]


def _publisher(site: _Site, delivery: Delivery) -> PublishStage:
    return PublishStage(
        site.outbox,
        MeteredSink(DisguisedSink(delivery.sink, site.disguises[delivery.sink.name]), site.metrics, site.clock),
        clock=site.clock,
        max_backoff_s=delivery.max_backoff_s,
        certificate_expires=delivery.certificate_expires,
    )


def _web(site: _Site, config_path: Path | None) -> tuple[list[Stage], list[Delivery]]:
    """Return the stage of the web page and the sink that feeds its history; nothing when it is off."""
    chosen = site.settings.web
    if not chosen.enabled:
        return [], []
    from edge.sinks.web.app import Parts as WebParts  # noqa: PLC0415  (30 MiB that a gate without page need not carry)
    from edge.sinks.web.server import WebServer  # noqa: PLC0415

    keep = chosen.history
    history = History(
        keep.path,
        site.clock,
        keep_events=keep.keep_events,
        account_of=site.accounts.take,
    )
    command, config = (sys.executable, "-m", "edge"), () if config_path is None else ("-c", str(config_path))
    server = WebServer(
        WebParts(
            site.settings,
            site.board,
            site.metrics,
            history,
            site.clock,
            config_path,
            read=(*command, "read", "--json", *config),
            replay=(*command, "replay", "--json", *config),
            parking=None if site.car_park is None else site.car_park.parking,
            disguise=site.disguises[HISTORY],
            call=site.call,
            lists=site.lists if site.settings.access.enabled else None,
            apply=partial(site.aim, config_path),
        )
    )
    log.info("web page: %s", server.url)
    return [Stage(server.name, server.run, server.stop)], [Delivery(history, HISTORY_PAUSE_S)]


def _access(site: _Site, mqtt: Sequence[MqttSink]) -> Access | None:
    """Return the site's decisions and barriers; a barrier's command goes over MQTT now or never."""
    made: list[Access] = []
    report = callers.report(
        lambda command, reason: made[0].judge.barrier_failed(command, reason),  # noqa: PLW0108  (made later)
        partial(_store, site.outbox, site.board, site.metrics),
        mqtt,
        site.metrics,
        site.clock,
    )
    post = partial(mqtt[0].send, within_s=COMMAND_S) if mqtt else None
    access = assemble(site.settings, site.lists, site.clock, post, report, site.watch.synchronised)
    made += [access] if access is not None else []
    return access


def _barrier_stages(access: Access | None) -> list[Stage]:
    barriers = access.barriers if access is not None else {}
    return [Stage(f"barrier-{lane}", barrier.run, barrier.stop) for lane, barrier in barriers.items()]


def _reload(settings: Callable[[], None], site: _Site) -> None:
    settings()
    if site.settings.access.enabled:
        try:
            site.lists.reload()
        except EdgeError as error:
            log.error("the lists in force stay as they were: %s", error)


def _camera_stages(site: _Site, camera: CameraSettings, access: Access | None) -> tuple[Stage, Stage]:
    """Return the vision and the capture stage of one camera."""
    telemetry = CameraTelemetry(camera, site.metrics, site.board)
    mailbox: Mailbox[Frame] = Mailbox()
    pipeline = build_pipeline(site.settings, camera, EventIds(), time.perf_counter, _fallback_reporter(site))
    for role, status in pipeline.models().items():
        site.board.model_loaded(ModelStatus(role, status.name, status.provider, site.settings.models.provider))
    name = f"{health.VISION}{camera.name}"
    vision = VisionStage(
        pipeline,
        mailbox,
        site.outbox,
        telemetry,
        site.clock,
        heartbeat=lambda: site.board.beat(name),
        explained=site.accounts.put,
        threshold=lambda: site.tuning.threshold(camera.name),
        decide=access.judge.decide if access else lambda event: (event,),
        announced=access.judge.act if access else lambda events: None,
    )
    site.calls[camera.name], site.aims[camera.name] = vision.call, vision.aim

    def watch() -> None:
        vision.run()
        site.board.rest(name)  # a recording is over; the other cameras go on, and the watchdog is fed for them

    capture = CaptureThread(open_source(camera, site.clock), mailbox, camera, site.clock, observer=telemetry)
    return (
        Stage(name, watch, mailbox.close, leads=True),
        Stage(f"capture-{camera.name}", capture.run, capture.stop),
    )


def _fallback_reporter(site: _Site) -> Callable[[ProviderFallback], None]:
    def report(fallback: ProviderFallback) -> None:
        log_fallback(fallback)
        site.metrics.provider_fell_back(fallback.model)

    return report


def _serve(site: _Site, stack: ExitStack) -> None:
    """Start the read-only views."""
    chosen = site.settings.metrics
    if chosen.enabled:
        monitor = Monitor(site.board, site.metrics, chosen.host, chosen.port)
        stack.callback(monitor.close)
        monitor.start()
