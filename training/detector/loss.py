"""What the detector is punished for: which anchors answer for which plate, and how wrong they are.

Assignment is task-aligned (TOOD, arXiv 2108.07755): of the anchors near a plate's middle, at levels that
suit its size, those that already score and overlap best learn it; the score learns that overlap
(varifocal loss, arXiv 2008.13367). Boxes learn by GIoU, corners by their distance in shares of the plate.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from training.detector.network import decode
from training.detector.samples import Batch

# Per stride, the plates it answers for by the square root of their area in px; neighbours overlap.
LEVEL_RANGE_PX = {8: (0.0, 64.0), 16: (24.0, 150.0), 32: (80.0, 1e9)}
CENTRE_SHARE = 0.35  # of the plate's half-open sides, where anchors may answer
CENTRE_STRIDES = 0.75  # ... but always at least this many strides, or tiny plates would have no anchor
TOP_K = 9
MIN_TARGET = 0.05  # keeps a chosen anchor learning while its box still overlaps nothing
NEGATIVE_POWER = 1.5  # the paper's 2 leaves headlights and badges at a score of 0.5 for too long
BOX_WEIGHT, CORNER_WEIGHT, SIDE_WEIGHT = 2.0, 20.0, 0.5


@dataclass(frozen=True)
class Losses:
    """The parts of the loss, and their weighted sum."""

    total: Tensor
    score: Tensor
    box: Tensor
    corner: Tensor


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return (N, G, A) overlaps of boxes a (N, G, 4) and b (N, A, 4)."""
    low = torch.maximum(a[:, :, None, :2], b[:, None, :, :2])
    high = torch.minimum(a[:, :, None, 2:], b[:, None, :, 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    area_a = (a[..., 2:] - a[..., :2]).clamp(min=0).prod(-1)[:, :, None]
    area_b = (b[..., 2:] - b[..., :2]).clamp(min=0).prod(-1)[:, None]
    return inter / (area_a + area_b - inter).clamp(min=1e-6)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Return the generalised overlap (M,) of matching boxes (M, 4), arXiv 1902.09630."""
    inter = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(-1)
    union = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(-1) + (b[:, 2:] - b[:, :2]).clamp(min=0).prod(-1) - inter
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(min=0).prod(-1)
    return inter / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


def candidates(batch: Batch, points: Tensor, strides: Tensor) -> Tensor:
    """Return bool (N, G, A): the anchors near the middle of each plate, at the levels of its size."""
    boxes = batch.boxes
    centre, side = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    reach = torch.maximum(side[:, :, None] * CENTRE_SHARE, CENTRE_STRIDES * strides[None, None])
    near = ((points[None, None] - centre[:, :, None]).abs() <= reach).all(-1)
    size = side.prod(-1).clamp(min=0).sqrt()[:, :, None]
    lowest, highest = torch.zeros_like(strides[:, 0]), torch.zeros_like(strides[:, 0])
    for stride, (low, high) in LEVEL_RANGE_PX.items():
        lowest[strides[:, 0] == stride], highest[strides[:, 0] == stride] = low, high
    return near & (size >= lowest) & (size < highest) & batch.valid[:, :, None]


@torch.no_grad()
def assign(batch: Batch, score: Tensor, boxes: Tensor, points: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each anchor its plate's index (N, A), -1 for none, and its target score (N, A)."""
    allowed = candidates(batch, points, strides)
    overlap = pairwise_iou(batch.boxes, boxes) * allowed
    metric = (score[:, None].clamp(min=1e-4).sqrt() * overlap**4 + 1e-9) * allowed
    best, _ = metric.topk(min(TOP_K, metric.shape[-1]), -1)
    chosen = allowed & (metric >= best[..., -1:])
    metric = metric * chosen
    strongest, owner = metric.max(1)
    taken = strongest > 0
    peak_metric = metric.amax(-1).clamp(min=1e-9)
    peak_overlap = (overlap * chosen).amax(-1)
    scaled = strongest / peak_metric.gather(1, owner) * peak_overlap.gather(1, owner)
    target = torch.where(taken, scaled.clamp(MIN_TARGET, 1.0), torch.zeros_like(scaled))
    return torch.where(taken, owner, torch.full_like(owner, -1)), target


def ignored(batch: Batch, points: Tensor) -> Tensor:
    """Return bool (N, A): anchors inside an ignore zone."""
    zone = batch.ignore[:, :, None]
    inside = (points[None, None] >= zone[..., :2]) & (points[None, None] <= zone[..., 2:])
    return (inside.all(-1) & (zone[..., 2] > zone[..., 0])).any(1)


def score_loss(logit: Tensor, target: Tensor, positive: Tensor, mask: Tensor) -> Tensor:
    """Return the summed varifocal loss: positives weigh their target, negatives their own confidence."""
    probability = logit.detach().sigmoid()
    weight = torch.where(positive, target, probability**NEGATIVE_POWER)
    loss = binary_cross_entropy_with_logits(logit, target, reduction="none")
    return (loss * weight * mask).sum()


def detector_loss(raw: Tensor, points: Tensor, strides: Tensor, batch: Batch) -> Losses:
    """Return the loss of raw outputs (N, A, 13) against a batch's labels."""
    boxes, corners = decode(raw, points, strides)
    logit = raw[..., 0]
    owner, target = assign(batch, logit.detach().sigmoid(), boxes.detach(), points, strides)
    positive = owner >= 0
    mask = (positive | ~ignored(batch, points)).float()
    norm = target.sum().clamp(min=1.0)
    score = score_loss(logit, target, positive, mask) / norm
    image, anchor = positive.nonzero(as_tuple=True)
    if not len(image):
        zero = raw.sum() * 0.0
        return Losses(score + zero, score, zero, zero)
    plate = owner[image, anchor]
    weight = target[image, anchor]
    want_box, got_box = batch.boxes[image, plate], boxes[image, anchor]
    side = (want_box[:, 2:] - want_box[:, :2]).clamp(min=4.0)
    off = ((got_box - want_box).abs() / side.repeat(1, 2)).clamp(max=2.0).mean(-1)
    box = ((1 - giou(got_box, want_box)) * weight).sum() / norm
    sides = (off * weight).sum() / norm
    want, got = batch.corners[image, plate].view(-1, 4, 2), corners[image, anchor].view(-1, 4, 2)
    unit = side.prod(-1).sqrt()[:, None, None]
    far = ((got - want).abs() / unit).clamp(max=2.0).mean((1, 2))
    corner = (far * weight * batch.exact[image, plate]).sum() / norm
    total = score + BOX_WEIGHT * box + SIDE_WEIGHT * sides + CORNER_WEIGHT * corner
    return Losses(total, score, box, corner)
