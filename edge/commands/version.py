"""`anpr-edge version`."""

from __future__ import annotations

import json
import platform
from typing import Annotated

import typer

from edge import __version__


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("version", epilog="Example: anpr-edge version --json")(version)


def version(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Print what a bug report needs: versions of anpr-edge, Python and libraries, and where models can run."""
    from importlib.metadata import version as installed

    libraries = ("numpy", "opencv-contrib-python-headless", "onnxruntime", "av", "paho-mqtt")
    found = {"anpr-edge": __version__, "python": platform.python_version()}
    found |= {name: installed(name) for name in libraries}
    from edge.pipeline.onnx import providers

    found["providers"] = ", ".join(providers())
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo("\n".join(f"{name} {number}" for name, number in found.items()))
