"""A stay is exported whole and erased whole: the counts stay right, nobody knows whose it was."""

from __future__ import annotations

import json
from pathlib import Path

from edge.access.operations import encode
from edge.config.parking import ParkingSettings
from edge.privacy import request
from edge.privacy.parking_data import NAMELESS, ParkingData
from edge.protocols import Subject
from edge.types import EventType
from tests.access.parking import START, entry, exit_, plate
from tests.access.simulation.gate import Gate

PLATE = "MTK4471"
SETTINGS = ParkingSettings(enabled=True)
SUBJECT = Subject(frozenset({PLATE}))


def fill(gate: Gate) -> None:
    """A stay of ours whose exit was misread, one of somebody else's, and two cars inside."""
    gate.passes(entry("a", 0, PLATE, lane="north-in"))
    gate.passes(entry("b", 1, "WX67KLM", lane="north-in"))
    gate.passes(exit_("c", 90, plate("MTK4411", 0.9, (PLATE, 0.08)), lane="south-out"))
    gate.passes(exit_("d", 91, plate("WX67KLM", 0.99), lane="south-out"))
    gate.passes(entry("e", 100, PLATE, lane="north-in"))
    gate.passes(entry("f", 101, "AA11AAA", lane="north-in"))


def holding(folder: Path, text: str) -> list[str]:
    return sorted(
        f.name for f in folder.iterdir() if f.name.startswith("parking.db") and text.encode() in f.read_bytes()
    )


def test_stay_is_found_by_either_end(tmp_path: Path) -> None:
    """The exit was read as another plate: it is theirs all the same."""
    with Gate(tmp_path, SETTINGS) as gate:
        fill(gate)
        data = ParkingData(gate.parking.store.path)
        records = list(request.export([data], SUBJECT))
    shown = json.dumps([dict(r.facts) for r in records])
    assert {r.facts["operation"]["id"] for r in records if "operation" in r.facts} == {"a", "c", "e"}
    assert len([r for r in records if "stay" in r.facts]) == 1
    assert "WX67KLM" not in shown and "AA11AAA" not in shown


def test_erased_stay_leaves_no_byte_and_the_counts_as_they_were(tmp_path: Path) -> None:
    """Beside the daemon, which learns it as a correction, and after its restart."""
    with Gate(tmp_path, SETTINGS) as gate:
        fill(gate)
        path = gate.parking.store.path
        data = ParkingData(path)
        cars = gate.parking.zones()[0].cars
        assert holding(path.parent, PLATE) and holding(path.parent, "MTK4411")
        request.erase([data], SUBJECT, daemon_runs=False, pause=lambda: None)
        assert holding(path.parent, PLATE) == [] and holding(path.parent, "MTK4411") == []
        gate.turn()
        state = gate.parking.state(START)
        assert gate.parking.zones()[0].cars == cars
        assert len(state.ended) == 2 and len(state.open) == 2
        names = {session.plate for session in (*state.ended, *state.open)}
        assert {"WX67KLM", "AA11AAA"} < names and len([n for n in names if n.startswith(NAMELESS)]) == 1
        told = [e for e in gate.received if e.type is EventType.SESSION_CLOSED]
        assert str(dict(told[-1].details)["stay_plate"]).startswith(NAMELESS)  # the backend is told to forget, too
        assert dict(told[-1].details)["replaces"] == told[0].event_id
        assert holding(path.parent, PLATE) == []
    with Gate(tmp_path, SETTINGS) as again:
        assert again.parking.zones()[0].cars == cars
        assert {s.session_id for s in again.parking.state(START).open} == {s.session_id for s in state.open}


def test_other_vehicles_keep_everything_but_the_rival(tmp_path: Path) -> None:
    """A plate that was only the second choice for another car goes, the car stays."""
    with Gate(tmp_path, SETTINGS) as gate:
        gate.passes(entry("a", 0, plate("WX67KLM", 0.9, (PLATE, 0.05)), lane="north-in"))
        data = ParkingData(gate.parking.store.path)
        assert data.erase(SUBJECT) == 1
        (op,) = gate.parking.store.since(0)[1]
        assert op.plate is not None and op.plate.text == "WX67KLM" and PLATE not in encode(op).decode()


def test_identifier_of_a_stay_cannot_be_tried_out(tmp_path: Path) -> None:
    """It follows from what is told, and plates are few: without this gate's secret nobody can test them all."""
    ids = []
    for name in ("one", "two"):
        with Gate(tmp_path / name, SETTINGS) as gate:
            fill(gate)
            ids.append([e.event_id for e in gate.received if e.type is EventType.SESSION_CLOSED])
    assert len(ids[0]) == len(ids[1]) == 2 and not set(ids[0]) & set(ids[1])
