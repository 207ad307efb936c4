"""`anpr-edge privacy`: what is kept about a plate, erasing it, and the key of the pseudonyms."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.commands.options import ConfigOption
from edge.config import Settings, load
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.protocols import PersonalData, Record, Subject

SCHEMA = "anpr-edge/subject-access/1"
ON_THE_WAY_S = 2.0  # by then an event that one store has let go of has arrived in the next
NEARBY_SHOWN = 50

app = typer.Typer(help="Personal data: what is kept about a plate, and erasing it.", no_args_is_help=True)
PlateArgument = Annotated[str, typer.Argument(help="The plate; spaces, hyphens and case do not matter.")]
PassageOption = Annotated[
    list[str] | None, typer.Option("--passage", help="A passage that is this vehicle's under a misread plate.")
]
NearOption = Annotated[bool, typer.Option("--near", help="Also list stored plates that might be misreads of it.")]


@app.command(
    "export",
    epilog='Example: anpr-edge privacy export "AB12 CDE" --out ab12cde\n\n'
    "Exit codes: 0 given, be it nothing, 1 a store cannot be read or the folder not written, 78 invalid settings.",
)
def export(
    plate: PlateArgument,
    config: ConfigOption = Path("config.yaml"),
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for data.json and the pictures; without: print.")
    ] = None,
    passage: PassageOption = None,
    near: NearOption = False,
) -> None:
    """Give everything that is stored about PLATE, as JSON: the answer to a subject access request."""
    from edge.privacy import request
    from edge.privacy.stores import stores

    settings = load(config)
    found = list(request.export(stores(settings), _subject(settings, plate, passage)))
    if near:
        _show_neighbours(stores(settings), plate)
    answer = {"schema": SCHEMA, "plate": plate, "records": list(_written(found, out))}
    text = json.dumps(answer, indent=2, ensure_ascii=False)
    if out is None:
        typer.echo(text)
    else:
        _write(out / "data.json", text.encode("utf-8"))
        typer.echo(f"{len(found)} records in {out}")
    _note(settings, "export", _counts(found))


@app.command(
    "erase",
    epilog='Example: anpr-edge privacy erase "AB12 CDE" --near\n\n'
    "Exit codes: 0 erased everywhere, 1 not confirmed, or a store cannot be changed, 78 invalid settings.",
)
def erase(
    plate: PlateArgument,
    config: ConfigOption = Path("config.yaml"),
    passage: PassageOption = None,
    near: NearOption = False,
    lists: Annotated[
        bool, typer.Option("--lists", help="Take it out of the site's lists too: it decides who may pass.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase PLATE and its pictures from every store of this gate, while the daemon runs. It cannot be undone.

    What was delivered is the receiver's to erase. Events not yet delivered keep their number, without plate.
    """
    from edge.privacy import request
    from edge.privacy.stores import stores, stores_of_passages

    settings = load(config)
    subject = _subject(settings, plate, passage)
    chosen = stores(settings) if lists else stores_of_passages(settings)
    if near:
        _show_neighbours(chosen, plate)
    if not yes:
        typer.confirm(
            f"{plate} and its pictures are erased from {', '.join(s.name for s in chosen)}. Go on?", abort=True
        )
    running = _daemon_runs(settings)
    changed = request.erase(chosen, subject, daemon_runs=running, pause=lambda: time.sleep(ON_THE_WAY_S))
    _note(settings, "erase", changed)
    for store, count in changed.items():
        typer.echo(f"{store}: {count}")
    _say_what_is_left(settings, subject, lists=lists, running=running)


@app.command(
    "rotate-key",
    epilog="Example: anpr-edge privacy rotate-key\n\n"
    "Exit codes: 0 rotated, 1 not confirmed, or the key cannot be written, 78 invalid settings.",
)
def rotate_key(
    config: ConfigOption = Path("config.yaml"),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget the key of the pseudonyms and make a new one: nothing links old pseudonyms to plates any more.

    A running daemon uses the new key from the next event on. It cannot be undone.
    """
    from edge.privacy.key import PseudonymKey

    settings = load(config)
    path = settings.privacy.key_file
    if not yes:
        typer.confirm(f"Vehicles get other pseudonyms from now on, and {path} is gone for good. Go on?", abort=True)
    PseudonymKey(path).rotate()
    _note(settings, "rotate-key", {})
    typer.echo(f"a new key is in {path}")


def _subject(settings: Settings, plate: str, passages: Iterable[str] | None) -> Subject:
    """Return whose data is meant: the plate, and its pseudonym where there is a key."""
    from edge.privacy.key import PseudonymKey
    from edge.protocols import Subject
    from edge.tracking.grammar import canonical

    text = canonical(plate)
    if len(text) < 2:
        raise ConfigError("PLATE", f"{plate!r} holds no plate", "give its letters and digits")
    key = settings.privacy.key_file
    names = {text, PseudonymKey(key).pseudonym(text)} if key.exists() else {text}
    return Subject(frozenset(names), frozenset(passages or ()))


def _written(found: Sequence[Record], out: Path | None) -> Iterable[dict[str, Any]]:
    """Yield each record for JSON; with `out`, its picture is written there and named."""
    for number, record in enumerate(found, start=1):
        picture = None
        if record.picture is not None and out is not None:
            picture = f"{number:04}-{record.store}.jpg"
            _write(out / picture, record.picture)
        elif record.picture is not None:
            picture = f"{len(record.picture)} bytes; --out writes it"
        yield {"store": record.store, "picture": picture, **record.facts}


def _write(path: Path, content: bytes) -> None:
    from edge import private_files
    from edge.errors import StorageError

    try:
        private_files.write(path, content)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}. Name another folder with --out") from error


def _show_neighbours(stores: Sequence[PersonalData], plate: str) -> None:
    """Tell the operator about plates that might be misreads; they may be other people's, so they are only listed."""
    from edge.privacy import request
    from edge.tracking.grammar import canonical

    found = request.neighbours(stores, canonical(plate))
    for other in found[:NEARBY_SHOWN]:
        passages = "".join(f"\n    --passage {one}" for one in other.passages)
        typer.echo(f"near: {other.plate} in {other.store}{passages}", err=True)
    if not found:
        typer.echo("near: nothing stored might be a misread of it", err=True)
    if len(found) > NEARBY_SHOWN:
        typer.echo(f"near: and {len(found) - NEARBY_SHOWN} more", err=True)


def _daemon_runs(settings: Settings) -> bool:
    from edge.sinks.outbox_store import is_locked

    return is_locked(settings.outbox.path)


def _say_what_is_left(settings: Settings, subject: Subject, *, lists: bool, running: bool) -> None:
    from edge.privacy.lists_data import ListsData

    if not lists and any(ListsData(settings.access.lists).export(subject)):
        typer.echo("left: a list of the site names the plate; --lists takes it out: it may not pass any more", err=True)
    if lists and running:
        typer.echo("the daemon reads the lists again at: sudo systemctl reload anpr-edge", err=True)
    if running:
        typer.echo("left: the running daemon has its newest 50 events in memory until it restarts", err=True)


def _counts(found: Iterable[Record]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for record in found:
        counts[record.store] = counts.get(record.store, 0) + 1
    return counts


def _note(settings: Settings, what: str, counts: dict[str, int] | Any) -> None:
    from edge.access.audit import Audit
    from edge.clock import SystemClock

    Audit(settings.privacy.log, SystemClock(), "privacy.log").note(what, records=dict(counts))
