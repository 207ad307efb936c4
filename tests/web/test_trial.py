"""Try: uploaded files are read in a process of their own, within limits on size, kind and time."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.web.site import Site, serve
from tests.web.test_live import wait_until

JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 64
MP4 = b"\0\0\0\x18ftypisom" + b"\0" * 64


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A page whose uploads go to a folder that the test can look into."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with serve(tmp_path, try_timeout_s=1.5) as served, httpx.Client(base_url=served.url, timeout=60) as http:
        http.headers["X-CSRF-Token"] = http.get("/api/me").json()["csrf"]
        yield http
    assert list(tmp_path.glob("anpr-try-*")) == []  # nobody's picture stays behind


def test_a_picture_gives_its_plates(tried: httpx.Client) -> None:
    """As `anpr-edge read --json` prints them."""
    answer = tried.post("/api/try", content=JPEG).json()
    assert (answer["kind"], answer["complete"]) == ("picture", True)
    assert answer["lines"][0]["plates"][0]["text"] == "AB12CDE"


def test_a_video_gives_its_events(tried: httpx.Client) -> None:
    """As `anpr-edge replay --json` prints them; other lines are skipped."""
    answer = tried.post("/api/try", content=MP4).json()
    assert (answer["kind"], [e["type"] for e in answer["lines"]]) == ("video", ["passage.provisional", "passage.final"])


def test_a_video_that_takes_too_long_gives_what_was_read(tried: httpx.Client) -> None:
    """The limit ends it, and the reader's process with it."""
    answer = tried.post("/api/try", content=MP4 + b"SLOW").json()
    assert (answer["complete"], len(answer["lines"])) == (False, 2)
    assert tried.post("/api/try", content=JPEG).status_code == 200


@pytest.mark.parametrize(
    ("content", "status", "problem"),
    [
        (b"", 415, "neither a picture nor a video"),
        (b"#!/bin/sh\nrm -rf /\n", 415, "neither"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "neither"),
        (JPEG + b"CRASH", 422, "this picture cannot be read: cannot decode the file"),
        (JPEG + b"ERROR", 422, "this picture cannot be read: the file: is no picture"),
        (JPEG + b"\0" * 2_100_000, 413, "larger than 2 MB"),
    ],
)
def test_what_cannot_be_read_is_refused(tried: httpx.Client, content: bytes, status: int, problem: str) -> None:
    """By its first bytes, not its name; without paths of the gate computer in the answer."""
    answer = tried.post("/api/try", content=content)
    assert answer.status_code == status
    assert problem in answer.json()["problem"]
    assert "anpr-try" not in answer.text


def test_size_is_counted_also_when_it_is_not_announced(tried: httpx.Client) -> None:
    """A chunked upload has no length in its header."""
    chunks = (b"\xff\xd8\xff" + b"\0" * 500_000 for _ in range(6))
    assert tried.post("/api/try", content=chunks).status_code == 413


def test_one_trial_at_a_time(tried: httpx.Client) -> None:
    """The gate computer has other things to do."""
    slow = threading.Thread(target=tried.post, args=("/api/try",), kwargs={"content": MP4 + b"SLOW"})
    slow.start()
    wait_until(lambda: tried.post("/api/try", content=JPEG).status_code == 429)
    slow.join()


def test_there_is_no_such_page_without_a_reader(tmp_path: Path, site: Site) -> None:
    """A daemon that cannot try does not pretend to."""
    assert "/api/try" in httpx.get(site.url + "/api/openapi.json").json()["paths"]
