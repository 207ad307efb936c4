"""Train the reader: steady learning rate for as long as there is time, then a long decay.

The averaged weights are what counts. Checkpoints are written every few minutes and hold all that
is needed to go on, with other data if need be. Uses a GPU where there is one, else bfloat16 on
the CPU, which is what makes two cores enough.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from training.files import read_checkpoint
from training.recogniser.batches import Batch, PlateStream
from training.recogniser.network import GRID, PlateReader, Reading

LABEL_SMOOTHING = 0.04
PADDING_WEIGHT = 0.15  # of the blanks behind the first one: they say nothing new
ATTENTION_WEIGHT, LEGIBLE_WEIGHT = 0.2, 0.25
MAX_GRADIENT = 2.0
Tensors = tuple[Tensor, ...] | list[Tensor]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to learn."""

    budget_s: float  # of wall clock, pauses between runs not counted
    checkpoint: Path
    batch: int = 128
    rate: float = 2e-3
    decay_share: float = 0.4  # of the budget, at its end
    warm_up_steps: int = 300
    weight_decay: float = 0.03
    ema: float = 0.998
    checkpoint_every_s: float = 60.0
    seed: int = 1
    threads: int = 1
    workers: int = 1
    judge_alone: bool = False  # only the head that tells plates from other things learns; what is read stays the same


@dataclass(slots=True)
class Progress:
    """Where a run is."""

    step: int = 0
    elapsed_s: float = 0.0
    losses: dict[str, float] = field(default_factory=dict)


class Trainer:
    """Owns the network, its average and the optimiser of one run."""

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.plan = plan
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = PlateReader().to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(not plan.judge_alone or name.startswith("judge."))
        self.average = AveragedModel(self.network, multi_avg_fn=_averaging(plan.ema), use_buffers=True)
        self.optimiser = torch.optim.AdamW(_groups(self.network, plan.weight_decay), lr=plan.rate)
        self.progress = Progress()
        self.temperature: float | None = None  # of the published reader that this went on from

    def resume(self, path: Path, restart_clock: bool = False) -> None:
        """Go on from a checkpoint; with `restart_clock`, from its averaged weights and with a fresh budget."""
        state = read_checkpoint(path, ("network", "average", "optimiser", "step", "elapsed_s"), self.device)
        self.temperature = state.get("temperature")
        self.average.load_state_dict(state["average"])
        if restart_clock:
            self.network.load_state_dict(self.average.module.state_dict())
            return
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(int(state["step"]), float(state["elapsed_s"]))

    def start_from(self, network: PlateReader, temperature: float | None = None) -> None:
        """Start from these weights with a fresh budget; their temperature is kept for whoever cannot fit one."""
        self.temperature = temperature
        self.network.load_state_dict(network.state_dict())
        self.average.module.load_state_dict(network.state_dict())

    def averaged(self) -> PlateReader:
        """Return the averaged network, ready to infer."""
        network = self.average.module
        if not isinstance(network, PlateReader):
            raise TypeError(f"the average is a {type(network).__name__}, not a PlateReader")
        return network.eval()

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        path = self.plan.checkpoint
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.progress.step,
                "elapsed_s": self.progress.elapsed_s,
                "temperature": self.temperature,
            },
            part,
        )
        part.rename(path)

    def run(self, stream: PlateStream) -> Iterator[Progress]:
        """Learn until the budget is spent; yields after every step, saves now and then and whenever it ends."""
        loader = DataLoader(stream, batch_size=None, num_workers=self.plan.workers,
                            prefetch_factor=6 if self.plan.workers else None)  # fmt: skip
        started = time.monotonic() - self.progress.elapsed_s
        saved_at = self.progress.elapsed_s
        try:
            for batch in loader:
                self._step(batch)
                self.progress.elapsed_s = time.monotonic() - started
                if self.progress.elapsed_s - saved_at > self.plan.checkpoint_every_s:
                    saved_at = self.progress.elapsed_s
                    self.save()
                yield self.progress
                if self.progress.elapsed_s >= self.plan.budget_s:
                    return
        finally:  # also when interrupted: minutes of work are worth a second
            self.save()

    def _step(self, batch: Batch) -> None:
        rate = self.plan.rate * self._rate_share()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        crops, targets, weights, legible, places = (part.to(self.device) for part in batch)
        self.network.train(not self.plan.judge_alone)  # or batch normalisation would go on learning
        with torch.autocast(self.device.type, torch.bfloat16):
            reading = self.network(crops)
        losses = losses_of(reading, targets, weights, legible, places)
        total = losses["text"] + ATTENTION_WEIGHT * losses["attention"] + LEGIBLE_WEIGHT * losses["legible"]
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), MAX_GRADIENT)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.progress.step += 1
        for name, loss in losses.items():
            now = float(loss.detach())
            self.progress.losses[name] = 0.98 * self.progress.losses.get(name, now) + 0.02 * now

    def _rate_share(self) -> float:
        """Return the share of the full learning rate: warm-up, steady, then a cosine to zero."""
        warm = min(1.0, (self.progress.step + 1) / self.plan.warm_up_steps)
        done = self.progress.elapsed_s / self.plan.budget_s
        into = (done - (1 - self.plan.decay_share)) / self.plan.decay_share
        return warm * (0.5 + 0.5 * math.cos(math.pi * min(1.0, max(0.0, into)))) + 1e-3


def _averaging(limit: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """Return an exponential average whose memory grows with the run, so that early weights are soon forgotten."""

    @torch.no_grad()
    def update(averages: Tensors, currents: Tensors, count: Tensor | int) -> None:
        share = max(1 - limit, 9.0 / (10.0 + float(count)))
        for average, current in zip(averages, currents, strict=True):
            if average.is_floating_point():
                average.lerp_(current.to(average.dtype), share)
            else:
                average.copy_(current)

    return update


def _groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Return parameter groups: only matrices and kernels decay."""
    decaying = [p for p in network.parameters() if p.ndim >= 2]
    return [{"params": decaying, "weight_decay": weight_decay},
            {"params": [p for p in network.parameters() if p.ndim < 2], "weight_decay": 0.0}]  # fmt: skip


def losses_of(reading: Reading, targets: Tensor, weights: Tensor, legible: Tensor, places: Tensor) -> dict[str, Tensor]:
    """Return the three losses of a batch, each a mean over the samples that have that truth."""
    slots = functional.cross_entropy(
        reading.logits.transpose(1, 2), targets, reduction="none", label_smoothing=LABEL_SMOOTHING
    )
    blank = (targets == 0).float()
    importance = torch.where(blank.cumsum(1) > 1, PADDING_WEIGHT, 1.0)
    per_sample = (slots * importance).sum(1) / importance.sum(1)
    text = (per_sample * weights).sum() / weights.sum().clamp(min=1.0)
    known = (legible >= 0).float()
    judged = functional.binary_cross_entropy_with_logits(reading.legible, legible.clamp(min=0), reduction="none")
    return {
        "text": text,
        "attention": attention_loss(reading.attention, places),
        "legible": (judged * known).sum() / known.sum().clamp(min=1.0),
    }


def attention_loss(attention: Tensor, places: Tensor) -> Tensor:
    """Return how much of each slot's attention misses its character, where the place is known."""
    rows, columns = GRID
    xs = (torch.arange(columns, device=places.device) + 0.5) / columns
    ys = (torch.arange(rows, device=places.device) + 0.5) / rows
    half_x, half_y = 0.5 / columns, 0.5 / rows  # a cell counts when any of its middle half is inside
    in_x = (xs > places[..., 0:1] - half_x) & (xs < places[..., 2:3] + half_x)
    in_y = (ys > places[..., 1:2] - half_y) & (ys < places[..., 3:4] + half_y)
    inside = (in_y[..., :, None] & in_x[..., None, :]).flatten(2).float()
    known = (places[..., 2] > places[..., 0]).float()
    caught = (attention[..., :-1] * inside).sum(2).clamp(min=1e-4)
    return (-caught.log() * known).sum() / known.sum().clamp(min=1.0)
