"""`anpr-edge lists`: who may pass, who may not, whom to watch for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from edge.commands.options import ConfigOption
from edge.config import load
from edge.errors import StorageError

app = typer.Typer(help="Lists of plates: import, export, and what is in force.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with columns plate and list; see docs/access.md.")],
    config: ConfigOption = Path("config.yaml"),
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave broken rows out.")] = False,
) -> None:
    """Replace the lists in force by those in FILE, all or nothing. The running daemon takes them at SIGHUP.

    Example: anpr-edge lists import tenants.csv && sudo systemctl reload anpr-edge
    """
    from edge.access import files

    settings = load(config)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{file}: cannot be read: {error}. Name a CSV file in UTF-8") from error
    imported = files.parse_csv(text, str(file), ZoneInfo(settings.site.timezone), skip_bad=skip_bad)
    for problem in imported.skipped:
        typer.echo(f"left out: {problem}", err=True)
    files.save(settings.access.lists, imported.lists)
    typer.echo(
        f"{len(imported.lists.entries)} entries in {settings.access.lists}, version {imported.lists.version[:12]}"
    )


@app.command("export")
def export(config: ConfigOption = Path("config.yaml")) -> None:
    """Print the lists in force as CSV, ready to be edited and imported again."""
    from edge.access import files

    settings = load(config)
    lists = files.load(settings.access.lists, ZoneInfo(settings.site.timezone))
    typer.echo(files.to_csv(lists.entries), nl=False)
