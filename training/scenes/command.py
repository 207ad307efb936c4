"""`anpr-edge scenes`: render gate scenes from their specs. Registered through the entry points of the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.errors import ConfigError
from training.scenes.render import render_scene
from training.scenes.spec import load_spec
from training.scenes.suite import load_suite, render_suite

app = typer.Typer(help="Render gate scenes with known truth.", no_args_is_help=True)


@app.command()
def make(
    specs: Annotated[list[Path], typer.Argument(help="YAML files, one scene each; see docs/replay.md.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for <name>.mp4 and <name>.truth.json.")] = Path(
        "out/scenes"
    ),
) -> None:
    """Render each scene to a video and the truth about it.

    Example: anpr-edge scenes make tests/scenes/specs/gate-entry.yaml -o out/scenes

    Exit codes: 0 done, 78 a spec is wrong.
    """
    try:
        loaded = [load_spec(path) for path in specs]
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(78) from error
    for spec in loaded:
        video, truth = render_scene(spec, out)
        typer.echo(f"{video}  {truth}")


@app.command()
def suite(
    file: Annotated[Path, typer.Argument(help="YAML file of the suite; see docs/replay.md.")],
    form: Annotated[str, typer.Option(help="Which form: ci is small, nightly is large.")] = "ci",
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the folder of the suite is kept.")] = Path(
        ".cache/scenes"
    ),
    every: Annotated[int, typer.Option(min=1, help="Render only each so many-th clip: a sample.")] = 1,
) -> None:
    """Render the clips of a suite that are missing or out of date, for `anpr-edge evaluate FOLDER`.

    Example: anpr-edge scenes suite tests/scenes/suite.yaml --form nightly --every 36

    Exit codes: 0 done, 78 the suite is wrong.
    """
    try:
        folder = render_suite(load_suite(file), form, out, _tell, every=every)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(78) from error
    typer.echo(str(folder))


def _tell(name: str, rendered: bool) -> None:
    if rendered:
        typer.echo(name, err=True)
