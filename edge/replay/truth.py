"""What really happened in a video: passages with plate, direction and time window.

Two files say it: `truth.yaml`, written by a person who watched, and the JSON that the scene renderer
writes. Both become the same values; every mistake in a file is reported at once.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import yaml

from edge.errors import ConfigError, Problem
from edge.types import CHARSET, Direction

SCENE_SCHEMA = "anpr-edge/scene-truth/1"
FIX = "see docs/replay.md, 'Truth'"
PASSAGE_KEYS = {"plate", "direction", "from", "to", "first_legible", "expects", "note"}
VIDEO_KEYS = {"passages", "condition", "note"}


class Expects(str, Enum):
    """What may fairly be asked for."""

    READ = "read"  # an event with this plate
    OPTIONAL = "optional"  # nobody can read it for certain: an event is welcome, none is no failure
    NOTHING = "nothing"  # parked or not a passage: any event is a mistake


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle that passed, or stood there."""

    plate: str  # A-Z and 0-9; "" when there is none
    expects: Expects = Expects.READ
    direction: Direction | None = None  # None: not scored
    from_s: float | None = None  # seconds of the video; None: not known
    to_s: float | None = None
    first_legible_s: float | None = None
    kind: str = ""

    def __post_init__(self) -> None:
        if set(self.plate) - set(CHARSET):
            raise ValueError(f"plate {self.plate!r} may hold only A-Z and 0-9")
        if self.from_s is not None and self.to_s is not None and not self.from_s <= self.to_s:
            raise ValueError(f"from {self.from_s} is later than to {self.to_s}")
        if self.expects is Expects.READ and not self.plate:
            raise ValueError("a passage that must be read needs its plate")


@dataclass(frozen=True, slots=True)
class VideoTruth:
    """The truth about one video."""

    video: str  # file name
    passages: tuple[Passage, ...]
    condition: str = "video"


def load(path: Path) -> dict[str, VideoTruth]:
    """Return the truth in a `truth.yaml` or in a scene's JSON, by file name of the video.

    Raises:
        ConfigError: unreadable, or wrong; every problem at once.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(str(path), f"cannot be read ({error})", FIX) from error
    if not isinstance(document, dict):
        raise ConfigError(str(path), "holds no mapping of videos", FIX)
    if document.get("schema") == SCENE_SCHEMA:
        truth = _of_scene(document, str(path))
        return {truth.video: truth}
    problems: list[Problem] = []
    found = {str(name): _of_video(str(name), body, f"{path}: {name}", problems) for name, body in document.items()}
    if problems:
        raise ConfigError(problems=problems)
    return found


def truth_for(video: Path, truth: Path | None) -> VideoTruth:
    """Return the truth about `video`: from `truth`, or from the file that lies beside the video.

    Raises:
        ConfigError: there is none.
    """
    beside = (video.with_suffix(".truth.json"), video.with_suffix(".truth.yaml"), video.parent / "truth.yaml")
    for path in (truth,) if truth is not None else beside:
        if path is not None and path.exists():
            found = load(path)
            if video.name in found:
                return found[video.name]
    looked = str(truth) if truth is not None else ", ".join(str(p) for p in beside)
    raise ConfigError(
        str(video), f"no truth about it in {looked}", "name a file with --truth, or run anpr-edge annotate"
    )


def _of_scene(document: dict[str, object], at: str) -> VideoTruth:
    passages = document.get("passages")
    if not isinstance(passages, list):
        raise ConfigError(f"{at}: passages", "is no list", "render the scene again")
    return VideoTruth(
        f"{document.get('name')}.mp4",
        tuple(_scene_passage(p) for p in passages),
        str(document.get("condition", "scene")),
    )


def _scene_passage(p: dict[str, object]) -> Passage:
    direction = str(p["direction"])
    expects = Expects.READ if p["readable"] else Expects.OPTIONAL
    if direction == "none":
        expects = Expects.NOTHING
    return Passage(
        plate=str(p["plate"]),
        expects=expects,
        direction=None if direction == "none" else Direction(direction),
        from_s=_number(p["from_s"]),
        to_s=_number(p["end_s"]),
        first_legible_s=_number(p["first_legible_s"]),
        kind=str(p["kind"]),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _of_video(name: str, body: object, at: str, problems: list[Problem]) -> VideoTruth:
    if not isinstance(body, dict) or not isinstance(body.get("passages"), list):
        problems.append(Problem(at, "needs a list `passages`", FIX))
        return VideoTruth(name, ())
    problems += [Problem(f"{at}.{key}", "is not a known key", FIX) for key in sorted(set(body) - VIDEO_KEYS)]
    passages = []
    for number, entry in enumerate(body["passages"]):
        passage = _of_entry(entry, f"{at}.passages[{number}]", problems)
        if passage is not None:
            passages.append(passage)
    return VideoTruth(name, tuple(passages), str(body.get("condition", "video")))


def _of_entry(entry: object, at: str, problems: list[Problem]) -> Passage | None:
    if not isinstance(entry, dict):
        problems.append(Problem(at, f"is {entry!r}, no mapping", FIX))
        return None
    unknown = sorted(set(map(str, entry)) - PASSAGE_KEYS)
    problems += [Problem(f"{at}.{key}", "is not a known key", FIX) for key in unknown]
    for key in ("from", "to", "first_legible"):
        if entry.get(key) is not None and _number(entry[key]) is None:
            problems.append(Problem(f"{at}.{key}", f"{entry[key]!r} is no number of seconds", FIX))
    try:
        direction = entry.get("direction")
        return Passage(
            plate=str(entry.get("plate", "")).upper().replace(" ", ""),
            expects=Expects(entry.get("expects", "read")),
            direction=Direction(direction) if direction is not None else None,
            from_s=_number(entry.get("from")),
            to_s=_number(entry.get("to")),
            first_legible_s=_number(entry.get("first_legible")),
        )
    except ValueError as error:
        problems.append(Problem(at, str(error), FIX))
        return None
