"""Cameras over HTTP: the full picture, and drawings saved into the technician's own file."""

from __future__ import annotations

from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from edge.config import load
from tests.web.site import serve

REGION = [[0.1, 0.9], [0.2, 0.4], [0.8, 0.4], [0.9, 0.9]]
DRAWING = {"region": REGION, "direction": "line", "approaching": "exit", "line": [[0.1, 0.7], [0.9, 0.7]]}


def test_the_full_picture_is_served(client: httpx.Client) -> None:
    """For a support ticket."""
    answer = client.get("/api/cameras/entry-cam/picture.jpg")
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and picture.shape == (1080, 1920, 3)
    assert client.get("/api/cameras/side/picture.jpg").status_code == 404


def test_a_drawing_is_saved_and_everything_else_stays(tmp_path: Path) -> None:
    """Comments, passwords and the other camera belong to the technician."""
    with serve(tmp_path) as site, httpx.Client(base_url=site.url) as http:
        before = site.config.read_text()
        http.headers["X-CSRF-Token"] = http.get("/api/me").json()["csrf"]
        answer = http.put("/api/cameras/exit-cam/drawing", json=DRAWING)
        assert answer.status_code == 200, answer.text
        assert answer.json()["message"] == "Saved."
        shown = {c["camera"]: c["drawing"] for c in http.get("/api/cameras").json()}
        after = site.config.read_text()
    saved = load(site.config, {}).cameras
    assert saved[1].gate.line == ((0.1, 0.7), (0.9, 0.7))
    assert (saved[1].gate.direction, saved[1].gate.approaching, len(saved[1].region)) == ("line", "exit", 4)
    assert saved[0] == load_text(tmp_path, before).cameras[0]
    assert all(line in after for line in before.splitlines())
    assert shown["exit-cam"]["region"] == REGION and shown["entry-cam"]["region"] == []


def load_text(folder: Path, text: str):  # type: ignore[no-untyped-def]
    file = folder / "before.yaml"
    file.write_text(text)
    return load(file, {})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"region": REGION[:2]}, "at least three points"),
        ({"line": None}, "there is no line"),
        ({"line": [[0.5, 0.5], [0.5, 0.5]]}, "same point"),
        ({"region": [[0.1, 1.2], [0.2, 0.4], [0.8, 0.4]]}, "less than or equal to 1"),
        ({"region": [[0.1, 0.2]] * 33}, "at most 32"),
        ({"direction": "sideways"}, "'line', 'growth'"),
    ],
)
def test_what_cannot_be_used_is_not_saved(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    """The file stays as it was, and the answer says why."""
    with serve(tmp_path) as site, httpx.Client(base_url=site.url) as http:
        before = site.config.read_text()
        http.headers["X-CSRF-Token"] = http.get("/api/me").json()["csrf"]
        answer = http.put("/api/cameras/entry-cam/drawing", json=DRAWING | change)
        assert answer.status_code == 422
        assert problem in answer.json()["problem"]
        assert site.config.read_text() == before


def test_a_file_that_cannot_be_written_is_an_instruction(tmp_path: Path) -> None:
    """The hardened service may not write to /etc: the page says what to change."""
    with serve(tmp_path) as site, httpx.Client(base_url=site.url) as http:
        http.headers["X-CSRF-Token"] = http.get("/api/me").json()["csrf"]
        site.config.rename(tmp_path / "moved.yaml")
        answer = http.put("/api/cameras/entry-cam/drawing", json=DRAWING)
        assert answer.status_code == 503
        assert "cannot be read" in answer.json()["problem"] and answer.json()["fix"]
