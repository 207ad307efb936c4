"""POST /api/cameras/<name>/vehicle: only who has the camera's token may call, and guessing is slow."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from edge.config.camera import TriggerSettings
from tests.web.site import Site, serve

TOKEN = "0123456789abcdef0123"


def a_call(site: Site, token: str, camera: str = "entry-cam") -> httpx.Response:
    return httpx.post(f"{site.url}/api/cameras/{camera}/vehicle", headers={"Authorization": f"Bearer {token}"})


def test_loop_controller_calls_with_its_token_and_nothing_else(tmp_path: Path) -> None:
    """No log-in, no cookie: a controller can send one header."""
    calls: list[tuple[str, str]] = []
    with serve(tmp_path, users=True, trigger_token=TOKEN, call=lambda *call: calls.append(call)) as site:
        assert a_call(site, TOKEN).status_code == 202
        assert a_call(site, "wrong").status_code == 401
        assert a_call(site, TOKEN, "exit-cam").status_code == 404
        assert httpx.post(f"{site.url}/api/cameras/entry-cam/vehicle").status_code == 401
    assert calls == [("entry-cam", "http")]


def test_guessing_is_slowed_down_and_the_right_token_still_works(tmp_path: Path) -> None:
    """A stranger must not be able to lock the loop out."""
    calls: list[tuple[str, str]] = []
    with serve(tmp_path, trigger_token=TOKEN, call=lambda *call: calls.append(call)) as site:
        answers = [a_call(site, f"guess {k}").status_code for k in range(15)]
        assert a_call(site, TOKEN).status_code == 202
    assert answers[:10] == [401] * 10
    assert 429 in answers
    assert len(calls) == 1


def test_short_token_is_refused() -> None:
    """It could be guessed; and the message must not show it."""
    with pytest.raises(ValidationError, match="openssl rand") as caught:
        TriggerSettings.model_validate({"token": "hunter2"})
    assert "hunter2" not in str(caught.value.errors(include_input=False))
