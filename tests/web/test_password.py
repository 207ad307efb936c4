"""`anpr-edge web password`: prints lines that the settings accept, and keeps the password nowhere."""

from __future__ import annotations

import yaml
from typer.testing import CliRunner

from edge.cli import app
from edge.config import parse
from edge.errors import ConfigError
from edge.sinks.web.auth import Users
from tests.web.site import PASSWORD


def test_what_it_prints_lets_that_person_in() -> None:
    """Copied below web.users, nothing else to do."""
    typed = f"{PASSWORD}\n{PASSWORD}\n"
    done = CliRunner().invoke(app, ["web", "password", "anna", "--role", "admin"], input=typed)
    assert done.exit_code == 0, done.output
    printed = done.output[done.output.index("    - name") :]
    settings = parse(
        {
            "cameras": [{"name": "a", "url": "x.mp4"}],
            "web": {"host": "0.0.0.0", "users": yaml.safe_load(printed)},
        },
        {},
    )
    users = Users(settings.web.users)
    person = users.check("anna", PASSWORD)
    assert person is not None and (person.name, person.role) == ("anna", "admin")
    assert users.check("anna", PASSWORD + "x") is None
    assert PASSWORD not in done.output


def test_a_short_password_is_refused() -> None:
    """Ten characters at least; the reason is in the message."""
    done = CliRunner().invoke(app, ["web", "password", "anna", "--password", "short"])
    assert done.exit_code != 0
    assert "10 to 1000 characters" in str(done.exception)


def test_a_name_that_nobody_can_log_in_with_is_refused() -> None:
    """The settings would refuse it later; a traceback helps nobody."""
    done = CliRunner().invoke(app, ["web", "password", "Anna Meier", "--password", PASSWORD])
    assert isinstance(done.exception, ConfigError)
    assert "NAME: 'Anna Meier' is no log-in name. Fix: " in str(done.exception)
