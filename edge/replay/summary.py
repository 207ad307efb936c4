"""Many scored videos in a few numbers: recall, exactness, duplicates, false events, latency, calibration.

Also what changed against an older run, and whether stored thresholds still hold. Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from edge.errors import ConfigError
from edge.replay.scoring import Outcome, PassageScore, VideoScore
from edge.replay.truth import Expects

CALIBRATION_BINS = 10
HIGHER_IS_BETTER = {"recall", "exact", "one_off_or_better", "direction"}
LOWER_IS_BETTER = {
    "duplicate_rate",
    "false_events",
    "false_events_per_hour",
    "hasty",
    "latency_p50_s",
    "latency_p95_s",
    "calibration_error",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of a run. Shares are of the passages that can fairly be read; None: there is nothing to count."""

    videos: int
    hours: float
    passages: int  # that must be read
    recall: float | None  # an event, read or unread
    exact: float | None
    one_off_or_better: float | None
    direction: float | None  # right, of those found whose direction is known
    duplicate_rate: float | None  # additional events per passage found
    false_events: int
    false_events_per_hour: float | None
    hasty: int  # early events with another text than the truth
    unreadable: int  # passages nobody could ask for
    unreadable_guessed: int  # of these, answered with a wrong text
    reads_p50: float | None
    latency_p50_s: float | None  # first legible frame to first event with the right text
    latency_p95_s: float | None
    calibration_error: float | None  # expected calibration error of the final probability

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the numbers by name."""
        return asdict(self)


def summarised(videos: Sequence[VideoScore]) -> Summary:
    """Return the numbers over all passages of all videos."""
    every = [p for v in videos for p in v.passages]
    asked = [p for p in every if p.passage.expects is Expects.READ]
    found = [p for p in asked if p.reported is not None]
    directed = [p.direction_right for p in every if p.direction_right is not None]
    unreadable = [p for p in every if p.passage.expects is Expects.OPTIONAL]
    quiet_broken = sum(p.outcome is not Outcome.QUIET for p in every if p.passage.expects is Expects.NOTHING)
    false = sum(len(v.false_events) for v in videos) + quiet_broken
    hours = sum(v.seconds for v in videos) / 3600
    latencies = [p.latency_s for p in asked if p.latency_s is not None]
    answers = [p for p in every if p.reported is not None and p.reported.answer is not None]
    return Summary(
        videos=len(videos),
        hours=round(hours, 4),
        passages=len(asked),
        recall=_share(len(found), len(asked)),
        exact=_share(sum(p.outcome is Outcome.EXACT for p in asked), len(asked)),
        one_off_or_better=_share(sum(p.outcome in (Outcome.EXACT, Outcome.ONE_OFF) for p in asked), len(asked)),
        direction=_share(sum(directed), len(directed)),
        duplicate_rate=_share(sum(len(p.duplicates) for p in every), len(found)),
        false_events=false,
        false_events_per_hour=round(false / hours, 2) if hours else None,
        hasty=sum(p.hasty for p in every),
        unreadable=len(unreadable),
        unreadable_guessed=sum(p.outcome in (Outcome.WRONG, Outcome.ONE_OFF) for p in unreadable),
        reads_p50=percentile([p.reported.answer.reads for p in answers if p.reported and p.reported.answer], 50),
        latency_p50_s=percentile(latencies, 50),
        latency_p95_s=percentile(latencies, 95),
        calibration_error=calibration_error([(_probability(p), p.outcome is Outcome.EXACT) for p in answers]),
    )


def by_condition(videos: Sequence[VideoScore]) -> dict[str, Summary]:
    """Return the numbers of each condition, by name."""
    names = sorted({v.condition for v in videos})
    return {name: summarised([v for v in videos if v.condition == name]) for name in names}


def percentile(values: Iterable[float], percent: float) -> float | None:
    """Return the nearest-rank percentile, or None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return round(float(ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]), 3)


def calibration_error(answers: Sequence[tuple[float, bool]]) -> float | None:
    """Return the expected calibration error of (probability, was right) over ten equal bins, or None of nothing.

    Source: Naeini et al., AAAI 2015; the case in tests/replay/test_summary.py is worked by hand.
    """
    if not answers:
        return None
    total = 0.0
    for number in range(CALIBRATION_BINS):
        inside = [(p, r) for p, r in answers if min(int(p * CALIBRATION_BINS), CALIBRATION_BINS - 1) == number]
        if inside:
            total += abs(sum(p for p, _ in inside) - sum(r for _, r in inside))
    return round(total / len(answers), 4)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _probability(passage: PassageScore) -> float:
    assert passage.reported is not None and passage.reported.answer is not None
    return passage.reported.answer.probability


def breaches(numbers: Mapping[str, float | int | None], thresholds: Mapping[str, float]) -> list[str]:
    """Return a sentence for each number that is worse than its threshold; a number that is missing is worse."""
    found = []
    for name, limit in thresholds.items():
        value = numbers.get(name)
        floor = name in HIGHER_IS_BETTER
        if value is None or (value < limit if floor else value > limit):
            found.append(
                f"{name} is {'missing' if value is None else value}, {'at least' if floor else 'at most'} {limit}"
            )
    return found


def load_thresholds(path: Path) -> dict[str, float]:
    """Return the limits in a YAML file.

    Raises:
        ConfigError: unreadable, an unknown name, or no number.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(str(path), f"cannot be read ({error})", "give a YAML file of limits") from error
    known = HIGHER_IS_BETTER | LOWER_IS_BETTER
    if (
        not isinstance(document, dict)
        or set(document) - known
        or not all(isinstance(v, (int, float)) for v in document.values())
    ):
        raise ConfigError(str(path), "needs numbers by name", f"use only: {', '.join(sorted(known))}")
    return {str(k): float(v) for k, v in document.items()}
