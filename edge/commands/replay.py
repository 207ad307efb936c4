"""`anpr-edge replay`: recorded video through the pipeline of a live gate."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.commands.options import CameraOption, OptionalConfig, camera_of, settings_for_files
from edge.errors import ConfigError
from edge.types import EventType

if TYPE_CHECKING:
    from edge.pipeline.pipeline import Step
    from edge.types import GateEvent

_EPILOG = """
Examples:

  anpr-edge replay gate.mp4

  anpr-edge replay --json *.mp4 > events.jsonl

  anpr-edge replay gate.mp4 --annotated out.mp4 -c config.yaml --camera gate-1
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("replay", epilog=_EPILOG)(replay)


@dataclass(frozen=True, slots=True)
class _Played:
    video: Path
    events: tuple[GateEvent, ...]
    frames: int
    duration_s: float
    took_s: float


def replay(
    videos: Annotated[list[Path], typer.Argument(help="Video files.", show_default=False)],
    config: OptionalConfig = None,
    camera: CameraOption = None,
    start: Annotated[str, typer.Option(help="When the first frame was taken (ISO 8601).")] = "2000-01-01T00:00:00Z",
    realtime: Annotated[bool, typer.Option("--realtime", help="Play as slowly as it was recorded.")] = False,
    annotated: Annotated[
        Path | None, typer.Option(help="Write the video with plates, tracks, votes and events drawn on it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but events, one JSON object a line.")] = False,
) -> None:
    """Run recorded video through the very same pipeline as a live gate and print its events.

    Time is the video's own: two runs give bit-identical events, at whatever speed.
    """
    if annotated is not None and len(videos) > 1:
        raise ConfigError("--annotated", f"{len(videos)} videos cannot go into one file", "give one video at a time")
    moment = _moment(start)
    results = []
    for video in videos:
        results.append(_play(video, config, camera, moment, realtime=realtime, annotated=annotated, as_json=as_json))
    _summary(results, annotated)


def _play(
    video: Path,
    config: Path | None,
    camera_name: str | None,
    start: datetime,
    *,
    realtime: bool,
    annotated: Path | None,
    as_json: bool,
) -> _Played:
    from edge.replay.player import Player

    settings = settings_for_files(config)
    camera = camera_of(settings, camera_name)
    began_s = time.perf_counter()
    player = Player(video, settings, camera, start=start, realtime=realtime, stopwatch=time.perf_counter)
    events: list[GateEvent] = []
    with ExitStack() as stack:
        draw = _drawing(stack, annotated, player.pipeline.states, camera.gate.line)
        for step in _with_progress(
            player.play(), lambda: player.expected_frames, video.name, quiet=not sys.stderr.isatty()
        ):
            draw(step)
            for event in step.events:
                events.append(event)
                _print_event(event, step, as_json=as_json)
    return _Played(video, tuple(events), player.frames, player.duration_s, time.perf_counter() - began_s)
