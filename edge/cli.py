"""The command `anpr-edge`: mounts the commands and turns errors into messages and exit codes.

Exit codes: 0 done, 1 failed, 2 wrong usage, 78 invalid settings (a service
manager must not restart the daemon on it), 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import entry_points

import typer

from edge.commands import (
    annotate,
    check,
    demo,
    evaluate,
    explain,
    lists,
    models,
    occupancy,
    outbox,
    privacy,
    probe,
    read,
    replay,
    run,
    sessions,
    site,
    status,
    version,
    web,
)
from edge.errors import ConfigError, EdgeError

EXIT_FAILED = 1
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="anpr-edge",
    help="Reads every number plate at a parking gate and publishes one entry or exit event per passage over MQTT.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 78 invalid settings (do not restart), 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for command in (run, status, replay, read, evaluate, explain, annotate, site, probe, check, demo, version):
    command.register(app)
app.add_typer(models.app, name="models")
app.add_typer(lists.app, name="lists")
app.add_typer(outbox.app, name="outbox")
app.add_typer(sessions.app, name="sessions")
app.add_typer(occupancy.app, name="occupancy")
app.add_typer(privacy.app, name="privacy")
app.add_typer(web.app, name="web")
_PLUGINS = "anpr_edge.commands"


def main() -> None:
    """Run the command line."""
    _mount_plugins()
    try:
        app()
    except ConfigError as error:
        _complain(error)
        raise SystemExit(EXIT_CONFIG) from None
    except EdgeError as error:
        _complain(error)
        raise SystemExit(EXIT_FAILED) from None
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None
    except BrokenPipeError:
        # The reader of our output (head, jq) went away: not our failure, and Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def _mount_plugins() -> None:
    """Mount commands of other packages (the scene renderer of `training`), loaded only when they are called."""
    asked = next((a for a in sys.argv[1:] if not a.startswith("-")), None)
    for point in entry_points(group=_PLUGINS):
        if point.name == asked or asked is None:
            try:
                app.add_typer(point.load(), name=point.name)
            except ImportError as error:
                if point.name == asked:
                    raise SystemExit(
                        f"anpr-edge {asked} needs more packages ({error}); pip install '.[train]'"
                    ) from error


def _complain(error: EdgeError) -> None:
    print(f"anpr-edge: {error}", file=sys.stderr)  # noqa: T201
