"""`anpr-edge annotate`: propose the truth about a recording, for a person to correct."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge import output_files
from edge.commands.options import CameraOption, OptionalConfig, StillOption, camera_of, settings_for_files
from edge.errors import ConfigError

_EPILOG = """
Examples:

  anpr-edge annotate gate.mp4    (then correct gate.truth.yaml by looking at gate.contact.jpg)

  anpr-edge annotate gate.mp4 --out truths --force

Exit codes: 0 proposed, 1 the video cannot be played or a file not written, 78 invalid settings, or a truth is there.
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("annotate", epilog=_EPILOG)(annotate)


def annotate(
    video: Annotated[Path, typer.Argument(help="A recording.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder; default: beside the video.")] = None,
    config: OptionalConfig = None,
    camera: CameraOption = None,
    still_plates: StillOption = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing truth file.")] = False,
) -> None:
    """Write <video>.truth.yaml with the passages as the pipeline sees them, and a contact sheet to check them by."""
    import cv2

    from edge.replay.annotate import contact_sheet, proposals, yaml_text
    from edge.replay.player import Player
    from edge.replay.watch import watch

    folder = out or video.parent
    truth, sheet = folder / f"{video.stem}.truth.yaml", folder / f"{video.stem}.contact.jpg"
    if truth.exists() and not force:
        raise ConfigError(str(truth), "exists already and may hold a person's work", "move it away, or add --force")
    output_files.ready(truth)
    settings = settings_for_files(config)
    watched = watch(Player(video, settings, camera_of(settings, camera, still_plates=still_plates)), video)
    found = proposals(watched)
    output_files.write(truth, yaml_text(watched, found).encode())
    _, jpeg = cv2.imencode(".jpg", contact_sheet(found), [cv2.IMWRITE_JPEG_QUALITY, 88])
    output_files.write(sheet, jpeg.tobytes())
    typer.echo(f"{len(found)} passages proposed: correct {truth} by looking at {sheet}")
