"""One camera's frames become its events: motion, detection, tracking, reading, voting, gate.

Deterministic: no thread, no clock, no I/O; live cameras, replays, tests and
benchmarks run this very code. All mutable state of a camera is owned here and
belongs to one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from edge.clock import EventIds
from edge.config.camera import CameraSettings
from edge.config.models import ModelSettings, VotingSettings
from edge.config.service import EvidenceSettings
from edge.pipeline.announce import Announcer, Sender
from edge.pipeline.attention import Attention, Look, Plan
from edge.pipeline.evidence import EvidenceKeeper
from edge.pipeline.image import in_region, quad_size
from edge.pipeline.looks import DECIDED, Looks
from edge.pipeline.motion import MotionGate
from edge.pipeline.sight import Sight
from edge.pipeline.steadiness import Steadiness
from edge.pipeline.waiting import Awaited, Waiting
from edge.protocols import Detector, Recogniser
from edge.tracking.account import Account, account
from edge.tracking.gate import Gate, PassageChange
from edge.tracking.looks import LookWeight
from edge.tracking.tracker import Tracker, TrackerSettings
from edge.tracking.voting import Ballot
from edge.types import (
    Detection,
    Direction,
    EventType,
    Frame,
    GateEvent,
    PlateRead,
    Software,
    Track,
    TrackState,
    Trigger,
    Verdict,
)

Stopwatch = Callable[[], float]
WIDEST_SHARE = 0.45  # of the picture's width: nearer than this no camera at a gate sees a plate
HIGHEST_SHARE = 0.4  # of its height, for square plates
LARGEST_SHARE = 0.14  # of its area: a wall with windows has the shape of a plate, but fills the picture
LEAST_ASPECT = 0.6  # width over height of a square two-line plate seen from well aside


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Everything one frame led to."""

    frame: Frame
    look: Look | None  # None: the frame was not due under the rate limit
    detections: tuple[Detection, ...] = ()
    tracks: tuple[Track, ...] = ()
    reads: tuple[PlateRead, ...] = ()
    losses: tuple[str, ...] = ()  # a reason per detected plate that was not read
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)
    changes: tuple[PassageChange, ...] = ()
    events: tuple[GateEvent, ...] = ()
    accounts: Mapping[str, Account] = field(default_factory=dict)  # event id -> why the plate was read so, or not
    silent: tuple[str, ...] = ()  # an outcome per vehicle that ended without an event: parked, same_vehicle, phantom
    timings_s: Mapping[str, float] = field(default_factory=dict)  # stage -> seconds, zero without a stopwatch


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What a pipeline is built from: the models are shared by nobody, the settings are frozen."""

    camera: CameraSettings
    models: ModelSettings
    voting: VotingSettings
    evidence: EvidenceSettings
    site: str
    version: str
    detector: Detector
    recogniser: Recogniser
    ids: EventIds


class Pipeline:
    """The vision of one camera.

    Args:
        parts: models and settings.
        stopwatch: returns seconds, for the timings of stages; without one they are all zero.
    """

    def __init__(self, parts: Parts, stopwatch: Stopwatch = lambda: 0.0) -> None:
        camera = parts.camera
        self._parts = parts
        self._stopwatch = stopwatch
        self._attention = Attention(camera)
        self._motion = MotionGate(camera.motion, camera.region)
        self._steadiness = Steadiness() if camera.gate.still_plates == "carried" else None
        size = parts.models.detector.height, parts.models.detector.width
        self._sight = Sight(parts.detector, camera.region, size)
        self._tracker = Tracker(_tracker_settings(parts))
        self._looks = Looks(parts.recogniser, parts.models.recogniser)
        self._gate = Gate(
            camera.gate,
            threshold=camera.threshold,
            final_threshold=camera.final_threshold,
            quorum=parts.voting.quorum,
        )
        self._evidence = EvidenceKeeper(parts.evidence)
        software = Software(parts.version, parts.detector.name, parts.recogniser.name)
        sender = Sender(parts.site, camera.lane, camera.name, software)
        self._announcer = Announcer(sender, parts.ids, self._evidence)
        self._new_ballot()  # reads the country grammars now: the first vehicle of the day must not wait for them
        self._ballots: dict[int, Ballot] = {}
        self._past_looks: dict[int, tuple[LookWeight, ...]] = {}  # of ended tracks whose passage is still open
        self._tracks: tuple[Track, ...] = ()
        self._last: Frame | None = None
        self._waiting = Waiting(camera.trigger.window_s)
        self._called: set[int] = set()  # passages told of as unread because a trigger was not answered

    def step(self, frame: Frame, triggers: Sequence[Trigger] = ()) -> Step:
        """Look at `frame` and return everything it led to, the events included.

        Args:
            frame: the newest picture.
            triggers: that came since the frame before.

        Raises:
            InferenceError: the detector failed on this frame; the next one may work.
        """
        self._last = frame
        self._waiting.expect(triggers, self._gate.passages() if triggers else ())
        self._waiting.photograph(lambda: self._evidence.whole(frame))
        if not self._attention.wanted(frame.monotonic_s):
            return Step(frame, None, tracks=self._tracks)
        followed = tuple(track for track in self._tracks if not self._looks.dull(track.id))
        compares = self._waiting.pending or self._attention.compares(frame.monotonic_s, followed)
        if not compares and not followed:
            return self._looked_away(frame, Look.NONE, {})
        times = _Times(self._stopwatch)
        moving = not compares or self._motion.step(frame.luma, frame.monotonic_s) or self._waiting.pending
        if self._steadiness is not None:
            self._steadiness.step(frame.luma, frame.monotonic_s)
        times.done("motion")
        sure = {track_id for track_id, verdict in self._verdicts().items() if self._is_sure(verdict)}
        plan = self._attention.choose(frame.monotonic_s, moving=moving, tracks=followed, sure=sure)
        if plan.look is Look.NONE:
            return self._looked_away(frame, plan.look, times.all())
        return self._look(frame, plan, times)

    def wait(self, now_s: float, triggers: Sequence[Trigger] = ()) -> tuple[GateEvent, ...]:
        """Go on without a picture, as the camera gives none, and return the events of vehicles that called in vain."""
        self._waiting.expect(triggers, self._gate.passages() if triggers else ())
        return self._missed(now_s)

    def _looked_away(self, frame: Frame, look: Look, timings_s: Mapping[str, float]) -> Step:
        """Let time pass without a look at the frame: passages end by it."""
        changes = self._gate.step(frame.monotonic_s, (), self._verdicts())
        return self._told(Step(frame, look, tracks=self._tracks, timings_s=timings_s), changes)

    def settle(self) -> tuple[GateEvent, ...]:
        """End everything still open, as the video or the daemon has stopped, and return its events."""
        if self._last is None:
            return self._missed(float("inf"))
        now_s = self._last.monotonic_s
        verdicts = self._verdicts()
        changes = (*self._gate.step(now_s, self._tracker.settle(), verdicts), *self._gate.settle(now_s))
        self._ballots.clear()
        self._waiting.answer(changes, now_s)
        told = [self._announcer.announce(c, self._last) for c in self._not_told_yet(changes)]
        return (*told, *self._missed(float("inf")))

    def retune(self, threshold: float) -> None:
        """From the next frame on, send a provisional event at this probability."""
        self._gate.retune(threshold)

    def aimed(self, camera: CameraSettings) -> Pipeline:
        """Return a pipeline with other settings of the camera and the same models; settle this one, then drop it."""
        return Pipeline(replace(self._parts, camera=camera), self._stopwatch)

    def ballots(self) -> Mapping[int, Ballot]:
        """Return the vote of each live track: for explanations, not for changing it."""
        return self._ballots

    def models(self) -> Mapping[str, Detector | Recogniser]:
        """Return the models in use by role: detector, recogniser."""
        return {"detector": self._parts.detector, "recogniser": self._parts.recogniser}

    def states(self) -> Mapping[int, str]:
        """Return what the gate makes of each live track: approaching, waiting, passed, reversed, parked."""
        return {track_id: state.value for track_id, state in self._gate.states().items()}

    def _look(self, frame: Frame, plan: Plan, times: _Times) -> Step:
        detections, refused = self._detect(frame, plan)
        times.done("detect")
        self._tracks = self._tracker.step(detections, frame.monotonic_s, (frame.width, frame.height))
        times.done("track")
        looked = self._looks.read(frame, self._tracks, self._verdicts())
        times.done("read")
        self._vote(looked.reads)
        self._evidence.see(frame, self._tracks, looked.reads)
        verdicts = self._verdicts()
        times.done("vote")
        carried = self._steadiness is not None and self._steadiness.carried
        size = (frame.width, frame.height)
        changes = self._gate.step(frame.monotonic_s, self._tracks, verdicts, size, carried=carried)
        losses = refused + looked.losses
        times.done("gate")
        seen = Step(frame, plan.look, detections, self._tracks, looked.reads, losses, verdicts, timings_s=times.all())
        step = self._told(seen, changes)
        self._forget_ended()
        return step

    def _detect(self, frame: Frame, plan: Plan) -> tuple[tuple[Detection, ...], tuple[str, ...]]:
        """Return the detections that can be plates of this lane, and a reason for each of the others."""
        found = self._sight.look(frame, plan)
        possible = [d for d in found if _can_be_a_plate(d, frame)]
        region = self._parts.camera.region
        inside = tuple(d for d in possible if in_region(region, d.box.centre, frame.width, frame.height))
        losses = ("implausible",) * (len(found) - len(possible)) + ("outside_region",) * (len(possible) - len(inside))
        return inside, losses

    def _vote(self, reads: Sequence[PlateRead]) -> None:
        for read in reads:
            ballot = self._ballots.get(read.track_id)
            if ballot is None:
                ballot = self._ballots[read.track_id] = self._new_ballot()
            ballot.add(read)
            self._split_if_contradicted(read.track_id, ballot)

    def _split_if_contradicted(self, track_id: int, ballot: Ballot) -> None:
        """Give reads that belong to another vehicle, which took the first one's place, a track of their own."""
        defectors = ballot.defectors()
        if not defectors:
            return
        new_id = self._tracker.split(track_id, defectors[0].at_s)
        if new_id is None:
            return
        new_ballot = self._ballots[new_id] = self._new_ballot()
        for read in ballot.secede(new_id):
            new_ballot.add(read)

    def _new_ballot(self) -> Ballot:
        return Ballot(self._parts.voting, min_legible=self._parts.models.recogniser.min_legible)

    def _is_sure(self, verdict: Verdict) -> bool:
        return verdict.probability >= DECIDED and verdict.reads >= self._parts.voting.quorum

    def _verdicts(self) -> dict[int, Verdict]:
        found = {track_id: ballot.verdict() for track_id, ballot in self._ballots.items()}
        return {track_id: verdict for track_id, verdict in found.items() if verdict is not None}

    def _told(self, step: Step, changes: tuple[PassageChange, ...]) -> Step:
        """Return `step` with the events that `changes` lead to."""
        silent = self._gate.take_silent()
        self._waiting.answer(changes, step.frame.monotonic_s)
        changes = self._not_told_yet(changes)
        missed = self._missed(step.frame.monotonic_s)
        if not (changes or silent or missed):
            return step
        events = tuple(self._announcer.announce(c, step.frame) for c in changes)
        accounts = {e.event_id: self._account(c, e) for c, e in zip(changes, events, strict=True)}
        return replace(step, changes=changes, events=(*events, *missed), accounts=accounts, silent=silent)

    def _missed(self, now_s: float) -> tuple[GateEvent, ...]:
        """Return the events of vehicles that called and were not read in time."""
        return tuple(self._missed_event(awaited, now_s) for awaited in self._waiting.overdue(now_s))

    def _missed_event(self, awaited: Awaited, now_s: float) -> GateEvent:
        passage = self._waiting.called_for(self._gate.passages(), now_s)
        if passage is not None:
            self._called.add(passage)
        fixed = self._parts.camera.gate.direction
        direction = Direction(fixed) if fixed in ("entry", "exit") else Direction.UNKNOWN
        return self._announcer.missed(awaited, passage, direction)

    def _not_told_yet(self, changes: Sequence[PassageChange]) -> tuple[PassageChange, ...]:
        """Return `changes` without vehicles that end unread and were told of as unread when they called."""
        repeated = [c for c in changes if c.kind is EventType.UNREAD and c.passage in self._called]
        for change in repeated:
            self._announcer.forget(change.passage)
        self._called -= {c.passage for c in changes if c.kind is not EventType.PROVISIONAL}
        return tuple(c for c in changes if c not in repeated)

    def _account(self, change: PassageChange, event: GateEvent) -> Account:
        looks = [w for i in change.track_ids for w in self._looks_of(i)]
        return account(
            sorted(looks, key=lambda w: w.read.at_s),
            change.verdict.text if change.verdict else "",
            detections=change.hits,
            best_height_px=change.best_height_px,
            min_height_px=self._parts.models.recogniser.min_height_px,
            answered=event.type is not EventType.UNREAD,
            probability=change.verdict.probability if change.verdict else 0.0,
            told_from=self._parts.camera.final_threshold,
        )

    def _looks_of(self, track_id: int) -> tuple[LookWeight, ...]:
        ballot = self._ballots.get(track_id)
        return self._past_looks.get(track_id, ()) if ballot is None else ballot.explain()

    def _forget_ended(self) -> None:
        """Let go of everything about tracks that are over, their pictures once their passage is too."""
        for track in self._tracks:
            if track.state is TrackState.ENDED and (ballot := self._ballots.pop(track.id, None)) is not None:
                self._past_looks[track.id] = ballot.explain()
        self._tracks = tuple(t for t in self._tracks if t.state is not TrackState.ENDED)
        open_ids = self._gate.track_ids()
        self._past_looks = {i: looks for i, looks in self._past_looks.items() if i in open_ids}
        self._evidence.keep_only({t.id for t in self._tracks} | open_ids)


class _Times:
    """Collects how long each stage of one step took."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self._began_s = self._last_s = stopwatch()
        self._took_s: dict[str, float] = {}

    def done(self, stage: str) -> None:
        """Note that `stage` has just ended."""
        now_s = self._stopwatch()
        self._took_s[stage], self._last_s = now_s - self._last_s, now_s

    def all(self) -> dict[str, float]:
        """Return seconds by stage, the whole step included."""
        return {**self._took_s, "step": self._stopwatch() - self._began_s}


def _tracker_settings(parts: Parts) -> TrackerSettings:
    detector, gate = parts.models.detector, parts.camera.gate
    weak = min(detector.weak_threshold, detector.threshold)
    return TrackerSettings(strong_score=detector.threshold, weak_score=weak, patience_s=gate.ends_after_s)


def _can_be_a_plate(detection: Detection, frame: Frame) -> bool:
    """Tell whether size and shape are those of a plate at a gate: walls with windows and posts are not."""
    width_px, height_px = quad_size(detection)
    return (
        width_px <= WIDEST_SHARE * frame.width
        and height_px <= HIGHEST_SHARE * frame.height
        and width_px * height_px <= LARGEST_SHARE * frame.width * frame.height
        and width_px >= LEAST_ASPECT * height_px
    )
