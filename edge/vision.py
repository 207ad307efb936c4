"""The vision of one camera: builds its pipeline, and the stage that runs it on a thread of its own.

A pipeline owns its models, so nothing mutable is shared between cameras. An
event that cannot be stored now is kept and stored later: it was never
announced to anybody.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterable, Mapping, Sequence

from edge import __version__
from edge.clock import Clock, EventIds
from edge.config.camera import CameraSettings
from edge.config.settings import Settings
from edge.errors import InferenceError, StorageError
from edge.mailbox import Mailbox
from edge.pipeline.attention import Look
from edge.pipeline.image import work_on_one_core
from edge.pipeline.models import load_detector, load_recogniser
from edge.pipeline.onnx import Report, log_fallback
from edge.pipeline.pipeline import Parts, Pipeline, Step, Stopwatch
from edge.sinks.outbox import Outbox
from edge.telemetry import CameraTelemetry
from edge.tracking.account import Account
from edge.types import Frame, GateEvent, Trigger

log = logging.getLogger(__name__)

TAKE_S = 0.5  # longest wait for a frame: the heartbeat goes on beside an empty road
AIM_PATIENCE_S = 15.0  # what was drawn is used after this at the latest, whatever stands in the lane
MOST_UNSTORED = 10_000  # events kept in memory while the disk refuses them; about a day of a busy gate

Decide = Callable[[GateEvent], tuple[GateEvent, ...]]


def build_pipeline(
    settings: Settings, camera: CameraSettings, ids: EventIds, stopwatch: Stopwatch, report: Report = log_fallback
) -> Pipeline:
    """Return the vision of `camera`, its models loaded.

    Raises:
        ModelError: a model cannot be used.
    """
    work_on_one_core()
    parts = Parts(
        camera=camera,
        models=settings.models,
        voting=settings.voting,
        evidence=settings.evidence,
        site=settings.site.name,
        version=__version__,
        detector=load_detector(settings.models, report),
        recogniser=load_recogniser(settings.models, report),
        ids=ids,
    )
    return Pipeline(parts, stopwatch)


class VisionStage:
    """Takes the newest frames of one camera until its mailbox is closed and empty, and stores their events.

    Args:
        pipeline: of this camera; only this stage's thread uses it.
        mailbox: where capture leaves frames.
        outbox: where events go first.
        telemetry: is told what happened.
        clock: measures the time to a decision.
        heartbeat: called at least twice a second while the thread makes progress.
        decide: gives an event the site's decision before it is stored, and may add events of its own.
        announced: called with events once they are stored: what acts on them, e.g. the barrier.
        explained: is given the accounts of events, by event id, before the events are stored.
        threshold: gives the probability that a provisional event needs now; None: as in the settings.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        mailbox: Mailbox[Frame],
        outbox: Outbox,
        telemetry: CameraTelemetry,
        clock: Clock,
        *,
        heartbeat: Callable[[], None] = lambda: None,
        decide: Decide = lambda event: (event,),
        announced: Callable[[Sequence[GateEvent]], None] = lambda events: None,
        explained: Callable[[Mapping[str, Account]], None] = lambda accounts: None,
        threshold: Callable[[], float] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._mailbox = mailbox
        self._outbox = outbox
        self._telemetry = telemetry
        self._clock = clock
        self._heartbeat = heartbeat
        self._decide = decide
        self._announced = announced
        self._explained = explained
        self._threshold = threshold
        self._unstored: list[GateEvent] = []
        self._failing = False
        self._aims: queue.SimpleQueue[tuple[CameraSettings, float]] = queue.SimpleQueue()
        self._aim: tuple[CameraSettings, float] | None = None
        self._calls: queue.SimpleQueue[Trigger] = queue.SimpleQueue()

    def aim(self, camera: CameraSettings) -> None:
        """Go over to what was drawn for this camera, once the lane is empty; from any thread."""
        self._aims.put((camera, self._clock.monotonic_s() + AIM_PATIENCE_S))

    def call(self, source: str) -> None:
        """Say that a vehicle is here now; from any thread. `source` is gpio, http or mqtt."""
        self._calls.put(Trigger(self._clock.monotonic_s(), self._clock.utc(), source))

    def run(self) -> None:
        """Work until the mailbox is closed and empty, then end the passages still open."""
        while not self._mailbox.finished:
            self._heartbeat()
            self._take_aim()
            frame = self._mailbox.take(TAKE_S)
            if frame is not None:
                self._step(frame)
            else:
                self._idle()
        self._store(self._pipeline.settle(), {})
        if self._unstored:
            log.error("%d events could not be stored before the stop and are lost", len(self._unstored))

    def _take_aim(self) -> None:
        """Use what was drawn last, when no vehicle is in view or has been waited for: it must not count twice."""
        while not self._aims.empty():
            self._aim = self._aims.get()
        if self._aim is None:
            return
        camera, latest_s = self._aim
        if self._pipeline.states() and self._clock.monotonic_s() < latest_s:
            return
        self._aim = None
        self._store(self._pipeline.settle(), {})
        self._pipeline = self._pipeline.aimed(camera)
        log.info("camera %s: region, line and direction are used as drawn", camera.name)

    def _idle(self) -> None:
        """No picture came: go on with what does not need one."""
        events = self._pipeline.wait(self._clock.monotonic_s(), self._called())
        if events or self._unstored:
            self._store(events, {})

    def _called(self) -> list[Trigger]:
        return [self._calls.get() for _ in range(self._calls.qsize())]

    def _step(self, frame: Frame) -> None:
        if self._threshold is not None:
            self._pipeline.retune(self._threshold())
        try:
            step = self._pipeline.step(frame, self._called())
        except InferenceError as error:
            self._telemetry.inference_failed()
            if not self._failing:
                log.error("camera %s: a model fails: %s", frame.camera, error)
            self._failing = True
            return
        if self._failing and step.look not in (None, Look.NONE):
            log.warning("camera %s: the models work again", frame.camera)
            self._failing = False
        self._telemetry.stepped(step, self._pipeline)
        if step.accounts:
            self._explained(step.accounts)
        if step.events or self._unstored:
            self._store(step.events, self._decision_times(step))

    def _decision_times(self, step: Step) -> dict[str, float]:
        return self._telemetry.decision_times(step, self._clock.monotonic_s())

    def _store(self, events: Iterable[GateEvent], decided_s: dict[str, float]) -> None:
        self._unstored.extend(decided for event in events for decided in self._decide(event))
        if not self._unstored:
            return
        began_s = self._clock.monotonic_s()
        try:
            stored = self._outbox.append(self._unstored)
        except StorageError:  # said once by the outbox; here the events wait
            if len(self._unstored) > MOST_UNSTORED:
                log.error("event %s is lost: the disk has refused events for too long", self._unstored.pop(0).event_id)
            return
        self._unstored.clear()
        self._telemetry.store_took(self._clock.monotonic_s() - began_s)
        self._telemetry.stored(stored, decided_s)
        self._announced(stored)
