"""`anpr-edge probe`: is this camera set up well?"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

_EPILOG = """
Examples:

  anpr-edge probe rtsp://viewer:secret@10.0.0.9/stream1

  anpr-edge probe /dev/video0 --seconds 5

Exit codes: 0 the camera answers (with or without advice), 1 it does not.
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("probe", epilog=_EPILOG)(probe_url)


def probe_url(
    url: Annotated[str, typer.Argument(help="As in the settings: rtsp://, http(s)://, /dev/video0 or a file.")],
    seconds: Annotated[float, typer.Option(min=1, max=120, help="How long to watch.")] = 10.0,
    udp: Annotated[bool, typer.Option("--udp", help="RTSP over UDP instead of TCP.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Watch a camera for a few seconds: codec, size, rate, key frames, jitter, clock; and what to change in it."""
    from edge.clock import SystemClock
    from edge.pipeline.probe import probe

    report = probe(url, SystemClock(), seconds=seconds, transport="udp" if udp else "tcp")
    if as_json:
        typer.echo(json.dumps(asdict(report)))
        return
    _show(report)


def _show(report: object) -> None:
    from rich.console import Console
    from rich.table import Table

    from edge.pipeline.probe import ProbeReport

    assert isinstance(report, ProbeReport)
    console = Console()
    facts = Table(box=None, show_header=False, pad_edge=False)
    for name, value in _facts(report):
        facts.add_row(f"[dim]{name}[/]", value)
    console.print(f"[bold]{report.url}[/]", highlight=False)
    console.print(facts)
    if not report.advice:
        console.print("\n[green]Nothing to change.[/]")
        return
    table = Table("", "found", "what to change", box=None, pad_edge=False, title_justify="left")
    for advice in report.advice:
        table.add_row(f"[yellow]{advice.subject}[/]", advice.found, advice.change)
    console.print()
    console.print(table)


def _facts(report: object) -> list[tuple[str, str]]:
    from edge.pipeline.probe import ProbeReport

    assert isinstance(report, ProbeReport)

    def row(name: str, value: float | None, form: str) -> list[tuple[str, str]]:
        return [] if value is None else [(name, form.format(value))]

    announced = "" if report.announced_fps is None else f" (announced: {report.announced_fps:.3g})"
    return [
        ("video", f"{report.codec}, {report.width}x{report.height}"),
        *row("pictures a second", report.fps, "{:.1f}" + announced),
        *row("key frame every", report.key_interval_s, "{:.1f} s"),
        *row("bit rate", report.bit_rate_kbit_s, "{:.0f} kbit/s"),
        *row("jitter", report.jitter_s and 1000 * report.jitter_s, "{:.0f} ms"),
        *row("longest gap", report.longest_gap_s, "{:.2f} s"),
        *row("first picture after", report.first_picture_s, "{:.2f} s"),
        *row("camera's clock", report.clock_skew_s, "{:+.1f} s against this computer's"),
        *row("decoding", report.decode_cpu_ms, "{:.1f} ms of processor time per picture"),
        ("watched", f"{report.seconds:.1f} s, {report.pictures} pictures, {report.damaged_packets} damaged packets"),
    ]
