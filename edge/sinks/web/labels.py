"""Corrected plates, kept as pictures and a table that the training reads.

One JPEG and one line of labels.csv per corrected event; the last correction of
an event wins, so the table holds each picture once.
"""

from __future__ import annotations

import csv
import io
import threading
from pathlib import Path

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
            with self._lock:
                self._folder.mkdir(parents=True, exist_ok=True)
                (self._folder / file).write_bytes(picture)
                self._write([*(r for r in self.read() if r["file"] != file), line])
        except OSError as error:
            raise StorageError(
                f"{self._folder}: cannot be written: {error.strerror}. Fix: web.history.labels, or free space"
            ) from error

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
        temporary = self._folder / ".labels.csv"
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")
        temporary.replace(self._folder / "labels.csv")
