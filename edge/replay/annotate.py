"""Proposes the truth about a recording: passages as the pipeline sees them, and a contact sheet to check them by.

A person corrects the file; the proposal is marked as one. Pure functions; the command writes the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge.replay.scoring import Reported, grouped
from edge.replay.watch import Story, Watched
from edge.types import Direction, UInt8Array

TILE_W, TILE_H, SCENE_H, CAPTION_H = 420, 350, 236, 30
COLUMNS = 3
PAPER, INK, DIM = (250, 248, 246), (40, 32, 26), (130, 122, 116)


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """One passage as the pipeline saw it."""

    reported: Reported
    story: Story | None

    @property
    def window_s(self) -> tuple[float, float]:
        """When its plate was in view."""
        return (self.story.first_s, self.story.last_s) if self.story else self.reported.span_s


def proposals(watched: Watched) -> tuple[Proposal, ...]:
    """Return the passages that were reported, in order."""
    found = []
    for reported in grouped(watched.events):
        stories = watched.stories_of(reported.passage_id)
        found.append(Proposal(reported, stories[0] if stories else None))
    return tuple(sorted(found, key=lambda p: p.window_s))


def yaml_text(watched: Watched, found: Sequence[Proposal]) -> str:
    """Return the proposal as `truth.yaml`, one passage a line, for a person to correct."""
    lines = [
        "# Proposed by anpr-edge annotate: compare with the contact sheet and correct each line.",
        "# plate: A-Z and 0-9. from, to: seconds in view. direction: entry or exit.",
        "# expects: read (default), optional (nobody can read it), nothing (parked, no passage).",
        f"{_quoted(watched.video.name)}:",
        "  passages:" if found else "  passages: []",
    ]
    for number, p in enumerate(found, 1):
        start, end = p.window_s
        direction = p.reported.last.direction
        fields = [f"plate: {_quoted(p.reported.text)}"]
        if direction is not Direction.UNKNOWN:
            fields.append(f"direction: {direction.value}")
        fields += [f"from: {start:.1f}", f"to: {end:.1f}"]
        if not p.reported.text:
            fields.append("expects: optional")
        answer = p.reported.answer
        note = f"p={answer.probability:.3f}, {answer.reads} looks" if answer else "not read"
        lines.append(f"    - {{{', '.join(fields)}}}  # {number}: {note}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a YAML string; quoted, as 02011491414 is no number here."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def contact_sheet(found: Sequence[Proposal]) -> UInt8Array:
    """Return one picture with a tile per passage: the scene, the best look enlarged, number, text, time."""
    rows = max(1, -(-len(found) // COLUMNS))
    sheet: UInt8Array = np.full((rows * TILE_H, COLUMNS * TILE_W, 3), PAPER, np.uint8)
    if not found:
        _write(sheet, "no passage was reported", 20, 60, 0.8, INK)
    for number, proposal in enumerate(found):
        y, x = number // COLUMNS * TILE_H, number % COLUMNS * TILE_W
        _tile(sheet[y : y + TILE_H, x : x + TILE_W], number + 1, proposal)
    return sheet


def _tile(tile: UInt8Array, number: int, p: Proposal) -> None:
    start, end = p.window_s
    _write(tile, f"{number}  {p.reported.text or 'unread'}", 12, 24, 0.75, INK)
    _write(tile, f"{start:.1f} - {end:.1f} s  {p.reported.last.direction.value}", 226, 24, 0.5, DIM)
    if p.story is None:
        return
    _place(tile, p.story.scene_jpeg, 12, CAPTION_H + 6, TILE_W - 24, SCENE_H)
    looks = sorted(p.story.looks, key=lambda s: -s.read.height_px)[:2]
    for k, look in enumerate(looks):
        _place(tile, look.crop_jpeg, 12 + k * 200, CAPTION_H + SCENE_H + 12, 190, TILE_H - CAPTION_H - SCENE_H - 20)


def _place(tile: UInt8Array, data: bytes, x: int, y: int, width: int, height: int) -> None:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        return
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    tile[y : y + size[1], x : x + size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _write(image: UInt8Array, text: str, x: int, y: int, scale: float, colour: tuple[int, int, int]) -> None:
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
