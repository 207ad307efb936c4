"""Tracker: detections become plates followed over time.

Every track has a deadline and ends once; ids are never reused by one tracker. Two cars that swap places behind
one box are told apart by their text: see `split`. No clock: time is passed in, in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge.tracking.association import Clutter, assign
from edge.tracking.iou import box_rows, iou_matrix
from edge.tracking.kalman import PlateFilter
from edge.types import Box, Detection, Track, TrackState

STRONG_CLUTTER = 1.0  # false detections above the strong score in one look; a poor detector has several
WEAK_CLUTTER = 20.0  # and below it: lettering, lamps, grilles; measured on a toll lane with an early detector


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """How plates are followed. The scores are the detector's, the patience is the gate's `ends_after_s`."""

    strong_score: float = 0.35  # only such detections start a track
    weak_score: float = 0.15  # such detections still extend one
    patience_s: float = 1.5  # a confirmed track ends when unseen for longer than this
    tentative_patience_s: float = 0.5  # an unconfirmed one: noise must not live long
    confirm_hits: int = 2  # looks that make a track more than a coincidence
    lost_after_s: float = 0.3  # unseen for this long is more than a skipped look
    same_plate_iou: float = 0.4  # a second box that overlaps a followed plate this much is the same plate
    max_tracks: int = 64  # plates followed at once; more are ignored until one ends

    def __post_init__(self) -> None:
        if not 0.0 <= self.weak_score <= self.strong_score <= 1.0:
            raise ValueError(f"need 0 <= weak_score <= strong_score <= 1, got {self.weak_score}, {self.strong_score}")
        if min(self.patience_s, self.tentative_patience_s, self.confirm_hits, self.max_tracks) <= 0:
            raise ValueError("patience, confirm_hits and max_tracks must be positive")


class _Followed:
    """One live track; only its tracker touches it."""

    __slots__ = ("confirmed", "detection", "filter", "first_s", "hits", "id", "last_s")

    def __init__(self, track_id: int, detection: Detection, now_s: float) -> None:
        self.id = track_id
        self.filter = PlateFilter(detection.box)
        self.first_s = self.last_s = now_s
        self.hits = 1
        self.confirmed = False
        self.detection: Detection | None = detection


class Tracker:
    """Follows plates through the frames of one camera. One thread owns it."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._settings = settings or TrackerSettings()
        self._live: dict[int, _Followed] = {}
        self._split_off: list[Track] = []  # ended between two steps, reported by the next one
        self._next_id = 1
        self._now_s = float("-inf")

    def step(self, detections: Sequence[Detection], now_s: float, frame_size: tuple[int, int]) -> tuple[Track, ...]:
        """Follow all plates to `now_s` and return every live track, then those that ended now, once, as ENDED.

        Args:
            detections: of this frame, any order; below `weak_score` they are ignored.
            now_s: moment of the frame; a moment before the newest one counts as the newest one.
            frame_size: (width, height), px.
        """
        now_s = self._advance(now_s)
        self._associate(detections, now_s, float(frame_size[0] * frame_size[1]))
        ended = self._take_split_off()
        ended += [self._end(t) for t in list(self._live.values()) if self._over(t, frame_size)]
        return (*(self._snapshot(t) for t in self._live.values()), *ended)

    def predict(self, now_s: float) -> dict[int, Box]:
        """Return where each live plate should be at `now_s`; changes nothing."""
        return {t.id: t.filter.ahead(max(0.0, now_s - self._now_s)) for t in self._live.values()}

    def split(self, track_id: int, since_s: float) -> int | None:
        """End a track whose text says that since `since_s` another plate is in its place; return the new plate's id.

        The new track goes on from the same place; the old one is reported as ENDED by the next step. The
        decision is the vote's (`Ballot.defectors`). None when the track is not alive.
        """
        old = self._live.pop(track_id, None)
        if old is None:
            return None
        new_id = self._take_id()
        before_s = math.nextafter(since_s, -math.inf)  # the old plate was no longer there at `since_s`
        self._split_off.append(
            Track(old.id, TrackState.ENDED, old.filter.box, (0.0, 0.0), old.first_s, before_s, old.hits, None)
        )
        old.id, old.first_s, old.hits, old.confirmed = new_id, since_s, self._settings.confirm_hits, True
        self._live[new_id] = old
        return new_id

    def settle(self) -> tuple[Track, ...]:
        """End every track: the source stopped. Returns them as ENDED."""
        return (*self._take_split_off(), *(self._end(t) for t in list(self._live.values())))

    def deadline_s(self, track_id: int) -> float | None:
        """Return when a live track ends unless it is seen again; None when it is not alive."""
        track = self._live.get(track_id)
        return None if track is None else track.last_s + self._patience_s(track)

    def _advance(self, now_s: float) -> float:
        now_s = max(now_s, self._now_s)
        for track in self._live.values():
            track.filter.advance(now_s - self._now_s)
            track.detection = None
        self._now_s = now_s
        return now_s

    def _associate(self, detections: Sequence[Detection], now_s: float, area_px: float) -> None:
        ranked = sorted(detections, key=lambda d: (-d.score, d.box.as_tuple()))
        strong = [d for d in ranked if d.score >= self._settings.strong_score]
        weak = [d for d in ranked if self._settings.weak_score <= d.score < self._settings.strong_score]
        tracks = list(self._live.values())
        first = assign([t.filter for t in tracks], [d.box for d in strong], Clutter(STRONG_CLUTTER, area_px))
        for i, j in first.pairs:
            self._seen(tracks[i], strong[j], now_s, weak=False)
        unseen = [tracks[i] for i in first.free_tracks if tracks[i].confirmed]
        second = assign([t.filter for t in unseen], [d.box for d in weak], Clutter(WEAK_CLUTTER, area_px))
        for i, j in second.pairs:
            self._seen(unseen[i], weak[j], now_s, weak=True)
        self._start([strong[j] for j in first.free_detections], now_s)

    def _seen(self, track: _Followed, detection: Detection, now_s: float, *, weak: bool) -> None:
        track.filter.observe(detection.box, weak=weak)
        track.last_s = now_s
        track.hits += 1
        track.confirmed = track.confirmed or track.hits >= self._settings.confirm_hits
        track.detection = detection

    def _start(self, detections: Sequence[Detection], now_s: float) -> None:
        """Start a track for each detection that is no second box of a plate seen in this very frame."""
        for detection in detections:
            taken = [t.detection.box for t in self._live.values() if t.detection is not None]
            if taken and iou_matrix(box_rows([detection.box]), box_rows(taken)).max() >= self._settings.same_plate_iou:
                continue
            if len(self._live) >= self._settings.max_tracks:
                return
            track = _Followed(self._take_id(), detection, now_s)
            track.confirmed = self._settings.confirm_hits <= 1
            self._live[track.id] = track

    def _over(self, track: _Followed, frame_size: tuple[int, int]) -> bool:
        if track.detection is not None:
            return False
        unseen_s = self._now_s - track.last_s
        gone = unseen_s > self._settings.lost_after_s and _outside(track.filter.box, frame_size)
        return gone or unseen_s > self._patience_s(track)

    def _patience_s(self, track: _Followed) -> float:
        return self._settings.patience_s if track.confirmed else self._settings.tentative_patience_s

    def _end(self, track: _Followed) -> Track:
        del self._live[track.id]
        return self._snapshot(track, TrackState.ENDED)

    def _take_split_off(self) -> list[Track]:
        split_off, self._split_off = self._split_off, []
        return split_off

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _snapshot(self, track: _Followed, state: TrackState | None = None) -> Track:
        if state is None and not track.confirmed:
            state = TrackState.TENTATIVE
        elif state is None:
            lost = self._now_s - track.last_s > self._settings.lost_after_s
            state = TrackState.LOST if lost else TrackState.CONFIRMED
        box, velocity = track.filter.box, track.filter.velocity_px_s
        return Track(track.id, state, box, velocity, track.first_s, track.last_s, track.hits, track.detection)


def _outside(box: Box, frame_size: tuple[int, int]) -> bool:
    cx, cy = box.centre
    return not (0.0 <= cx <= frame_size[0] and 0.0 <= cy <= frame_size[1])
