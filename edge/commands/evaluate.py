"""`anpr-edge evaluate`: score recorded video against what really happened."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge import output_files
from edge.commands.options import CameraOption, OptionalConfig, StillOption, camera_of, settings_for_files
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.replay.evaluate import Change, Evaluated
    from edge.replay.player import Player
    from edge.replay.scoring import PassageScore

_EPILOG = """
Examples:

  anpr-edge evaluate assets/clips

  anpr-edge evaluate gate.mp4 --truth truth.yaml --report report.html

  anpr-edge scenes suite tests/scenes/suite.yaml --form ci
  anpr-edge evaluate .cache/scenes/gate-ci --limits tests/replay/limits.yaml

Exit codes: 0 done, 1 a limit does not hold, or a file cannot be played or written, 78 a file is wrong.
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("evaluate", epilog=_EPILOG)(evaluate)


def evaluate(
    videos: Annotated[list[Path], typer.Argument(help="Videos, or folders of videos.", show_default=False)],
    truth: Annotated[
        Path | None,
        typer.Option(help="What happened; default: <video>.truth.json, .truth.yaml or truth.yaml beside it."),
    ] = None,
    config: OptionalConfig = None,
    camera: CameraOption = None,
    still_plates: StillOption = False,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report with pictures.")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the whole result as JSON.")] = None,
    compare: Annotated[Path | None, typer.Option(help="An older result (--json) to compare with.")] = None,
    limits: Annotated[Path | None, typer.Option(help="YAML of limits; exit code 1 when one does not hold.")] = None,
) -> None:
    """Play each video through the pipeline and compare its events with the truth."""
    from edge.replay.evaluate import as_document, evaluated, videos_in
    from edge.replay.summary import breaches, load_thresholds
    from edge.replay.truth import truth_for

    thresholds = load_thresholds(limits) if limits else {}
    old = _loaded(compare) if compare else None
    jobs = [(video, truth_for(video, truth)) for video in videos_in(videos)]
    for option, path in (("--report", report), ("--json", json_out)):
        if path is not None:
            output_files.refuse_inputs(option, path, [*(video for video, _ in jobs), *([truth] if truth else ())])
            output_files.ready(path)
    done: list[Evaluated] = []
    for result in evaluated(jobs, _player_for(config, camera, still_plates=still_plates), time.perf_counter):
        done.append(result)
        _tell(result)
    document = as_document(done)
    changes = _changes(old, document)
    broken = breaches(document["summary"], thresholds)
    _print_summary(document, changes, broken)
    _write(done, document, changes, broken, report, json_out)
    if broken:
        raise typer.Exit(1)


def _player_for(config: Path | None, camera_name: str | None, *, still_plates: bool) -> Callable[[Path], Player]:
    from edge.replay.player import Player

    settings = settings_for_files(config)
    camera = camera_of(settings, camera_name, still_plates=still_plates)
    return lambda video: Player(video, settings, camera)


def _loaded(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), f"cannot be read ({error})", "give a file written with --json") from error
    return document if isinstance(document, dict) else {}


def _changes(old: dict[str, Any] | None, new: dict[str, Any]) -> list[Change]:
    from edge.replay.evaluate import compared

    return compared(old, new) if old is not None else []


def _tell(result: Evaluated) -> None:
    for p in result.score.passages:
        answer = (p.reported.text or "unread") if p.reported else "-"
        mark = "FAIL" if p.failed else "ok"
        plate = p.passage.plate or "(none)"
        typer.echo(
            f"{mark:<5}{result.path.name:<30} {plate:<12} {p.outcome.value:<8} {answer:<12} {_remarks(p)}".rstrip()
        )
    for r in result.score.false_events:
        typer.echo(f"FAIL {result.path.name:<30} {'':<12} {'false':<8} {r.text or 'unread'}")


def _remarks(p: PassageScore) -> str:
    """Say what else is wrong with a passage, or when it was decided."""
    remarks = []
    if p.direction_right is False and p.reported and p.passage.direction:
        remarks.append(f"direction {p.reported.last.direction.value}, not {p.passage.direction.value}")
    if p.duplicates:
        remarks.append(f"{len(p.duplicates)} more report(s): {', '.join(d.text or 'unread' for d in p.duplicates)}")
    if p.hasty:
        remarks.append("an early event was wrong")
    if p.latency_s is not None and not p.failed:
        remarks.append(f"{p.latency_s:+.2f} s")
    return "; ".join(remarks)


def _print_summary(document: dict[str, Any], changes: Sequence[Change], broken: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "all", *document["by_condition"], title=f"{document['summary']['passages']} passages")
    for name, value in document["summary"].items():
        cells = [_cell(s[name]) for s in document["by_condition"].values()]
        table.add_row(name, _cell(value), *cells) if len(cells) < 6 else table.add_row(name, _cell(value))
    if len(document["by_condition"]) >= 6:
        table = Table("", "all", title=f"{document['summary']['passages']} passages")
        for name, value in document["summary"].items():
            table.add_row(name, _cell(value))
    console = Console(stderr=True)
    console.print(table)
    v = document["voting"]
    console.print(
        f"wrong of {v['passages']}: best look {v['single_best_wrong']}, vote {v['vote_wrong']}; "
        f"after {v['early_looks']} looks: best look {v['early_single_best_wrong']}, vote {v['early_vote_wrong']}"
    )
    console.print(f"{document['speed']['times_real_time']} x real time")
    for change in changes:
        console.print(f"{change.what}: {change.old} -> {change.new}", style=_STYLES[change.better])
    for sentence in broken:
        console.print(f"limit broken: {sentence}", style="bold red")


_STYLES = {True: "green", False: "red", None: ""}


def _cell(value: float | int | None) -> str:
    return "-" if value is None else f"{value:g}"


def _write(
    done: Sequence[Evaluated],
    document: dict[str, Any],
    changes: Sequence[Change],
    broken: Sequence[str],
    report: Path | None,
    json_out: Path | None,
) -> None:
    from edge.replay.report import html

    if json_out:
        output_files.write(json_out, (json.dumps(document, indent=1) + "\n").encode())
    if report:
        output_files.write(report, html(done, "Replay evaluation", changes, broken).encode())
        typer.echo(f"report: {report}", err=True)
