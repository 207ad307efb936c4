"""The list store: one way to change lists, all or nothing, the last good ones kept, everybody told."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge.access.audit import Audit
from edge.access.list_orders import ListOrders, obey
from edge.access.lists import Entry, ListKind, PlateLists
from edge.access.store import ListStore
from edge.clock import SystemClock
from edge.errors import ConfigError, SinkUnavailable

UTC = ZoneInfo("UTC")
FIRST = "plate,list\nAB12CDE,allow\n"
SECOND = "plate,list\r\nKL55QRS,allow\r\nZZ99ZZZ,deny\r\n"  # as a spreadsheet writes it


def store(folder: Path) -> ListStore:
    made = ListStore(folder / "lists.csv", UTC)
    made.start()
    return made


def order(text: str, number: int, **changes: Any) -> dict[str, Any]:
    return {"number": number, "sha256": hashlib.sha256(text.encode()).hexdigest(), "csv": text, **changes}


def plates(lists: PlateLists) -> list[str]:
    return [e.plate for e in lists.entries]


def test_replaced_lists_are_in_force_at_once_and_after_a_restart(tmp_path: Path) -> None:
    """With the version that the office knows: the hash of what it sent, byte for byte."""
    heard: list[str] = []
    kept = store(tmp_path)
    kept.tell(lambda lists: heard.append(lists.version))
    kept.replace(SECOND, "office")
    version = hashlib.sha256(SECOND.encode()).hexdigest()
    assert heard == ["", version]
    assert (store(tmp_path).lists.version, plates(store(tmp_path).lists)) == (version, ["KL55QRS", "ZZ99ZZZ"])


def test_broken_lists_change_nothing(tmp_path: Path) -> None:
    """Neither in memory nor on the disk."""
    kept = store(tmp_path)
    kept.replace(FIRST, "office")
    with pytest.raises(ConfigError, match="row 3"):
        kept.replace("plate,list\nAB1,allow\n!,allow\n", "office")
    assert plates(kept.lists) == plates(store(tmp_path).lists) == ["AB12CDE"]


def test_lists_that_a_hand_broke_give_way_to_the_last_good_ones(tmp_path: Path) -> None:
    """The gate must start on a Sunday, too; the next good import does not lose them either."""
    kept = store(tmp_path)
    kept.replace(FIRST, "office")
    kept.replace(SECOND, "office")
    (tmp_path / "lists.csv").write_text("plate;list\nAB12CDE;allow\n")
    started = store(tmp_path)
    assert plates(started.lists) == ["AB12CDE"]
    started.replace(SECOND, "office")
    (tmp_path / "lists.csv").write_text("broken again")
    assert plates(store(tmp_path).lists) == ["AB12CDE"]


def test_broken_lists_without_better_ones_are_refused(tmp_path: Path) -> None:
    """A gate that lets nobody in, and says nothing, is worse than one that does not start."""
    (tmp_path / "lists.csv").write_text("plate;list\n")
    with pytest.raises(ConfigError, match="no column 'plate'"):
        store(tmp_path)


def test_one_entry_is_put_replaced_and_removed(tmp_path: Path) -> None:
    """The guest of today."""
    kept = store(tmp_path)
    kept.replace(FIRST, "office")
    kept.put(Entry("GU3ST", ListKind.ALLOW, note="today"), "otto")
    kept.put(Entry("GU3ST", ListKind.ALLOW, note="all week"), "otto")
    kept.put(Entry("GU3ST", ListKind.WATCH), "otto")
    assert [(e.plate, e.kind.value, e.note) for e in store(tmp_path).lists.entries] == [
        ("AB12CDE", "allow", ""),
        ("GU3ST", "allow", "all week"),
        ("GU3ST", "watch", ""),
    ]
    assert (kept.remove("GU3ST", ListKind.ALLOW, "otto"), kept.remove("GU3ST", ListKind.ALLOW, "otto")) == (1, 0)
    assert [e.kind for e in kept.lists.find("GU3ST")] == [ListKind.WATCH]


def test_edit_does_not_undo_what_the_command_line_imported(tmp_path: Path) -> None:
    """Two people, one gate."""
    kept, other = store(tmp_path), store(tmp_path)
    other.replace(FIRST, "command line")
    kept.put(Entry("GU3ST", ListKind.ALLOW), "otto")
    assert plates(store(tmp_path).lists) == ["AB12CDE", "GU3ST"]


def test_order_is_obeyed_and_its_number_remembered(tmp_path: Path) -> None:
    """An order that comes again changes nothing; one that is older is refused; so is one that was damaged."""
    kept = store(tmp_path)
    assert obey(kept, order(SECOND, 7)) == "2 entries in force"
    assert obey(kept, order(SECOND, 7)) == "2 entries, in force already"
    for refused in (order(FIRST, 7), order(FIRST, 6)):
        with pytest.raises(ConfigError, match="not above 7"):
            obey(store(tmp_path), refused)
    with pytest.raises(ConfigError, match="not the hash"):
        obey(kept, order(FIRST, 8, csv=FIRST + "X1,allow\n"))
    assert plates(kept.lists) == ["KL55QRS", "ZZ99ZZZ"]


def test_lists_that_were_edited_here_give_way_to_any_order(tmp_path: Path) -> None:
    """The number belongs to exactly what the office sent."""
    kept = store(tmp_path)
    obey(kept, order(SECOND, 7))
    kept.put(Entry("GU3ST", ListKind.ALLOW), "otto")
    assert kept.number is None
    assert obey(kept, order(FIRST, 3)) == "1 entries in force"


@pytest.mark.parametrize(
    ("document", "at"),
    [
        ({}, "number"),
        ({"number": 1, "sha256": "x", "csv": ""}, "sha256"),
        ({**order(FIRST, 1), "url": "https://a/b"}, "either csv or url"),
        ({**order(FIRST, 1), "plates": []}, "plates"),
        ({**order(FIRST, 1, csv=None), "url": "http://example.org/lists.csv"}, "not https"),
        ({**order(FIRST, 1, csv=None), "url": "file:///etc/passwd"}, "not https"),
        ({**order(FIRST, 1, csv=None), "url": "http://127.0.0.1:9464/metrics"}, "not https"),
    ],
)
def test_order_that_is_none_is_refused(tmp_path: Path, document: dict[str, Any], at: str) -> None:
    """From a topic comes anything."""
    with pytest.raises(ConfigError, match=at):
        obey(store(tmp_path), document)


def test_lists_that_cannot_be_fetched_change_nothing(tmp_path: Path) -> None:
    """The office's server is down."""
    kept = store(tmp_path)
    with pytest.raises(SinkUnavailable, match="could not be fetched"):
        obey(kept, {**order(FIRST, 1, csv=None), "url": "https://127.0.0.1:9/lists.csv"})
    assert plates(kept.lists) == []


def test_every_order_is_answered_with_what_is_in_force(tmp_path: Path) -> None:
    """Done, refused with rows and reasons, or not even JSON."""
    told: list[tuple[str, dict[str, Any]]] = []
    orders = ListOrders(store(tmp_path), "anpr/site-1/lists", "gate-7")
    orders.attach(lambda topic, payload, *, retain=False: told.append((topic, json.loads(payload))))
    broken = "plate,list\nAB1,allow\n!,allow\nAB2,maybe\n"
    for payload in (json.dumps(order(FIRST, 1)), json.dumps(order(broken, 2)), "not JSON"):
        orders.take(payload.encode())
    assert {topic for topic, _ in told} == {"anpr/site-1/lists/replies"}
    done, refused, nonsense = (answer for _, answer in told)
    assert (done["ok"], done["number"], done["client_id"]) == (True, 1, "gate-7")
    assert (refused["ok"], refused["problem_count"]) == (False, 2)
    assert [p["at"] for p in refused["problems"]] == ["lists: row 3", "lists: row 4"]
    assert nonsense["ok"] is False
    assert all(a["in_force"]["entries"] == 1 for a in (done, refused, nonsense))


def test_every_change_is_audited_with_who_made_it_and_without_plates(tmp_path: Path) -> None:
    """Somebody was let in: who put him on the list?"""
    audit = tmp_path / "audit.jsonl"
    kept = ListStore(tmp_path / "lists.csv", UTC, audit=Audit(audit, SystemClock()))
    kept.replace(FIRST, "office")
    kept.put(Entry("GU3ST", ListKind.ALLOW), "otto")
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert [(x["what"], x["by"], x["entries"]) for x in lines] == [
        ("lists.changed", "office", 1),
        ("lists.changed", "otto", 2),
    ]
    assert lines[1]["lists"] == kept.lists.version
    assert "AB12CDE" not in audit.read_text()
