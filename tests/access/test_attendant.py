"""What a person puts right on the command line, beside a running daemon."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge.access.attendant import ActRefused
from edge.access.operations import Operation
from edge.access.parking import Parking
from edge.cli import app
from edge.clock import SystemClock
from edge.config import load
from edge.errors import ConfigError, StorageError
from tests.access.parking import entry, exit_

CONFIG = """\
site: {{name: north, timezone: Europe/Berlin}}
cameras: [{{name: cam, lane: in, url: rtsp://10.0.0.2/1}}]
parking:
  enabled: true
  path: {folder}/parking.db
  zones: [{{name: yard, capacity: 10, lanes: [in, out]}}]
"""
Run = Callable[..., str]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(folder=tmp_path))
    return path


@pytest.fixture
def parking(config: Path) -> Parking:
    """The daemon's car park: one car for two days, one for an hour, one exit that fits neither."""
    made = Parking(load(config).parking, SystemClock().utc())
    made.add([_ago(50, entry("stay-one", 0, "AB12CDE")), _ago(1, entry("stay-two", 0, "XY55KLM"))])
    made.add([_ago(0.5, exit_("exit-one", 0, "HX11GHO"))])
    return made


@pytest.fixture
def run(config: Path) -> Run:
    def command(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, [*words, "-c", str(config)])
        if isinstance(done.exception, Exception) and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.output

    return command


def _ago(hours: float, op: Operation) -> Operation:
    return replace(op, at=SystemClock().utc() - timedelta(hours=hours))


def document(run: Run, *words: str) -> Any:
    return json.loads(run(*words, "--json"))


def test_list_shows_the_longest_stay_first_and_names_overstays(parking: Parking, run: Run) -> None:
    """The answer to "who has been here since the day before yesterday?"."""
    lines = run("sessions", "list").splitlines()
    assert "AB12CDE" in lines[0] and "50 h 00 min" in lines[0] and lines[0].endswith("OVERSTAY")
    assert lines[2:5:2] == ["2 open", "1 exits without a stay"]
    assert "HX11GHO" in lines[3]
    assert [s["plate"] for s in document(run, "sessions", "list")["open"]] == ["AB12CDE", "XY55KLM"]


def test_close_by_plate_and_the_daemon_sees_it(parking: Parking, run: Run) -> None:
    """Two processes, one file."""
    assert document(run, "sessions", "close", "ab12 cde")["outcome"] == "closed_by_person"
    parking.catch_up()
    session = parking.session("stay-one")
    assert session is not None and session.corrected
    assert parking.zones()[0].cars == 1
    assert document(run, "sessions", "reopen", "stay-one")["outcome"] is None
    parking.catch_up()
    assert parking.zones()[0].cars == 2


def test_correct_pairs_again_and_void_takes_back(parking: Parking, run: Run) -> None:
    """A misread entry, then a passage that never was."""
    assert document(run, "sessions", "correct", "stay-two", "HX11GHO")["outcome"] == "exit"
    run("sessions", "void", "exit-one")
    assert [s["plate"] for s in document(run, "sessions", "list")["open"]] == ["AB12CDE", "HX11GHO"]


def test_add_opens_a_stay(parking: Parking, run: Run) -> None:
    """The barrier was held open by hand."""
    line = run("sessions", "add", "zz 99 zzz", "--lane", "in", "--at", "2026-01-31T08:00")
    assert line.startswith("2026-01-31 08:00 inside") and "ZZ99ZZZ" in line


def test_occupancy_is_shown_and_reset(parking: Parking, run: Run) -> None:
    """Somebody walked through the rows and counted."""
    assert run("occupancy", "show") == "yard: 2 cars, 8 of 10 spaces free\n"
    assert run("occupancy", "reset", "yard", "12").startswith("yard: 12 cars, 0 of 10 spaces free  CHECK: 2 more cars")
    shown = json.loads(run("occupancy", "show", "--json", code=1))
    assert shown[0]["cars"] == 12


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("sessions", "close", "nobody-at-all"), "no stay of that id or plate"),
        (("sessions", "close", "stay-one", "--at", "2020-01-01"), "the stay began later"),
        (("sessions", "close", "stay-one", "--at", "2999-01-01"), "has not come yet"),
        (("sessions", "correct", "stay-one", "?"), "0 letters and digits"),
        (("sessions", "add", "AB12CDE", "--lane", "roof"), "does not lead from the street"),
        (("sessions", "void", "x"), "there is no passage"),
        (("sessions", "reopen", "stay-one"), "nobody has closed"),
        (("occupancy", "reset", "roof", "1"), "there is no zone 'roof'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_acts_that_make_no_sense_are_refused(parking: Parking, run: Run, words: tuple[str, ...], reason: str) -> None:
    """With the reason, and nothing changed."""
    with pytest.raises(ActRefused, match=reason.replace("?", ".")):
        run(*words)
    assert len(parking.state(SystemClock().utc()).open) == 2


def test_car_park_that_is_off_or_not_yet_there_is_said(config: Path, run: Run, tmp_path: Path) -> None:
    """Before the daemon ran, and where nobody wants stays."""
    with pytest.raises(StorageError, match="Start the daemon first"):
        run("sessions", "list")
    config.write_text(config.read_text().replace("enabled: true", "enabled: false"))
    with pytest.raises(ConfigError, match="stays are not followed"):
        run("occupancy", "show")
