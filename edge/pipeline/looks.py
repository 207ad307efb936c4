"""Chooses which looks at a plate are read, and reads them in one batch.

Reading costs more than following, so a look is read only if it may still change
the answer: while the vote is young, when the plate is seen better than before,
or from time to time. Every plate that is not read is a loss with a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.config.models import RecogniserSettings
from edge.errors import InferenceError
from edge.pipeline.image import quad_size, quality, touches_edge
from edge.pipeline.posterior import decode_text
from edge.pipeline.views import read_views, views
from edge.protocols import RawRead, Recogniser
from edge.tracking.looks import line_height_px
from edge.types import Detection, Frame, PlateRead, Track, TrackState, UInt8Array, Verdict

READS_PER_FRAME = 4  # more plates than this in one frame take turns
YOUNG_READS = 8  # legible ones; until then every look is read
HOPELESS_READS = 8  # after so many illegible ones, only a better or later look is tried
BETTER_BY = 1.08  # a plate this much wider than at its last read is a view that the vote has not had (tracking.looks)
AGAIN_S = 0.25  # a vote that is not sure yet looks again after this
NEAR_HEIGHT_PX = 12.0  # and at every look once a line of characters is this high: the decision is near
NEAR_READS = 40  # but no longer than this many legible reads: more of them say nothing new
AGAIN_HOPELESS_S = 0.6  # one that has heard nothing but rubbish, after this: most likely a wall or lettering
AGAIN_SURE_S = 2.0  # one that is sure, after this
SURE_BETTER_BY = 1.2  # or at a plate this much wider
DECIDED = 0.97  # of a text: from here on its plate is read and followed at a slower pace
SURE = 0.99
DULL_READS = 4  # so many illegible looks and no legible one make a find a wall, a grille or lettering
DULL_HEIGHT_PX = 20.0  # if it is large enough that a plate would have been read
BLURRED = 0.004  # below this sharpness (pipeline.image) even people read nothing


@dataclass(frozen=True, slots=True, eq=False)
class LookedAt:
    """What became of the plates of one frame."""

    reads: tuple[PlateRead, ...] = ()
    losses: tuple[str, ...] = ()  # one reason per plate that was not read, from the metrics' catalogue


@dataclass(slots=True)
class _History:
    legible: int = 0  # reads that had a say
    hopeless: int = 0  # reads since the last legible one
    last_s: float = 0.0
    width_px: float = 0.0
    height_px: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    track: Track
    detection: Detection
    crops: tuple[UInt8Array, ...]  # see pipeline.views
    sharpness: float
    height_px: float
    width_px: float
    cut: bool


class Looks:
    """Reads the plates of one camera; remembers per live track when it was last read."""

    def __init__(self, recogniser: Recogniser, settings: RecogniserSettings) -> None:
        self._recogniser = recogniser
        self._settings = settings
        self._history: dict[int, _History] = {}

    def read(self, frame: Frame, tracks: Sequence[Track], sure: dict[int, Verdict]) -> LookedAt:
        """Return the reads of the plates in `frame` that are worth one, `sure` being the votes so far."""
        self._forget(tracks)
        losses: list[str] = []
        looks: list[_Look] = []
        for track in self._by_turn(t for t in tracks if t.detection is not None and t.state is not TrackState.ENDED):
            if not self._worthwhile(track, frame.monotonic_s, sure.get(track.id)):
                continue
            look = self._look(frame, track) if len(looks) < READS_PER_FRAME else "surplus"
            if isinstance(look, str):
                losses.append(look)
            else:
                looks.append(look)
        return self._recognise(frame, looks, losses)

    def dull(self, track_id: int) -> bool:
        """Tell whether what this track follows is most likely no plate, so that nobody need look at it from near."""
        history = self._history.get(track_id, _NEVER)
        return not history.legible and history.hopeless >= DULL_READS and history.height_px >= DULL_HEIGHT_PX

    def _recognise(self, frame: Frame, looks: Sequence[_Look], losses: list[str]) -> LookedAt:
        if not looks:
            return LookedAt((), tuple(losses))
        try:
            raw = read_views(self._recogniser, [look.crops for look in looks])
        except InferenceError:
            return LookedAt((), (*losses, *["inference_error"] * len(looks)))
        reads = tuple(self._plate_read(frame, look, r) for look, r in zip(looks, raw, strict=True))
        losses += ["illegible" for r in reads if r.legible < self._settings.min_legible]
        return LookedAt(reads, tuple(losses))

    def _look(self, frame: Frame, track: Track) -> _Look | str:
        assert track.detection is not None
        detection = track.detection
        width_px, height_px = quad_size(detection)
        if height_px < self._settings.min_height_px:
            return "too_small"
        cut = touches_edge(detection, frame.width, frame.height)
        crops = views(frame.luma, detection, self._recogniser)
        sharpness = quality(crops[0]).sharpness
        if sharpness < BLURRED:
            return "blurred"
        return _Look(track, detection, crops, sharpness, height_px, width_px, cut)

    def _worthwhile(self, track: Track, now_s: float, verdict: Verdict | None) -> bool:
        history = self._history.get(track.id)
        if history is None or now_s < history.last_s or track.detection is None:
            return True
        if history.legible < YOUNG_READS and history.hopeless < HOPELESS_READS:
            return True
        better_by = SURE_BETTER_BY if verdict is not None and verdict.probability >= SURE else BETTER_BY
        if quad_size(track.detection)[0] > better_by * history.width_px:
            return True
        return now_s - history.last_s >= _pause_s(history, verdict)

    def _plate_read(self, frame: Frame, look: _Look, raw: RawRead) -> PlateRead:
        history = self._history.setdefault(look.track.id, _History())
        legible = raw.legible >= self._settings.min_legible
        history.legible, history.hopeless = history.legible + legible, 0 if legible else history.hopeless + 1
        history.last_s = frame.monotonic_s
        history.width_px, history.height_px = look.width_px, look.height_px
        return PlateRead(
            track_id=look.track.id,
            sequence=frame.sequence,
            at_s=frame.monotonic_s,
            text=decode_text(raw.posterior)[0],
            posterior=raw.posterior,
            legible=raw.legible,
            height_px=look.height_px,
            width_px=look.width_px,
            sharpness=look.sharpness,
            detection_score=look.detection.score,
            cut=look.cut,
        )

    def _by_turn(self, tracks: Iterable[Track]) -> list[Track]:
        return sorted(tracks, key=lambda t: (self._history.get(t.id, _NEVER).last_s, t.id))

    def _forget(self, tracks: Sequence[Track]) -> None:
        alive = {t.id for t in tracks if t.state is not TrackState.ENDED}
        for gone in self._history.keys() - alive:
            del self._history[gone]


def _pause_s(history: _History, verdict: Verdict | None) -> float:
    """Return how long to wait for the next read of a plate that has been read before."""
    probability = 0.0 if verdict is None else verdict.probability
    if probability >= SURE:
        return AGAIN_SURE_S
    if history.hopeless >= HOPELESS_READS:
        return AGAIN_HOPELESS_S
    near = line_height_px(history) >= NEAR_HEIGHT_PX and history.legible < NEAR_READS
    return 0.0 if near and probability < DECIDED else AGAIN_S


_NEVER = _History(last_s=float("-inf"))
