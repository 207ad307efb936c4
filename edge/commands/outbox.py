"""`anpr-edge outbox`: what waits for delivery, what was given up and why, and getting it out."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge import output_files
from edge.commands.options import ConfigOption
from edge.config import load
from edge.sinks import outbox_admin
from edge.sinks.wire import utc_text

app = typer.Typer(help="Look into the durable queue while the daemon runs: list, retry, export.", no_args_is_help=True)
SinkOption = Annotated[str | None, typer.Option("--sink", help="Only this sink, e.g. mqtt.", show_default=False)]
DeadOption = Annotated[bool, typer.Option("--dead", help="Only dead letters: events that a sink refused for good.")]


@app.command(
    "list",
    epilog="Example: anpr-edge outbox list --dead\n\n"
    "Exit codes: 0 listed, 1 the outbox cannot be read, 78 invalid settings, or no such sink.",
)
def list_entries(
    config: ConfigOption = Path("config.yaml"),
    sink: SinkOption = None,
    dead: DeadOption = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """List events that are not delivered yet, oldest first; plates are not shown."""
    found = outbox_admin.entries(load(config).outbox.path, sink=sink, state="dead" if dead else None, limit=limit)
    if as_json:
        for entry in found:
            typer.echo(json.dumps(asdict(entry) | {"stored_at": utc_text(entry.stored_at)}))
        return
    if not found:
        typer.echo("nothing waits" if not dead else "no dead letters")
    for entry in found:
        typer.echo(_line(entry))


@app.command(
    "retry",
    epilog="Example: anpr-edge outbox retry 0198c1f2-...\n\n"
    "Exit codes: 0 will be sent, 1 an id is no dead letter (the others are sent), 78 invalid settings or sink.",
)
def retry(
    config: ConfigOption = Path("config.yaml"),
    sink: SinkOption = None,
    event_ids: Annotated[list[str] | None, typer.Argument(help="Events; none: all dead letters.")] = None,
) -> None:
    """Send dead letters again; a running daemon takes them up within a second."""
    done = outbox_admin.put_back(load(config).outbox.path, sink=sink, event_ids=event_ids or ())
    typer.echo(f"{done.count} dead letter{'' if done.count == 1 else 's'} will be sent again")
    of = "" if sink is None else f" of {sink}"
    for unknown in done.unknown:
        typer.echo(f"{unknown}: no dead letter{of}. Fix: take an id from anpr-edge outbox list --dead", err=True)
    if done.unknown:
        raise typer.Exit(1)


@app.command(
    "export",
    epilog="Example: anpr-edge outbox export -o events.jsonl\n\n"
    "Exit codes: 0 written, 1 the outbox cannot be read or the file not written, 78 invalid settings, or no such sink.",
)
def export(
    config: ConfigOption = Path("config.yaml"),
    sink: SinkOption = None,
    dead: DeadOption = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File; without, standard output.")] = None,
) -> None:
    """Write undelivered events as JSON lines in the wire schema; they stay in the queue."""
    path = load(config).outbox.path
    lines = outbox_admin.export(path, sink=sink, state="dead" if dead else None)
    if output is None:
        for line in lines:
            sys.stdout.write(line.decode())
        return
    output_files.refuse_inputs("--output", output, (config, path))
    with output_files.replacing(output) as part, output_files.translated(output), part.open("wb") as file:
        count = sum(1 for line in lines if file.write(line))
    typer.echo(f"{count} events written to {output}")


def _line(entry: outbox_admin.Entry) -> str:
    tried = "" if not entry.attempts else ", tried once" if entry.attempts == 1 else f", tried {entry.attempts} times"
    number = f"{entry.lane} {entry.sequence}"
    line = f"{entry.stored_at:%Y-%m-%d %H:%M:%S}Z  {entry.event_id}  {number}  {entry.type}"
    return f"{line}\n    {entry.state} for {entry.sink}{tried}" + (f": {entry.reason}" if entry.reason else "")
