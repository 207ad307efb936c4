"""Account: why a plate was read as it was, or not at all, in words with numbers: one line per look.

Values only, made from the vote's own bookkeeping; the page, the command and reports show them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.tracking.looks import HALF_HEIGHT_PX, LookWeight
from edge.types import BLANK, CHARSET, PlateRead

NEVER_MOVED = "the vehicle never moved: what stands is parked, and no passage"


@dataclass(frozen=True, slots=True)
class LookLine:
    """One look as a person reads it."""

    at_s: float  # monotonic moment of the frame
    size_px: tuple[float, float]  # width, height of the plate in the picture
    sharpness: float
    detector: float
    legible: float
    characters: tuple[tuple[str, float], ...]  # each with its probability
    weight: float  # votes it had in the end
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of one vehicle's plate: how it was seen, what each look said, what that led to."""

    detections: int
    best_height_px: float
    answer: str  # of the vote, "" without one
    reason: str  # why there is no text, or no event; "" where there is
    looks: tuple[LookLine, ...]  # oldest first

    def as_document(self) -> dict[str, Any]:
        """Return it as plain values; moments in seconds since the first look."""
        start_s = self.looks[0].at_s if self.looks else 0.0
        return {
            "detections": self.detections,
            "best_height_px": round(self.best_height_px, 1),
            "answer": self.answer,
            "reason": self.reason,
            "looks": [_document(line, start_s) for line in self.looks],
        }


def lines_of(document: Mapping[str, Any]) -> tuple[LookLine, ...]:
    """Return the looks of an account that was stored with `Account.as_document`."""
    return tuple(
        LookLine(
            at_s=look["at_s"],
            size_px=(look["width_px"], look["height_px"]),
            sharpness=look["sharpness"],
            detector=look["detector"],
            legible=look["legible"],
            characters=tuple((c, p) for c, p in look["characters"]),
            weight=look["weight"],
            verdict=look["verdict"],
            reason=look["reason"],
        )
        for look in document["looks"]
    )


def account(
    weights: Sequence[LookWeight],
    answer: str,
    *,
    detections: int,
    best_height_px: float,
    min_height_px: float,
    answered: bool,
    probability: float = 1.0,
    told_from: float = 0.0,
) -> Account:
    """Return the account of one vehicle.

    Args:
        weights: how each look counted, oldest first.
        answer: of the vote, "" without one.
        detections: in how many pictures the plate was found.
        best_height_px: of the largest of them, in pixels of the full picture.
        min_height_px: lower plates are not read at all.
        answered: whether an event with a text came of it.
        probability: of the answer.
        told_from: the probability from which an answer is told in the end.
    """
    lines = tuple(_line(weight) for weight in weights)
    reason = "" if answered and answer else _why_not(lines, detections, best_height_px, min_height_px)
    if reason == NEVER_MOVED and probability < told_from:
        reason = f"the vote is right with probability {probability:.2f} only, and a text is told from {told_from:.2f}"
    return Account(detections, best_height_px, answer, reason, lines)


def characters(read: PlateRead) -> tuple[tuple[str, float], ...]:
    """Return each character of the best path with its probability."""
    best = ((int(row.argmax()), row) for row in read.posterior)
    return tuple((CHARSET[k - 1], float(row[k])) for k, row in best if k != BLANK)


def _line(weight: LookWeight) -> LookLine:
    read = weight.read
    return LookLine(
        at_s=read.at_s,
        size_px=(read.width_px, read.height_px),
        sharpness=read.sharpness,
        detector=read.detection_score,
        legible=read.legible,
        characters=characters(read),
        weight=weight.weight,
        verdict=weight.verdict.value,
        reason=weight.reason,
    )


def _document(line: LookLine, start_s: float) -> dict[str, Any]:
    return {
        "at_s": round(line.at_s - start_s, 2),
        "width_px": round(line.size_px[0], 1),
        "height_px": round(line.size_px[1], 1),
        "sharpness": round(line.sharpness, 3),
        "detector": round(line.detector, 3),
        "legible": round(line.legible, 3),
        "characters": [[c, round(p, 3)] for c, p in line.characters],
        "weight": round(line.weight, 3),
        "verdict": line.verdict,
        "reason": line.reason,
    }


def _why_not(lines: Sequence[LookLine], detections: int, best_height_px: float, min_height_px: float) -> str:
    """Return why a plate led to no text or no event."""
    if not lines:
        if best_height_px < min_height_px:
            return f"too small: at most {best_height_px:.0f} px high, reading starts at {min_height_px:.0f} px"
        return f"never read: seen in {detections} pictures, all too blurred"
    counted = [line for line in lines if line.weight > 0]
    if not counted:
        worst = max({r.reason for r in lines}, key=lambda reason: sum(r.reason == reason for r in lines))
        return f"none of {len(lines)} looks had a say: {worst}"
    if best_height_px < HALF_HEIGHT_PX:
        return f"seen too small for a sure answer: at most {best_height_px:.0f} px high"
    if len(counted) < 2:
        return "a single look is no quorum"
    return NEVER_MOVED
