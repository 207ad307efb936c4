"""Gate: tracks and verdicts become passages; one event per passage, however long the car waits.

A passage is announced at most once per text, and ends once, as read or as unread. What never moved is no
passage. The same plate seen again in the lane goes on with its passage; a different plate never does.
State per vehicle: approaching, waiting, parked, then passed or reversed. Time is passed in; no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.config.camera import GateSettings
from edge.tracking.direction import Compass
from edge.tracking.passage import PLAUSIBLE, GateState, Passage, goes_on, newest_first, same_plate, same_spot
from edge.tracking.path import Heading, move_together, net_growth
from edge.types import Direction, EventType, Track, TrackState, Verdict

# One look, however sure, is no answer; two are, of a plate that came near: small text needs a quorum.
MIN_FINAL_READS = 2
DIRECTION_PATIENCE_S = 0.4  # a provisional event waits this long for its direction to be known
MAX_PROVISIONALS = 3  # a text that keeps changing is not announced for ever
HIDDEN_PATIENCE_S = 5.0  # a plate that vanished in mid-picture, without a text or standing, is waited for so long
UNREAD_MIN_HITS = 5
UNREAD_MIN_S = 0.4
UNREAD_MIN_HEIGHT_PX = 20.0  # a plate that was never larger was not at the gate, or nobody could read it
UNREAD_MIN_SCORE = 0.4  # mean of the detector: lettering on a van scores lower
UNREAD_MIN_TRAVEL_HEIGHTS = 3.0
STANDING_MEMORY_S = 1800.0  # a car hidden while it waits is remembered at its spot for this long
TURNED_GROWTH = 0.4  # log height that a vehicle seen again must lose, or gain, to undo its passage
UNKNOWN_PX = 1 << 30  # size of a picture that nobody told
# A vehicle that is lost and found for days, parked in view and hidden now and then, is kept in so many tracks; each
# holds its looks, some 130 KB. Older ones become one with the first.
MAX_CONTINUATIONS = 16
MAX_REMEMBERED = 64  # ended passages kept to recognise a vehicle that is seen again


@dataclass(frozen=True, slots=True)
class PassageChange:
    """One event in the life of a passage."""

    kind: EventType  # PROVISIONAL, FINAL or UNREAD
    passage: int  # never reused by one gate
    track_id: int  # whose reads decided
    direction: Direction
    verdict: Verdict | None  # with UNREAD: the best guess, if there is one
    at_s: float  # of the decision; with FINAL and UNREAD: when it crossed the line or was last seen
    state: GateState
    first_s: float  # when the vehicle was first seen
    track_ids: tuple[int, ...]  # all that belong to the passage
    hits: int  # pictures in which its plate was found
    best_height_px: float  # of the largest of them


@dataclass(frozen=True, slots=True)
class PassageState:
    """One vehicle in the lane right now, for people to look at."""

    passage: int
    track_ids: tuple[int, ...]
    state: GateState
    direction: Direction
    verdict: Verdict | None
    announced: bool
    first_s: float
    last_s: float


class Gate:
    """The passages of one camera's lane. One thread owns it."""

    def __init__(
        self,
        settings: GateSettings | None = None,
        *,
        threshold: float = 0.95,
        final_threshold: float = 0.5,
        quorum: int = 3,
    ) -> None:
        self._settings = settings or GateSettings()
        self._threshold = threshold
        self._final_threshold = final_threshold
        self._quorum = quorum
        self._compass = Compass(self._settings)
        self._open: dict[int, Passage] = {}  # by track id, continuations included
        self._remembered: list[Passage] = []  # ended with an event
        self._silent: list[str] = []
        self._next = 1
        self._now_s = float("-inf")
        self._frame_size: tuple[int, int] = (UNKNOWN_PX, UNKNOWN_PX)

    def retune(self, threshold: float) -> None:
        """From the next step on, announce a passage at this probability."""
        self._threshold = threshold

    def step(
        self,
        now_s: float,
        tracks: Sequence[Track],
        verdicts: Mapping[int, Verdict],
        frame_size: tuple[int, int] | None = None,
        *,
        carried: bool = False,
    ) -> tuple[PassageChange, ...]:
        """Take in one frame and return what happened, oldest passage first.

        Args:
            now_s: moment of the frame; a moment before the newest one counts as the newest one.
            tracks: as `Tracker.step` gave them.
            verdicts: by track id; those of other tracks are ignored, and a missing one changes nothing.
            frame_size: (width, height), px; needed for a virtual line, kept from the step before when None.
            carried: the camera itself is being moved, so that what stands cannot be told from what drives.
        """
        self._now_s = max(now_s, self._now_s)
        self._see_size(frame_size)
        for track in tracks:
            self._follow(track, carried=carried)
        for track_id, verdict in verdicts.items():
            if track_id in self._open:
                self._open[track_id].own_verdict = verdict
        self._recognise()
        changes = [c for p in self._leaders() if (c := self._announce(p)) is not None]
        changes += self._end([p for p in self._leaders() if self._is_over(p)])
        self._forget()
        return tuple(changes)

    def settle(self, now_s: float) -> tuple[PassageChange, ...]:
        """End every open passage: the video is over, or the camera stops."""
        self._now_s = max(now_s, self._now_s)
        return tuple(self._end(self._leaders()))

    def take_silent(self) -> tuple[str, ...]:
        """Return why vehicles ended without an event since the last call: parked, same_vehicle or phantom."""
        silent, self._silent = tuple(self._silent), []
        return silent

    def states(self) -> dict[int, GateState]:
        """Return what each followed plate is doing, by track id."""
        after_s = self._settings.parked_after_s
        return {i: (p.parent or p).state(self._now_s, after_s) for i, p in self._open.items()}

    def track_ids(self) -> frozenset[int]:
        """Return the tracks whose passage may still lead to an event."""
        return frozenset(self._open)

    def passages(self) -> tuple[PassageState, ...]:
        """Return the vehicles in the lane now, oldest first."""
        return tuple(
            PassageState(
                passage=p.number,
                track_ids=tuple(q.track_id for q in (p, *p.continuations)),
                state=p.state(self._now_s, self._settings.parked_after_s),
                direction=self._compass.direction(p),
                verdict=p.verdict,
                announced=bool(p.announced),
                first_s=p.first_s,
                last_s=p.seen_s,
            )
            for p in self._leaders()
        )

    def _follow(self, track: Track, *, carried: bool) -> None:
        """Give one look to the passage of its track, or open one."""
        if track.state is TrackState.TENTATIVE:
            return
        passage = self._open.get(track.id)
        if track.state is TrackState.ENDED:
            if passage is not None:
                passage.replaced = track.last_s < passage.last_s  # split: another plate is where it was
                passage.path.trim(track.last_s)
                passage.last_s = min(passage.last_s, track.last_s)
            return
        if track.detection is None or (passage is not None and track.last_s <= passage.path.newest_s):
            return
        if passage is None:
            passage = self._open[track.id] = Passage(self._next, track)
            self._next += 1
            earlier = next((p for p in self._remembered if track.id in _track_ids(p)), None)
            if earlier is not None:
                earlier.attach(passage)
        passage.see(track, self._frame_size)
        passage.seen_by_carried = passage.seen_by_carried or carried

    def _see_size(self, frame_size: tuple[int, int] | None) -> None:
        if frame_size is not None:
            self._frame_size = self._compass.frame_size = frame_size

    def _recognise(self) -> None:
        """Attach each vehicle that was seen before to its passage; undo it where better reads disagree."""
        for passage in list(self._open.values()):
            parent = passage.parent
            if parent is not None and (self._differ(parent, passage) or self._undone(parent, passage)):
                passage.undoes = not self._differ(parent, passage)
                parent.detach(passage)
            if passage.parent is None and not passage.announced:
                earlier = next((p for p in newest_first(self._earlier(passage)) if self._is_same(p, passage)), None)
                if earlier is not None and self._undone(earlier, passage):
                    passage.undoes = True
                elif earlier is not None and not (earlier.told and earlier.reversed):
                    earlier.attach(passage)

    def _earlier(self, passage: Passage) -> list[Passage]:
        others = [*self._leaders(), *self._remembered]
        return [p for p in others if p is not passage and (p.first_s, p.number) < (passage.first_s, passage.number)]

    def _is_same(self, earlier: Passage, later: Passage) -> bool:
        """Tell whether both are one vehicle: by text, or, while there is none, by where it vanished."""
        if not same_plate(earlier.verdict, later.own_verdict):
            unsure = not _known(earlier.verdict) or not _known(later.own_verdict)
            return unsure and goes_on(earlier, later, self._frame_size)
        gap_s = later.first_s - earlier.seen_s
        if gap_s <= self._settings.same_vehicle_within_s:
            return True
        return gap_s <= STANDING_MEMORY_S and same_spot(earlier, later)

    def _differ(self, parent: Passage, child: Passage) -> bool:
        """Tell whether the reads of a continuation have turned out to be of another plate."""
        others = [p.own_verdict for p in (parent, *parent.continuations) if p is not child and _known(p.own_verdict)]
        return bool(others) and _known(child.own_verdict) and not any(same_plate(a, child.own_verdict) for a in others)

    def _undone(self, earlier: Passage, later: Passage) -> bool:
        """Tell whether `later` takes back a passage that is already told: it went in, now it comes out again."""
        if not earlier.told:
            return False
        grown = net_growth(later.path.samples)
        back = grown if earlier.closed_heading is Heading.AWAY else -grown
        turned = earlier.closed_heading in (Heading.TOWARDS, Heading.AWAY) and back >= TURNED_GROWTH
        ways = {self._compass.crossed(earlier), self._compass.crossed(later)}
        return turned or ways == {Direction.ENTRY, Direction.EXIT}

    def _announce(self, passage: Passage) -> PassageChange | None:
        verdict = passage.verdict
        good = verdict is not None and verdict.probability >= self._threshold and verdict.reads >= self._quorum
        if verdict is None or not good or not self._moved(passage) or verdict.text in passage.announced:
            return None
        if passage.closed or len(passage.announced) >= MAX_PROVISIONALS:
            return None
        if passage.ready_since_s is None:
            passage.ready_since_s = self._now_s
        direction = self._compass.direction(passage)
        waited_s = self._now_s - passage.ready_since_s
        if direction is Direction.UNKNOWN and waited_s < DIRECTION_PATIENCE_S and not passage.standing:
            return None
        passage.announced.append(verdict.text)
        return self._change(EventType.PROVISIONAL, passage, direction, self._now_s)

    def _is_over(self, passage: Passage) -> bool:
        """Tell whether the vehicle is gone."""
        gone_s = self._now_s - passage.seen_s
        replaced = all(p.replaced for p in (passage, *passage.continuations))
        return replaced or gone_s >= max(self._settings.ends_after_s, self._patience_s(passage))

    def _patience_s(self, passage: Passage) -> float:
        """Return how long to wait for a plate that may only be hidden: it vanished in mid-picture, not driving off.

        One whose text is not sure yet is waited for as long as its text would be recognised: the looks to come
        are nearer, and an answer that is told too early is told for good.
        """
        if not self._moved(passage) or passage.left_picture(self._frame_size) or passage.heading is Heading.AWAY:
            return 0.0
        known = passage.verdict is not None
        sure = passage.verdict is not None and passage.verdict.probability >= self._threshold
        if sure and not passage.standing:
            return 0.0
        longest_s = self._settings.same_vehicle_within_s
        return longest_s if known and not sure else min(HIDDEN_PATIENCE_S, longest_s)

    def _end(self, passages: Sequence[Passage]) -> list[PassageChange]:
        changes: list[PassageChange] = []
        for passage in passages:
            passage.reversed = self._compass.turned_back(passage)
            kind = self._outcome(passage)
            parked = passage.state(self._now_s, self._settings.parked_after_s) is GateState.PARKED
            passage.closed = True
            passage.closed_heading = passage.heading
            if kind is not None:
                passage.told = True
                changes.append(
                    self._change(kind, passage, self._compass.direction(passage), self._compass.moment_s(passage))
                )
                self._remembered.append(passage)
                passage.forget_looks()
            else:
                self._silent.append("parked" if parked else "phantom")
            for ended in (passage, *passage.continuations):
                self._open.pop(ended.track_id, None)
        return changes

    def _outcome(self, passage: Passage) -> EventType | None:
        """Return which event ends the passage; None when it was noise or a parked car."""
        verdict = passage.verdict
        if not (self._moved(passage) or passage.slid_out(self._frame_size) or passage.announced):
            return None
        near = passage.best_height_px >= UNREAD_MIN_HEIGHT_PX
        enough = min(self._quorum, MIN_FINAL_READS) if near else self._quorum
        if verdict is not None and verdict.probability >= self._final_threshold and verdict.reads >= enough:
            return EventType.FINAL
        if passage.announced:
            return EventType.UNREAD
        return EventType.UNREAD if self._really_passed(passage) and not self._is_lettering(passage) else None

    def _moved(self, passage: Passage) -> bool:
        told = {"ignore": False, "report": True, "carried": passage.before_carried_camera}
        return passage.moved or told[self._settings.still_plates]

    def _is_lettering(self, passage: Passage) -> bool:
        """Tell whether what was not read moved along with a plate that was: it is lettering on that vehicle."""
        others = [p for p in (*self._leaders(), *self._remembered) if p is not passage and _known(p.verdict)]
        return any(move_together(passage.samples, p.samples) for p in others)

    def _really_passed(self, passage: Passage) -> bool:
        """Tell whether an unread plate was followed well enough to be sure that a vehicle passed."""
        parts = (passage, *passage.continuations)
        hits = sum(p.hits for p in parts)
        return (
            self._moved(passage)
            and hits >= UNREAD_MIN_HITS
            and passage.seen_s - passage.first_s >= UNREAD_MIN_S
            and passage.best_height_px >= UNREAD_MIN_HEIGHT_PX
            and sum(p.score for p in parts) / hits >= UNREAD_MIN_SCORE
            and max(p.path.travelled_heights() for p in parts) >= UNREAD_MIN_TRAVEL_HEIGHTS
        )

    def _change(self, kind: EventType, passage: Passage, direction: Direction, at_s: float) -> PassageChange:
        verdict = passage.verdict
        decided = [p for p in (passage, *passage.continuations) if p.own_verdict is verdict]
        state = passage.state(self._now_s, self._settings.parked_after_s)
        parts = (passage, *passage.continuations)
        return PassageChange(
            kind=kind,
            passage=passage.number,
            track_id=decided[0].track_id,
            direction=direction,
            verdict=verdict,
            at_s=at_s,
            state=state,
            first_s=passage.first_s,
            track_ids=tuple(p.track_id for p in parts),
            hits=sum(p.hits for p in parts),
            best_height_px=passage.best_height_px,
        )

    def _leaders(self) -> list[Passage]:
        """Return the open passages that are not continuations, oldest first."""
        return sorted((p for p in self._open.values() if p.parent is None), key=lambda p: p.number)

    def _forget(self) -> None:
        """Drop continuations of ended passages that are over, those too many, and passages too old to be seen again."""
        for passage in (*self._leaders(), *self._remembered):
            if len(passage.continuations) > MAX_CONTINUATIONS and self._are_over(passage, passage.continuations[0]):
                self._open.pop(passage.fold_oldest().track_id, None)
        for passage in [p for p in self._open.values() if p.parent is not None and p.parent.closed]:
            if self._are_over(passage):
                passage.forget_looks()
                del self._open[passage.track_id]
                self._silent.append("same_vehicle")
        self._remembered = [p for p in self._remembered if self._now_s - p.seen_s <= self._memory_s(p)]
        self._remembered = newest_first(self._remembered)[:MAX_REMEMBERED]

    def _are_over(self, *parts: Passage) -> bool:
        """Tell whether the tracks of these parts are over, so that nothing is added to them any more."""
        return all(self._now_s - p.last_s >= self._settings.ends_after_s for p in parts)

    def _memory_s(self, passage: Passage) -> float:
        stood = any(p.standing for p in (passage, *passage.continuations))
        return max(self._settings.same_vehicle_within_s, STANDING_MEMORY_S if stood else 0.0)


def _track_ids(passage: Passage) -> set[int]:
    return {p.track_id for p in (passage, *passage.continuations)}


def _known(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.probability >= PLAUSIBLE
