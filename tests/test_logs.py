"""Logs: readable, parsable, and silent about secrets and plates."""

from __future__ import annotations

import io
import json
import logging
import os
import re
from collections.abc import Callable, Iterator

import pytest

from edge import logs
from edge.config.service import LogSettings
from edge.logs import Plate

Configure = Callable[..., io.StringIO]


@pytest.fixture
def configured() -> Iterator[Configure]:
    """Configure the logs of this process for one test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def configure(**settings: object) -> io.StringIO:
        stream = io.StringIO()
        logs.configure(LogSettings.model_validate(settings), stream)
        return stream

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def fail(message: str) -> None:
    try:
        raise OSError(message)
    except OSError:
        logging.getLogger("edge.test").exception("it broke")


SECRETS = [
    "rtsp://root:hunter2@10.0.0.9/live",
    "rtsp://root:hunter2/x@y@10.0.0.9/live",
    "[Errno 1] 'rtsp://hunter2@10.0.0.9/live'",
    "http://10.0.0.9/cgi?user=admin&password=hunter2&ch=1",
    "rtspsrc location=rtsp://10.0.0.9/live user-id=root user-pw=hunter2 ! decodebin",
    '{"password": "hunter2"}',
    "Authorization: Bearer hunter2",
    "api_key=hunter2",
]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_masked_wherever_they_stand(configured: Configure, text: str, form: str) -> None:
    """Even in an argument, and in a traceback of a library that shows its URL."""
    stream = configured(format=form)
    logging.getLogger("edge.test").warning("lost %s", text)
    logging.getLogger("somebody.else").warning(text)
    fail(text)

    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count("***") >= 3
    assert "it broke" in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://a/ev?token=hunter2: nothing listens there", "http://a/ev?token=***: nothing listens there"),
        ("token=hunter:2: refused", "token=***: refused"),
        ("token=hunter2::: refused", "token=***: refused"),
        ("password=hunter2:\nTraceback", "password=***:\nTraceback"),
        ("password=hunter2:", "password=***"),
        ("password=hunter2:&ch=1", "password=***&ch=1"),
        ("password=:hunter2", "password=***"),
        ("'token': 'hunter2:'", "'token': '***'"),
        ("Authorization: Basic aHVudGVyMg==: 401", "Authorization: Basic ***: 401"),
    ],
)
def test_the_colon_after_a_secret_stays_but_nothing_of_the_secret(text: str, shown: str) -> None:
    """Messages name a URL, then a colon, then the reason; a secret may hold colons of its own."""
    assert logs.masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://10.0.0.9:554/live: no packet for 5 s",
        "camera gate: up again after 12 s, 1920x1080",
        "compass: north, passed: 3, tokens: none",
        "user@host sent 3 events to https://example.org/a/b?x=1",
    ],
)
def test_harmless_text_is_left_alone(text: str) -> None:
    """Masking too much hides what a technician looks for."""
    assert logs.masked(text) == text


@pytest.mark.parametrize("form", ["text", "json"])
def test_plates_are_masked_unless_the_settings_allow_them(configured: Configure, form: str) -> None:
    """A log file is copied, mailed and kept; a plate is personal data."""
    hidden = configured(format=form)
    logging.getLogger("edge.test").warning("track %d reads %s", 7, Plate("AB12CDE"))
    logging.getLogger("edge.test").warning("reads %(plate)s", {"plate": Plate("AB12CDE")})
    shown = configured(format=form, show_plates=True)
    logging.getLogger("edge.test").warning("track %d reads %s", 7, Plate("AB12CDE"))
    logging.getLogger("edge.test").warning("reads %(plate)s", {"plate": Plate("AB12CDE")})

    assert "AB12CDE" not in hidden.getvalue()
    assert hidden.getvalue().count("A******") == 2
    assert shown.getvalue().count("AB12CDE") == 2


def test_json_lines_can_be_parsed_and_hold_the_traceback(configured: Configure) -> None:
    """One line, one object: collectors need no rules for continuation lines."""
    stream = configured(format="json")
    fail("two\nlines")
    logging.getLogger("edge.test").warning("größer")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())

    assert set(first) == {"at", "level", "thread", "logger", "message", "error"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["at"])
    assert "OSError: two\nlines" in first["error"]
    assert (second["level"], second["message"], second["logger"]) == ("warning", "größer", "edge.test")


def test_text_lines_carry_utc_level_and_thread(configured: Configure) -> None:
    stream = configured()
    logging.getLogger("edge.test").info("camera gate: up")

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z INFO    MainThread: camera gate: up\n", stream.getvalue()
    )


def test_level_can_be_changed_while_running(configured: Configure) -> None:
    """SIGHUP turns debugging on and off; other libraries stay quiet all the while."""
    configured(level="warning")
    assert not logging.getLogger("edge.test").isEnabledFor(logging.INFO)
    stream = configured(level="debug")
    logging.getLogger("edge.test").debug("detail")
    logging.getLogger("httpx").info("GET https://example.org")

    assert "detail" in stream.getvalue()
    assert "GET" not in stream.getvalue()
    assert len(logging.getLogger().handlers) == 1


def test_journal_gets_levels_instead_of_times(configured: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """`journalctl -p warning` must find warnings, and every line of a traceback."""
    read, write = os.pipe()
    status = os.fstat(write)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    configured()
    with os.fdopen(write, "w") as stream:
        logs.configure(LogSettings(), stream)
        logging.getLogger("edge.test").warning("camera gate: down")
        fail("hopeless")
    with os.fdopen(read) as journal:
        lines = journal.read().splitlines()

    assert lines[0] == "<4>MainThread: camera gate: down"
    assert all(line.startswith("<3>") for line in lines[1:])
    assert lines[-1] == "<3>OSError: hopeless"
