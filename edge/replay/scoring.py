"""Compares what was reported with what happened: which passage got which answer, and what was made up.

Pure functions over values: events with their moments, passages with theirs. An answer belongs to the passage
it resembles most among those that were in view at the time; what is left over is a duplicate or a false event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from edge.replay.truth import Expects, Passage, VideoTruth
from edge.types import EventType, GateEvent, Verdict

EARLY_S = 1.0  # an event may come this much before the window that a person noted
LATE_S = 6.0  # and this much after it: a passage ends only when its plate has been gone for a while
SAME_PLATE = 2  # texts that differ by at most so many characters may be the same plate


class Outcome(str, Enum):
    """What became of one passage."""

    EXACT = "exact"
    ONE_OFF = "one off"  # one character wrong, missing or too many
    WRONG = "wrong"
    UNREAD = "unread"  # noticed, no text given
    MISSED = "missed"
    QUIET = "quiet"  # nothing was expected and nothing came


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """An event and when it was sent, in seconds of the video."""

    at_s: float
    event: GateEvent


@dataclass(frozen=True, slots=True)
class Reported:
    """Everything the pipeline said about one passage."""

    passage_id: str
    events: tuple[TimedEvent, ...]  # in order

    @property
    def last(self) -> GateEvent:
        """The event that ended it, or the newest."""
        return self.events[-1].event

    @property
    def answer(self) -> Verdict | None:
        """The plate that was reported in the end, None when it stayed unread."""
        return None if self.last.type is EventType.UNREAD else self.last.plate

    @property
    def text(self) -> str:
        """The text of the answer, "" without one."""
        return self.answer.text if self.answer is not None else ""

    @property
    def decided_s(self) -> float | None:
        """When a text was first reported."""
        return next((e.at_s for e in self.events if e.event.type is not EventType.UNREAD), None)

    @property
    def span_s(self) -> tuple[float, float]:
        """First and last moment."""
        return self.events[0].at_s, self.events[-1].at_s


@dataclass(frozen=True, slots=True)
class PassageScore:
    """One passage and what was said about it."""

    passage: Passage
    outcome: Outcome
    reported: Reported | None = None
    duplicates: tuple[Reported, ...] = ()

    @property
    def direction_right(self) -> bool | None:
        """Whether the direction is right; None where it is not known, nothing was reported, or nothing can be asked."""
        if self.passage.direction is None or self.reported is None or self.passage.expects is not Expects.READ:
            return None
        return self.reported.last.direction is self.passage.direction

    @property
    def latency_s(self) -> float | None:
        """Seconds from the first legible frame to the first event with the right text."""
        if self.passage.first_legible_s is None or self.reported is None:
            return None
        right = (e.at_s for e in self.reported.events if e.event.plate and e.event.plate.text == self.passage.plate)
        first = next(right, None)
        return None if first is None else first - self.passage.first_legible_s

    @property
    def hasty(self) -> bool:
        """Whether an early event said something else than the last one: a gate may have opened for it."""
        if self.reported is None:
            return False
        early = {
            e.event.plate.text for e in self.reported.events if e.event.type is EventType.PROVISIONAL and e.event.plate
        }
        return bool(early - {self.passage.plate})

    @property
    def failed(self) -> bool:
        """Whether a person should look at it."""
        wanted = {Expects.READ: {Outcome.EXACT}, Expects.NOTHING: {Outcome.QUIET}}.get(
            self.passage.expects, {Outcome.EXACT, Outcome.UNREAD, Outcome.QUIET, Outcome.MISSED}
        )
        return self.outcome not in wanted or self.direction_right is False or bool(self.duplicates) or self.hasty


@dataclass(frozen=True, slots=True)
class VideoScore:
    """One video: its passages and what was reported beyond them."""

    video: str
    condition: str
    seconds: float
    passages: tuple[PassageScore, ...]
    false_events: tuple[Reported, ...]


def grouped(events: Sequence[TimedEvent]) -> tuple[Reported, ...]:
    """Return the events of passages, one entry per passage, in order of their first event."""
    groups: dict[str, list[TimedEvent]] = {}
    for timed in events:
        if timed.event.type in (EventType.PROVISIONAL, EventType.FINAL, EventType.UNREAD):
            groups.setdefault(timed.event.passage_id, []).append(timed)
    return tuple(Reported(key, tuple(group)) for key, group in groups.items())


def edit_distance(a: str, b: str) -> int:
    """Return the least number of characters to change, add or remove (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def score(truth: VideoTruth, events: Sequence[TimedEvent], seconds: float) -> VideoScore:
    """Return how well `events` tell what happened in the video of `truth`, which lasts `seconds`."""
    reported = grouped(events)
    pairs = sorted(
        (_cost(passage, answer), p, r)
        for p, passage in enumerate(truth.passages)
        for r, answer in enumerate(reported)
        if _possible(passage, answer)
    )
    chosen: dict[int, int] = {}
    taken: set[int] = set()
    for _, p, r in pairs:
        if p not in chosen and r not in taken:
            chosen[p] = r
            taken.add(r)
    spare: dict[int, list[Reported]] = {}
    false: list[Reported] = []
    for r, answer in enumerate(reported):
        if r in taken:
            continue
        owner = _duplicates_which(answer, truth, chosen)
        if owner is None:
            false.append(answer)
        else:
            spare.setdefault(owner, []).append(answer)
    scores = tuple(
        _scored(passage, reported[chosen[p]] if p in chosen else None, tuple(spare.get(p, ())))
        for p, passage in enumerate(truth.passages)
    )
    return VideoScore(truth.video, truth.condition, seconds, scores, tuple(false))


def _possible(passage: Passage, answer: Reported) -> bool:
    """Tell whether `answer` may speak of `passage`: in view at the time, and a similar text where no time is known."""
    if not _in_view(passage, answer):
        return False
    if not passage.plate:
        return not answer.text  # a vehicle without plate may be reported as unread, never with a text
    known = passage.from_s is not None and passage.to_s is not None
    if passage.expects is Expects.NOTHING:
        return bool(answer.text) and edit_distance(answer.text, passage.plate) <= SAME_PLATE
    return (known and not answer.text) or _resembles(answer.text, passage.plate, loose=known)


def _resembles(text: str, plate: str, *, loose: bool) -> bool:
    return bool(text) and edit_distance(text, plate) <= (max(len(plate) - 2, SAME_PLATE) if loose else SAME_PLATE)


def _in_view(passage: Passage, answer: Reported) -> bool:
    start, end = answer.span_s
    after = passage.from_s is None or end >= passage.from_s - EARLY_S
    return after and (passage.to_s is None or start <= passage.to_s + LATE_S)


def _cost(passage: Passage, answer: Reported) -> tuple[int, float]:
    distance = edit_distance(answer.text, passage.plate)
    middle = ((passage.from_s or 0.0) + (passage.to_s or 0.0)) / 2
    return distance, abs(answer.span_s[0] - middle)


def _duplicates_which(answer: Reported, truth: VideoTruth, chosen: dict[int, int]) -> int | None:
    """Return the passage that `answer` reports once more, or None when it is made up."""
    best = [
        (edit_distance(answer.text, passage.plate), p)
        for p, passage in enumerate(truth.passages)
        if p in chosen and passage.expects is not Expects.NOTHING and _in_view(passage, answer)
        and (not answer.text or edit_distance(answer.text, passage.plate) <= SAME_PLATE)
    ]  # fmt: skip
    return min(best)[1] if best else None


def _scored(passage: Passage, answer: Reported | None, duplicates: tuple[Reported, ...]) -> PassageScore:
    if answer is None:
        quiet = passage.expects is not Expects.READ
        return PassageScore(passage, Outcome.QUIET if quiet else Outcome.MISSED, None, duplicates)
    if not answer.text:
        return PassageScore(passage, Outcome.UNREAD, answer, duplicates)
    distance = edit_distance(answer.text, passage.plate)
    outcome = {0: Outcome.EXACT, 1: Outcome.ONE_OFF}.get(distance, Outcome.WRONG)
    return PassageScore(passage, outcome, answer, duplicates)
