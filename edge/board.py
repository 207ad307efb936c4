"""The status board: where the threads leave their latest state and read-only views pick it up.

Writers (capture, vision, publish, main) replace a small frozen value under one
lock and never wait for a reader; readers take a `Snapshot` or the newest
picture. Nothing is decided here, nothing is counted that a metric counts.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from edge.clock import Clock
from edge.protocols import SourceState
from edge.types import Frame, GateEvent, PlateRead, Track, Verdict

EVENTS_KEPT = 50  # newest events held in memory for the live view
FPS_WINDOW_S = 2.0  # frame rate is measured over at least this long


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera now."""

    camera: str
    lane: str
    state: SourceState = SourceState.CONNECTING
    reason: str = "starting"  # why it is in this state, for people
    changed_s: float = 0.0  # monotonic
    reconnects: int = 0  # how often it came up again after the first time
    width: int = 0
    height: int = 0
    fps: float = 0.0
    frames: int = 0
    frame_s: float | None = None  # monotonic moment at which the newest frame was captured


@dataclass(frozen=True, slots=True, eq=False)
class Vehicle:
    """One followed plate, as the live view draws it."""

    track: Track
    state: str  # of the gate: approaching, waiting, passed, reversed, parked
    verdict: Verdict | None = None  # the vote so far
    read: PlateRead | None = None  # the newest look, for the technician's page


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """The newest frame that vision has finished with, and what it saw there."""

    frame: Frame
    vehicles: tuple[Vehicle, ...]
    looked: bool  # False: the motion gate skipped this frame


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """The queue on disk now."""

    depth: int = 0  # events that at least one sink has not acknowledged
    oldest_s: float = 0.0  # age of the oldest of them
    dead_letters: int = 0
    size_bytes: int = 0
    problem: str = ""  # why it cannot be written; empty while it can
    alarm: str = ""  # what was lost or damaged since the start, for a person to look at


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """One place events go to."""

    sink: str
    connected: bool = False
    reason: str = "not connected yet"
    changed_s: float = 0.0
    connections: int = 0  # how often it became connected; more than one means it was lost in between
    pending: int = 0
    certificate_expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One loaded model, or why it is not loaded."""

    role: str  # detector or recogniser
    name: str
    provider: str  # where it really runs
    wanted: str  # what the settings asked for
    ready: bool = True
    reason: str = ""  # of a fall-back or of not being ready


@dataclass(frozen=True, slots=True)
class DiskStatus:
    """The file system that carries something of ours."""

    volume: str  # outbox or evidence
    free_bytes: int
    total_bytes: int

    @property
    def free_ratio(self) -> float:
        return self.free_bytes / self.total_bytes if self.total_bytes else 0.0


@dataclass(frozen=True, slots=True)
class ZoneStatus:
    """One zone of the car park now."""

    zone: str
    cars: int
    capacity: int | None
    free: int | None
    alarm: str  # why somebody should count; empty while the count can be believed


@dataclass(frozen=True, slots=True)
class ParkingStatus:
    """The car park now."""

    zones: tuple[ZoneStatus, ...] = ()  # none: stays are not followed here
    open: int = 0  # stays
    overstays: int = 0
    unmatched: int = 0  # exits without a stay


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything on the board at one moment."""

    site: str
    version: str
    at_s: float  # monotonic
    at: datetime  # the same moment, aware UTC
    started_s: float
    cameras: Mapping[str, CameraStatus]
    beats_s: Mapping[str, float]  # thread -> monotonic moment of its last heartbeat
    models: Mapping[str, ModelStatus]
    outbox: OutboxStatus
    sinks: Mapping[str, SinkStatus]
    disks: Mapping[str, DiskStatus]
    events: tuple[GateEvent, ...]  # newest first
    event_count: int
    parking: ParkingStatus = ParkingStatus()


@dataclass(slots=True)
class _Meter:
    """Counts frames over a sliding window to give a rate that settles quickly."""

    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=240))

    def tick(self, at_s: float) -> float:
        self.arrivals.append(at_s)
        while len(self.arrivals) > 2 and at_s - self.arrivals[0] > FPS_WINDOW_S:
            self.arrivals.popleft()
        span_s = at_s - self.arrivals[0]
        return (len(self.arrivals) - 1) / span_s if span_s > 0 else 0.0


class Board:
    """Thread-safe; every method returns at once.

    Args:
        clock: where ages are measured.
        site: name of the installation.
        lanes: camera name -> lane name, from the settings.
        version: of the program.
    """

    def __init__(self, clock: Clock, site: str, lanes: Mapping[str, str], version: str) -> None:
        self._clock = clock
        self._site = site
        self._version = version
        self._lock = threading.Lock()
        self._started_s = clock.monotonic_s()
        self._cameras = {c: CameraStatus(c, lane, changed_s=self._started_s) for c, lane in lanes.items()}
        self._meters = {camera: _Meter() for camera in lanes}
        self._beats: dict[str, float] = {}
        self._models: dict[str, ModelStatus] = {}
        self._outbox = OutboxStatus()
        self._sinks: dict[str, SinkStatus] = {}
        self._disks: dict[str, DiskStatus] = {}
        self._events: deque[GateEvent] = deque(maxlen=EVENTS_KEPT)
        self._event_count = 0
        self._sights: dict[str, Sight] = {}
        self._parking = ParkingStatus()

    @property
    def lanes(self) -> Mapping[str, str]:
        """Return camera name -> lane name: fixed for the life of the process."""
        return {c.camera: c.lane for c in self._cameras.values()}

    # -- written by capture ------------------------------------------------------------------------------------------

    def camera_changed(self, camera: str, state: SourceState, reason: str = "") -> None:
        """Note the camera's state; `reason` is for people and must not hold a password."""
        with self._lock:
            old = self._cameras[camera]
            again = state is SourceState.UP and old.state is not SourceState.UP and old.frames > 0
            self._cameras[camera] = replace(
                old,
                state=state,
                reason=reason,
                changed_s=self._clock.monotonic_s() if state is not old.state else old.changed_s,
                reconnects=old.reconnects + again,
                fps=old.fps if state is SourceState.UP else 0.0,
            )

    def frame_received(self, camera: str, at_s: float, width: int, height: int) -> None:
        """Note that a frame was decoded, captured at the monotonic moment `at_s`."""
        with self._lock:
            old = self._cameras[camera]
            fps = self._meters[camera].tick(at_s)
            self._cameras[camera] = replace(
                old, width=width, height=height, frames=old.frames + 1, frame_s=at_s, fps=fps
            )

    # -- written by vision -------------------------------------------------------------------------------------------

    def beat(self, thread: str) -> None:
        """Note that `thread` is alive and making progress."""
        with self._lock:
            self._beats[thread] = self._clock.monotonic_s()

    def rest(self, thread: str) -> None:
        """Note that `thread` has done its work and ended: its silence from now on means nothing."""
        with self._lock:
            self._beats.pop(thread, None)

    def frame_seen(self, frame: Frame, vehicles: tuple[Vehicle, ...] = (), *, looked: bool = True) -> None:
        """Show `frame` to viewers: call it last, when nobody else uses the frame's pixels any more."""
        with self._lock:
            self._sights[frame.camera] = Sight(frame, vehicles, looked)

    def model_loaded(self, model: ModelStatus) -> None:
        """Note where a model runs, or why it does not."""
        with self._lock:
            self._models[model.role] = model

    # -- written by whoever stores and publishes ---------------------------------------------------------------------

    def event_stored(self, event: GateEvent) -> None:
        """Show an event that the outbox has committed."""
        with self._lock:
            self._events.appendleft(event)
            self._event_count += 1

    def outbox_measured(self, outbox: OutboxStatus) -> None:
        """Replace the outbox's figures."""
        with self._lock:
            self._outbox = outbox

    def sink_changed(
        self, sink: str, connected: bool, reason: str = "", *, certificate_expires: datetime | None = None
    ) -> None:
        """Note whether `sink` can deliver; `reason` says why not."""
        now = self._clock.monotonic_s()
        with self._lock:
            old = self._sinks.get(sink) or SinkStatus(sink, changed_s=now)
            self._sinks[sink] = replace(
                old,
                connected=connected,
                reason=reason,
                changed_s=now if connected != old.connected else old.changed_s,
                connections=old.connections + (connected and not old.connected),
                certificate_expires=certificate_expires or old.certificate_expires,
            )

    def sink_pending(self, sink: str, pending: int) -> None:
        """Note how many events `sink` has not acknowledged."""
        with self._lock:
            old = self._sinks.get(sink) or SinkStatus(sink, changed_s=self._clock.monotonic_s())
            self._sinks[sink] = replace(old, pending=pending)

    def parking_measured(self, parking: ParkingStatus) -> None:
        """Replace the figures of the car park."""
        with self._lock:
            self._parking = parking

    def disk_measured(self, disk: DiskStatus) -> None:
        """Replace the figures of one volume."""
        with self._lock:
            self._disks[disk.volume] = disk

    # -- read by metrics, health and the web page ---------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return a consistent copy of everything."""
        with self._lock:
            return Snapshot(
                site=self._site,
                version=self._version,
                at_s=self._clock.monotonic_s(),
                at=self._clock.utc(),
                started_s=self._started_s,
                cameras=dict(self._cameras),
                beats_s=dict(self._beats),
                models=dict(self._models),
                outbox=self._outbox,
                sinks=dict(self._sinks),
                disks=dict(self._disks),
                events=tuple(self._events),
                event_count=self._event_count,
                parking=self._parking,
            )

    def sight(self, camera: str) -> Sight | None:
        """Return the newest frame of `camera` with what was seen in it; None before the first."""
        with self._lock:
            return self._sights.get(camera)
