"""Files that only the daemon's user may read: made so from the first byte, replaced as a whole.

A command run by root leaves them to the owner of their folder, so that the
daemon can still read what root has written.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TextIO

MODE, FOLDER_MODE = 0o600, 0o700


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path`: the old file or the new one, never half of one, and never readable by others.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    make_folder(path.parent)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        give_to_folder_owner(Path(temporary))
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def append_to(path: Path) -> TextIO:
    """Return the file at `path` open for appending text; one that is made belongs to this user only.

    Raises:
        OSError: it cannot be opened or made.
    """
    made = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
    if made:
        give_to_folder_owner(path)
    return os.fdopen(handle, "a", encoding="utf-8")


def make_folder(folder: Path) -> None:
    """Make `folder` for this user only, unless it is there."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        give_to_folder_owner(folder)


def reserve(path: Path) -> None:
    """Make an empty file at `path` for this user only, or take what is there away from everybody else.

    SQLite gives its log the mode of the database, so the mode has to be right before the first write.

    Raises:
        OSError: it cannot be made.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, MODE))
    protect(path)


def protect(path: Path) -> None:
    """Take the file at `path`, if it is there, away from everybody but its owner."""
    if path.exists():
        if path.stat().st_uid in (os.geteuid(), path.parent.stat().st_uid) or os.geteuid() == 0:
            path.chmod(MODE)
        give_to_folder_owner(path)


def open_to_others(path: Path) -> bool:
    """Tell whether anybody but the owner may read or change the file at `path`."""
    return bool(path.stat().st_mode & 0o077)


def give_to_folder_owner(path: Path) -> None:
    """Leave what root has made to whom the folder belongs; other users make files of their own anyway."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)
