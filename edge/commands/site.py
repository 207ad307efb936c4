"""`anpr-edge site-report`: is this camera placed well?"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.commands.options import CameraOption, OptionalConfig, camera_of, settings_for_files

if TYPE_CHECKING:
    from edge.replay.site_report import SiteReport

PIPED_WIDTH = 150  # columns when the output goes to a file
_EPILOG = """
Examples:

  anpr-edge site-report gate.mp4

  anpr-edge site-report gate.mp4 -c config.yaml --camera gate-1 --json

Exit codes: 0 green or amber, 1 red or the video cannot be played, 78 invalid settings.
"""
_STYLES = {"green": "green", "amber": "yellow", "red": "bold red"}


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("site-report", epilog=_EPILOG)(site)


def site(
    video: Annotated[Path, typer.Argument(help="A recording with a few vehicles.")],
    config: OptionalConfig = None,
    camera: CameraOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Judge the placement of a camera from a recording: size, looks, sharpness, angle, exposure, and what to change."""
    judge([video], config, camera, as_json=as_json)


def judge(videos: Sequence[Path], config: Path | None, camera: str | None, *, as_json: bool) -> None:
    """Print a verdict per video; exit with 1 when one is red."""
    from edge.replay.player import Player
    from edge.replay.site_report import Light, site_report
    from edge.replay.watch import watch

    settings = settings_for_files(config)
    chosen = camera_of(settings, camera)
    red = False
    for video in videos:
        report = site_report(watch(Player(video, settings, chosen), video))
        red = red or report.light is Light.RED
        if as_json:
            typer.echo(json.dumps({"video": video.name, **asdict(report)}))
        else:
            _print(video, report)
    if red:
        raise typer.Exit(1)


def _print(video: Path, report: SiteReport) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "verdict", "measured", "what to change", title=f"{video.name}: {report.light.value}")
    for f in report.findings:
        table.add_row(f.name, f"[{_STYLES[f.light.value]}]{f.light.value}[/]", f.measured, f.advice)
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    console.print(table)
    console.print(f"over {report.plates} plates")
