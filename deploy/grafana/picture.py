"""Draws the dashboard's panels from a running Prometheus, for the docs where no Grafana is at hand.

`python deploy/grafana/picture.py http://127.0.0.1:9090 docs/pictures/dashboard.png [minutes]`: the same
queries, the same titles, drawn with matplotlib. It is a plot, not a screenshot of Grafana.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import dates
from matplotlib import pyplot as plt

POINTS = 120
INK, SOFT, GRID, CARD, BACK = "#e8eeea", "#9fb1a8", "#2a3530", "#171e1b", "#0e1311"
COLOURS = ("#6cb8f2", "#56cc92", "#e8b04a", "#ff8b80", "#c79bf2", "#5fd0d0", "#f2a0c8", "#b8c46a")
UNITS = {"percentunit": (100.0, " %"), "s": (1.0, " s"), "bytes": (1e-6, " MB"), "px": (1.0, " px")}


def main() -> None:
    """Draw."""
    url, out = sys.argv[1], Path(sys.argv[2])
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 10.0
    board = json.loads((Path(__file__).parent / "anpr-edge.json").read_text(encoding="utf-8"))
    panels = [p for p in board["panels"] if p["type"] != "row"]
    rows = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in panels)
    mpl.rcParams.update(
        {"font.size": 8, "text.color": INK, "axes.labelcolor": SOFT, "xtick.color": SOFT, "ytick.color": SOFT}
    )
    figure = plt.figure(figsize=(17, rows * 0.33), facecolor=BACK)
    end = time.time()
    for panel in panels:
        place = panel["gridPos"]
        left, bottom = place["x"] / 24 + 0.006, 1 - (place["y"] + place["h"]) / rows
        width, height = place["w"] / 24 - 0.012, (place["h"] - 0.35) / rows
        card = figure.add_axes((left, bottom, width, height), facecolor=CARD)
        card.set_xticks([])
        card.set_yticks([])
        card.spines[:].set_color(GRID)
        card.text(0.02, 1 - 0.55 / place["h"], panel["title"], va="center", fontweight="bold", transform=card.transAxes)
        inner = figure.add_axes(
            (left + 0.03 * 8 / 24 + 0.022, bottom + 0.7 / rows, width - 0.045, height - 2.0 / rows), facecolor=CARD
        )
        DRAW[panel["type"]](inner, panel, fetch(url, panel, end, minutes))
    for row in (p for p in board["panels"] if p["type"] == "row"):
        figure.text(0.006, 1 - (row["gridPos"]["y"] + 0.7) / rows, row["title"], fontsize=12, fontweight="bold")
    drawn = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    figure.text(
        0.994,
        1 - 0.7 / rows,
        f"plotted from Prometheus on {drawn}, not a screenshot of Grafana",
        ha="right",
        color=SOFT,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=90)


def fetch(url: str, panel: dict[str, Any], end: float, minutes: float) -> list[tuple[str, list[float], list[float]]]:
    """Return (legend, times, values) of every series of the panel."""
    step = max(1.0, minutes * 60 / POINTS)
    series = []
    for target in panel["targets"]:
        expression = (
            target["expr"].replace("$__rate_interval", "30s").replace("$instance", ".*").replace("$camera", ".*")
        )
        query = {"query": expression, "start": end - minutes * 60, "end": end, "step": step}
        with urllib.request.urlopen(f"{url}/api/v1/query_range?{urllib.parse.urlencode(query)}", timeout=30) as answer:  # noqa: S310
            result = json.load(answer)["data"]["result"]
        for one in result:
            legend = target["legendFormat"]
            for label, value in one["metric"].items():
                legend = legend.replace(f"{{{{{label}}}}}", value)
            if "{{" not in legend:
                series.append((legend, [t for t, _ in one["values"]], [float(v) for _, v in one["values"]]))
    return series


def lines(axes: Any, panel: dict[str, Any], series: list[tuple[str, list[float], list[float]]]) -> None:
    """Draw a time series."""
    factor, unit = scale(panel)
    if unit == " s" and all(v < 2 for _, _, values in series for v in values):
        factor, unit = 1000.0, " ms"
    for k, (legend, times, values) in enumerate(series[:8]):
        moments = [datetime.fromtimestamp(t, timezone.utc) for t in times]
        axes.plot(moments, [v * factor for v in values], label=legend, color=COLOURS[k % 8], linewidth=1.4)
    axes.grid(color=GRID, linewidth=0.6)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4))
    axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda v, _: f"{v:g}{unit}")
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]), top=axes.get_ylim()[1] * 1.25 or 1)
    if series:
        axes.legend(
            loc="upper left", fontsize=7, frameon=False, labelcolor=SOFT, ncols=2, borderpad=0, handlelength=1.2
        )


def number(axes: Any, panel: dict[str, Any], series: list[tuple[str, list[float], list[float]]]) -> None:
    """Draw one big number, coloured by its threshold."""
    axes.axis("off")
    value = series[0][2][-1] if series else float("nan")
    colour = next(
        (
            s["color"]
            for s in reversed(panel["fieldConfig"]["defaults"]["thresholds"]["steps"])
            if s["value"] is None or value >= s["value"]
        ),
        "green",
    )
    factor, unit = scale(panel)
    shown = f"{value * factor:.1f}{unit}" if unit else f"{value:.0f}"
    tone = {"green": COLOURS[1], "yellow": COLOURS[2], "red": COLOURS[3]}[colour]
    axes.text(
        0.45, 0.5, shown, fontsize=24, fontweight="bold", color=tone, ha="center", va="center", transform=axes.transAxes
    )


def bars(axes: Any, panel: dict[str, Any], series: list[tuple[str, list[float], list[float]]]) -> None:
    """Draw horizontal bars of the newest values."""
    values = [s[2][-1] for s in series]
    axes.barh([s[0] for s in series], values, color=COLOURS[0], height=0.6)
    for k, value in enumerate(values):
        axes.text(value, k, f" {value:.2f}", va="center", color=INK)
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, axis="y", direction="in", pad=-4)
    axes.set_yticks(range(len(series)), [s[0][2:] for s in series], ha="left")
    axes.set_xlim(-max([*values, 1]) * 0.32, max([*values, 1]) * 1.15)
    axes.set_xticks([])


def scale(panel: dict[str, Any]) -> tuple[float, str]:
    """Return what to multiply values with, and the unit to show."""
    return UNITS.get(panel["fieldConfig"]["defaults"]["unit"], (1.0, ""))


DRAW = {"timeseries": lines, "state-timeline": lines, "stat": number, "bargauge": bars}

if __name__ == "__main__":
    main()
