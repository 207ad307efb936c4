"""`anpr-edge explain`: why a plate was read as it was, or not at all."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from edge import output_files
from edge.commands.options import CameraOption, OptionalConfig, StillOption, camera_of, settings_for_files
from edge.config import load
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.replay.explain import Explanation
    from edge.replay.watch import Watched
    from edge.tracking.account import LookLine

DEFAULT_CONFIG = Path("config.yaml")
PIPED_WIDTH = 150  # columns when the output goes to a file
_EPILOG = """
Examples:

  anpr-edge explain gate.mp4@5.2

  anpr-edge explain 018f3c2e-7a10-7c3e-9f00-5d2c1b0a9e77 -c /etc/anpr-edge/config.yaml

  anpr-edge explain gate.mp4 --event 018f3c2e-... --pictures out/looks

Exit codes: 0 explained, 1 no such plate or event, or a file cannot be read or written, 78 invalid settings.
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("explain", epilog=_EPILOG)(explain)


def explain(
    target: Annotated[
        str,
        typer.Argument(help="VIDEO, VIDEO@SECONDS for the plates in view then, or the id of an event of this gate."),
    ],
    event: Annotated[str | None, typer.Option(help="Only the plate behind this event or passage id.")] = None,
    config: OptionalConfig = None,
    camera: CameraOption = None,
    still_plates: StillOption = False,
    pictures: Annotated[Path | None, typer.Option(help="Write the picture of every look into this folder.")] = None,
) -> None:
    """Show each look at a plate: size, sharpness, detector, characters with probabilities, weight, verdict.

    Of a video, plates that led to no event are shown too, with the reason. Events of a gate come from its history
    (web.history of the settings).
    """
    from edge.replay.explain import explained

    if _is_event(target):
        _print_event(target, config or DEFAULT_CONFIG)
        return
    video, at_s = _parsed(target)
    if pictures:
        output_files.ready(pictures / "plate.jpg")
    settings = settings_for_files(config)
    watched = _watched(video, config, camera, still_plates=still_plates)
    found = explained(
        watched,
        at_s=at_s,
        event_id=event,
        min_height_px=settings.models.recogniser.min_height_px,
        told_from=camera_of(settings, camera).final_threshold,
    )
    if not found:
        typer.echo("no plate was followed there: the detector found none, or too few in a row", err=True)
        raise typer.Exit(1)
    for explanation in found:
        _print(explanation)
    if pictures:
        _save(watched, pictures, {e.track_id for e in found})


def _is_event(target: str) -> bool:
    try:
        return str(UUID(target)) == target.lower() and not Path(target).exists()
    except ValueError:
        return False


def _print_event(event_id: str, config: Path) -> None:
    """Print what the daemon kept of one of its events."""
    from edge.clock import SystemClock
    from edge.sinks.history import History
    from edge.tracking.account import lines_of

    keep = load(config).web.history
    if not keep.path.exists():
        raise ConfigError(
            "web.history.path", f"there is no {keep.path}", "run where the daemon runs, with its settings"
        )
    history = History(keep.path, SystemClock(), keep_events=keep.keep_events)
    remembered, found = history.get(event_id), history.account(event_id)
    if remembered is None or found is None:
        why = "no such event" if remembered is None else "its looks were not kept: a pseudonym, or the daemon stopped"
        typer.echo(f"{event_id}: {why}", err=True)
        raise typer.Exit(1)
    event = remembered.event
    title = (
        f"{found['answer'] or 'no text'}, {event.type.value} {event.direction.value}, {event.captured_at.isoformat()}"
    )
    _print_table(title, lines_of(found), found["reason"])


def _parsed(target: str) -> tuple[Path, float | None]:
    name, mark, moment = target.rpartition("@")
    if not mark or Path(target).exists():
        return Path(target), None
    try:
        return Path(name), float(moment)
    except ValueError:
        raise ConfigError(
            target, f"{moment!r} is no number of seconds", "write VIDEO@SECONDS, e.g. gate.mp4@5.2"
        ) from None


def _watched(video: Path, config: Path | None, camera_name: str | None, *, still_plates: bool) -> Watched:
    from edge.replay.player import Player
    from edge.replay.watch import watch

    settings = settings_for_files(config)
    return watch(Player(video, settings, camera_of(settings, camera_name, still_plates=still_plates)), video)


def _print(e: Explanation) -> None:
    start, end = e.span_s
    title = f"plate {e.track_id}: {e.answer or 'no text'}, {e.event or 'no event'}, in view {start:.1f} to {end:.1f} s"
    _print_table(title, e.rows, e.reason)


def _print_table(title: str, rows: Sequence[LookLine], reason: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("s", "size px", "sharp", "detector", "legible", "characters", "weight", "verdict", title=title)
    for row in rows:
        table.add_row(*_cells(row))
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    console.print(table)
    if reason:
        console.print(f"Why not: {reason}.\n", style="yellow")


def _cells(row: LookLine) -> tuple[str, ...]:
    sure = "".join(c if p >= 0.9 else f"[yellow]{c}[/]" if p >= 0.5 else f"[red]{c}[/]" for c, p in row.characters)
    doubts = " ".join(f"{c}{p:.2f}" for c, p in row.characters if p < 0.9)
    verdict = f"{row.verdict}: {row.reason}" if row.reason else row.verdict
    return (
        f"{row.at_s:.2f}",
        f"{row.size_px[0]:.0f}x{row.size_px[1]:.0f}",
        f"{row.sharpness:.2f}",
        f"{row.detector:.2f}",
        f"{row.legible:.2f}",
        f"{sure}  {doubts}".rstrip(),
        f"{row.weight:.2f}",
        verdict,
    )


def _save(watched: Watched, folder: Path, tracks: set[int]) -> None:
    for story in watched.stories.values():
        for look in story.looks if story.track_id in tracks else ():
            name = f"plate{story.track_id:03d}-{look.read.sequence:05d}.jpg"
            output_files.write(folder / name, look.crop_jpeg)
