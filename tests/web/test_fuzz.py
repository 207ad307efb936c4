"""The whole interface under schemathesis: no 5xx, answers as described, with and without a log-in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.web.site import Site, serve

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
EXAMPLES = 15  # per operation and mode
ENDLESS = "/api/live"  # a stream: tests/web/test_live.py reads it


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("fuzz")) as served:
        yield served


@pytest.fixture(scope="module")
def token(fuzzed: Site) -> dict[str, str]:
    with httpx.Client(base_url=fuzzed.url) as http:
        csrf = http.get("/api/me").json()["csrf"]
        return {"X-CSRF-Token": csrf, "Cookie": f"anpr_session={http.cookies['anpr_session']}"}


def test_nothing_sent_by_a_person_makes_the_page_fail(fuzzed: Site, token: dict[str, str]) -> None:
    """Every operation, with whatever its types allow and with what they do not."""
    schema = schemathesis.openapi.from_url(fuzzed.url + "/api/openapi.json").exclude(path=ENDLESS)
    tried: dict[str, set[int]] = {}
    operations: list[Any] = list(schema.get_all_operations())
    for found in operations:
        operation = found.ok()
        seen = tried.setdefault(f"{operation.method} {operation.path}", set())
        modes: tuple[Any, ...] = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for mode in modes:
            fuzz(operation.as_strategy(generation_mode=mode), token, seen)
    assert len(tried) >= 11
    assert all(statuses for statuses in tried.values())
    assert any(200 in statuses for statuses in tried.values())


def fuzz(cases: Any, token: dict[str, str], seen: set[int]) -> None:
    @given(case=cases)
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def run(case: Any) -> None:
        answer = case.call(headers=token, timeout=60)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    with suppress(Unsatisfiable):  # an operation without parameters has nothing that could be wrong
        run()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"name": 1}', b"\xff\xfe", b'{"region": NaN}'])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/login"),
        ("PUT", "/api/cameras/entry-cam/drawing"),
        ("PUT", "/api/events/00000000-0000-0000-0000-000000000000/correction"),
    ],
)
def test_damaged_bodies_are_refused(
    fuzzed: Site, token: dict[str, str], method: str, path: str, content: bytes
) -> None:
    """Half a JSON document is the commonest accident on the wire."""
    headers = token | {"Content-Type": "application/json"}
    answer = httpx.request(method, fuzzed.url + path, content=content, headers=headers)
    assert 400 <= answer.status_code < 500
    assert set(answer.json()) == {"problem", "fix"}


def test_the_description_names_every_refusal(fuzzed: Site) -> None:
    """A program that talks to the page knows what to expect."""
    paths = httpx.get(fuzzed.url + "/api/openapi.json").json()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert operation["description"], f"{method} {path}"
            assert "401" in operation["responses"], f"{method} {path}"


def test_assets_are_small_and_come_from_here(fuzzed: Site) -> None:
    """The page must load on a bad line and without the internet."""
    static = Path(__file__).parents[2] / "edge" / "sinks" / "web" / "static"
    files = list(static.iterdir())
    assert sum(f.stat().st_size for f in files) < 200_000
    for file in files:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text and "https://" not in text, file.name
