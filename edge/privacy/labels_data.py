"""Personal data among the labels for training: pictures of corrected plates and their table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from edge.protocols import KeepClass, Record, Subject
from edge.sinks.web.labels import Labels
from edge.sinks.wire import utc_moment

_TEXTS = ("text", "read_as")


class LabelsData:
    """The folder of labels. Implements `PersonalData`."""

    name = "labels"

    def __init__(self, folder: Path) -> None:
        self._labels = Labels(folder)

    def plates(self) -> frozenset[str]:
        return frozenset(line[column] for line in self._labels.read() for column in _TEXTS) - {""}

    def widen(self, subject: Subject) -> Subject:
        return subject.with_more(events=(_event_id(line) for line in self._labels.read() if _is_of(line, subject)))

    def export(self, subject: Subject) -> Iterator[Record]:
        for line in self._labels.read():
            if _is_of(line, subject):
                yield Record(self.name, line, self._labels.picture(line["file"]))

    def erase(self, subject: Subject) -> int:
        return self._labels.remove(lambda line: _is_of(line, subject))

    def purge(self, until: Mapping[KeepClass, datetime], limit: int) -> Mapping[KeepClass, int]:
        oldest = until[KeepClass.LABEL]
        gone = self._labels.remove(lambda line: utc_moment(line["captured_at"]) < oldest)
        return {KeepClass.LABEL: gone} if gone else {}

    def compact(self) -> None:
        """Pictures and table are replaced as whole files: nothing is left."""


def _event_id(line: Mapping[str, str]) -> str:
    return line["file"].removesuffix(".jpg")


def _is_of(line: Mapping[str, str], subject: Subject) -> bool:
    return _event_id(line) in subject.events or any(line[column] in subject.plates for column in _TEXTS)
