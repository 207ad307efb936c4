"""`anpr-edge site-report`: is this camera placed well?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge.commands.options import CameraOption, OptionalConfig, camera_of, settings_for_files

_EPILOG = "Example: anpr-edge site-report gate.mp4. Exit codes: 0 green or amber, 1 red."
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
    from rich.console import Console
    from rich.table import Table

    from edge.replay.player import Player
    from edge.replay.site_report import Light, site_report
    from edge.replay.watch import watch

    settings = settings_for_files(config)
    report = site_report(watch(Player(video, settings, camera_of(settings, camera)), video))
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    else:
        table = Table("", "verdict", "measured", "what to change", title=f"{video.name}: {report.light.value}")
        for f in report.findings:
            table.add_row(f.name, f"[{_STYLES[f.light.value]}]{f.light.value}[/]", f.measured, f.advice)
        console = Console()
        console.print(table)
        console.print(f"over {report.plates} plates")
    if report.light is Light.RED:
        raise typer.Exit(1)
