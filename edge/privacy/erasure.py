"""What erasing does to an event that must stay: the facts of the passage remain, whose it was does not. Pure."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from edge.privacy.disguise import names_a_plate
from edge.sinks.outbox_rows import AS_TEXT
from edge.tracking.grammar import canonical
from edge.types import Evidence, GateEvent, Verdict

ERASED = "erased"  # name of the addition that says so


def plates_of(event: GateEvent) -> frozenset[str]:
    """Return what `event` names as its vehicle: the answer, and additions that hold plates."""
    named = {str(value) for name, value in event.details if value and names_a_plate(name)}
    return frozenset(named | ({event.plate.text} if event.plate and event.plate.text else set()))


def texts_of(event: GateEvent) -> frozenset[str]:
    """Return every plate that stands in `event`, rivals included."""
    return plates_of(event) | frozenset(text for text, _ in (event.plate.alternatives if event.plate else ()) if text)


def is_erased(event: GateEvent) -> bool:
    """Tell whether plate and picture were taken out of `event` before."""
    return dict(event.details).get(ERASED) is True


def erased(event: GateEvent) -> GateEvent:
    """Return `event` without plate and picture: its number, moment, lane and decision stay."""
    plate = None if event.plate is None else Verdict("", 0.0, (), "", event.plate.reads, None, 0.0)
    details = tuple(d for d in _without(event, texts_of(event)) if d[0] != AS_TEXT and not names_a_plate(d[0]))
    return replace(event, plate=plate, evidence=Evidence(), details=(*details, (ERASED, True)))


def without(event: GateEvent, plates: Set[str]) -> GateEvent:
    """Return `event`, which is another vehicle's, with `plates` taken out of its rivals and additions."""
    plate = event.plate
    if plate is not None:
        plate = replace(plate, alternatives=tuple(a for a in plate.alternatives if a[0] not in plates))
    return replace(event, plate=plate, details=tuple(_without(event, plates)))


def _without(event: GateEvent, plates: Set[str]) -> list[tuple[str, str | int | float | bool | None]]:
    return [
        (name, ERASED if isinstance(value, str) and any(text in canonical(value) for text in plates) else value)
        for name, value in event.details
    ]
