"""What an attacker on the network, or another user of this machine, gets to see: nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest

from edge.access import files
from edge.access.audit import Audit
from edge.access.lists import Entry, ListKind
from edge.access.parking_store import ParkingStore
from edge.clock import SystemClock
from edge.config import effective, parse
from edge.errors import ConfigError
from edge.privacy.key import PseudonymKey
from edge.sinks.history import History
from edge.sinks.outbox import Outbox
from edge.sinks.web.labels import Labels
from tests.sinks.events import a_gate_event

SECRETS = ("s3cr3t", "hunter2", "t0k3n", "p4ss", "T00/B00")
CAMERA = {"name": "gate-1", "url": "rtsp://admin:hunter2/@x@10.0.0.9/live?user=admin&password=p4ss"}


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A careless shell: every new file readable and writable by everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_no_other_user_may_read_what_holds_plates(tmp_path: Path) -> None:
    """Whatever the umask of whoever starts the daemon; write-ahead logs as well."""
    clock, event = SystemClock(), a_gate_event()
    (tmp_path / "var").mkdir(mode=0o755)
    with Outbox(tmp_path / "var" / "outbox.db", clock) as outbox:
        outbox.register("mqtt")
        outbox.append([event])
        history = History(tmp_path / "var" / "history.db", clock, keep_events=100)
        history.write([event])
        corrected = history.correct(event.event_id, "AB12CDF", "kim")
        assert corrected is not None
        Labels(tmp_path / "var" / "labels").add(corrected)
        files.save(tmp_path / "var" / "lists.csv", "plate,list\nAB12CDE,allow\n")
        Audit(tmp_path / "var" / "audit.jsonl", clock).note("decision")
        PseudonymKey(tmp_path / "var" / "privacy.key").make()
        store = ParkingStore(tmp_path / "var" / "parking.db")
        with store.reading():
            found = {p: p.stat().st_mode & 0o077 for p in (tmp_path / "var").rglob("*")}
    assert len(found) >= 12
    assert {str(path.name): oct(mode) for path, mode in found.items() if mode} == {}


def test_files_of_an_older_version_are_closed_at_the_next_start(tmp_path: Path) -> None:
    """An update must not leave the old permissions."""
    History(tmp_path / "history.db", SystemClock(), keep_events=100)
    (tmp_path / "history.db").chmod(0o644)
    History(tmp_path / "history.db", SystemClock(), keep_events=100)
    assert (tmp_path / "history.db").stat().st_mode & 0o077 == 0


def full_of_secrets() -> dict[str, Any]:
    return {
        "cameras": [
            CAMERA,
            {"name": "gate-2", "url": "gst:rtspsrc location=rtsp://u:hunter2@h/1 user-pw=p4ss ! appsink"},
        ],
        "mqtt": {"username": "gate", "password": "/s3cr3t://hunter2"},
        "webhook": {"enabled": True, "url": "https://hooks.example/services/T00/B00?token=t0k3n", "secret": "./s3cr3t"},
    }


def test_check_shows_no_secret() -> None:
    """Its output goes into tickets: no password that looks like a path, no token in a path or query."""
    shown = json.dumps(effective(parse(full_of_secrets())))
    assert [secret for secret in SECRETS if secret in shown] == []
    assert "10.0.0.9/live" in shown and "https://hooks.example/***" in shown  # still enough to recognise them


@pytest.mark.parametrize(
    "wrong",
    [
        {"mqtt": {"username": "gate", "password": ["s3cr3t"]}},
        {"mqtt": "s3cr3t"},
        {"webhook": {"secret": {"value": "s3cr3t"}}},
        {"cameras": [{"name": "a", "url": ["s3cr3t"]}]},
        {"cameras": ["s3cr3t"]},
        {"web": {"users": [{"name": "a", "password_hash": "s3cr3t"}]}},
        {"access": {"lanes": [{"lane": "l", "barrier": {"headers": {"X": ["s3cr3t"]}}}]}},
    ],
)
def test_mistake_in_a_secret_is_reported_without_it(wrong: dict[str, Any]) -> None:
    """The journal keeps messages for months."""
    with pytest.raises(ConfigError) as caught:
        parse({"cameras": [{"name": "a", "url": "x"}]} | wrong)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("holder", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\tx", "'=1", "Anna", "O'Neil", "'quoted'"])
def test_spreadsheet_runs_nothing_from_an_export(holder: str) -> None:
    """A tenant's name is typed in by somebody; the round trip keeps it."""
    entry = Entry("AB12CDE", ListKind.ALLOW, holder=holder.strip(), note=holder.strip())
    text = files.to_csv([entry])
    cells = [cell.strip('"') for cell in text.splitlines()[1].split(",")]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in cells)
    assert files.parse_csv(text, "x", timezone.utc).lists.entries == (entry,)
