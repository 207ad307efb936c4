"""Calibration: what the vote believes becomes how often it is right.

A logistic curve over the vote's own log-odds and the number of independent looks; its three numbers are fitted
on scored passages with `fit`. Pure functions; the numbers live here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.tracking.iou import Float64Array

MAX_LOG_ODDS = 12.0  # beyond this the vote's own odds carry no information
CEILING = 0.9998  # nobody measured enough passages to claim more
RIDGE = 1e-3  # keeps the fit finite when every passage was right
NEWTON_STEPS = 50
HALVINGS = 20
_IDENTITY = np.array([0.0, 1.0, 0.0])  # believe the vote as it is: what the ridge pulls towards


@dataclass(frozen=True, slots=True)
class Calibration:
    """log-odds(right) = bias + slope x log-odds(vote) + looks x ln(independent looks)."""

    bias: float
    slope: float
    looks: float

    def probability(self, raw: float, independent_looks: float) -> float:
        """Return the probability in (0, 1) that the whole text is right.

        Args:
            raw: the vote's own probability in [0, 1].
            independent_looks: sum of the looks' weights, > 0.
        """
        value = self.bias + self.slope * log_odds(raw) + self.looks * math.log(max(independent_looks, 1e-3))
        return min(CEILING, 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, value)))))


# Fitted in November 2026 on the votes that 498 held-out real crops, degraded again and again, and 83 rendered vehicles
# driving up in all lights go through look by look, read by the package's own reader, then lowered until the first vote
# above a threshold is right as often as it says (docs/decisions/0021). Fit it again, with `fit`, on scored replays of
# your own cameras.
DEFAULT = Calibration(bias=-0.75, slope=1.2, looks=-1.5)


def log_odds(probability: float) -> float:
    """Return ln(p / (1 - p)), clipped to +-`MAX_LOG_ODDS`."""
    p = min(max(probability, 1e-9), 1 - 1e-9)
    return max(-MAX_LOG_ODDS, min(MAX_LOG_ODDS, math.log(p / (1 - p))))


def fit(raw: Sequence[float], independent_looks: Sequence[float], right: Sequence[bool]) -> Calibration:
    """Return the calibration that explains best which votes were right (logistic regression, Newton's method).

    Raises:
        ValueError: the three sequences differ in length or are empty.
    """
    if not len(raw) == len(independent_looks) == len(right) or not raw:
        raise ValueError(f"need equally many, got {len(raw)}, {len(independent_looks)}, {len(right)}")
    looks = np.log(np.maximum(np.asarray(independent_looks, dtype=np.float64), 1e-3))
    x = np.column_stack([np.ones(len(raw)), [log_odds(p) for p in raw], looks])
    y = np.asarray(right, dtype=np.float64)
    beta = _IDENTITY
    for _ in range(NEWTON_STEPS):
        beta = _newton_step(x, y, beta)
    return Calibration(*(float(b) for b in beta))


def _newton_step(x: Float64Array, y: Float64Array, beta: Float64Array) -> Float64Array:
    """Return a better `beta`; the step is halved until the loss falls, or Newton's method may run away."""
    p = 1 / (1 + np.exp(-np.clip(x @ beta, -50, 50)))
    gradient = x.T @ (y - p) - RIDGE * len(y) * (beta - _IDENTITY)
    hessian = (x * (p * (1 - p))[:, None]).T @ x + RIDGE * len(y) * np.eye(3)
    step = np.linalg.solve(hessian, gradient)
    for _ in range(HALVINGS):
        if _loss(x, y, beta + step) <= _loss(x, y, beta):
            return np.asarray(beta + step)
        step = step / 2
    return beta


def _loss(x: Float64Array, y: Float64Array, beta: Float64Array) -> float:
    scores = x @ beta
    surprise = np.logaddexp(0.0, -scores) + (1 - y) * scores
    return float(surprise.sum() + RIDGE * len(y) / 2 * np.square(beta - _IDENTITY).sum())


def expected_calibration_error(predicted: Sequence[float], right: Sequence[bool], bins: int = 10) -> float:
    """Return the mean gap between predicted probability and share of right answers, over equally filled bins.

    Source: Nixon et al., Measuring Calibration in Deep Learning, 2019 (adaptive calibration error).
    """
    p, y = np.asarray(predicted, dtype=np.float64), np.asarray(right, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(part) * abs(p[part].mean() - y[part].mean()) for part in parts) / len(p))
