"""Where things lie: the data folder, and where a command writes; a trial writes where it destroys nothing.

A trial (`--smoke`) that is told no place works in a folder that is thrown away, so that it never takes the place
of hours of training. What lies in these places is not known here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


def data_folder() -> Path:
    """Return where the pictures lie: `ANPR_DATA`, else shared/data beside the repository."""
    named = os.environ.get("ANPR_DATA")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"


@contextmanager
def folder_for(models: Path, smoke: bool) -> Iterator[Path]:
    """Yield where to write models: `models`, or for a smoke run a folder that is thrown away afterwards.

    A trial never takes the place of a published model.
    """
    with place_for(None if smoke else models, models, smoke) as folder:
        if smoke:
            folder.mkdir()
        yield folder


@contextmanager
def place_for(named: Path | None, usual: Path, smoke: bool) -> Iterator[Path]:
    """Yield the place that was named, else the usual one; for a smoke run a passing one of the same name instead.

    Args:
        named: what the user asked for; a trial writes there too, since somebody wants to see what it writes.
        usual: the default, which may hold real work.
        smoke: whether this is a trial.
    """
    if named is None and smoke:
        with TemporaryDirectory() as scratch:
            yield Path(scratch) / (usual.name or "models")
    else:
        yield named or usual
