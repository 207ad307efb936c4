"""The panels of the Grafana dashboard: rows, titles, queries, units. `dashboard.py` writes the JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["timeseries", "stat", "bargauge", "state-timeline"]
SCOPE = 'instance=~"$instance"'
CAMERA = f'{SCOPE}, camera=~"$camera"'
RATE = "[$__rate_interval]"


@dataclass(frozen=True)
class Panel:
    """One panel: queries with the legend of their series."""

    title: str
    kind: Kind
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    width: int = 8
    height: int = 8
    help: str = ""
    steps: tuple[tuple[str, float | None], ...] = (("green", None),)
    stacked: bool = False


def per_second(metric: str, by: str = "camera", extra: str = "") -> str:
    """Return the rate of a counter, summed by `by`."""
    return f"sum by ({by}) (rate({metric}{{{CAMERA}{extra}}}{RATE}))"


def quantile(share: float, metric: str, by: str = "camera", extra: str = "", scope: str = CAMERA) -> str:
    """Return a quantile of a histogram."""
    return f"histogram_quantile({share}, sum by ({by}, le) (rate({metric}_bucket{{{scope}{extra}}}{RATE})))"


FUNNEL = (
    ("anpr_frames_received_total", "1 pictures received"),
    ("anpr_frames_detected_total", "2 pictures analysed"),
    ("anpr_plates_detected_total", "3 plates found"),
    ("anpr_plates_legible_total", "4 plates legible"),
    ("anpr_plates_read_total", "5 plates read"),
    ("anpr_vehicles_total", "6 vehicles"),
)
PASSED = "passage.final|passage.unread"
ENDED = 'outcome=~"voted|unsure|no_quorum|never_read"'
BAD_BELOW_1 = (("red", None), ("green", 1.0))
BAD_ABOVE_0 = (("green", None), ("red", 1.0))

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Overview",
        (
            Panel(
                "Gates that answer",
                "stat",
                ((f'sum(up{{job="anpr-edge", {SCOPE}}})', "gates"),),
                width=4,
                height=5,
                steps=BAD_BELOW_1,
            ),
            Panel(
                "Cameras up",
                "stat",
                ((f'sum(anpr_camera_state{{{CAMERA}, state="up"}})', "cameras"),),
                width=4,
                height=5,
                steps=BAD_BELOW_1,
            ),
            Panel(
                "Vehicles, last hour",
                "stat",
                ((f"sum(increase(anpr_vehicles_total{{{CAMERA}, {ENDED}}}[1h]))", "vehicles"),),
                width=4,
                height=5,
            ),
            Panel(
                "Read rate, last hour",
                "stat",
                (
                    (
                        f"sum(increase(anpr_expected_correct_total{{{CAMERA}}}[1h]))"
                        f" / sum(increase(anpr_vehicles_total{{{CAMERA}, {ENDED}}}[1h]))",
                        "read rate",
                    ),
                ),
                "percentunit",
                width=4,
                height=5,
                help="Expected share of right plates, each weighted by its calibrated probability.",
                steps=(("red", None), ("yellow", 0.9), ("green", 0.97)),
            ),
            Panel(
                "Events waiting",
                "stat",
                ((f"sum(anpr_outbox_events{{{SCOPE}}})", "events"),),
                width=4,
                height=5,
                steps=(("green", None), ("yellow", 20.0), ("red", 200.0)),
            ),
            Panel(
                "Dead letters",
                "stat",
                ((f"sum(anpr_outbox_dead_letters{{{SCOPE}}})", "events"),),
                width=4,
                height=5,
                steps=BAD_ABOVE_0,
            ),
            Panel(
                "From picture to vehicle, a second",
                "bargauge",
                tuple((f"sum(rate({metric}{{{CAMERA}}}{RATE}))", legend) for metric, legend in FUNNEL),
                width=12,
                help="Each step loses something; the rows below say why.",
            ),
            Panel(
                "Camera state",
                "state-timeline",
                ((f'max by (camera) (anpr_camera_state{{{CAMERA}, state="up"}})', "{{camera}}"),),
                width=12,
                help="1 is up.",
                steps=BAD_BELOW_1,
            ),
        ),
    ),
    (
        "Per lane",
        (
            Panel(
                "Events an hour",
                "timeseries",
                ((f"sum by (lane, type) (increase(anpr_events_total{{{SCOPE}}}[1h])) > 0", "{{lane}} {{type}}"),),
                help="By kind of event.",
            ),
            Panel(
                "Directions an hour",
                "timeseries",
                (
                    (
                        f'sum by (lane, direction) (increase(anpr_events_total{{{SCOPE}, type=~"{PASSED}"}}[1h]))',
                        "{{lane}} {{direction}}",
                    ),
                ),
                help="unknown grows: draw the virtual line.",
            ),
            Panel(
                "Time to a decision",
                "timeseries",
                (
                    (quantile(0.5, "anpr_decision_seconds", "lane", scope=SCOPE), "{{lane}} median"),
                    (quantile(0.95, "anpr_decision_seconds", "lane", scope=SCOPE), "{{lane}} 95 %"),
                ),
                "s",
                help="From the first legible look to the provisional event.",
            ),
            Panel(
                "What became of vehicles, an hour",
                "timeseries",
                ((f"sum by (outcome) (increase(anpr_vehicles_total{{{CAMERA}}}[1h])) > 0", "{{outcome}}"),),
                stacked=True,
                width=12,
            ),
            Panel(
                "Probability of published plates",
                "timeseries",
                (
                    (quantile(0.1, "anpr_read_probability"), "{{camera}} worst tenth"),
                    (quantile(0.5, "anpr_read_probability"), "{{camera}} median"),
                ),
                "percentunit",
                width=12,
            ),
        ),
    ),
    (
        "Decisions and car park",
        (
            Panel(
                "Decisions an hour",
                "timeseries",
                (
                    (
                        f"sum by (lane, decision) (increase(anpr_decisions_total{{{SCOPE}}}[1h])) > 0",
                        "{{lane}} {{decision}}",
                    ),
                ),
                stacked=True,
                help="Empty where the gate decides nothing.",
            ),
            Panel(
                "Free spaces",
                "timeseries",
                ((f"anpr_zone_free_spaces{{{SCOPE}}}", "{{zone}}"),),
                help="Empty where stays are not followed.",
            ),
            Panel(
                "Stays",
                "timeseries",
                (
                    (f"anpr_stays_open{{{SCOPE}}}", "open"),
                    (f"anpr_stays_overdue{{{SCOPE}}}", "too long"),
                    (f"anpr_exits_unmatched{{{SCOPE}}}", "exits without a stay"),
                ),
            ),
        ),
    ),
    (
        "Delivery",
        (
            Panel(
                "Published and acknowledged",
                "timeseries",
                (
                    (f"sum by (sink) (rate(anpr_events_published_total{{{SCOPE}}}{RATE}))", "{{sink}} published"),
                    (f"sum by (sink) (rate(anpr_events_acknowledged_total{{{SCOPE}}}{RATE}))", "{{sink}} acknowledged"),
                ),
                "eps",
            ),
            Panel(
                "Time to the acknowledgement",
                "timeseries",
                (
                    (quantile(0.5, "anpr_delivery_seconds", "sink", scope=SCOPE), "{{sink}} median"),
                    (quantile(0.95, "anpr_delivery_seconds", "sink", scope=SCOPE), "{{sink}} 95 %"),
                ),
                "s",
            ),
            Panel(
                "Outbox",
                "timeseries",
                (
                    (f"anpr_outbox_events{{{SCOPE}}}", "{{instance}} waiting"),
                    (f"anpr_sink_pending_events{{{SCOPE}}}", "{{sink}}"),
                ),
            ),
            Panel(
                "Oldest event",
                "timeseries",
                ((f"anpr_outbox_oldest_seconds{{{SCOPE}}}", "{{instance}}"),),
                "s",
                width=6,
            ),
            Panel(
                "Sinks connected",
                "state-timeline",
                ((f"anpr_sink_up{{{SCOPE}}}", "{{sink}}"),),
                width=6,
                steps=BAD_BELOW_1,
            ),
            Panel(
                "Certificate, days left",
                "timeseries",
                ((f"anpr_certificate_days{{{SCOPE}}}", "{{sink}}"),),
                width=6,
                help="Empty where no client certificate is used.",
            ),
            Panel(
                "Disk free",
                "timeseries",
                ((f"anpr_disk_free_bytes{{{SCOPE}}} / anpr_disk_total_bytes{{{SCOPE}}}", "{{volume}}"),),
                "percentunit",
                width=6,
            ),
            Panel(
                "Failed attempts and lost events",
                "timeseries",
                (
                    (
                        f"sum by (sink, reason) (rate(anpr_publish_failed_total{{{SCOPE}}}{RATE})) or vector(0)",
                        "{{sink}} {{reason}}",
                    ),
                    (
                        f"sum by (sink, reason) (rate(anpr_events_lost_total{{{SCOPE}}}{RATE})) or vector(0)",
                        "lost {{sink}} {{reason}}",
                    ),
                ),
                "eps",
                width=24,
            ),
        ),
    ),
    (
        "Camera health",
        (
            Panel(
                "Plate height",
                "timeseries",
                (
                    (quantile(0.1, "anpr_plate_height_pixels"), "{{camera}} smallest tenth"),
                    (quantile(0.5, "anpr_plate_height_pixels"), "{{camera}} median"),
                ),
                "px",
                help="Falls: the camera moved or was zoomed out.",
            ),
            Panel(
                "Plate sharpness",
                "timeseries",
                ((quantile(0.5, "anpr_plate_sharpness"), "{{camera}} median"),),
                help="Falls: dirt, focus, exposure.",
            ),
            Panel(
                "Pictures a second",
                "timeseries",
                ((f"anpr_camera_frames_per_second{{{CAMERA}}}", "{{camera}}"),),
                "none",
            ),
            Panel(
                "Why pictures are lost",
                "timeseries",
                (
                    (per_second("anpr_frames_dropped_total", "reason") + " > 0 or vector(0)", "{{reason}}"),
                    (per_second("anpr_frames_gated_total") + " or vector(0)", "{{camera}} nothing moved"),
                ),
                "none",
                stacked=True,
            ),
            Panel(
                "Why plates are not read",
                "timeseries",
                ((per_second("anpr_plates_lost_total", "reason") + " > 0 or vector(0)", "{{reason}}"),),
                "none",
                stacked=True,
            ),
            Panel(
                "Age of the newest picture", "timeseries", ((f"anpr_frame_age_seconds{{{CAMERA}}}", "{{camera}}"),), "s"
            ),
        ),
    ),
    (
        "Computer",
        (
            Panel(
                "Time per picture, 95 %",
                "timeseries",
                ((quantile(0.95, "anpr_stage_seconds", "stage"), "{{stage}}"),),
                "s",
                width=12,
                help="step is all of vision together.",
            ),
            Panel(
                "Processor",
                "timeseries",
                ((f'rate(process_cpu_seconds_total{{job="anpr-edge", {SCOPE}}}{RATE})', "{{instance}}"),),
                "percentunit",
                width=6,
                help="1 is one core.",
            ),
            Panel(
                "Memory",
                "timeseries",
                ((f'process_resident_memory_bytes{{job="anpr-edge", {SCOPE}}}', "{{instance}}"),),
                "bytes",
                width=6,
            ),
        ),
    ),
)
