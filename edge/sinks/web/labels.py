"""Corrected plates, kept as pictures and a table that the training reads.

One JPEG and one line of labels.csv per corrected event; the last correction of
an event wins, so the table holds each picture once.
"""

from __future__ import annotations

import csv
import fcntl
import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edge import private_files
from edge.errors import StorageError
from edge.sinks import wire
from edge.sinks.history import Remembered

COLUMNS = ("file", "text", "read_as", "probability", "camera", "captured_at", "by", "corrected_at")


class Labels:
    """The folder of corrected plates; safe from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def add(self, one: Remembered) -> None:
        """Keep the picture and the corrected text of `one`; an event without picture teaches nothing.

        Raises:
            StorageError: the folder cannot be written.
        """
        picture, correction = one.event.evidence.crop_jpeg, one.correction
        if picture is None or correction is None:
            return
        file = f"{one.event.event_id}.jpg"
        plate = one.event.plate
        line = {
            "file": file,
            "text": correction.text,
            "read_as": plate.text if plate else "",
            "probability": f"{plate.probability:.4f}" if plate else "",
            "camera": one.event.camera,
            "captured_at": wire.utc_text(one.event.captured_at),
            "by": correction.by,
            "corrected_at": wire.utc_text(correction.at),
        }
        try:
            with self._changing():
                private_files.write(self._folder / file, picture)
                self._write([*(r for r in self.read() if r["file"] != file), line])
        except OSError as error:
            raise self._fault(error) from error

    def remove(self, unwanted: Callable[[Mapping[str, str]], bool]) -> int:
        """Delete the lines that are `unwanted`, with their pictures; return how many.

        Raises:
            StorageError: the folder cannot be written.
        """
        if not self._folder.is_dir():
            return 0
        try:
            with self._changing():
                lines = self.read()
                gone = [line for line in lines if unwanted(line)]
                for line in gone:
                    self._place(line["file"]).unlink(missing_ok=True)
                if gone:
                    self._write([line for line in lines if line not in gone])
        except OSError as error:
            raise self._fault(error) from error
        return len(gone)

    def picture(self, file: str) -> bytes | None:
        """Return the picture of a line; None when it is not there any more."""
        place = self._place(file)
        return place.read_bytes() if place.is_file() else None

    def read(self) -> list[dict[str, str]]:
        """Return all lines of labels.csv."""
        table = self._folder / "labels.csv"
        if not table.exists():
            return []
        with table.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def _write(self, lines: list[dict[str, str]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
        private_files.write(self._folder / "labels.csv", text.getvalue().encode("utf-8"))

    def _place(self, file: str) -> Path:
        """Return where a picture is; the table may have been edited by hand and names nothing outside the folder."""
        return self._folder / Path(file).name

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep other threads, and the command line, from changing the folder meanwhile."""
        private_files.make_folder(self._folder)
        with self._lock, private_files.append_to(self._folder / ".lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the file
            yield

    def _fault(self, error: OSError) -> StorageError:
        return StorageError(f"{self._folder}: cannot be written: {error.strerror}. Fix: web.history.labels, free space")
