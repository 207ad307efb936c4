"""`anpr-edge privacy`: what is kept about a plate, erasing it, and the key of the pseudonyms."""

from __future__ import annotations

from pathlib import Path

import typer

from edge.commands.options import ConfigOption
from edge.config import load

app = typer.Typer(help="Personal data: the key of the pseudonyms.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep each a command of its own."""


@app.command("rotate-key")
def rotate_key(
    config: ConfigOption = Path("config.yaml"),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
) -> None:
    """Forget the key of the pseudonyms and make a new one: nothing links old pseudonyms to plates any more.

    A running daemon uses the new key from the next event on. It cannot be undone.

    Example: anpr-edge privacy rotate-key
    """
    from edge.privacy.key import PseudonymKey

    path = load(config).privacy.key_file
    if not yes:
        typer.confirm(f"Vehicles get other pseudonyms from now on, and {path} is gone for good. Go on?", abort=True)
    PseudonymKey(path).rotate()
    typer.echo(f"a new key is in {path}")
