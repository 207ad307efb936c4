"""History: found again in spite of a misread, corrected without being changed, forgotten in time."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SinkUnavailable, StorageError
from edge.privacy.history_data import HistoryData
from edge.protocols import KeepClass
from edge.sinks.history import History, Query
from edge.sinks.misread import normal, patterns
from edge.types import CHARSET, EventType
from tests.web.fake_gate import START, FakeGate


@pytest.fixture
def gate() -> FakeGate:
    return FakeGate()


@pytest.fixture
def history(gate: FakeGate, tmp_path: Path) -> History:
    return History(tmp_path / "deep" / "history.db", gate.clock, keep_events=1000)


def plates(history: History, query: Query) -> list[str]:
    return [r.event.plate.text if r.event.plate else "-" for r in history.search(query)]


def test_newest_comes_first_and_unread_passages_are_shown(gate: FakeGate, history: History) -> None:
    """The attendant asks for the last car, also when its plate stayed illegible."""
    history.write([gate.an_event(plate=p, minutes=k) for k, p in enumerate(["AA11AAA", None, "CC33CCC"])])
    assert plates(history, Query()) == ["CC33CCC", "-", "AA11AAA"]


def test_an_event_written_twice_is_there_once(gate: FakeGate, history: History) -> None:
    """The outbox promises at least once."""
    event = gate.an_event()
    history.write([event])
    history.write([event, event])
    found = history.search(Query())
    assert len(found) == 1
    assert found[0].event == event


def test_provisional_event_gives_way_to_the_final_one(gate: FakeGate, history: History) -> None:
    """One car, one row."""
    provisional = gate.an_event(type_=EventType.PROVISIONAL)
    history.write([provisional])
    assert len(history.search(Query())) == 1
    history.write([replace(gate.an_event(minutes=1), passage_id=provisional.passage_id)])
    assert [r.event.type for r in history.search(Query())] == [EventType.FINAL]


@pytest.mark.parametrize("typed", ["AB12CDE", "AB12CDF", "A812CDE", "AB12CD", "AB12CDEE", "B12CDE", "12CD", "CDE"])
def test_search_forgives_one_misread(gate: FakeGate, history: History, typed: str) -> None:
    """Somebody reads a plate from a bad photo or over the telephone."""
    history.write([gate.an_event(plate="AB12CDE"), gate.an_event(plate="ZZ99XXX")])
    assert plates(history, Query(plate=typed)) == ["AB12CDE"]


@pytest.mark.parametrize("typed", ["A812CDF0", "XB12CDX", "AB1234E"])
def test_search_does_not_forgive_two(gate: FakeGate, history: History, typed: str) -> None:
    """Else it would find the whole car park."""
    history.write([gate.an_event(plate="AB12CDE")])
    assert plates(history, Query(plate=typed)) == []


@given(st.text(CHARSET, min_size=4, max_size=9), st.integers(0, 8), st.sampled_from(CHARSET))
def test_every_single_replacement_is_found(plate: str, place: int, character: str) -> None:
    """The patterns cover every place, whatever the text."""
    misread = plate[: place % len(plate)] + character + plate[place % len(plate) + 1 :]
    with sqlite3.connect(":memory:") as db:
        assert any(db.execute("SELECT ? LIKE ?", (misread, p)).fetchone()[0] for p in patterns(plate))


def test_time_and_lane_restrict(gate: FakeGate, history: History) -> None:
    """'What left between seven and eight?'"""
    history.write([gate.an_event("entry-cam", "AA11AAA"), gate.an_event("exit-cam", "BB22BBB", minutes=30)])
    history.write([gate.an_event("exit-cam", "CC33CCC", minutes=90)])
    hour = Query(lane="lane-out", since=START, until=START + timedelta(hours=1))
    assert plates(history, hour) == ["BB22BBB"]


def test_pages_follow_each_other_without_gap_or_repetition(gate: FakeGate, history: History) -> None:
    """Also when several events share a moment."""
    history.write([gate.an_event(plate=f"AA{k:02}AAA", minutes=k // 3) for k in range(20)])
    seen: list[str] = []
    query = Query(limit=6)
    while page := history.search(query):
        seen += [r.event.event_id for r in page]
        last = page[-1].event
        query = Query(
            limit=6, before=(last.captured_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), last.event_id)
        )
    assert len(seen) == len(set(seen)) == 20


def test_a_correction_stands_beside_the_event(gate: FakeGate, history: History) -> None:
    """What was published stays what was published; the corrected text is found as well."""
    event = gate.an_event(plate="AB12CDE")
    history.write([event])

    corrected = history.correct(event.event_id, "QQ77QQQ", by="kim")

    assert corrected is not None and corrected.correction is not None
    assert (corrected.event, corrected.correction.text, corrected.correction.by) == (event, "QQ77QQQ", "kim")
    assert plates(history, Query(plate="QQ77QQQ")) == ["AB12CDE"]
    assert history.correct("unknown", "QQ77QQQ", by="kim") is None


def test_old_plates_leave_no_trace_in_the_file(gate: FakeGate, history: History, tmp_path: Path) -> None:
    """Deleting for privacy means deleting."""
    history.write([gate.an_event(plate="PR1VACY")])
    gate.clock.advance_to(31 * 86_400)
    history.write([gate.an_event(plate="NE1WONE")])
    HistoryData(tmp_path / "deep" / "history.db").purge(dict.fromkeys(KeepClass, gate.clock.utc()), 100)

    assert plates(history, Query()) == ["NE1WONE"]
    content = b"".join(p.read_bytes() for p in (tmp_path / "deep").iterdir())
    assert b"PR1VACY" not in content
    assert b"NE1WONE" in content


def test_number_of_events_is_bounded(gate: FakeGate, tmp_path: Path) -> None:
    """A busy gate must not fill the disk; the newest stay."""
    small = History(tmp_path / "h.db", gate.clock, keep_events=3)
    small.write([gate.an_event(plate=f"AA{k:02}AAA", minutes=k) for k in range(9)])
    assert plates(small, Query()) == ["AA08AAA", "AA07AAA", "AA06AAA"]


def test_a_file_that_is_no_database_is_an_instruction(gate: FakeGate, tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "h.db").write_bytes(b"this is not a database, it only looks like a file" * 100)
    with pytest.raises(StorageError, match=r"h\.db: .*Fix: "):
        History(tmp_path / "h.db", gate.clock, keep_events=100)


def test_a_damaged_file_keeps_events_in_the_outbox(gate: FakeGate, history: History, tmp_path: Path) -> None:
    """The sink says 'later', so nothing is lost."""
    for file in (tmp_path / "deep").iterdir():
        file.write_bytes(b"\0" * 4096 * 8)
    with pytest.raises(SinkUnavailable):
        history.write([gate.an_event()])


def test_normal_form_drops_what_plates_do_not_carry() -> None:
    """People type 'b-xy 123'."""
    assert normal("b-xy 12³3ß") == "BXY123"


def test_account_of_an_event_is_kept_and_forgotten_with_it(gate: FakeGate, tmp_path: Path) -> None:
    """It holds the plate as every look read it: nothing of it may outlive the event."""
    history = History(tmp_path / "history.db", gate.clock, keep_events=1000, account_of=gate.accounts.get)
    event = gate.an_event(plate="AB12CDE")
    hit = replace(gate.an_event(plate="AB12CDE"), type=EventType.WATCH_HIT, passage_id=event.passage_id)
    del gate.accounts[hit.event_id]
    history.write([event, hit])
    found = history.account(event.event_id)
    assert found is not None and found["answer"] == "AB12CDE" and len(found["looks"]) == 12
    assert history.account(hit.event_id) == found  # the same passage
    assert history.account("unknown") is None

    later = gate.clock.utc() + timedelta(days=1)
    HistoryData(tmp_path / "history.db").purge(dict.fromkeys(KeepClass, later), 100)
    assert history.account(event.event_id) is None
    with sqlite3.connect(tmp_path / "history.db") as db:
        assert db.execute("SELECT count(*) FROM accounts").fetchone() == (0,)
