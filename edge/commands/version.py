"""`anpr-edge version`."""

from __future__ import annotations

import importlib
import json
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Annotated

import typer

from edge import __version__

MODULES = ("numpy", "cv2", "onnxruntime", "av", "paho")
NOT_INSTALLED = "not installed"
_EPILOG = """
Examples:

  anpr-edge version

  anpr-edge version --json

Exit codes: 0 always, whatever is missing.
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("version", epilog=_EPILOG)(version)


def version(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Print what a bug report needs: versions of anpr-edge, Python and libraries, and where models can run."""
    found = {"anpr-edge": __version__, "python": platform.python_version()}
    distributions = metadata.packages_distributions()
    for module in MODULES:
        found |= _versions(module, distributions)
    found["providers"] = _providers()
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo("\n".join(f"{name} {number}" for name, number in found.items()))


def _versions(module: str, distributions: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the version of what brings `module`: its name differs from machine to machine, e.g. onnxruntime-gpu.

    More than one are worth telling: they overwrite each other's files. A system's own OpenCV is of no distribution.
    """
    names = sorted(set(distributions.get(module, ())))
    if names:
        return {name: metadata.version(name) for name in names}
    try:
        return {module: str(getattr(importlib.import_module(module), "__version__", "of unknown version"))}
    except ImportError:
        return {module: NOT_INSTALLED}


def _providers() -> str:
    try:
        from edge.pipeline.onnx import providers
    except ImportError:
        return "none"
    return ", ".join(providers())
