"""The detector's training loop: resumable, on the wall clock, CPU or GPU.

A run is told how many minutes it may take, because on two cores time is what is short. Checkpoints are
written whole or not at all, and hold the averaged weights that are exported.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from training.detector.loss import Losses, detector_loss
from training.detector.network import PlateDetector
from training.detector.samples import Batch, BatchStream, Material
from training.files import fill, read_checkpoint

EMA_DECAY = 0.999  # the average spans about the last 1,000 steps
GRADIENT_LIMIT = 10.0
WARMUP_STEPS = 200
SAVE_EVERY_S = 60.0
FINISH_FROM = 0.6  # share of the time after which samples are augmented less


@dataclass(frozen=True)
class TrainPlan:
    """How long, how fast and with which seed."""

    minutes: float  # of wall clock over all runs of one training, pauses between them not counted
    out: Path
    seed: int = 1
    rate: float = 2e-3
    final_rate: float = 2e-5
    pixels: int = 12 * 384 * 384
    steps: int | None = None  # stop after so many steps, for tests
    workers: int = 1


class Training:
    """One network in training: weights, their running average, optimiser, step count and time used."""

    def __init__(self, plan: TrainPlan, device: str = "cpu") -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.device = plan, torch.device(device)
        self.model = PlateDetector().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = PlateDetector().to(self.device)
        self.average.load_state_dict(self.model.state_dict())
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        plain = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=plan.rate)
        self.step_count, self.elapsed_s = 0, 0.0

    def save(self) -> None:
        """Write the checkpoint; a reader never sees half a file."""
        self.plan.out.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "steps": self.step_count,
            "elapsed_s": self.elapsed_s,
        }
        partial = self.plan.out.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.plan.out)

    def resume(self, checkpoint: Path) -> None:
        """Continue from a checkpoint's weights, average, optimiser, step count and time used.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds weights alone, or is no checkpoint.
        """
        state = read_checkpoint(checkpoint, ("model", "average", "optimiser", "steps"), self.device)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step_count = state["steps"]
        self.elapsed_s = float(state.get("elapsed_s", 0.0))  # older checkpoints do not tell: their time starts anew

    def start_from(self, weights: Path) -> None:
        """Begin with the weights of an earlier model (a checkpoint or exported weights), all else fresh."""
        state = read_checkpoint(weights, ("average",), self.device)["average"]
        for model in (self.model, self.average):
            fill(model, state, weights)

    def step(self, batch: Batch, rate: float) -> Losses:
        """Learn from one batch at the given learning rate."""
        batch = Batch(*(getattr(batch, name).to(self.device) for name in Batch.__dataclass_fields__))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            raw, points, strides = self.model.raw(batch.images)
        losses = detector_loss(raw, points, strides, batch)
        self.optimiser.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_LIMIT)
        self.optimiser.step()
        self.step_count += 1
        self._average()
        return losses

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(EMA_DECAY, (1 + self.step_count) / (10 + self.step_count))
        live = self.model.state_dict()
        for name, value in self.average.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(live[name].to(value.dtype), 1 - decay)
            else:
                value.copy_(live[name])


def rate_at(plan: TrainPlan, steps: int, elapsed_share: float) -> float:
    """Return the learning rate: linear warm-up, then a cosine over the planned time."""
    warm = min(1.0, (steps + 1) / WARMUP_STEPS)
    cosine = 0.5 * (1 + math.cos(math.pi * min(max(elapsed_share, 0.0), 1.0)))
    return warm * (plan.final_rate + (plan.rate - plan.final_rate) * cosine)


def train(plan: TrainPlan, material: Material, training: Training) -> Iterator[tuple[int, float, Losses]]:
    """Train until the plan's minutes (or steps) are used; yield step, share of the time used and losses.

    A resumed training goes on in time and learning rate where it was. The checkpoint is written every minute and
    whenever it ends, also when interrupted.
    """
    budget_s = plan.minutes * 60.0
    finish_after_s = max(budget_s * FINISH_FROM - training.elapsed_s, 0.0)
    stream = BatchStream(material, plan.seed + training.step_count, plan.pixels, finish_after_s)
    # spawn: a forked worker inherits OpenCV's locked thread pool and hangs
    parallel: dict[str, Any] = {"multiprocessing_context": "spawn", "prefetch_factor": 4} if plan.workers else {}
    loader = DataLoader(stream, batch_size=None, num_workers=plan.workers, **parallel)
    training.model.train()
    start_s, saved_s = time.monotonic() - training.elapsed_s, training.elapsed_s
    try:
        for count, batch in enumerate(loader):
            training.elapsed_s = time.monotonic() - start_s
            share = training.elapsed_s / budget_s
            if share >= 1.0 or (plan.steps is not None and count >= plan.steps):
                break
            losses = training.step(batch, rate_at(plan, training.step_count, share))
            if training.elapsed_s - saved_s > SAVE_EVERY_S:
                training.save()
                saved_s = training.elapsed_s
            yield training.step_count, share, losses
    finally:
        training.save()
