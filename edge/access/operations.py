"""Operations: the facts that a site's sessions are made of. Frozen, replicated, and applied in one order everywhere.

A passage is a fact of the gate that saw it; corrections, closings, additions and
recounts are facts of the person who made them. Whoever has the same set of
operations has the same sessions, in whatever order they came.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any

from edge.types import Direction, Verdict

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)


class Kind(str, Enum):
    """What happened."""

    PASSAGE = "passage"  # a vehicle passed a lane
    CORRECT = "correct"  # a person says what the plate of passage `target` is; or the gate has read it after all
    CLOSE = "close"  # a person says that session `target` ended at `at`
    ADD = "add"  # a person says that a car came in at `at`
    RECOUNT = "recount"  # a person counted the cars in a zone at `at`
    VOID = "void"  # a person says that operation `target` never was


@dataclass(frozen=True, slots=True)
class Operation:
    """One fact; `at` and `op_id` give its place in the order."""

    op_id: str  # of a passage: its passage_id
    kind: Kind
    at: datetime  # aware UTC, whole milliseconds; of a passage: when it was captured
    lane: str = ""  # of passages and additions
    direction: Direction = Direction.UNKNOWN
    plate: Verdict | None = None  # as read; of corrections and additions: what the person says
    event_id: str = ""  # of the passage's final event
    decision: str = ""  # of the gate
    clock_trusted: bool = True  # False: `at` comes from a clock that nothing had set
    target: str = ""  # of corrections, closings and voids: another op_id
    zone: str = ""  # of recounts
    count: int = 0  # of recounts: cars
    by: str = ""  # the person

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("an operation's moment must carry its time zone")
        if self.at.microsecond % 1000:
            object.__setattr__(self, "at", moment(milliseconds(self.at)))  # so that it survives the wire unchanged

    @property
    def order(self) -> tuple[datetime, str]:
        """Return its place among all operations: the same on every gate."""
        return self.at, self.op_id


def person_says(text: str) -> Verdict:
    """Return a verdict that is certain, because a person read the plate."""
    return Verdict(text, 1.0, ((text, 1.0),), text, 0, None, 0.0)


def milliseconds(at: datetime) -> int:
    """Return `at` as whole milliseconds since 1970, rounded down."""
    return (at - _EPOCH) // _MILLISECOND


def moment(since_1970_ms: int) -> datetime:
    """Return the aware moment; the inverse of `milliseconds`."""
    return _EPOCH + since_1970_ms * _MILLISECOND


def as_document(op: Operation) -> dict[str, Any]:
    """Return `op` as plain values; what is at its default is left out."""
    full: dict[str, Any] = {
        "id": op.op_id,
        "kind": op.kind.value,
        "at_ms": milliseconds(op.at),
        "lane": op.lane,
        "direction": op.direction.value if op.direction is not Direction.UNKNOWN else "",
        "plate": None if op.plate is None else _plate(op.plate),
        "event_id": op.event_id,
        "decision": op.decision,
        "clock_unset": not op.clock_trusted,
        "target": op.target,
        "zone": op.zone,
        "count": op.count,
        "by": op.by,
    }
    return {name: value for name, value in full.items() if value or name == "at_ms"}


def encode(op: Operation) -> bytes:
    """Return `op` as compact JSON."""
    return json.dumps(as_document(op), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def decode(body: bytes) -> Operation:
    """Return the operation that `body` describes; the inverse of `encode`.

    Raises:
        ValueError: it is none.
    """
    return from_document(json.loads(body))


def from_document(document: Any) -> Operation:
    """Return the operation; the inverse of `as_document`. Unknown keys are ignored.

    Raises:
        ValueError: a key is missing or of the wrong kind.
    """
    try:
        plate = document.get("plate")
        return Operation(
            op_id=str(document["id"]),
            kind=Kind(document["kind"]),
            at=moment(int(document["at_ms"])),
            lane=str(document.get("lane", "")),
            direction=Direction(document.get("direction", "unknown")),
            plate=None if plate is None else _verdict(plate),
            event_id=str(document.get("event_id", "")),
            decision=str(document.get("decision", "")),
            clock_trusted=not document.get("clock_unset", False),
            target=str(document.get("target", "")),
            zone=str(document.get("zone", "")),
            count=int(document.get("count", 0)),
            by=str(document.get("by", "")),
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not an operation: {type(error).__name__} {error}") from error


def _plate(plate: Verdict) -> list[Any]:
    alternatives = [[text, probability] for text, probability in plate.alternatives]
    return [plate.text, plate.probability, alternatives, plate.masked, plate.reads, plate.region, plate.height_px]


def _verdict(plate: list[Any]) -> Verdict:
    text, probability, alternatives, masked, reads, region, height_px = plate
    named = tuple((str(t), float(p)) for t, p in alternatives)
    return Verdict(
        str(text), float(probability), named, str(masked), int(reads), None if region is None else str(region),
        float(height_px),
    )  # fmt: skip
