"""The car park over the page's interface: who may see it, who may put it right, and what is refused."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx

from edge.privacy.disguise import Disguise
from tests.web.conftest import log_in
from tests.web.site import Site, serve


def test_page_sees_zones_stays_and_unmatched_exits(client: httpx.Client) -> None:
    """Everything that an attendant has to decide about."""
    park = client.get("/api/parking").json()
    (zone,) = park["zones"]
    assert (zone["zone"], zone["cars"], zone["free"], zone["alarm"]) == ("yard", 7, 33, "")
    assert park["open"][0]["plate"] == "AB12CDE"
    assert [s["overstay"] for s in park["open"]] == [True] + [False] * 6
    assert [s["plate"] for s in park["ended"]] == ["DE19VAN"]
    assert [x["exit"]["plate"] for x in park["unmatched"]] == ["HX11GHO"]


def test_viewer_sees_and_operator_puts_right(guarded: Site) -> None:
    """The night watchman looks; the attendant acts, under a name."""
    with log_in(guarded, "vera") as vera:
        stay = vera.get("/api/parking").json()["open"][0]["session_id"]
        assert vera.post(f"/api/parking/stays/{stay}/end", json={}).status_code == 403
        assert vera.put("/api/parking/zones/yard/cars", json={"cars": 3}).status_code == 403
    with log_in(guarded, "otto") as otto:
        left = datetime.now(timezone.utc) - timedelta(hours=30)
        ended = otto.post(f"/api/parking/stays/{stay}/end", json={"at": left.isoformat()}).json()
        assert (ended["outcome"], ended["corrected"]) == ("closed_by_person", True)
        assert otto.put("/api/parking/zones/yard/cars", json={"cars": 12}).json()["free"] == 28
        added = otto.post("/api/parking/stays", json={"plate": "hx 11 gho", "lane": "lane-in"}).json()
        assert (added["plate"], added["entry"]["by"]) == ("HX11GHO", "otto")


def test_corrected_plate_finds_its_exit(guarded: Site) -> None:
    """The entry was misread, so the exit stood alone."""
    with log_in(guarded, "otto") as otto:
        wrong = next(s for s in otto.get("/api/parking").json()["open"] if s["plate"] == "MTK4471")
        answer = otto.put(f"/api/parking/passages/{wrong['session_id']}/plate", json={"text": "HX11GHO"}).json()
        assert (answer["stay"]["outcome"], answer["stay"]["pairing"]) == ("exit", "person")
        assert otto.get("/api/parking").json()["unmatched"] == []
        assert otto.delete(f"/api/parking/passages/{answer['stay']['exit']['passage_id']}").status_code == 204
        assert len(otto.get("/api/parking").json()["open"]) == 7


def test_what_makes_no_sense_is_refused_with_a_fix(client: httpx.Client) -> None:
    """A stay that ended, a zone that is none, a moment that lies ahead."""
    over = client.get("/api/parking").json()["ended"][0]["session_id"]
    nobody = "019cccd5-e4fe-7000-8000-000000000000"
    ahead = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    open_ = client.get("/api/parking").json()["open"][0]["session_id"]
    refused = [
        client.post(f"/api/parking/stays/{over}/end", json={}),
        client.post(f"/api/parking/stays/{nobody}/end", json={}),
        client.post(f"/api/parking/stays/{open_}/end", json={"at": ahead}),
        client.put(f"/api/parking/passages/{nobody}/plate", json={"text": "AB12CDE"}),
        client.put("/api/parking/zones/roof/cars", json={"cars": 1}),
        client.post("/api/parking/stays", json={"plate": "AB12CDE", "lane": "workshop"}),
        client.delete(f"/api/parking/passages/{nobody}"),
    ]
    assert [answer.status_code for answer in refused] == [409] * 7
    assert all(answer.json()["problem"] and answer.json()["fix"] for answer in refused)


def test_plates_are_shown_as_the_page_may_show_them(tmp_path: Path) -> None:
    """Where people see plates cut short, they see them so here too."""
    with serve(tmp_path, disguise=Disguise("truncated", "dropped")) as site, httpx.Client(base_url=site.url) as http:
        text = http.get("/api/parking").text
    assert "AB1" in text
    assert "AB12CDE" not in text
