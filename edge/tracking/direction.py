"""Direction: which way a vehicle passes the gate, from a virtual line, from growth of its plate, or by role.

What cannot be told is `unknown`, and so is a vehicle that turned back: neither ever opens a barrier. Pure
functions of a passage's path.
"""

from __future__ import annotations

from edge.config.camera import GateSettings
from edge.tracking.passage import Passage
from edge.tracking.path import Heading, LineCrossings, crossings
from edge.types import Direction, Point


class Compass:
    """Tells directions at one gate; knows the size of the picture, because the line is given in shares of it."""

    def __init__(self, settings: GateSettings) -> None:
        self._settings = settings
        self.frame_size = (1, 1)

    def direction(self, passage: Passage) -> Direction:
        """Return which way the vehicle goes, as far as it can be told by now."""
        if self._settings.direction == "line":
            return self.crossed(passage) if passage.closed else self._heading_for(passage)
        way = passage.heading
        if self._settings.direction in ("entry", "exit"):
            back = way is Heading.BACK or passage.undoes
            return Direction.UNKNOWN if back else Direction(self._settings.direction)
        if way not in (Heading.TOWARDS, Heading.AWAY):
            return Direction.UNKNOWN
        approaching = Direction(self._settings.approaching)
        leaving = Direction.EXIT if approaching is Direction.ENTRY else Direction.ENTRY
        return approaching if way is Heading.TOWARDS else leaving

    def crossed(self, passage: Passage) -> Direction:
        """Return which way the vehicle crossed the line; unknown when it did not, or crossed it back."""
        crossed = self._crossings(passage)
        return Direction.UNKNOWN if crossed is None else _by_sign(crossed.to_right - crossed.to_left)

    def _heading_for(self, passage: Passage) -> Direction:
        """Return which way it crossed the line, or, while it has not, which way it is about to."""
        crossed = self._crossings(passage)
        if crossed is None or crossed.to_right or crossed.to_left:
            return self.crossed(passage)
        return _by_sign(crossed.approaches)

    def turned_back(self, passage: Passage) -> bool:
        """Tell whether the vehicle came and went back the same way."""
        crossed = self._crossings(passage)
        there_and_back = crossed is not None and crossed.to_right == crossed.to_left > 0
        undoes = passage.undoes and self._settings.direction in ("entry", "exit")  # else it is a passage of its own
        return passage.heading is Heading.BACK or undoes or there_and_back

    def moment_s(self, passage: Passage) -> float:
        """Return when it crossed the line, or, without one, when it was last seen."""
        crossed = self._crossings(passage)
        return passage.seen_s if crossed is None or crossed.last_s is None else crossed.last_s

    def _crossings(self, passage: Passage) -> LineCrossings | None:
        if self._settings.direction != "line" or self._settings.line is None:
            return None
        return crossings(passage.samples, self._line_px(self._settings.line))

    def _line_px(self, line: tuple[Point, Point]) -> tuple[Point, Point]:
        width, height = self.frame_size
        (ax, ay), (bx, by) = line
        return (ax * width, ay * height), (bx * width, by * height)


def _by_sign(net: int) -> Direction:
    return Direction.UNKNOWN if net == 0 else (Direction.ENTRY if net > 0 else Direction.EXIT)
