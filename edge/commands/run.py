"""`anpr-edge run`: the daemon."""

from __future__ import annotations

import logging
from pathlib import Path

import typer

from edge.commands.options import ConfigOption
from edge.config import load
from edge.errors import ConfigError

log = logging.getLogger(__name__)

_EPILOG = """
Examples:

  anpr-edge run -c /etc/anpr-edge/config.yaml

  CAMERA_PASSWORD=secret anpr-edge run    (settings in ./config.yaml, with ${CAMERA_PASSWORD} in a camera's url)

Exit codes: 0 stopped as asked, 1 failed (start it again), 78 invalid settings (do not), 130 stopped by a second signal.
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("run", epilog=_EPILOG)(run)


def run(config: ConfigOption = Path("config.yaml")) -> None:
    """Read the cameras and publish gate events until stopped.

    SIGTERM and Ctrl-C stop within 20 s: open passages are ended, stored and, where the broker answers, delivered.
    SIGHUP reads the lists of plates and the log level again.
    """
    from edge.memory import keep_few_arenas

    keep_few_arenas()  # before the libraries below start their threads
    from edge import app, logs

    settings = load(config, files=True)
    logs.configure(settings.log)

    def reload() -> None:
        try:
            logs.configure(load(config).log)
            log.info("%s read again", config)
        except ConfigError as error:
            log.error("the settings stay as they were: %s", error)

    raise typer.Exit(app.run(settings, reload=reload, config_path=config))
