"""Lists on the page: search, single entries, whole files; who may do what, and what a broken file gets to hear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.web.conftest import log_in
from tests.web.site import LISTS, Site, serve


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path, passages=0) as served:
        yield served


def found(client: httpx.Client, **query: str) -> list[str]:
    return [e["plate"] for e in client.get("/api/lists", params=query).json()["entries"]]


def test_entries_are_found_by_plate_holder_and_note(client: httpx.Client) -> None:
    """The clerk knows a name, the guard knows half a plate."""
    assert found(client) == ["AB12CDE", "KL55QRS", "WX67KLM", "ZZ99ZZZ"]
    assert found(client, text="ab-12") == ["AB12CDE"]
    assert found(client, text="butter") == ["WX67KLM"]
    assert found(client, text="lost") == ["KL55QRS"]
    assert found(client, kind="deny") == ["KL55QRS"]
    assert found(client, text="nobody") == []
    page = client.get("/api/lists").json()
    assert (page["counts"], page["found"]) == ({"allow": 2, "deny": 1, "watch": 1}, 4)
    assert page["entries"][0]["hours"] == "06:00-22:00"


def test_entry_is_added_replaced_and_removed(client: httpx.Client) -> None:
    """In force at once; the version tells that something has changed."""
    before = client.get("/api/lists").json()["version"]
    answer = client.put("/api/lists/entries", json={"plate": "gu 3st", "list": "allow", "note": "today"})
    assert (answer.status_code, answer.json()["plate"]) == (200, "GU3ST")
    client.put("/api/lists/entries", json={"plate": "GU3ST", "list": "allow", "hours": "08:00-10:00"})
    page = client.get("/api/lists", params={"text": "GU3ST"}).json()
    assert [(e["hours"], e["note"]) for e in page["entries"]] == [("08:00-10:00", "")]
    assert page["version"] != before
    assert client.delete("/api/lists/entries/allow/GU3ST").status_code == 204
    assert client.delete("/api/lists/entries/allow/GU3ST").status_code == 404


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"plate": "!!", "list": "allow"}, "0 letters and digits"),
        ({"plate": "AB1", "list": "maybe"}, "list"),
        ({"plate": "AB1", "list": "allow", "hours": "noon"}, "06:00-22:00"),
        ({"plate": "AB1", "list": "allow", "valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "before valid_from"),
    ],
)
def test_broken_entry_is_refused_with_the_reason(client: httpx.Client, entry: dict[str, str], problem: str) -> None:
    """Not stored, not half understood."""
    answer = client.put("/api/lists/entries", json=entry)
    assert answer.status_code == 422
    assert problem in answer.json()["problem"]
    assert len(found(client)) == 4


def test_import_replaces_all_and_export_gives_it_back(client: httpx.Client) -> None:
    """Byte for byte what the office sent."""
    text = "plate,list\nAB1,allow\nAB2,watch\n"
    answer = client.post("/api/lists/import", content=text)
    assert (answer.status_code, answer.json()["entries"], answer.json()["left_out"]) == (200, 2, [])
    assert found(client) == ["AB1", "AB2"]
    exported = client.get("/api/lists/export.csv").text
    assert client.post("/api/lists/import", content=exported).json()["entries"] == 2


def test_broken_import_names_its_rows_and_changes_nothing(client: httpx.Client) -> None:
    """Unless the broken rows are to be left out; then they are still named."""
    text = "plate,list\nAB1,allow\n!,allow\nAB2,maybe\n"
    answer = client.post("/api/lists/import", content=text)
    assert answer.status_code == 422
    assert [row["at"].rpartition(": ")[2] for row in answer.json()["rows"]] == ["row 3", "row 4"]
    assert len(found(client)) == 4
    answer = client.post("/api/lists/import", params={"skip_bad": "true"}, content=text)
    assert (answer.json()["entries"], len(answer.json()["left_out"])) == (1, 2)


def test_import_that_is_no_text_is_refused(client: httpx.Client) -> None:
    """A spreadsheet file instead of a CSV."""
    answer = client.post("/api/lists/import", content=b"PK\x03\x04\xff\xfe")
    assert (answer.status_code, answer.json()["rows"][0]["problem"]) == (422, "is not UTF-8")


def test_viewers_see_no_lists_and_operators_replace_none(guarded: Site) -> None:
    """Names of tenants are not for everybody; a whole file is not for the guard at night."""
    entry = {"plate": "AB1", "list": "allow"}
    with log_in(guarded, "vera") as vera:
        assert vera.get("/api/lists").status_code == 403
        assert vera.put("/api/lists/entries", json=entry).status_code == 403
    with log_in(guarded, "otto") as otto:
        assert otto.put("/api/lists/entries", json=entry).status_code == 200
        assert otto.get("/api/lists/export.csv").status_code == 403
        assert otto.post("/api/lists/import", content=LISTS).status_code == 403
    with log_in(guarded, "anna") as anna:
        assert anna.post("/api/lists/import", content=LISTS).status_code == 200
    assert httpx.get(f"{guarded.url}/api/lists").status_code == 401


def test_change_without_the_sessions_token_is_refused(site: Site) -> None:
    """Another web site must not put itself on the list."""
    with httpx.Client(base_url=site.url) as stranger:
        stranger.get("/api/me")
        assert stranger.put("/api/lists/entries", json={"plate": "AB1", "list": "allow"}).status_code == 403
