"""Tells the metrics and the status board what capture and vision did: one place that knows both sides.

Called on the stages' threads, returns at once, decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.board import Board, Vehicle
from edge.clock import Clock
from edge.config.camera import CameraSettings
from edge.errors import EventRejected, SinkUnavailable
from edge.pipeline.attention import Look
from edge.pipeline.pipeline import Pipeline, Step
from edge.protocols import Sink, SourceState
from edge.sinks.metrics import Metrics
from edge.types import EventType, Frame, GateEvent, PlateRead, Verdict

REFUSED = ("implausible", "outside_region")  # losses of detections that never were among the plates of a step
UNKNOWN_STATE = "approaching"  # of a plate that the gate has not judged yet


class CameraTelemetry:
    """Reports one camera. Implements CaptureObserver; `stepped` and the rest belong to its vision thread."""

    def __init__(self, camera: CameraSettings, metrics: Metrics, board: Board) -> None:
        self._camera = camera
        self._metrics = metrics
        self._board = board
        self._newest: dict[int, PlateRead] = {}
        self._first_legible_s: dict[int, float] = {}

    def camera_changed(self, camera: str, state: SourceState, reason: str) -> None:
        self._board.camera_changed(camera, state, reason)

    def frame_received(self, frame: Frame) -> None:
        self._metrics.frame_received(frame.camera)
        if frame.decode_s > 0:
            self._metrics.stage_took(frame.camera, "decode", frame.decode_s)
        self._board.frame_received(frame.camera, frame.monotonic_s, frame.width, frame.height)

    def frame_dropped(self, camera: str, reason: str, count: int = 1) -> None:
        self._metrics.frame_dropped(camera, reason, count)

    def inference_failed(self) -> None:
        """Count a frame that a model failed on."""
        self._metrics.frame_dropped(self._camera.name, "inference_error")

    def stepped(self, step: Step, pipeline: Pipeline) -> None:
        """Report what one frame led to."""
        name = self._camera.name
        if step.look is None:
            self._metrics.frame_dropped(name, "rate_limit")
            return
        if step.look is Look.NONE:
            self._metrics.frame_gated(name)
        else:
            refused = sum(reason in REFUSED for reason in step.losses)
            self._metrics.frame_detected(name, len(step.detections) + refused)
            # Plates nobody looked at, since the vote has had better looks: so that found = read + every loss.
            looked_at = len(step.reads) + len(step.losses) - step.losses.count("illegible") - refused
            self._metrics.plate_lost(name, "surplus", max(0, len(step.detections) - looked_at))
        for reason in step.losses:
            self._metrics.plate_lost(name, reason)
        for outcome in step.silent:
            self._metrics.vehicle_ended(name, outcome)
        for stage, seconds in step.timings_s.items():
            self._metrics.stage_took(name, stage, seconds)
        self._report_reads(step)
        self._show(step, pipeline)

    def stored(self, events: Sequence[GateEvent], decided_s: dict[str, float]) -> None:
        """Report events that the outbox now holds; `decided_s` by event id: seconds from first legible look."""
        for event in events:
            self._metrics.event_stored(event.lane, event.type, event.direction)
            self._board.event_stored(event)
            if event.decision is not None:
                self._metrics.decision_made(event.lane, event.decision)
            if event.event_id in decided_s:
                self._metrics.decided(event.lane, decided_s[event.event_id])
            if event.type is EventType.FINAL:
                self._metrics.vehicle_ended(self._camera.name, "voted", event.plate)
            elif event.type is EventType.UNREAD:
                self._metrics.vehicle_ended(self._camera.name, self._why_unread(event.plate))

    def store_took(self, seconds: float) -> None:
        """Time what deciding on a frame's events and committing them to the disk took."""
        self._metrics.stage_took(self._camera.name, "store", seconds)

    def decision_times(self, step: Step, now_s: float) -> dict[str, float]:
        """Return, per provisional event of `step`, how long ago its plate was first legible."""
        times: dict[str, float] = {}
        for change, event in zip(step.changes, step.events, strict=False):
            if event.type is EventType.PROVISIONAL and change.track_id in self._first_legible_s:
                times[event.event_id] = max(0.0, now_s - self._first_legible_s[change.track_id])
        return times

    def _why_unread(self, best_guess: Verdict | None) -> str:
        if best_guess is None:
            return "never_read"
        return "unsure" if best_guess.probability < self._camera.final_threshold else "no_quorum"

    def _report_reads(self, step: Step) -> None:
        for read in step.reads:
            self._metrics.plate_legible(self._camera.name, read.height_px, read.sharpness)
            self._newest[read.track_id] = read
            self._first_legible_s.setdefault(read.track_id, read.at_s)
        for _ in range(len(step.reads) - step.losses.count("illegible")):
            self._metrics.plate_read(self._camera.name)
        alive = {t.id for t in step.tracks}
        for gone in self._newest.keys() - alive:
            del self._newest[gone]
            self._first_legible_s.pop(gone, None)

    def _show(self, step: Step, pipeline: Pipeline) -> None:
        states = pipeline.states()
        vehicles = tuple(
            Vehicle(t, states.get(t.id, UNKNOWN_STATE), step.verdicts.get(t.id), self._newest.get(t.id))
            for t in step.tracks
        )
        self._board.frame_seen(step.frame, vehicles, looked=step.look is not Look.NONE)


class MeteredSink:
    """A sink that counts what goes through it; runs on its publish thread like the sink itself."""

    def __init__(self, sink: Sink, metrics: Metrics, clock: Clock) -> None:
        self._sink = sink
        self._metrics = metrics
        self._clock = clock

    @property
    def name(self) -> str:
        return self._sink.name

    def write(self, batch: Sequence[GateEvent]) -> None:
        try:
            self._sink.write(batch)
        except SinkUnavailable as error:
            self._delivered([e for e in batch if e.event_id in error.delivered])
            self._metrics.publish_failed(self.name, error.kind)
            raise
        except EventRejected as error:
            self._delivered([e for e in batch if e.event_id in error.delivered])
            self._metrics.event_lost(self.name, "rejected")
            raise
        self._delivered(batch)

    def interrupt(self) -> None:
        self._sink.interrupt()

    def close(self) -> None:
        self._sink.close()

    def _delivered(self, events: Sequence[GateEvent]) -> None:
        if events:
            self._metrics.event_published(self.name, len(events))
        now = self._clock.utc()
        for event in events:
            self._metrics.event_acknowledged(self.name, max(0.0, (now - event.captured_at).total_seconds()))
