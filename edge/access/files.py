"""Lists as CSV: read with every fault named, written atomically, the last good file kept.

Columns: plate, list (allow, deny, watch), and if wanted holder, valid_from,
valid_to (ISO 8601), weekdays ("mon-fri sat"), hours ("06:00-22:00"), lanes
(separated by blanks), note.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timezone, tzinfo
from pathlib import Path

from edge import private_files
from edge.access.lists import WEEKDAYS, Entry, ListKind, PlateLists
from edge.access.spelling import ANYWHERE, Spelling
from edge.errors import ConfigError, Problem, StorageError
from edge.tracking.grammar import canonical

COLUMNS = ("plate", "list", "holder", "valid_from", "valid_to", "weekdays", "hours", "lanes", "note")
_NEEDED = ("plate", "list")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # how cells begin that spreadsheets run (OWASP, CSV injection)


@dataclass(frozen=True, slots=True)
class Imported:
    """What a CSV file gave."""

    lists: PlateLists
    skipped: tuple[Problem, ...]


def parse_csv(
    text: str, source: str, zone: tzinfo, spelling: Spelling = ANYWHERE, *, skip_bad: bool = False
) -> Imported:
    """Return the lists in `text`.

    Args:
        text: CSV with a header line.
        source: names the file in messages.
        zone: of validity dates that carry none.
        spelling: how the site compares plates.
        skip_bad: leave broken rows out and report them, instead of refusing the file.

    Raises:
        ConfigError: a column is missing or unknown, or rows are broken: all of them, each with its number.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True)
    _check_header(tuple(rows.fieldnames or ()), source)
    entries: list[Entry] = []
    problems: list[Problem] = []
    for row in rows:
        try:
            entries.append(entry_of(row, zone))
        except ValueError as error:
            problems.append(
                Problem(f"{source}: row {rows.line_num}", str(error), "correct the row, or import with --skip-bad")
            )
    if problems and not skip_bad:
        raise ConfigError(problems=problems)
    return Imported(PlateLists.of(entries, version_of(text), spelling), tuple(problems))


def version_of(text: str) -> str:
    """Return the version of lists that came as `text`: its SHA-256."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def load(path: Path, zone: tzinfo, spelling: Spelling = ANYWHERE) -> PlateLists:
    """Return the lists in the file, none where there is no file yet.

    Raises:
        ConfigError: the file is broken.
        StorageError: it cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8")  # as it is: the version is the hash of it, line ends included
    except FileNotFoundError:
        return PlateLists(spelling=spelling)
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path}: cannot be read: {error}. Import the lists again") from error
    return parse_csv(text, str(path), zone, spelling).lists


def last_good(path: Path) -> Path:
    """Return where the lists before those at `path` are kept."""
    return path.with_suffix(path.suffix + ".last")


def save(path: Path, text: str, *, keep: bool = True) -> None:
    """Put `text`, good lists, in force: written beside, synced, then swapped in; the old file stays as <name>.last.

    Args:
        path: of the lists in force.
        text: as CSV.
        keep: the old file is good; False: it is broken, and the good ones before it stay the last.

    Raises:
        StorageError: the file cannot be written; the old one is still in force.
    """
    temporary, last = path.with_suffix(path.suffix + ".new"), last_good(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        private_files.write(temporary, text.encode("utf-8"))
        if keep and path.exists():
            last.unlink(missing_ok=True)
            os.link(path, last)
        temporary.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}. The lists in force are unchanged") from error


def to_csv(entries: Iterable[Entry]) -> str:
    """Return `entries` as CSV, the inverse of `parse_csv`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_for_spreadsheets(text) for text in row_of(e).values()] for e in entries)
    return out.getvalue()


def _for_spreadsheets(text: str) -> str:
    """Return `text` so that a spreadsheet shows it and never runs it as a formula; `_from_spreadsheet` undoes it."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def _from_spreadsheet(text: str) -> str:
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA) else text


def row_of(entry: Entry) -> dict[str, str]:
    """Return the row that means `entry`, column -> text, in the order of the columns."""
    days = " ".join(WEEKDAYS[d] for d in sorted(entry.weekdays))
    hours = f"{entry.hours[0]:%H:%M}-{entry.hours[1]:%H:%M}" if entry.hours else ""
    begins, ends = (m.isoformat() if m else "" for m in (entry.valid_from, entry.valid_to))
    lanes = " ".join(sorted(entry.lanes))
    values = (entry.plate, entry.kind.value, entry.holder, begins, ends, days, hours, lanes, entry.note)
    return dict(zip(COLUMNS, values, strict=True))


def _check_header(header: tuple[str, ...], source: str) -> None:
    missing = [c for c in _NEEDED if c not in header]
    unknown = [c for c in header if c not in COLUMNS]
    if missing or unknown:
        said = [f"no column {c!r}" for c in missing] + [f"unknown column {c!r}" for c in unknown]
        raise ConfigError(f"{source}: row 1", ", ".join(said), f"the columns are {', '.join(COLUMNS)}")


def entry_of(row: Mapping[str, str | None], zone: tzinfo) -> Entry:
    """Return the entry that one row means.

    Args:
        row: column -> text.
        zone: of validity dates that carry none.

    Raises:
        ValueError: says what is wrong with it; never the plate, as messages end up in logs.
    """
    values = {k: (v or "").strip() for k, v in row.items() if isinstance(k, str)}
    if len(values) < len(row):
        raise ValueError("more values than columns (a comma without quotes?)")
    plate = canonical(values["plate"])
    if not 2 <= len(plate) <= 12:
        raise ValueError(f"the plate has {len(plate)} letters and digits, not 2 to 12")
    try:
        kind = ListKind(values["list"].lower())
    except ValueError:
        raise ValueError(f"list {values['list']!r} is not allow, deny or watch") from None
    begins = _moment(values.get("valid_from", ""), zone, end=False)
    ends = _moment(values.get("valid_to", ""), zone, end=True)
    if begins and ends and ends < begins:
        raise ValueError(f"valid_to {values['valid_to']} lies before valid_from {values['valid_from']}")
    return Entry(
        plate,
        kind,
        _from_spreadsheet(values.get("holder", "")),
        begins,
        ends,
        _weekdays(values.get("weekdays", "")),
        _hours(values.get("hours", "")),
        frozenset(values.get("lanes", "").split()),
        _from_spreadsheet(values.get("note", "")),
    )


def _moment(text: str, zone: tzinfo, *, end: bool) -> datetime | None:
    """Return the moment; a date alone means its first moment, or its last where validity ends."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(f"{text!r} is no date; write 2026-01-31 or 2026-01-31T18:00") from None
    if end and len(text) <= len("2026-01-31"):
        moment = datetime.combine(moment.date(), time.max)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(timezone.utc)


def _weekdays(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.lower().replace(",", " ").split():
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise ValueError(f"weekdays {part!r} is not like mon or mon-fri")
        begin = WEEKDAYS.index(first)
        span = (WEEKDAYS.index(last) - begin) % 7 if last else 0
        days |= {(begin + i) % 7 for i in range(span + 1)}
    return frozenset(days)


def _hours(text: str) -> tuple[time, time] | None:
    if not text:
        return None
    try:
        begin, end = (time.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError:
        raise ValueError(f"hours {text!r} is not like 06:00-22:00") from None
    return begin, end
