"""The audit log: every decision and every command to a barrier, one JSON object a line, only ever appended.

A decision does not wait for this file's disk, because the event that carries it is on the disk before anything acts
on it; a command's line waits, on the barrier's own thread, and takes the lines before it along.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from edge import private_files
from edge.clock import Clock
from edge.errors import StorageError


class Audit:
    """Appends to one file; safe from any thread.

    Args:
        path: of the file.
        clock: gives the moment of each line.
        setting: that names the file.
    """

    def __init__(self, path: Path, clock: Clock, setting: str = "access.audit") -> None:
        self._setting = setting
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()

    def note(self, what: str, *, on_disk: bool = True, **facts: Any) -> None:
        """Append one line: the moment, `what` happened, and the facts about it.

        Args:
            what: happened, e.g. barrier.opened.
            on_disk: return only when the line is on the disk; False: it survives the process, not a power cut.
            facts: plain values, without any plate.

        Raises:
            StorageError: the file cannot be written.
        """
        line = json.dumps({"at": self._clock.utc().isoformat(timespec="milliseconds"), "what": what, **facts})
        try:
            with self._lock:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with private_files.append_to(self._path) as file:
                    file.write(line + "\n")
                    file.flush()
                    if on_disk:
                        os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(
                f"{self._path}: cannot be written: {error.strerror}. Free space or set {self._setting}"
            ) from error
