"""`anpr-edge lists`: who may pass, who may not, whom to watch for."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from edge.clock import SystemClock
from edge.commands.options import ConfigOption
from edge.config import load
from edge.errors import ConfigError, StorageError

app = typer.Typer(help="Lists of plates: import, export, and what is in force.", no_args_is_help=True)


@app.command(
    "import",
    epilog="Example: anpr-edge lists import tenants.csv && sudo systemctl reload anpr-edge\n\n"
    "Exit codes: 0 in force at the next reload, 1 a file cannot be read or written, 78 a broken row, invalid settings.",
)
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with columns plate and list; see docs/access.md.")],
    config: ConfigOption = Path("config.yaml"),
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave broken rows out.")] = False,
) -> None:
    """Replace the lists in force by those in FILE, all or nothing. The running daemon takes them at SIGHUP."""
    from edge.access.assembly import open_lists

    store = open_lists(load(config), SystemClock())
    try:
        text = file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{file}: cannot be read: {error}. Name a CSV file in UTF-8") from error
    with suppress(ConfigError):  # broken lists are what an import repairs
        store.reload()
    imported = store.replace(text, str(file), skip_bad=skip_bad)
    for problem in imported.skipped:
        typer.echo(f"left out: {problem}", err=True)
    typer.echo(f"{len(imported.lists.entries)} entries in force from the next reload, {imported.lists.version[:12]}")


@app.command(
    "export",
    epilog="Example: anpr-edge lists export > tenants.csv\n\n"
    "Exit codes: 0 printed, 1 the lists cannot be read, 78 a broken row or invalid settings.",
)
def export(config: ConfigOption = Path("config.yaml")) -> None:
    """Print the lists in force as CSV, ready to be edited and imported again."""
    from edge.access import files
    from edge.access.assembly import open_lists

    typer.echo(files.to_csv(open_lists(load(config), SystemClock()).reload().entries), nl=False)
