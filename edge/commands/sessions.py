"""`anpr-edge sessions`: who is inside, for how long, and putting right what the gates got wrong."""

from __future__ import annotations

import getpass
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from edge.access.attendant import Attendant
from edge.access.parking import Parking
from edge.access.parking_view import parking_document, stay
from edge.access.sessions import Session
from edge.clock import SystemClock
from edge.commands.options import ConfigOption
from edge.config import load
from edge.config.settings import Settings
from edge.errors import ConfigError, StorageError

app = typer.Typer(
    help="Stays: list, close, reopen, correct, add, void. A running daemon takes changes up within a second.",
    no_args_is_help=True,
)
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
StayArgument = Annotated[str, typer.Argument(help="Id of the stay, its beginning, or the plate of an open one.")]
AtOption = Annotated[
    str | None, typer.Option("--at", help="Moment, e.g. 2026-03-02T17:45; local time of the site. Without: now.")
]
_CLOCK = SystemClock()


def opened(config: Path) -> tuple[Settings, Parking]:
    """Return the settings and the car park that they name.

    Raises:
        ConfigError: stays are not followed.
        StorageError: the daemon has not made the file yet.
    """
    settings = load(config)
    if not settings.parking.enabled:
        raise ConfigError("parking.enabled", "stays are not followed here", "set it to true and start the daemon")
    if not settings.parking.path.exists():
        raise StorageError(f"{settings.parking.path}: there is no such file yet. Start the daemon first")
    return settings, Parking(settings.parking, _CLOCK.utc())


@app.command(
    "list",
    epilog="Example: anpr-edge sessions list --ended 20\n\n"
    "Exit codes: 0 listed, 1 the stays cannot be read, 78 invalid settings.",
)
def list_(
    config: ConfigOption = Path("config.yaml"),
    ended: Annotated[int, typer.Option("--ended", min=0, help="Show this many stays that are over, too.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """List open stays, the longest first, and exits that belong to none."""
    settings, parking = opened(config)
    document = parking_document(parking.state(_CLOCK.utc(), ended), settings.parking.overstay_h)
    if as_json:
        typer.echo(json.dumps(document, indent=2))
        return
    zone = ZoneInfo(settings.site.timezone)
    for one in document["open"]:
        typer.echo(_line(one, zone) + ("  OVERSTAY" if one["overstay"] else ""))
    typer.echo(f"{len(document['open'])} open")
    for one in document["unmatched"]:
        end = one["exit"]
        typer.echo(f"{_when(end['at'], zone)}  {end['plate'] or '-':10}  left by {end['lane']}  {end['passage_id']}")
    typer.echo(f"{len(document['unmatched'])} exits without a stay")
    for one in document["ended"]:
        typer.echo(_line(one, zone) + f"  {one['outcome']}, {one['pairing']} {one['pairing_probability']:.3f}")


@app.command(
    "close",
    epilog="Example: anpr-edge sessions close AB12CDE --at 2026-03-02T17:45\n\n"
    "Exit codes: 0 closed, 1 there is no such open stay, 78 invalid settings or moment.",
)
def close(
    stay_: StayArgument, config: ConfigOption = Path("config.yaml"), at: AtOption = None, as_json: JsonOption = False
) -> None:
    """End an open stay whose exit was not seen."""
    settings, parking = opened(config)
    _show(settings, _me(parking).close(stay_, _moment(at, settings)), as_json=as_json)


@app.command(
    "reopen",
    epilog="Example: anpr-edge sessions reopen 019cccd5-e4fe\n\n"
    "Exit codes: 0 open again, 1 nobody closed such a stay by hand, 78 invalid settings.",
)
def reopen(stay_: StayArgument, config: ConfigOption = Path("config.yaml"), as_json: JsonOption = False) -> None:
    """Take back that a stay was closed by hand."""
    settings, parking = opened(config)
    _show(settings, _me(parking).reopen(stay_), as_json=as_json)


@app.command(
    "correct",
    epilog="Example: anpr-edge sessions correct 019cccd5-e4fe AB12CDE\n\n"
    "Exit codes: 0 corrected, 1 there is no such passage, or this is no plate, 78 invalid settings.",
)
def correct(
    passage: Annotated[str, typer.Argument(help="Passage id, or the stay whose entry was misread.")],
    plate: Annotated[str, typer.Argument(help="What the plate really is.")],
    config: ConfigOption = Path("config.yaml"),
    as_json: JsonOption = False,
) -> None:
    """Say what a plate really is; the passage is paired again."""
    settings, parking = opened(config)
    found = _me(parking).correct(passage, plate)
    if found is None:
        typer.echo("corrected; the passage belongs to no stay")
    else:
        _show(settings, found, as_json=as_json)


@app.command(
    "add",
    epilog="Example: anpr-edge sessions add AB12CDE --lane entry\n\n"
    "Exit codes: 0 added, 1 no such lane leads in, or this is no plate, 78 invalid settings or moment.",
)
def add(
    plate: Annotated[str, typer.Argument(help="Plate of the car.")],
    lane: Annotated[str, typer.Option("--lane", help="Lane that it came in by.")],
    config: ConfigOption = Path("config.yaml"),
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a stay for a car that came in unseen."""
    settings, parking = opened(config)
    _show(settings, _me(parking).add(plate, lane, _moment(at, settings)), as_json=as_json)


@app.command(
    "void",
    epilog="Example: anpr-edge sessions void 019cccd5-e4fe-7000-8000-000000000000\n\n"
    "Exit codes: 0 taken out, 1 there is no such passage, 78 invalid settings.",
)
def void(
    op_id: Annotated[str, typer.Argument(help="Id of a passage, or of a stay that was added by hand.")],
    config: ConfigOption = Path("config.yaml"),
) -> None:
    """Say that a passage never was: it is taken out of stays and counts."""
    _, parking = opened(config)
    _me(parking).void(op_id)
    typer.echo("taken out")


def person() -> str:
    """Return who types: acts carry a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user of that number
        return f"uid {os.getuid()}"


def _me(parking: Parking) -> Attendant:
    return Attendant(parking, person(), _CLOCK)


def _show(settings: Settings, session: Session, *, as_json: bool) -> None:
    document = stay(session, _CLOCK.utc(), settings.parking.overstay_h)
    typer.echo(json.dumps(document) if as_json else _line(document, ZoneInfo(settings.site.timezone)))


def _line(one: dict[str, Any], zone: ZoneInfo) -> str:
    minutes = int(one["duration_s"] // 60)
    until = f"to {_when(one['ended_at'], zone)}" if one["ended_at"] else "inside"
    long = f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{_when(one['entry']['at'], zone)} {until:20}  {one['plate'] or '-':10}  {long:>12}  {one['session_id']}"


def _when(text: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(text.replace('Z', '+00:00')).astimezone(zone):%Y-%m-%d %H:%M}"


def _moment(text: str | None, settings: Settings) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ConfigError("--at", f"{text!r} is no moment", "write e.g. 2026-03-02T17:45") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(settings.site.timezone))
