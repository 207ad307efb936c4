"""`anpr-edge occupancy`: free spaces per zone, and setting a count right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from edge.access.attendant import Attendant
from edge.access.occupancy import ZoneState
from edge.access.parking_view import zone
from edge.clock import SystemClock
from edge.commands.options import ConfigOption
from edge.commands.sessions import JsonOption, opened, person

app = typer.Typer(help="Cars and free spaces per zone: show, reset.", no_args_is_help=True)


@app.command(
    "show",
    epilog="Example: anpr-edge occupancy show --json\n\n"
    "Exit codes: 0 every count looks right, 1 one should be checked or the counts cannot be read, 78 invalid settings.",
)
def show(config: ConfigOption = Path("config.yaml"), as_json: JsonOption = False) -> None:
    """Show each zone, and which count should be checked."""
    _, parking = opened(config)
    zones = parking.zones()
    if as_json:
        typer.echo(json.dumps([zone(z) for z in zones], indent=2))
    else:
        for one in zones:
            typer.echo(_line(one))
    if any(one.alarm for one in zones):
        raise typer.Exit(1)


@app.command(
    "reset",
    epilog="Example: anpr-edge occupancy reset site 41\n\n"
    "Exit codes: 0 set, 1 there is no such zone, 78 invalid settings.",
)
def reset(
    zone_: Annotated[str, typer.Argument(metavar="ZONE", help="Name of the zone.")],
    cars: Annotated[int, typer.Argument(min=0, help="Cars that are in it now.")],
    config: ConfigOption = Path("config.yaml"),
) -> None:
    """Set how many cars are inside, after somebody has counted. A running daemon takes it up within a second."""
    _, parking = opened(config)
    Attendant(parking, person(), SystemClock()).recount(zone_, cars)
    typer.echo(next(_line(one) for one in parking.zones() if one.zone == zone_))


def _line(one: ZoneState) -> str:
    spaces = "" if one.capacity is None else f", {one.free} of {one.capacity} spaces free"
    return f"{one.zone}: {one.cars} cars{spaces}" + (f"  CHECK: {one.alarm}" if one.alarm else "")
