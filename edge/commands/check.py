"""`anpr-edge check`: is this file, with these models, fit for the gate?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from edge.clock import SystemClock
from edge.commands.options import ConfigOption
from edge.config import effective, load
from edge.config.settings import Settings

_EPILOG = """
Examples:

  anpr-edge check -c /etc/anpr-edge/config.yaml

  anpr-edge check --json | jq .settings.cameras

  anpr-edge check --schema > config.schema.json

Exit codes: 0 fit to run, 1 a model cannot be used, 78 invalid settings: all of them are listed, each with its fix.
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("check", epilog=_EPILOG)(check)


def check(
    config: ConfigOption = Path("config.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the settings as one JSON object.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of the settings, for editors.")
    ] = False,
) -> None:
    """Validate the settings and the models, print what is in force (secrets masked), change nothing."""
    if schema:
        typer.echo(json.dumps(Settings.model_json_schema(), indent=2))
        return
    settings = load(config, files=True)
    shown: dict[str, Any] = effective(settings)
    facts = _models(settings) | _delivery(settings)
    if as_json:
        typer.echo(json.dumps({"settings": shown, "facts": facts}))
        return
    typer.echo(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True).rstrip())
    typer.echo("\n".join(["", *(f"ok  {name}: {value}" for name, value in facts.items())]))


def _models(settings: Settings) -> dict[str, str]:
    from edge.pipeline.models import load_detector, load_recogniser

    detector, recogniser = load_detector(settings.models), load_recogniser(settings.models)
    return {"detector": detector.name, "recogniser": recogniser.name}


def _delivery(settings: Settings) -> dict[str, str]:
    from edge.sinks import preflight

    return preflight.facts(settings, SystemClock().utc())
