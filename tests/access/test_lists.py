"""Lists: validity, look-up that forgives how a plate is written, and CSV files that are refused with reasons."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.access import files
from edge.access.lists import Entry, ListKind
from edge.errors import ConfigError

UTC = timezone.utc
NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)  # a Wednesday
BERLIN = ZoneInfo("Europe/Berlin")


def entry(plate: str = "AB12CDE", **changes: object) -> Entry:
    return Entry(plate, ListKind.ALLOW, **changes)  # type: ignore[arg-type]


def test_plate_is_found_however_it_was_written() -> None:
    """Clerks type spaces, hyphens and small letters; O and 0 look the same on many plates."""
    lists = files.parse_csv("plate,list\nab-12 cde,allow\nK0 123,deny\n", "lists.csv", UTC).lists
    assert [e.plate for e in lists.find("AB12CDE")] == ["AB12CDE"]
    assert [e.plate for e in lists.find("KO123")] == ["K0123"]
    assert lists.find("AB12CDF") == ()


def test_version_is_the_hash_of_what_was_imported() -> None:
    """The office compares it with what it sent."""
    text = "plate,list\nAB12CDE,allow\n"
    assert files.parse_csv(text, "x", UTC).lists.version == hashlib.sha256(text.encode()).hexdigest()


def test_validity_is_judged_on_the_sites_clock() -> None:
    """A pass for 06:00 to 14:00 in Berlin is over at 12:00 UTC in summer."""
    morning = files.parse_csv("plate,list,hours\nAB1,allow,06:00-14:00\n", "x", BERLIN).lists.entries[0]
    assert morning.applies("lane-1", NOON - timedelta(minutes=1), BERLIN)
    assert not morning.applies("lane-1", NOON, BERLIN)


def test_hours_may_run_over_midnight() -> None:
    """Night shift."""
    night = files.parse_csv("plate,list,hours\nAB1,allow,22:00-06:00\n", "x", UTC).lists.entries[0]
    at = [night.applies("lane-1", NOON.replace(hour=h), UTC) for h in (21, 22, 23, 0, 5, 6)]
    assert at == [False, True, True, True, True, False]


def test_weekdays_and_lanes_limit_an_entry() -> None:
    """The supplier may come on weekdays, by the back."""
    supplier = files.parse_csv("plate,list,weekdays,lanes\nAB1,allow,mon-tue fri,back\n", "x", UTC).lists.entries[0]
    assert [supplier.applies("back", NOON + timedelta(days=d), UTC) for d in range(5)] == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert not supplier.applies("front", NOON + timedelta(days=2), UTC)


def test_last_day_of_validity_counts_whole() -> None:
    """A pass until the 1st is good on the evening of the 1st."""
    guest = files.parse_csv(
        "plate,list,valid_from,valid_to\nAB1,allow,2026-06-01,2026-07-01\n", "x", UTC
    ).lists.entries[0]
    assert guest.applies("lane-1", NOON.replace(hour=23, minute=59), UTC)
    assert not guest.applies("lane-1", NOON + timedelta(days=1), UTC)


def test_broken_rows_are_all_named_and_nothing_is_imported() -> None:
    """A list of which half is missing opens for half of the tenants."""
    text = "plate,list,hours\nAB12CDE,allow,\n!,allow,\nAB1,maybe,\nAB2,allow,noon\n"
    with pytest.raises(ConfigError) as caught:
        files.parse_csv(text, "lists.csv", UTC)
    assert [p.at for p in caught.value.problems] == ["lists.csv: row 3", "lists.csv: row 4", "lists.csv: row 5"]


def test_broken_rows_are_left_out_only_when_asked() -> None:
    """And then they are still reported."""
    imported = files.parse_csv("plate,list\nAB1,allow\n!,allow\n", "x", UTC, skip_bad=True)
    assert [e.plate for e in imported.lists.entries] == ["AB1"]
    assert len(imported.skipped) == 1


def test_header_is_checked() -> None:
    """A file with semicolons has one column."""
    with pytest.raises(ConfigError, match="no column 'plate'"):
        files.parse_csv("plate;list\nAB1;allow\n", "x", UTC)


def test_saved_lists_are_the_same_again_and_the_last_ones_stay(tmp_path: Path) -> None:
    """Export, edit, import: nothing may be lost on the way; and one step back is always possible."""
    path = tmp_path / "lists.csv"
    text = (
        "plate,list,holder,valid_from,valid_to,weekdays,hours,lanes,note\n"
        'AB1,allow,"Meier, Anna",2026-01-01,2026-12-31,mon-fri,06:00-22:00,front back,"says ""hello"""\n'
    )
    first = files.parse_csv(text, "x", BERLIN).lists
    files.save(path, files.to_csv(first.entries))
    assert files.load(path, BERLIN).entries == first.entries
    files.save(path, files.to_csv([entry("ZZ9")]))
    assert [e.plate for e in files.load(path, BERLIN).entries] == ["ZZ9"]
    assert files.load(files.last_good(path), BERLIN).entries == first.entries
