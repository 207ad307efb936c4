"""Why a plate was read as it was, or not at all: one row per look, from the vote's own bookkeeping.

Values only; the command prints them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.replay.watch import Story, Watched
from edge.tracking.account import LookLine, account

IN_VIEW_S = 0.5  # VIDEO@TIME means the plates seen at most this long before or after


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
    rows: tuple[LookLine, ...]  # their moments count from the start of the video


def explained(
    watched: Watched,
    *,
    at_s: float | None = None,
    event_id: str | None = None,
    min_height_px: float = 8.0,
    told_from: float = 0.5,
) -> tuple[Explanation, ...]:
    """Return the plates seen around `at_s`, or those behind one event, or all, in order of appearance.

    Args:
        min_height_px: as in the settings of the reader.
        told_from: the camera's `final_threshold`.
    """
    stories: Sequence[Story] = sorted(watched.stories.values(), key=lambda s: (s.first_s, s.track_id))
    if at_s is not None:
        stories = [s for s in stories if s.first_s - IN_VIEW_S <= at_s <= s.last_s + IN_VIEW_S]
    if event_id is not None:
        passages = {t.event.passage_id for t in watched.events if event_id in (t.event.event_id, t.event.passage_id)}
        wanted = {i for p in passages for i in watched.tracks_of.get(p, ())}
        stories = [s for s in stories if s.track_id in wanted]
    return tuple(_explanation(watched, story, min_height_px, told_from) for story in stories)


def _explanation(watched: Watched, story: Story, min_height_px: float, told_from: float) -> Explanation:
    event = _event(watched, story)
    found = account(
        story.weights(),
        story.verdict_text,
        detections=story.detections,
        best_height_px=story.best_height_px,
        min_height_px=min_height_px,
        answered=bool(event),
        probability=story.probability,
        told_from=told_from,
    )
    return Explanation(
        track_id=story.track_id,
        span_s=(story.first_s, story.last_s),
        detections=found.detections,
        best_height_px=found.best_height_px,
        answer=found.answer,
        event=event,
        reason=found.reason,
        rows=tuple(replace(line, at_s=line.at_s - watched.start_s) for line in found.looks),
    )


def _event(watched: Watched, story: Story) -> str:
    for timed in reversed(watched.events):
        if story.track_id in watched.tracks_of.get(timed.event.passage_id, ()):
            return f"{timed.event.type.value} {timed.event.direction.value}"
    return ""
