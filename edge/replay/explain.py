"""Why a plate was read as it was, or not at all: one row per look, from the vote's own bookkeeping.

Values only; the command prints them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.replay.watch import Story, Watched
from edge.tracking.looks import HALF_HEIGHT_PX, LookWeight
from edge.types import BLANK, CHARSET, PlateRead

IN_VIEW_S = 0.5  # VIDEO@TIME means the plates seen at most this long before or after


@dataclass(frozen=True, slots=True)
class LookRow:
    """One look as a person reads it."""

    at_s: float
    size_px: tuple[float, float]  # width, height of the plate in the picture
    sharpness: float
    detector: float
    legible: float
    characters: tuple[tuple[str, float], ...]  # each with its probability
    weight: float
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One followed plate: what came of it, and its looks."""

    track_id: int
    span_s: tuple[float, float]
    detections: int
    best_height_px: float
    answer: str  # of the vote, "" without one
    event: str  # kind and direction of the event it led to, "" without one
    reason: str  # why there was no event or no text, "" where there was
    rows: tuple[LookRow, ...]


def explained(
    watched: Watched, *, at_s: float | None = None, event_id: str | None = None, min_height_px: float = 8.0
) -> tuple[Explanation, ...]:
    """Return the plates seen around `at_s`, or those behind one event, or all, in order of appearance."""
    stories: Sequence[Story] = sorted(watched.stories.values(), key=lambda s: (s.first_s, s.track_id))
    if at_s is not None:
        stories = [s for s in stories if s.first_s - IN_VIEW_S <= at_s <= s.last_s + IN_VIEW_S]
    if event_id is not None:
        passages = {t.event.passage_id for t in watched.events if event_id in (t.event.event_id, t.event.passage_id)}
        wanted = {i for p in passages for i in watched.tracks_of.get(p, ())}
        stories = [s for s in stories if s.track_id in wanted]
    return tuple(_explanation(watched, story, min_height_px) for story in stories)


def _explanation(watched: Watched, story: Story, min_height_px: float) -> Explanation:
    rows = tuple(_row(weight, watched.start_s) for weight in story.weights())
    event = _event(watched, story)
    return Explanation(
        track_id=story.track_id,
        span_s=(story.first_s, story.last_s),
        detections=story.detections,
        best_height_px=story.best_height_px,
        answer=story.verdict_text,
        event=event,
        reason="" if event and story.verdict_text else _why_not(story, rows, min_height_px),
        rows=rows,
    )


def _event(watched: Watched, story: Story) -> str:
    for timed in reversed(watched.events):
        if story.track_id in watched.tracks_of.get(timed.event.passage_id, ()):
            return f"{timed.event.type.value} {timed.event.direction.value}"
    return ""


def _row(weight: LookWeight, start_s: float) -> LookRow:
    read = weight.read
    return LookRow(
        at_s=read.at_s - start_s,
        size_px=(read.width_px, read.height_px),
        sharpness=read.sharpness,
        detector=read.detection_score,
        legible=read.legible,
        characters=characters(read),
        weight=weight.weight,
        verdict=weight.verdict.value,
        reason=weight.reason,
    )


def characters(read: PlateRead) -> tuple[tuple[str, float], ...]:
    """Return each character of the best path with its probability."""
    found = []
    for row in read.posterior:
        k = int(row.argmax())
        if k != BLANK:
            found.append((CHARSET[k - 1], float(row[k])))
    return tuple(found)


def _why_not(story: Story, rows: Sequence[LookRow], min_height_px: float) -> str:
    """Return why a plate led to no text or no event, in words with numbers."""
    if not story.looks:
        if story.best_height_px < min_height_px:
            return f"too small: at most {story.best_height_px:.0f} px high, reading starts at {min_height_px:.0f} px"
        return f"never read: seen in {story.detections} pictures, all too blurred"
    counted = [r for r in rows if r.weight > 0]
    if not counted:
        worst = max({r.reason for r in rows}, key=lambda reason: sum(r.reason == reason for r in rows), default="")
        return f"none of {len(story.looks)} looks had a say: {worst}"
    if story.best_height_px < HALF_HEIGHT_PX:
        return f"seen too small for a sure answer: at most {story.best_height_px:.0f} px high"
    if len(counted) < 2:
        return "a single look is no quorum"
    return "the vehicle never moved, or the vote stayed below the threshold"
