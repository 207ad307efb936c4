"""Files that somebody names for the results of a command.

A place that cannot take them is said in one sentence with what to do, and before the work rather than after it;
what takes long to write appears under its name when it is whole. What the daemon keeps is `private_files`' business.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.errors import ConfigError, StorageError


def refuse_inputs(option: str, path: Path, inputs: Iterable[Path]) -> None:
    """Make sure that writing to `path` costs none of the files that are read, whatever their names.

    Raises:
        ConfigError: `path`, given with `option`, is one of `inputs`.
    """
    for file in inputs:
        if os.path.realpath(path) == os.path.realpath(file) or _same(path, file):
            raise ConfigError(option, f"{path} is the input {file}, which would be overwritten", "give another name")


def ready(path: Path) -> None:
    """Make the folder of `path`, so that a bad place is known before the work.

    Raises:
        StorageError: nothing can be written there.
    """
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if stat.S_ISDIR(path.stat().st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whose folder is made.

    Raises:
        StorageError: it cannot be written.
    """
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path` that takes its place at the end; after an error `path` is as it was.

    The suffix is that of `path`. A device or a pipe, e.g. /dev/stdout, cannot be replaced and is given itself.

    Raises:
        StorageError: nothing can be written there.
    """
    ready(path)
    if path.exists() and not path.is_file():
        yield path
        return
    target = Path(os.path.realpath(path))  # a link stays, what it leads to is replaced
    part = target.with_name(f".{target.stem}.part{target.suffix}")
    try:
        with translated(path):
            part.write_bytes(b"")
            if target.exists():
                shutil.copymode(target, part)
        yield part
        with translated(path):
            part.replace(target)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the file system's errors about `path` into StorageError."""
    try:
        yield
    except OSError as error:
        raise unwritten(path, error) from error


def unwritten(path: Path, error: Exception) -> StorageError:
    """Return what to raise instead of `error`: where, what, what to do."""
    reason = getattr(error, "strerror", None) or error
    return StorageError(
        f"{path}: cannot be written: {reason}. "
        "Fix: name a file in a folder that this user may write to, on a disk with room"
    )


def _same(path: Path, file: Path) -> bool:
    try:
        return path.samefile(file)
    except OSError:
        return False
