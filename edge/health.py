"""Health: is the process alive, is the gate ready, and if not, why.

Alive means that vision makes progress; only that feeds the watchdog. Ready
means that a passage now would be read, stored and delivered. Pure functions of
the board's snapshot: no clock, no I/O; every check gives its reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.board import CameraStatus, Snapshot
from edge.protocols import SourceState

HEARTBEAT_S = 10.0  # a vision thread that was silent for longer is stuck
VISION = "vision-"  # prefix of the threads whose progress is the daemon's reason to live
DISK_FREE_RATIO = 0.02  # below this share of free space the outbox may fail any moment
MODEL_ROLES = ("detector", "recogniser")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str  # e.g. camera/entry
    ok: bool
    reason: str  # what is wrong and what to do, or how it is


def alive(now: Snapshot) -> tuple[Check, ...]:
    """Return one check per vision thread; all ok is what the watchdog wants. None yet counts as starting."""
    return tuple(
        Check(f"thread/{thread}", age_s <= HEARTBEAT_S, f"last heartbeat {age_s:.1f} s ago")
        for thread, age_s in ((t, now.at_s - s) for t, s in sorted(now.beats_s.items()))
        if thread.startswith(VISION)
    )


def ready(now: Snapshot) -> tuple[Check, ...]:
    """Return the checks of models, cameras, delivery and disk."""
    return (*_models(now), *_cameras(now), *_sinks(now), *_disk(now))


def one_line(now: Snapshot) -> str:
    """Return what `systemctl status` shows: cameras and queue in one line."""
    up = sum(c.state is SourceState.UP for c in now.cameras.values())
    down = ", ".join(f"{c.camera} {c.state.value}" for c in now.cameras.values() if c.state is not SourceState.UP)
    cameras = f"{up} of {len(now.cameras)} cameras up" + (f" ({down})" if down else "")
    return f"{cameras}; {now.event_count} events since start, {now.outbox.depth} waiting to be delivered"


def all_ok(checks: tuple[Check, ...]) -> bool:
    """Tell whether nothing failed."""
    return all(c.ok for c in checks)


def _models(now: Snapshot) -> tuple[Check, ...]:
    checks = []
    for role in MODEL_ROLES:
        model = now.models.get(role)
        if model is None:
            checks.append(Check(f"model/{role}", False, "not loaded yet"))
        else:
            fallback = f", not on {model.wanted}: {model.reason}" if model.reason else ""
            checks.append(Check(f"model/{role}", model.ready, f"{model.name} on {model.provider}{fallback}"))
    return tuple(checks)


def _cameras(now: Snapshot) -> tuple[Check, ...]:
    return tuple(
        Check(f"camera/{c.camera}", c.state is SourceState.UP, _camera_reason(c, now.at_s))
        for c in now.cameras.values()
    )


def _camera_reason(camera: CameraStatus, at_s: float) -> str:
    if camera.state is SourceState.UP:
        return f"{camera.width} x {camera.height}, {camera.fps:.1f} pictures a second"
    since = f"{camera.state.value} for {at_s - camera.changed_s:.0f} s"
    return f"{since}: {camera.reason}" if camera.reason else since


def _sinks(now: Snapshot) -> tuple[Check, ...]:
    return tuple(
        Check(
            f"sink/{s.sink}",
            s.connected,
            "connected" if s.connected else f"{s.reason or 'not connected'}; {s.pending} events wait on disk",
        )
        for s in now.sinks.values()
    )


def _disk(now: Snapshot) -> tuple[Check, ...]:
    outbox = Check("disk/outbox", not now.outbox.problem, now.outbox.problem or "events can be stored")
    volumes = (
        Check(
            f"disk/{d.volume}-space",
            d.free_ratio >= DISK_FREE_RATIO,
            f"{d.free_bytes / 1e9:.1f} GB free of {d.total_bytes / 1e9:.1f} GB",
        )
        for d in now.disks.values()
    )
    return (outbox, *volumes)
