"""Pages that several tests share: one without users on loop-back, one where people log in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.web.site import PASSWORD, Site, serve


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("open")) as served:
        yield served


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path, users=True) as served:
        yield served


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    """Somebody at the gate computer, with a session and its token."""
    with httpx.Client(base_url=site.url, timeout=60) as http:
        http.headers["X-CSRF-Token"] = http.get("/api/me").json()["csrf"]
        yield http


@contextmanager
def log_in(site: Site, name: str, password: str = PASSWORD) -> Iterator[httpx.Client]:
    """Give a client that is logged in as `name`."""
    with httpx.Client(base_url=site.url, timeout=60) as http:
        answer = http.post("/api/login", json={"name": name, "password": password})
        assert answer.status_code == 200, answer.text
        http.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield http
