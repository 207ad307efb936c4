"""`anpr-edge web`: what the settings of the web page need."""

from __future__ import annotations

import typer
from pydantic import SecretStr

from edge.config.web import Role, UserSettings
from edge.errors import ConfigError

app = typer.Typer(help="The web page for the person at the gate.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep `password` a command of its own beside those to come."""


@app.command(
    epilog="Example: anpr-edge web password anna --role operator\n\n"
    "Exit codes: 0 printed, 1 given up, 78 the password or the name will not do.",
)
def password(
    name: str = typer.Argument("anna", help="Log-in name."),
    role: Role = typer.Option("viewer", help="viewer sees, operator also corrects and tries, admin also aims."),
    secret: str = typer.Option(
        "", "--password", prompt="Password", confirmation_prompt=True, hide_input=True, help="Asked for."
    ),
) -> None:
    """Print the lines for web.users that let NAME log in; the password itself is kept nowhere."""
    from edge.sinks.web.auth import hash_password

    try:
        hashed = hash_password(secret)
    except ValueError as error:
        raise ConfigError("web password", str(error), "choose a longer one: three random words do") from error
    try:
        user = UserSettings(name=name, role=role, password_hash=SecretStr(hashed))
    except ValueError as error:
        fix = "take letters and digits, with . _ - between them, 64 at most"
        raise ConfigError("NAME", f"{name!r} is no log-in name", fix) from error
    typer.echo(f"    - name: {user.name}\n      role: {user.role}\n      password_hash: {hashed}")
