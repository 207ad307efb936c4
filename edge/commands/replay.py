"""`anpr-edge replay`: recorded video through the pipeline of a live gate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.commands import site
from edge.commands.options import CameraOption, OptionalConfig, StillOption, camera_of, settings_for_files
from edge.errors import ConfigError, SourceUnavailable
from edge.types import EventType

if TYPE_CHECKING:
    from edge.config.camera import CameraSettings
    from edge.config.settings import Settings
    from edge.pipeline.pipeline import Step
    from edge.replay.player import Player
    from edge.types import GateEvent

_EPILOG = """
Examples:

  anpr-edge replay gate.mp4

  anpr-edge replay --json *.mp4 > events.jsonl

  anpr-edge replay gate.mp4 --annotated out.mp4 -c config.yaml --camera gate-1

Exit codes: 0 every video was played, 1 some could not be (the others still are) or the annotated one not be written,
78 invalid settings, or a name for the annotated video that is an input's.
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
    expected_frames: int  # as the file claims; 0 when it does not say

    @property
    def cut_short(self) -> bool:
        """Tell whether the file ends before it says it does; some rounding of containers aside."""
        return self.frames < 0.99 * self.expected_frames - 2


def replay(
    videos: Annotated[list[Path], typer.Argument(help="Video files.", show_default=False)],
    config: OptionalConfig = None,
    camera: CameraOption = None,
    still_plates: StillOption = False,
    start: Annotated[str, typer.Option(help="When the first frame was taken (ISO 8601).")] = "2000-01-01T00:00:00Z",
    realtime: Annotated[bool, typer.Option("--realtime", help="Play as slowly as it was recorded.")] = False,
    annotated: Annotated[
        Path | None, typer.Option(help="Write the video with plates, tracks, votes and events drawn on it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but events, one JSON object a line.")] = False,
    trigger: Annotated[
        list[float] | None, typer.Option(help="Second at which a loop says that a vehicle is here; may be repeated.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing at all.")] = False,
    site_report: Annotated[
        bool, typer.Option("--site-report", help="Judge the camera's placement instead: green, amber or red.")
    ] = False,
) -> None:
    """Run recorded video through the very same pipeline as a live gate and print its events.

    Time is the video's own: two runs give bit-identical events, at whatever speed.
    """
    if annotated is not None:
        _check(annotated, videos)
    if site_report:
        site.judge(videos, config, camera, as_json=as_json)
        return
    moment = _moment(start)
    settings = settings_for_files(config)
    chosen = camera_of(settings, camera, still_plates=still_plates)
    tell = _print_nothing if quiet else _print_json if as_json else _print_text
    play = partial(_play, settings=settings, camera=chosen, start=moment, triggers=trigger or (), realtime=realtime,
                   annotated=annotated, tell=tell)  # fmt: skip
    played = list(_playable(videos, play))
    if played and not quiet:
        _summary(played, annotated)
    if len(played) < len(videos):
        raise typer.Exit(1)


def _check(annotated: Path, videos: Sequence[Path]) -> None:
    from edge.replay.annotated import check_target

    if len(videos) > 1:
        raise ConfigError("--annotated", f"{len(videos)} videos cannot go into one file", "give one video at a time")
    check_target("--annotated", annotated, videos)


def _playable(videos: Sequence[Path], play: Callable[[Path], _Played]) -> Iterator[_Played]:
    """Yield what became of each video; say which cannot be played, and go on with the next."""
    for video in videos:
        try:
            yield play(video)
        except SourceUnavailable as error:
            typer.echo(f"anpr-edge: {error}", err=True)


def _print_nothing(event: GateEvent, step: Step) -> None:
    """Stand in for output that nobody asked for."""


def _play(
    video: Path,
    settings: Settings,
    camera: CameraSettings,
    start: datetime,
    triggers: Sequence[float],
    *,
    realtime: bool,
    annotated: Path | None,
    tell: Callable[[GateEvent, Step], None],
) -> _Played:
    from edge.replay.player import Player

    began_s = time.perf_counter()
    player = Player(
        video, settings, camera, start=start, realtime=realtime, stopwatch=time.perf_counter, triggers=triggers
    )
    events: list[GateEvent] = []
    with ExitStack() as stack:
        advance = stack.enter_context(_progress(video.name, lambda: player.expected_frames))
        draw = stack.enter_context(_drawing(annotated, player, camera)) if annotated else _draw_nothing
        for step in player.play():
            advance()
            draw(step)
            for event in step.events:
                events.append(event)
                tell(event, step)
    return _Played(
        video, tuple(events), player.frames, player.duration_s, time.perf_counter() - began_s, player.expected_frames
    )


def _draw_nothing(step: Step) -> None:
    """Stand in for the drawing that nobody asked for."""


@contextmanager
def _drawing(path: Path, player: Player, camera: CameraSettings) -> Iterator[Callable[[Step], None]]:
    from edge.replay.annotated import AnnotatedVideo

    with AnnotatedVideo(path, line=camera.gate.line, states=player.pipeline.states) as video:
        yield video.add


@contextmanager
def _progress(label: str, total: Callable[[], int]) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal's stderr; on anything else nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=None)
        known = False

        def advance() -> None:
            nonlocal known
            if not known:
                bar.update(task, total=total() or None)
                known = True
            bar.advance(task)

        yield advance


def _print_json(event: GateEvent, step: Step) -> None:
    from edge.replay.player import published_at
    from edge.sinks.wire import encode

    typer.echo(encode(event, published_at(event, step)))


def _print_text(event: GateEvent, step: Step) -> None:
    plate = event.plate
    text = f"{plate.text:<10} p={plate.probability:.3f} from {plate.reads} looks" if plate else "no plate read"
    typer.echo(f"{step.frame.monotonic_s:7.2f} s  {event.type.value:<20} {event.direction.value:<8} {text}")


def _summary(played: Sequence[_Played], annotated: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("video", "frames", "length", "took", "x real time", "final", "unread")
    for p in played:
        finals, unread = (sum(e.type is t for e in p.events) for t in (EventType.FINAL, EventType.UNREAD))
        speed = p.duration_s / p.took_s if p.took_s else 0.0
        row = (p.frames, f"{p.duration_s:.1f} s", f"{p.took_s:.1f} s", f"{speed:.1f}", finals, unread)
        table.add_row(p.video.name, *map(str, row))
    console = Console(stderr=True)
    console.print(table)
    for p in (p for p in played if p.cut_short):
        console.print(f"{p.video}: cut short, it holds {p.frames} of {p.expected_frames} pictures")
    if annotated is not None:
        console.print(f"annotated video: {annotated}")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise ConfigError("--start", f"{text!r} is no date and time", "write e.g. 2026-01-31T07:05:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
