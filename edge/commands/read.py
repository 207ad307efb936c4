"""`anpr-edge read`: plates in still pictures."""

from __future__ import annotations

import glob
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.commands.options import OptionalConfig, settings_for_files
from edge.errors import EdgeError

if TYPE_CHECKING:
    from edge.pipeline.still import StillPlate

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
_EPILOG = """
Examples:

  anpr-edge read car.jpg

  anpr-edge read photos/ 'more/*.png' --json > plates.jsonl

Exit codes: 0 every picture was looked at, 1 some could not be read (the others still are), 78 invalid settings.
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("read", epilog=_EPILOG)(read)


def read(
    images: Annotated[list[str], typer.Argument(help="Pictures, folders or patterns.", show_default=False)],
    config: OptionalConfig = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Find and read the plates in still pictures."""
    from edge.pipeline.models import load_detector, load_recogniser
    from edge.pipeline.still import load_picture, read_picture

    files = list(_files(images))
    models = settings_for_files(config).models
    detector, recogniser = load_detector(models), load_recogniser(models)
    failed = 0
    for file in files:
        try:
            plates = read_picture(load_picture(file), detector, recogniser, models)
        except EdgeError as error:
            failed += 1
            typer.echo(f"anpr-edge: {error}", file=sys.stderr)
            if as_json:
                typer.echo(json.dumps({"file": str(file), "error": str(error), "plates": []}))
            continue
        typer.echo(json.dumps(_document(file, plates)) if as_json else _text(file, plates))
    if failed:
        raise typer.Exit(1)


def _files(patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            if not os.access(path, os.R_OK | os.X_OK):
                raise EdgeError(f"{path}: reading this folder is not permitted. Fix: let this user read it (chmod)")
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURES)
        elif path.exists() or not glob.has_magic(pattern):
            found = [path]
        else:
            found = sorted(Path(p) for p in glob.glob(pattern, recursive=True))  # noqa: PTH207  (absolute patterns too)
        if not found:
            raise EdgeError(f"{pattern}: no picture found; known endings are {', '.join(PICTURES)}")
        yield from found


def _document(file: Path, plates: Iterable[StillPlate]) -> dict[str, Any]:
    return {"file": str(file), "plates": [p.as_json() for p in plates]}


def _text(file: Path, plates: Iterable[StillPlate]) -> str:
    found = [f"  {p.text or '(illegible)':<12} p={p.probability:.3f}  detector {p.detection_score:.2f}" for p in plates]
    return "\n".join([str(file), *(found or ["  no plate"])])
