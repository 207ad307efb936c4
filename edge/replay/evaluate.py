"""Plays videos and scores them: one evaluation, as values, as JSON, and against an older one.

The pipeline comes from outside, so that any settings and models can be judged. No printing here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.errors import ConfigError
from edge.replay.player import EPOCH, Player
from edge.replay.scoring import PassageScore, Reported, VideoScore, score
from edge.replay.summary import HIGHER_IS_BETTER, LOWER_IS_BETTER, by_condition, summarised
from edge.replay.truth import Expects, VideoTruth
from edge.replay.watch import Watched, watch
from edge.sinks.wire import encode
from edge.tracking.looks import quality
from edge.tracking.voting import Ballot
from edge.types import PlateRead

SCHEMA = "anpr-edge/evaluation/1"
EARLY_LOOKS = 5  # about when an early decision is due: at the end of a passage even a single look is seldom wrong
VIDEO_SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".ts", ".webm")


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """One video: its score and everything that was seen."""

    path: Path
    score: VideoScore
    watched: Watched
    took_s: float
    events_sha256: str


@dataclass(frozen=True, slots=True)
class VotingGain:
    """What the vote is worth: passages that the single best read, and the vote, got wrong."""

    passages: int
    single_best_wrong: int
    vote_wrong: int
    early_single_best_wrong: int  # after `EARLY_LOOKS` looks
    early_vote_wrong: int
    looks: int
    looks_wrong: int


def videos_in(paths: Sequence[Path]) -> list[Path]:
    """Return the video files named, and those in the folders named, sorted within each folder.

    Raises:
        ConfigError: a path does not exist, or there is no video at all.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
        elif path.exists():
            found.append(path)
        else:
            raise ConfigError(str(path), "there is no such file or folder", "name videos or folders of videos")
    if not found:
        raise ConfigError(", ".join(map(str, paths)), "holds no video", f"need one of {', '.join(VIDEO_SUFFIXES)}")
    return found


def evaluated(
    jobs: Sequence[tuple[Path, VideoTruth]], player_for: Callable[[Path], Player], stopwatch: Callable[[], float]
) -> Iterator[Evaluated]:
    """Play and score one video after the other.

    Raises:
        SourceUnavailable: a file is no video.
    """
    for path, truth in jobs:
        began_s = stopwatch()
        watched = watch(player_for(path), path)
        took_s = stopwatch() - began_s
        yield Evaluated(path, score(truth, watched.events, watched.seconds), watched, took_s, fingerprint(watched))


def fingerprint(watched: Watched) -> str:
    """Return a hash of all events as they go over the wire: equal runs have equal ones."""
    whole = hashlib.sha256()
    for timed in watched.events:
        whole.update(encode(timed.event, max(timed.event.captured_at, EPOCH)) + b"\n")
    return whole.hexdigest()


def best_read(reads: Sequence[PlateRead]) -> str:
    """Return the text of the look that deserves most trust, "" without a look."""
    texts = sorted((-quality(read), read.sequence, read.text) for read in reads)
    return texts[0][2] if texts else ""


def voting_gain(videos: Sequence[Evaluated]) -> VotingGain:
    """Return how often the best single look and the vote were wrong, over passages that were found."""
    found = [
        (p.passage.plate, p.reported, [look.read for look in stories[0].looks])
        for video in videos
        for p in video.score.passages
        if p.reported is not None and p.passage.expects is Expects.READ
        if (stories := video.watched.stories_of(p.reported.passage_id)) and stories[0].looks
    ]
    return VotingGain(
        passages=len(found),
        single_best_wrong=sum(best_read(reads) != plate for plate, _, reads in found),
        vote_wrong=sum(reported.text != plate for plate, reported, _ in found),
        early_single_best_wrong=sum(best_read(reads[:EARLY_LOOKS]) != plate for plate, _, reads in found),
        early_vote_wrong=sum(_voted(reads[:EARLY_LOOKS]) != plate for plate, _, reads in found),
        looks=sum(len(reads) for _, _, reads in found),
        looks_wrong=sum(read.text != plate for plate, _, reads in found for read in reads),
    )


def _voted(reads: Sequence[PlateRead]) -> str:
    """Return what a vote of these looks says, whatever countries the site expects."""
    ballot = Ballot()
    for read in reads:
        ballot.add(read)
    verdict = ballot.verdict()
    return "" if verdict is None else verdict.text


def as_document(videos: Sequence[Evaluated]) -> dict[str, Any]:
    """Return the evaluation as a JSON object; nothing in it depends on the speed of the machine but `speed`."""
    scores = [v.score for v in videos]
    gain = voting_gain(videos)
    took_s = sum(v.took_s for v in videos)
    return {
        "schema": SCHEMA,
        "summary": summarised(scores).as_dict(),
        "by_condition": {name: s.as_dict() for name, s in by_condition(scores).items()},
        "voting": {**asdict(gain), "early_looks": EARLY_LOOKS},
        "speed": {"times_real_time": round(sum(v.score.seconds for v in videos) / took_s, 2) if took_s > 0 else None},
        "videos": [_video(v) for v in videos],
    }  # fmt: skip


def _video(video: Evaluated) -> dict[str, Any]:
    return {
        "video": video.path.name,
        "condition": video.score.condition,
        "seconds": round(video.score.seconds, 3),
        "events_sha256": video.events_sha256,
        "passages": [_passage(p) for p in video.score.passages],
        "false_events": [_reported(r) for r in video.score.false_events],
        "not_read": video.watched.losses,
    }


def _passage(p: PassageScore) -> dict[str, Any]:
    return {
        "plate": p.passage.plate,
        "expects": p.passage.expects.value,
        "outcome": p.outcome.value,
        "failed": p.failed,
        "answer": _reported(p.reported) if p.reported else None,
        "direction_right": p.direction_right,
        "latency_s": None if p.latency_s is None else round(p.latency_s, 3),
        "hasty": p.hasty,
        "duplicates": [_reported(d) for d in p.duplicates],
    }


def _reported(r: Reported) -> dict[str, Any]:
    return {
        "type": r.last.type.value,
        "text": r.text,
        "probability": round(r.answer.probability, 4) if r.answer else None,
        "reads": r.answer.reads if r.answer else 0,
        "direction": r.last.direction.value,
        "at_s": round(r.span_s[1], 3),
    }


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two evaluations."""

    what: str
    old: str
    new: str
    better: bool | None  # None: neither


def compared(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return what changed from `old` to `new`: the numbers, then the passages, those that got worse first."""
    if old.get("schema") != SCHEMA:
        raise ConfigError("--compare", f"is no evaluation of the form {SCHEMA}", "give a file written with --json")
    numbers = [
        Change(name, str(value), str(new["summary"].get(name)), _improved(name, value, new["summary"].get(name)))
        for name, value in old["summary"].items()
        if value != new["summary"].get(name)
    ]
    before, after = _by_passage(old), _by_passage(new)
    passages = []
    for key in sorted(before.keys() | after.keys()):
        a, b = before.get(key), after.get(key)
        if a is None or b is None or _told(a) != _told(b):
            better = None if a is None or b is None or a["failed"] == b["failed"] else a["failed"]
            passages.append(Change(key, "-" if a is None else _told(a), "-" if b is None else _told(b), better))
    return numbers + sorted(passages, key=lambda c: (c.better is not False, c.better is not None))


def _improved(name: str, old: float | None, new: float | None) -> bool | None:
    if old is None or new is None or name not in HIGHER_IS_BETTER | LOWER_IS_BETTER:
        return None
    return (new > old) == (name in HIGHER_IS_BETTER)


def _by_passage(document: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{v['video']} #{n} {p['plate']}": p for v in document["videos"] for n, p in enumerate(v["passages"])}


def _told(passage: Mapping[str, Any]) -> str:
    answer = passage["answer"]
    text = f" {answer['text'] or answer['type']} {answer['direction']}" if answer else ""
    return f"{passage['outcome']}{text}" + (f" +{len(passage['duplicates'])}" if passage["duplicates"] else "")
