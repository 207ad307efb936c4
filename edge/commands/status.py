"""`anpr-edge status`: what a running daemon says about itself, for a terminal.

Asks the monitoring port; draws, decides nothing.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge.errors import SinkUnavailable

_EPILOG = """
Examples:

  anpr-edge status

  anpr-edge status --url http://10.0.0.7:9464 --json | jq .cameras

Exit codes: 0 ready, 1 not ready, 3 nothing answers.
"""
GOOD, BAD, PALE = "green", "bold red", "dim"
FUNNEL_TITLES = {
    "received": "received",
    "analysed": "analysed",
    "plates_detected": "plates",
    "plates_legible": "legible",
    "plates_read": "read",
}

URL = typer.Option("http://127.0.0.1:9464", "--url", help="Monitoring port of the daemon (metrics.host, metrics.port).")
AS_JSON = typer.Option(False, "--json", help="Print the document as it came, for programs.")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("status", epilog=_EPILOG)(status)


def status(url: str = URL, as_json: bool = AS_JSON) -> None:
    """Show what the running daemon sees, loses and waits for."""
    try:
        found = fetch(url)
    except SinkUnavailable as error:
        Console(stderr=True, highlight=False).print(f"[{BAD}]{error}[/]")
        raise typer.Exit(3) from None
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        show(found, Console(highlight=False))
    raise typer.Exit(0 if found["ready"] and found["alive"] else 1)


def fetch(url: str, timeout_s: float = 5.0) -> dict[str, Any]:
    """Return the status document of the daemon whose monitoring port is `url`.

    Raises:
        SinkUnavailable: nothing answers there, or it is not this daemon.
    """
    fix = "Fix: start the daemon, or name its metrics.host and metrics.port with --url"
    if not url.startswith(("http://", "https://")):
        raise SinkUnavailable(f"{url}: not an http address. {fix}")
    try:
        with urllib.request.urlopen(url.rstrip("/") + "/status", timeout=timeout_s) as answer:  # noqa: S310
            document = json.load(answer)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise SinkUnavailable(f"{url}: no status from there: {reason}. {fix}") from error
    if not isinstance(document, dict) or "checks" not in document:
        raise SinkUnavailable(f"{url}: something answers that is not this daemon. {fix}")
    return document


def show(found: dict[str, Any], console: Console) -> None:
    """Print the status document `found` as tables."""
    console.print(_headline(found))
    console.print(_checks(found["checks"]))
    console.print(_cameras(found["cameras"]))
    if found["stages"]:
        console.print(_stages(found["stages"]))
    console.print(_delivery(found))


def _headline(found: dict[str, Any]) -> Text:
    ok = found["ready"] and found["alive"]
    word = "ready" if ok else "not ready" if found["alive"] else "not alive"
    return Text.assemble(
        (f" {word.upper()} ", f"{GOOD if ok else BAD} reverse"),
        f"  {found['site']}  ",
        (f"anpr-edge {found['version']}, up {duration(found['uptime_s'])}", PALE),
    )


def _checks(checks: list[dict[str, Any]]) -> Table:
    table = _table("", "check", "reason")
    for check in checks:
        mark = Text("ok", GOOD) if check["ok"] else Text("FAIL", BAD)
        table.add_row(mark, check["name"], Text(check["reason"], "" if check["ok"] else BAD))
    return table


def _cameras(cameras: list[dict[str, Any]]) -> Text:
    """Return the way from picture to vehicle, one step after the other, and what was lost on it."""
    lines = Text()
    for camera in cameras:
        age = "" if camera["frame_age_s"] is None else f", newest picture {camera['frame_age_s']:.1f} s old"
        lines.append(f"{camera['camera']} ({camera['lane']}): ", "bold")
        lines.append(f"{camera['state']}, {camera['fps']:.1f} pictures a second{age}\n")
        steps = [f"{title} {camera['funnel'][key]}" for key, title in FUNNEL_TITLES.items()]
        steps.append(f"vehicles {sum(camera['losses']['vehicles'].values())}")
        lines.append(f"  {' > '.join(steps)}\n")
        lost = camera["losses"]["frames"] | camera["losses"]["plates"]
        gone = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in lost.items()) or "nothing"
        lines.append(f"  still {camera['gated']}; lost: {gone}\n", PALE)
    return lines


def _stages(stages: list[dict[str, Any]]) -> Table:
    table = _table("camera", "stage", "times", "mean", "95 %", right=range(2, 5))
    for row in stages:
        table.add_row(
            row["camera"], row["stage"], str(row["count"]), f"{row['mean_ms']:.1f} ms", f"{row['p95_ms']:.1f} ms"
        )
    return table


def _delivery(found: dict[str, Any]) -> Text:
    outbox = found["outbox"]
    waiting = f"{outbox['events']} events wait" if outbox["events"] else "nothing waits"
    oldest = f", the oldest for {duration(outbox['oldest_s'])}" if outbox["events"] else ""
    dead = outbox["dead_letters"]
    return Text.assemble(
        (f"outbox: {waiting}{oldest}; ", ""),
        (f"{dead} dead letters (anpr-edge outbox list)" if dead else "no dead letters", BAD if dead else PALE),
        (f"\n  {outbox['alarm']}" if outbox.get("alarm") else "", BAD),
    )


def _table(*titles: str, right: range = range(0)) -> Table:
    table = Table(box=None, pad_edge=False, header_style=PALE, padding=(0, 2, 0, 0))
    for index, title in enumerate(titles):
        table.add_column(title, justify="right" if index in right else "left", overflow="fold")
    return table


def duration(seconds: float) -> str:
    """Return `seconds` in the unit a person would use, e.g. 3 h 12 min."""
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if days < 2 else f"{days} d {hours % 24} h"
