"""Subject access and erasure: everything about a plate is found, and nothing of it is left in any byte of any file."""

from __future__ import annotations

import base64
import csv
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from edge.cli import app
from edge.clock import SystemClock
from edge.config import Settings, load
from edge.privacy import request
from edge.privacy.key import PseudonymKey
from edge.privacy.near import is_near
from edge.privacy.stores import stores, stores_of_passages
from edge.protocols import Subject
from edge.sinks.history import History, Query
from edge.sinks.outbox import Outbox
from edge.sinks.web.labels import Labels
from edge.types import EventType, GateEvent, Verdict
from tests.sinks.events import START, a_gate_event
from tests.web.fake_gate import a_crop

PLATE, RIVAL, OTHER = "MTK4471", "MTK4411", "WX67KLM"


def a_passage(plate: str, rival: str = "", **changes: Any) -> GateEvent:
    """A passage with a picture of its own; `rival` is its second choice."""
    alternatives = ((plate, 0.9), (rival, 0.05)) if rival else ((plate, 0.9),)
    event = replace(a_gate_event(plate), plate=Verdict(plate, 0.9, alternatives, plate, 5, "GB", 30.0))
    return replace(event, evidence=replace(event.evidence, crop_jpeg=a_crop(plate + event.event_id[-4:])), **changes)


class Gate:
    """The stores of a gate, filled as the daemon fills them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.config.write_text(
            "cameras: [{name: cam-1, lane: lane-1, url: x.mp4}]\n"
            f"outbox: {{path: {folder}/var/outbox.db}}\n"
            f"access: {{lists: {folder}/var/lists.csv}}\n"
            f"parking: {{path: {folder}/var/parking.db}}\n"
            f"privacy: {{key_file: {folder}/var/privacy.key, log: {folder}/var/privacy.jsonl}}\n"
            f"web: {{history: {{path: {folder}/var/history.db, labels: {folder}/var/labels}}}}\n"
        )
        self.settings: Settings = load(self.config)
        self.clock = SystemClock()
        self.history = History(self.settings.web.history.path, self.clock, keep_events=1000)
        self.labels = Labels(self.settings.web.history.labels)
        self.settings.access.lists.write_text(f"plate,list,holder\n{OTHER},allow,Otto\n{PLATE},allow,Vera Plate\n")
        self.settings.access.lists.with_suffix(".csv.last").write_text(f"plate,list\n{PLATE},deny\n")

    def drive(self, outbox: Outbox, *events: GateEvent, delivered: bool = False) -> None:
        """Store events; with `delivered`, hand them to the history, and to a broker that takes them."""
        outbox.register("mqtt", "history")
        stored = outbox.append(events)
        if delivered:
            self.history.write(stored)
            for sink in ("mqtt", "history"):
                outbox.acknowledge(sink, [event.event_id for event in stored])

    def privacy(self, *arguments: str) -> Result:
        """Run `anpr-edge privacy`."""
        return CliRunner().invoke(app, ["privacy", *arguments, "-c", str(self.config)])

    def holding(self, *needles: bytes) -> list[str]:
        """Return the files in which any of `needles` stands, whatever SQLite says."""
        files = [f for f in (self.folder / "var").rglob("*") if f.is_file()]
        return sorted(f.name for f in files if any(needle in f.read_bytes() for needle in needles))


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    monkeypatch.setattr("edge.commands.privacy.ON_THE_WAY_S", 0.0)  # nothing is on its way here
    return Gate(tmp_path)


@pytest.fixture
def outbox(gate: Gate) -> Iterator[Outbox]:
    """Open for the whole test, as a running daemon holds it."""
    with Outbox(gate.settings.outbox.path, gate.clock) as opened:
        yield opened


def fill(gate: Gate, outbox: Outbox) -> list[GateEvent]:
    """Twenty passages of other cars, and ours: delivered, waiting, as a rival, corrected, under a misread."""
    ours = [
        a_passage(PLATE, RIVAL),
        a_passage(PLATE),
        a_passage("MTK4477"),  # the last look had it wrong: only the passage says that it is ours
        a_passage("ZZ99ZZZ"),  # corrected by a person
    ]
    ours[2] = replace(ours[2], passage_id=ours[1].passage_id, type=EventType.PROVISIONAL)
    others = [a_passage(f"AA{k:02}BBB", PLATE if k == 7 else "") for k in range(20)]
    gate.drive(outbox, *others[:10], ours[0], *ours[2:], *others[10:], delivered=True)
    gate.drive(outbox, ours[1], a_passage(OTHER, PLATE))
    corrected = gate.history.correct(ours[3].event_id, PLATE, "kim")
    assert corrected is not None
    gate.labels.add(corrected)
    return ours


def pictures(events: list[GateEvent]) -> list[bytes]:
    """Return bytes by which the pictures of `events` would be recognised, bare and on the wire."""
    jpegs = [event.evidence.crop_jpeg or b"" for event in events]
    forms = [*jpegs, *map(base64.b64encode, jpegs)]
    found = [form[len(form) * 2 // 3 :][:80] for form in forms]  # behind the tables that all pictures share
    assert len(set(found)) == len(found)
    return found


def test_export_holds_everything_and_only_that(gate: Gate, outbox: Outbox, tmp_path: Path) -> None:
    """The subject's right: all of theirs, none of anybody else's."""
    ours = fill(gate, outbox)
    done = gate.privacy("export", "mtk 4471", "--out", str(tmp_path / "answer"))
    assert done.exit_code == 0, done.output
    answer = json.loads((tmp_path / "answer" / "data.json").read_text())
    by_store = [record["store"] for record in answer["records"]]
    assert {name: by_store.count(name) for name in by_store} == {"outbox": 1, "history": 3, "labels": 1, "lists": 2}
    found = {r["event_id"] for r in answer["records"] if "event_id" in r}
    assert found == {event.event_id for event in ours}
    written = {f.read_bytes() for f in (tmp_path / "answer").glob("*.jpg")}
    assert written == {event.evidence.crop_jpeg for event in ours}
    assert "AA07BBB" not in json.dumps(answer) and "Otto" not in json.dumps(answer)
    assert (tmp_path / "answer" / "data.json").stat().st_mode & 0o777 == 0o600


def test_export_prints_json_and_names_misreads_beside_it(gate: Gate, outbox: Outbox) -> None:
    """The list of misreads is for the operator: those cars may be other people's."""
    fill(gate, outbox)
    done = gate.privacy("export", PLATE, "--near")
    assert len(json.loads(done.stdout)["records"]) == 7
    assert "near: MTK4477 in history" in done.stderr and "MTK4411" in done.stderr
    assert "AA07BBB" not in done.stderr


def test_erase_leaves_nothing_in_any_byte_while_the_daemon_runs(gate: Gate, outbox: Outbox) -> None:
    """Tables, free pages, write-ahead logs, pictures, labels, lists: the files as a forensic sees them."""
    ours = fill(gate, outbox)
    needles = [PLATE.encode(), *pictures(ours)]
    assert {"history.db", "labels.csv", "lists.csv"} <= set(gate.holding(*needles))
    done = gate.privacy("erase", PLATE, "--lists", "--yes")
    assert done.exit_code == 0, done.output
    assert gate.holding(*needles) == []
    left = [r.event.plate.text for r in gate.history.search(Query(limit=100)) if r.event.plate]
    assert sorted(left) == [f"AA{k:02}BBB" for k in range(20)]
    assert [r["plate"] for r in csv.DictReader(gate.settings.access.lists.open())] == [OTHER]
    outbox.append([a_passage("AA99AAA")])  # the daemon goes on with the files that it holds
    gate.history.write([a_passage("AA98AAA")])


def test_undelivered_event_keeps_its_number_without_the_plate(gate: Gate, outbox: Outbox) -> None:
    """A consumer still proves that it has all; nobody learns whose passage it was."""
    fill(gate, outbox)
    before = outbox.pending("mqtt")
    assert gate.privacy("erase", PLATE, "--yes").exit_code == 0
    after = outbox.pending("mqtt")
    assert [(e.event_id, e.sequence, e.captured_at) for e in after] == [
        (e.event_id, e.sequence, e.captured_at) for e in before
    ]
    ours, other = after
    assert ours.plate is not None and (ours.plate.text, ours.plate.alternatives, ours.plate.masked) == ("", (), "")
    assert ours.evidence.crop_jpeg is None and dict(ours.details)["erased"] is True
    assert other.plate is not None and other.plate.text == OTHER
    assert other.plate.alternatives == ((OTHER, 0.9),)
    assert other.evidence == before[1].evidence


def test_erased_event_is_valid_on_the_wire(gate: Gate, outbox: Outbox) -> None:
    """No consumer breaks on it."""
    jsonschema = pytest.importorskip("jsonschema")
    fill(gate, outbox)
    gate.privacy("erase", PLATE, "--yes")
    schema = json.loads((Path(__file__).parents[2] / "docs/schema/event.schema.json").read_text())
    from edge.sinks.wire import as_document

    for event in outbox.pending("mqtt"):
        jsonschema.Draft202012Validator(schema).validate(as_document(event, START))


def test_dead_letters_and_damaged_files_are_erased_too(gate: Gate, outbox: Outbox) -> None:
    """What failed must not be what stays."""
    gate.drive(outbox, a_passage(PLATE), a_passage(OTHER, details=(("odd", float("nan")),)))
    outbox.reject("mqtt", outbox.pending("mqtt")[0].event_id, "the broker does not like it")
    unwritable = a_passage(PLATE, details=(("odd", float("nan")),))
    gate.drive(outbox, unwritable)
    damaged = gate.settings.outbox.path.with_name("outbox.db.damaged-20260301T060000")
    damaged.write_bytes(b"\0" * 1000 + PLATE.encode() + b"\0" * 1000)
    harmless = gate.settings.outbox.path.with_name("outbox.db.damaged-20260302T060000")
    harmless.write_bytes(b"\0" * 1000)
    assert gate.privacy("erase", PLATE, "--yes").exit_code == 0
    assert gate.holding(PLATE.encode()) == ["lists.csv", "lists.csv.last"]
    assert not damaged.exists() and harmless.exists()


def test_lists_stay_unless_asked_for(gate: Gate, outbox: Outbox) -> None:
    """Who may pass is a contract of the site; erasing reads must not lock a tenant out by surprise."""
    fill(gate, outbox)
    done = gate.privacy("erase", PLATE, "--yes")
    assert "a list of the site names the plate" in done.stderr
    assert PLATE in gate.settings.access.lists.read_text()


def test_a_passage_under_a_misread_is_erased_when_the_operator_names_it(gate: Gate, outbox: Outbox) -> None:
    """`--near` shows it, a person decides; the other car with that plate keeps its passages."""
    misread, innocent = a_passage("MTX4471"), a_passage("MTX4471")
    gate.drive(outbox, a_passage(PLATE), misread, innocent, delivered=True)
    shown = gate.privacy("export", PLATE, "--near")
    assert misread.passage_id in shown.stderr
    assert gate.privacy("erase", PLATE, "--passage", misread.passage_id, "--yes").exit_code == 0
    assert [r.event.event_id for r in gate.history.search(Query())] == [innocent.event_id]


def test_erasing_asks_first(gate: Gate, outbox: Outbox) -> None:
    """It cannot be undone."""
    fill(gate, outbox)
    done = CliRunner().invoke(app, ["privacy", "erase", PLATE, "-c", str(gate.config)], input="n\n")
    assert done.exit_code == 1
    assert len(json.loads(gate.privacy("export", PLATE).stdout)["records"]) == 7


def test_an_event_on_its_way_between_two_stores_is_caught(gate: Gate, outbox: Outbox) -> None:
    """Taken from the outbox before the erasure, written to the history after it."""
    late = a_passage(PLATE)
    gate.drive(outbox, a_passage(PLATE), delivered=True)
    chosen = stores_of_passages(gate.settings)
    on_its_way = iter([lambda: gate.history.write([late])])

    def pause() -> None:
        next(on_its_way, lambda: None)()

    changed = request.erase(chosen, Subject(frozenset({PLATE})), daemon_runs=True, pause=pause)
    assert changed["history"] == 2
    assert gate.holding(PLATE.encode()) == ["lists.csv", "lists.csv.last"]


def test_pseudonymised_history_is_found_by_the_plate(gate: Gate, outbox: Outbox) -> None:
    """The subject knows the plate, the store knows its pseudonym."""
    key = PseudonymKey(gate.settings.privacy.key_file)
    key.make()
    gate.history.write([a_passage(key.pseudonym(PLATE)), a_passage(key.pseudonym(OTHER))])
    assert len(json.loads(gate.privacy("export", PLATE).stdout)["records"]) == 1 + 2  # and the lists
    gate.privacy("erase", PLATE, "--yes")
    assert [r.event.plate.text for r in gate.history.search(Query()) if r.event.plate] == [key.pseudonym(OTHER)]


def test_writers_go_on_while_the_files_are_rebuilt(gate: Gate, outbox: Outbox) -> None:
    """A daemon that appends all the time loses nothing and blocks nothing for long."""
    fill(gate, outbox)
    stop, stored = threading.Event(), list[GateEvent]()

    def append() -> None:
        while not stop.is_set():
            stored.extend(outbox.append([a_passage("AA99AAA")]))
            stop.wait(0.01)

    writer = threading.Thread(target=append)
    writer.start()
    try:
        done = gate.privacy("erase", PLATE, "--yes")
    finally:
        stop.set()
        writer.join()
    assert done.exit_code == 0, done.output
    assert gate.holding(PLATE.encode()) == ["lists.csv", "lists.csv.last"]
    waiting = {e.event_id for e in outbox.pending("mqtt", 100_000)}
    assert {e.event_id for e in stored} <= waiting
    numbers = [e.sequence for e in outbox.pending("mqtt", 100_000)]
    assert numbers == list(range(numbers[0] or 0, (numbers[0] or 0) + len(numbers)))


def test_what_was_done_is_recorded_without_the_plate(gate: Gate, outbox: Outbox) -> None:
    """Accountability: that a request was answered, and when."""
    fill(gate, outbox)
    gate.privacy("export", PLATE)
    gate.privacy("erase", PLATE, "--yes")
    gate.privacy("rotate-key", "--yes")
    lines = [json.loads(line) for line in gate.settings.privacy.log.read_text().splitlines()]
    assert [line["what"] for line in lines] == ["export", "erase", "rotate-key"]
    assert lines[1]["records"]["history"] == 4  # three of ours, one rival
    assert PLATE not in gate.settings.privacy.log.read_text()
    assert gate.settings.privacy.log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("plate", ["", "-", "é"])
def test_what_is_no_plate_is_refused(gate: Gate, plate: str) -> None:
    """An empty text must not match everything."""
    done = gate.privacy("erase", plate, "--yes")
    assert done.exit_code != 0


def test_a_gate_that_kept_nothing_has_nothing(tmp_path: Path) -> None:
    """No file is made by asking."""
    config = tmp_path / "config.yaml"
    config.write_text(f"cameras: [{{name: a, url: x}}]\nprivacy: {{log: {tmp_path}/p.jsonl}}\n")
    settings = load(config)
    away = settings.model_copy(
        update={
            "outbox": settings.outbox.model_copy(update={"path": tmp_path / "v" / "o.db"}),
            "web": settings.web.model_copy(
                update={
                    "history": settings.web.history.model_copy(
                        update={"path": tmp_path / "v" / "h.db", "labels": tmp_path / "v" / "labels"}
                    )
                }
            ),
            "access": settings.access.model_copy(update={"lists": tmp_path / "v" / "lists.csv"}),
            "parking": settings.parking.model_copy(update={"path": tmp_path / "v" / "p.db"}),
        }
    )
    subject = Subject(frozenset({PLATE}))
    assert list(request.export(stores(away), subject)) == []
    assert set(request.erase(stores(away), subject, daemon_runs=False, pause=lambda: None).values()) == {0}
    assert request.neighbours(stores(away), PLATE) == ()
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize(
    "other", ["MTK447", "MTK44711", "MTX4471", "MTK44I1", "MTK447I", "TK4471", "NTK4471", "MTK4A71"]
)
def test_misreads_are_near(other: str) -> None:
    assert is_near(PLATE, other) and is_near(other, PLATE)


@pytest.mark.parametrize("other", [PLATE, "MTX4477", "WX67KLM", "MTK44", "4471MTK", ""])
def test_the_plate_itself_and_other_plates_are_not_near(other: str) -> None:
    assert not is_near(PLATE, other)


def test_many_lookalikes_at_once_are_near() -> None:
    """O for 0 and I for 1 and B for 8: one camera at night."""
    assert is_near("OIB850", "01885O") and is_near("OIB850", "01885")
