"""`anpr-edge models`: what comes with the package, and whether it is intact."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edge.pipeline.models import ModelEntry

app = typer.Typer(help="The models that come with the package.", no_args_is_help=True)
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command(
    "list",
    epilog="Example: anpr-edge models list --json\n\n"
    "Exit codes: 0 listed, 1 the models or their manifest cannot be read.",
)
def list_(as_json: JsonOption = False) -> None:
    """List the models with contract, version and measured accuracy."""
    from edge.pipeline.models import load_manifest, models_folder

    for entry in load_manifest(models_folder()):
        if as_json:
            typer.echo(json.dumps(_document(entry), default=str))
        else:
            typer.echo(f"{entry.kind:<11} {entry.label:<26} {entry.contract:<15} {entry.path.name}")
            accuracy = entry.details.get("accuracy") or {}
            for name, value in accuracy.items() if isinstance(accuracy, dict) else ():
                typer.echo(f"            {name}: {value}")


@app.command(
    "verify",
    epilog="Example: anpr-edge models verify\n\nExit codes: 0 every model is intact, 1 one differs or cannot be read.",
)
def verify(as_json: JsonOption = False) -> None:
    """Compare every model with the hash in the manifest."""
    from edge.errors import ModelError
    from edge.pipeline.models import load_manifest, models_folder
    from edge.pipeline.models import verify as verify_entry

    problems = []
    for entry in load_manifest(models_folder()):
        try:
            verify_entry(entry)
            problem = ""
        except ModelError as error:
            problem = str(error)
            problems.append(problem)
        if as_json:
            typer.echo(json.dumps({"name": entry.name, "ok": not problem, "problem": problem}))
        else:
            typer.echo(f"{'ok ' if not problem else 'BAD'}  {entry.label}  {problem}".rstrip())
    if problems:
        raise typer.Exit(1)


def _document(entry: ModelEntry) -> dict[str, object]:
    return {
        "name": entry.name,
        "version": entry.version,
        "kind": entry.kind,
        "contract": entry.contract,
        "file": str(entry.path),
        "sha256": entry.sha256,
        "licence": entry.licence,
        **dict(entry.details),
    }
