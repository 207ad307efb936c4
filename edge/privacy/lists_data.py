"""Personal data in the site's lists: who may pass, with name and note, and the file that was in force before."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from edge import private_files
from edge.errors import StorageError
from edge.protocols import KeepClass, Record, Subject
from edge.tracking.grammar import canonical

Row = dict[str, str]


class ListsData:
    """The CSV file at `path` and the one before it. Implements `PersonalData`.

    An entry stands until the site takes it out: nothing is purged by age.
    """

    name = "lists"

    def __init__(self, path: Path) -> None:
        self._files = (path, path.with_suffix(path.suffix + ".last"))

    def plates(self) -> frozenset[str]:
        return frozenset(_plate(row) for file in self._files for row in _rows(file)) - {""}

    def widen(self, subject: Subject) -> Subject:
        return subject

    def export(self, subject: Subject) -> Iterator[Record]:
        for file in self._files:
            for row in _rows(file):
                if _plate(row) in subject.plates:
                    yield Record(self.name, {"file": file.name, **row})

    def erase(self, subject: Subject) -> int:
        changed = 0
        for file in self._files:
            rows = _rows(file)
            kept = [row for row in rows if _plate(row) not in subject.plates]
            if len(kept) < len(rows):
                _write(file, kept, list(rows[0]))
                changed += len(rows) - len(kept)
        return changed

    def purge(self, until: Mapping[KeepClass, datetime], limit: int) -> Mapping[KeepClass, int]:
        return {}

    def compact(self) -> None:
        """The files are replaced as a whole: nothing is left."""


def _plate(row: Row) -> str:
    return canonical(row.get("plate") or "")


def _rows(file: Path) -> list[Row]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{file}: cannot be read: {error}. Import the lists again") from error
    return [{k: v or "" for k, v in row.items() if k} for row in csv.DictReader(io.StringIO(text))]


def _write(file: Path, rows: list[Row], columns: list[str]) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    try:
        private_files.write(file, out.getvalue().encode("utf-8"))
    except OSError as error:
        raise StorageError(f"{file}: cannot be written: {error.strerror}. The lists in force are unchanged") from error
