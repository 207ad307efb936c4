"""The part of the catalogue that is about decisions and barriers."""

from __future__ import annotations

from edge.sinks.metric import Metric

DECISIONS = ("open", "refuse", "manual_assist", "record_only")
BARRIER_OUTCOMES = ("opened", "skipped", "dry_run", "failed")
BARRIER_ALARMS = ("not_opened", "held_open", "contact")

DECIDED = Metric(
    "anpr_decisions_total",
    "counter",
    ("lane", "decision"),
    "Events of passages by what the gate decided: open, refuse, manual_assist, record_only.",
    "manual_assist rises: `details.reason` of the events tells why; camera, lists or barrier.",
    {"decision": DECISIONS},
)
BARRIER_COMMANDS = Metric(
    "anpr_barrier_commands_total",
    "counter",
    ("lane", "outcome"),
    "Commands to the barrier: opened, skipped (open already, or the vehicle had left), dry_run, failed.",
    "failed: the barrier's controller, its cable or its relay; the log and access.audit give the reason.",
    {"outcome": BARRIER_OUTCOMES},
)
BARRIER_ALARM = Metric(
    "anpr_barrier_alarms_total",
    "counter",
    ("lane", "kind"),
    "Calls for a person at the barrier: not_opened (a vehicle waits), held_open, contact (cannot be read).",
    "Go and look; held_open: something stands under the barrier, or its drive is broken.",
    {"kind": BARRIER_ALARMS},
)

ACCESS = (DECIDED, BARRIER_COMMANDS, BARRIER_ALARM)
