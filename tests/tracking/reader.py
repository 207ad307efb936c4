"""A reader that errs like a real one: by lookalikes, by dirt that stays, by pose, by lost and invented characters.

Used to judge the vote, which never sees the truth. Errors of one vehicle are correlated on purpose: dirt on a
character is in every look, a pose error in all looks of that size, only the rest is fresh each time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edge.types import BLANK, CHARSET, CLASSES, PlateRead

SLOTS = 10
LOOKALIKES = ("0OQD", "1IL", "2Z", "5S", "6G", "8B", "VY", "4A", "7T", "MN", "CG", "EF", "KX", "UV", "HN", "3J")


@dataclass(frozen=True)
class Ability:
    """How well the reader reads."""

    clear: float = 9.0  # log-odds of the true character on a large, clean plate
    half_height_px: float = 13.0  # height at which half of that is left
    dirt: float = 2.0  # deviation of the error that stays with the vehicle
    pose: float = 1.6  # of the error that stays with the size of the plate
    fresh: float = 1.6  # of the error of one look
    lost: float = 0.02  # probability per character to be missed at half height
    extra: float = 0.01  # to be invented


@dataclass
class Reader:
    """Reads one vehicle's plate, again and again."""

    text: str
    rng: np.random.Generator
    ability: Ability = Ability()
    _pose: dict[int, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._dirt = self._errors(self.ability.dirt)

    def read(self, track_id: int, sequence: int, at_s: float, height_px: float, detector: float = 0.9) -> PlateRead:
        """Return one look at the plate, `height_px` high."""
        size = round(np.log(height_px) / 0.1)
        if size not in self._pose:
            self._pose[size] = self._errors(self.ability.pose)
        faded = 1 / (1 + np.exp(-(height_px - self.ability.half_height_px) / 4.0))
        logits = self._dirt + self._pose[size] + self._errors(self.ability.fresh)
        for i, c in enumerate(self.text):
            logits[i, CHARSET.index(c)] += self.ability.clear * faded
        rows = self._misaligned(logits, 1.5 - faded)
        posterior, text = _packed(rows)
        legible = float(np.clip(0.3 + 0.7 * faded + self.rng.normal(0, 0.03), 0.0, 1.0))
        sharpness = 0.15 + 0.45 * float(faded)
        width_px = 4.6 * height_px
        return PlateRead(track_id, sequence, at_s, text, posterior, legible, height_px, width_px, sharpness, detector)

    def _errors(self, deviation: float) -> np.ndarray:
        """Return error logits (n, 36): small everywhere, large on lookalikes of the true character."""
        errors = self.rng.normal(0.0, 0.5 * deviation, (len(self.text), len(CHARSET)))
        for i, c in enumerate(self.text):
            for group in LOOKALIKES:
                if c in group:
                    others = [CHARSET.index(o) for o in group if o != c]
                    errors[i, others] += np.abs(self.rng.normal(0.0, 1.5 * deviation, len(others)))
        return errors

    def _misaligned(self, logits: np.ndarray, trouble: float) -> list[np.ndarray]:
        rows: list[np.ndarray] = []
        for row in logits:
            if self.rng.random() < self.ability.lost * trouble:
                continue
            rows.append(row)
            if self.rng.random() < self.ability.extra * trouble:
                rows.append(self.rng.normal(0.0, 1.0, len(CHARSET)))
        return rows[:SLOTS]


def _packed(rows: list[np.ndarray]) -> tuple[np.ndarray, str]:
    """Return the left-packed posterior of the rows' logits, and its text."""
    posterior = np.full((SLOTS, CLASSES), 1e-6, np.float32)
    posterior[len(rows) :, BLANK] = 1.0
    for i, row in enumerate(rows):
        p = np.exp(row - row.max())
        posterior[i, 1:] = p / p.sum()
    posterior /= posterior.sum(axis=1, keepdims=True)
    return posterior, "".join(CHARSET[int(p[1:].argmax())] for p in posterior[: len(rows)])


def a_read(
    text: str, *, at_s: float = 0.0, sequence: int = 0, height_px: float = 24.0, sure: float = 0.97
) -> PlateRead:
    """Return a look that says `text`, every character with probability `sure`."""
    posterior = np.zeros((SLOTS, CLASSES), np.float32)
    posterior[len(text) :, BLANK] = 1.0
    for i, c in enumerate(text):
        posterior[i, 1:] = (1 - sure) / (len(CHARSET) - 1)
        posterior[i, CHARSET.index(c) + 1] = sure
    return PlateRead(1, sequence, at_s, text, posterior, 0.97, height_px, height_px * 4.6, 0.5, 0.9)
