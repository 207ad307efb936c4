"""Make the score a probability: a find scored 0.8 is a plate in four of five cases.

Focal losses leave scores that rank well and mean little. Two numbers, scale and shift of the logit (Platt
1999), are fitted on finds in labelled scenes and folded into the last layer; the ranking, and with it every
precision-recall figure, stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from training.detector.finder import Network, find
from training.detector.network import Head, PlateDetector
from training.detector.scenes import Scene, boxes_of_corners
from training.evaluate.detection import Picture, match
from training.progress import shown

LEAST_SCORE = 0.03
ROUNDS = 60
DAMPING = 1e-4  # keeps the fit finite where finds separate perfectly


@dataclass(frozen=True)
class Platt:
    """Calibrated logit = scale * logit + shift; scale is above 0."""

    scale: float
    shift: float


def scored_finds(
    network: Network, scenes: Sequence[Scene], sizes: Sequence[int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return logits of all finds at all sizes and 1 or 0 for right or wrong; finds on ignore zones are left out."""
    logits: list[float] = []
    hits: list[float] = []
    for size in sizes:
        for scene in shown(scenes, f"calibrating at {size} px"):
            finds = find(network, scene.grey, size, LEAST_SCORE)
            picture = Picture(boxes_of_corners(scene.corners), finds.scores, finds.boxes, scene.ignore)
            taken, counts = match(picture, 0.5)
            score = np.clip(finds.scores[counts].astype(float), 1e-6, 1 - 1e-6)
            logits += list(np.log(score / (1 - score)))
            hits += list((taken[counts] >= 0).astype(float))
    return np.array(logits), np.array(hits)


def fit_platt(logits: npt.NDArray[np.float64], hits: npt.NDArray[np.float64]) -> Platt:
    """Return the maximum-likelihood scale and shift, by Newton's method.

    Raises:
        ValueError: there is nothing to fit, or scores and truth run against each other.
    """
    if len(logits) < 2 or hits.min() == hits.max():
        raise ValueError("calibration needs right and wrong finds. Fix: give more labelled scenes")
    design = np.stack((logits, np.ones_like(logits)), 1)
    weights = np.zeros(2)
    for _ in range(ROUNDS):
        probability = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (probability - hits) + DAMPING * weights
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design + DAMPING * np.eye(2)
        weights = weights - np.linalg.solve(curvature, gradient)
    if not weights[0] > 0:
        raise ValueError(f"scores do not rise with truth (scale {weights[0]:.3f}). Fix: train longer")
    return Platt(float(weights[0]), float(weights[1]))


@torch.no_grad()
def apply_platt(model: PlateDetector, platt: Platt) -> None:
    """Fold the calibration into the score layers of every level."""
    for head in model.heads:
        assert isinstance(head, Head)
        head.score.weight.mul_(platt.scale)
        assert head.score.bias is not None
        head.score.bias.mul_(platt.scale).add_(platt.shift)
