"""Events over HTTP: search, pages, export, corrections that become labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from edge.sinks.web.labels import Labels
from tests.web.conftest import log_in
from tests.web.fake_gate import a_crop
from tests.web.site import Site, serve


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Site]:
    """120 passages: more than two pages."""
    with serve(tmp_path, passages=120) as served:
        yield served


def test_the_newest_event_comes_first_with_its_picture(client: httpx.Client) -> None:
    """Row, details and crop belong together."""
    page = client.get("/api/events").json()
    times = [e["captured_at"] for e in page["events"]]
    assert times == sorted(times, reverse=True) and len(times) == 14
    first = page["events"][0]
    assert client.get(f"/api/events/{first['event_id']}").json() == first
    crop = client.get(first["crop"])
    assert crop.headers["content-type"] == "image/jpeg"
    assert crop.content == a_crop(first["plate"]["text"])
    assert crop.headers["cache-control"] == "no-store"  # it may be erased here while a browser would keep it


def test_search_forgives_one_misread_over_http(client: httpx.Client) -> None:
    """As the attendant types it."""
    found = client.get("/api/events", params={"plate": "wx 67-klN"}).json()["events"]
    assert {e["plate"]["text"] for e in found} == {"WX67KLM"}


def test_pages_cover_everything_once(crowded: Site) -> None:
    """120 events are three pages."""
    with httpx.Client(base_url=crowded.url) as http:
        seen: list[str] = []
        cursor: str | None = ""
        pages = 0
        while cursor is not None:
            page = http.get("/api/events", params={"before": cursor}).json()
            seen += [e["event_id"] for e in page["events"]]
            cursor, pages = page["next"], pages + 1
    assert (pages, len(seen), len(set(seen))) == (3, 120, 120)


def test_export_holds_what_the_search_finds(crowded: Site) -> None:
    """CSV for a spreadsheet, JSON for a program: the same events."""
    with httpx.Client(base_url=crowded.url) as http:
        lines = http.get("/api/export", params={"form": "csv", "lane": "lane-in"})
        rows = list(csv.DictReader(io.StringIO(lines.text)))
        document = http.get("/api/export", params={"form": "json", "lane": "lane-in"}).json()
        empty = http.get("/api/export", params={"form": "json", "plate": "NOSUCHPLATE"}).json()
    assert 'filename="events.csv"' in lines.headers["content-disposition"]
    assert [r["event_id"] for r in rows] == [e["event_id"] for e in document]
    assert {r["lane"] for r in rows} == {"lane-in"}
    assert len(rows) == 80
    assert empty == []


def test_a_correction_becomes_a_label(guarded: Site) -> None:
    """The reader learns from what it misread; the last word counts."""
    folder = guarded.settings.web.history.labels
    with log_in(guarded, "otto") as otto:
        event = otto.get("/api/events").json()["events"][0]
        path = f"/api/events/{event['event_id']}/correction"
        otto.put(path, json={"text": "FIRST1"})
        corrected = otto.put(path, json={"text": "lr-21 oqa"}).json()
    labels = Labels(folder).read()
    assert corrected["correction"]["text"] == "LR21OQA"
    assert corrected["plate"] == event["plate"]
    assert [(line["file"], line["text"], line["read_as"], line["by"]) for line in labels] == [
        (f"{event['event_id']}.jpg", "LR21OQA", event["plate"]["text"], "otto")
    ]
    assert (folder / labels[0]["file"]).read_bytes() == a_crop(event["plate"]["text"])


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "out of range"),
        ({"before": "%%%"}, "cursor"),
        ({"lane": "a b"}, "lane"),
        ({"plate": "A" * 21}, "plate"),
    ],
)
def test_bad_questions_are_answered_with_what_is_wrong(
    client: httpx.Client, parameters: dict[str, str], problem: str
) -> None:
    """422 with the field, never 500."""
    answer = client.get("/api/events", params=parameters)
    assert answer.status_code == 422
    assert problem in answer.json()["problem"]


def test_an_empty_correction_is_refused(client: httpx.Client) -> None:
    """'???' is no plate."""
    event = client.get("/api/events").json()["events"][0]
    answer = client.put(f"/api/events/{event['event_id']}/correction", json={"text": "???"})
    assert answer.status_code == 422


def test_a_broken_history_is_a_503_with_a_fix(tmp_path: Path) -> None:
    """The disk failed: the page says so, and the gate goes on."""
    with serve(tmp_path) as served, httpx.Client(base_url=served.url) as http:
        for file in tmp_path.glob("history.db*"):
            file.write_bytes(b"\0" * 65_536)
        answer = http.get("/api/events")
        assert answer.status_code == 503
        assert "history.db" in answer.json()["problem"] and "web.history.path" in answer.json()["fix"]
        assert http.get("/api/status").status_code == 200
