"""What a command refuses becomes its message, in red, and exit code 1; a traceback is for mistakes of our own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from edge.errors import ModelError


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what a step refuses into its message and exit code 1."""
    try:
        yield
    except (FileNotFoundError, ValueError, ModelError) as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(1)
