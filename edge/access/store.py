"""The lists in force and their file: swapped as a whole, the last good ones kept, everybody told.

Whoever changes the lists (command line, web page, MQTT, AWS) does it here, so that there is one way: parse all of
it, write it beside, swap it in, only then use it. Safe from any thread.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.access import files
from edge.access.audit import Audit
from edge.access.files import Imported
from edge.access.lists import Entry, ListKind, PlateLists
from edge.access.spelling import ANYWHERE, Spelling
from edge.errors import ConfigError, StorageError

log = logging.getLogger(__name__)


class ListStore:
    """The lists of one site.

    Args:
        path: of the CSV file.
        zone: of validity dates that carry none, and of weekdays and hours.
        spelling: how the site compares plates.
        audit: gets a line per change: by whom, how many entries, which version.
    """

    def __init__(self, path: Path, zone: ZoneInfo, spelling: Spelling = ANYWHERE, audit: Audit | None = None) -> None:
        self.zone = zone
        self._audit = audit
        self._path, self._spelling = path, spelling
        self._stamp = path.with_suffix(path.suffix + ".number")
        self._lock = threading.RLock()
        self._lists = PlateLists(spelling=spelling)
        self._good = False  # the file holds the lists in force
        self._told: list[Callable[[PlateLists], None]] = []

    @property
    def lists(self) -> PlateLists:
        """Return the lists in force."""
        return self._lists

    @property
    def number(self) -> int | None:
        """Return the number under which the office sent the lists in force; None when they came otherwise."""
        try:
            stamp = json.loads(self._stamp.read_text(encoding="utf-8"))
            return int(stamp["number"]) if stamp["sha256"] == self._lists.version else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def tell(self, listener: Callable[[PlateLists], None]) -> None:
        """Call `listener` with the lists in force, now and after each change."""
        with self._lock:
            self._told.append(listener)
            listener(self._lists)

    def start(self) -> None:
        """Read the file; where it is broken, the lists before it serve, and that is said.

        Raises:
            ConfigError: the file is broken, and there are none before it.
            StorageError: it cannot be read.
        """
        try:
            self.reload()
        except ConfigError as error:
            last = files.last_good(self._path)
            if not last.exists():
                raise
            log.error("the lists are broken, those before them are in force: %s", error)
            with self._lock:
                self._use(files.load(last, self.zone, self._spelling))

    def reload(self) -> PlateLists:
        """Read the file again and return what is in force.

        Raises:
            ConfigError: the file is broken; the lists in force stay.
            StorageError: it cannot be read; likewise.
        """
        with self._lock:
            self._good = False
            self._use(files.load(self._path, self.zone, self._spelling))
            self._good = True
            return self._lists

    def replace(self, text: str, source: str, *, skip_bad: bool = False, number: int | None = None) -> Imported:
        """Put the CSV in `text` in force instead of what was, all or nothing.

        Args:
            text: CSV with a header line.
            source: names it in messages, and who brought it in the audit.
            skip_bad: leave broken rows out, and report them.
            number: under which the office sent it; its next one must be higher.

        Raises:
            ConfigError: rows are broken: all of them are named; the lists in force stay.
            StorageError: the file cannot be written; likewise.
        """
        imported = files.parse_csv(text, source, self.zone, self._spelling, skip_bad=skip_bad)
        kept = files.to_csv(imported.lists.entries) if imported.skipped else text
        lists = replace(imported.lists, version=files.version_of(kept))
        with self._lock:
            self._save(kept, lists, source)
            if number is not None:
                self._note(number, lists.version)
        return replace(imported, lists=lists)

    def put(self, entry: Entry, by: str) -> PlateLists:
        """Add one entry, or replace those of the same plate on the same list; `by` stands in the audit.

        Raises:
            ConfigError, StorageError: the file cannot be read or written; the lists in force stay.
        """
        with self._lock:
            self._catch_up()
            return self._change((*self._without(entry.plate, entry.kind), entry), by)

    def remove(self, plate: str, kind: ListKind, by: str) -> int:
        """Take a plate off one list; return how many entries that were; `by` stands in the audit.

        Raises:
            ConfigError, StorageError: the file cannot be read or written; the lists in force stay.
        """
        with self._lock:
            self._catch_up()
            left = self._without(plate, kind)
            gone = len(self._lists.entries) - len(left)
            if gone:
                self._change(left, by)
            return gone

    def _without(self, plate: str, kind: ListKind) -> tuple[Entry, ...]:
        key = self._spelling.key(plate)
        return tuple(e for e in self._lists.entries if e.kind is not kind or self._spelling.key(e.plate) != key)

    def _catch_up(self) -> None:
        """Read the file first if somebody has changed it behind our back: an edit must not undo theirs."""
        try:
            text = self._path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(f"{self._path}: cannot be read: {error}. Import the lists again") from error
        if files.version_of(text) != self._lists.version:
            self.reload()

    def _change(self, entries: tuple[Entry, ...], by: str) -> PlateLists:
        text = files.to_csv(entries)
        self._save(text, PlateLists.of(entries, files.version_of(text), self._spelling), by)
        return self._lists

    def _save(self, text: str, lists: PlateLists, by: str) -> None:
        files.save(self._path, text, keep=self._good)
        self._use(lists)
        self._good = True
        if self._audit is not None:
            try:
                self._audit.note("lists.changed", by=by, entries=len(lists.entries), lists=lists.version)
            except StorageError as error:
                log.error("audit: %s", error)

    def _use(self, lists: PlateLists) -> None:
        self._lists = lists
        for listener in self._told:
            listener(lists)

    def _note(self, number: int, version: str) -> None:
        """Remember the number beside the lists; it counts only for exactly this content."""
        try:
            self._stamp.write_text(json.dumps({"number": number, "sha256": version}), encoding="utf-8")
        except OSError as error:
            log.error("%s: cannot be written: %s", self._stamp, error.strerror)
