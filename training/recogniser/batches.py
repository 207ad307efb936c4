"""Endless training batches: rendered plates, photographs and things that are no plates, mixed.

A worker process prepares them while the network learns. The stream follows from the seed and the
worker's number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from training.recogniser.cache import PlateCache
from training.recogniser.crops import LabelledCrop
from training.recogniser.placed import PlacedCrop
from training.recogniser.recompose import Recomposer
from training.recogniser.samples import Sample, patch_sample, photographed_sample, rendered_sample

SOURCE_WEIGHTS = {"china": 0.3, "romania": 0.6, "parking_vn": 0.5}  # few cars, one camera; others weigh 1
TWO_LINE_WEIGHT = 2.5
MISREAD_WEIGHT = 3.0  # of photographs that the network at hand still misreads
UNSURE_WEIGHT, REFUSED_WEIGHT = 0.4, 2.0
cv2.setNumThreads(0)  # a thread pool does not survive the fork of a worker, which then waits for ever
Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Mix:
    """What a batch consists of, in shares; the rest is rendered plates."""

    photographs: float = 0.4
    patches: float = 0.03
    recomposed: float = 0.5  # of the photographs


def crop_weights(crops: Sequence[LabelledCrop], misread: Set[str] = frozenset()) -> NDArray[np.float64]:
    """Return how often each photograph is drawn: rare and misread ones (files) more, stretched Chinese crops less."""
    weights = np.array([SOURCE_WEIGHTS.get(crop.source, 1.0) for crop in crops])
    weights *= [TWO_LINE_WEIGHT if crop.lines == 2 else 1.0 for crop in crops]
    weights *= [MISREAD_WEIGHT if crop.file in misread else 1.0 for crop in crops]
    kinds = {"ok": 1.0, "unsure": UNSURE_WEIGHT, "notplate": REFUSED_WEIGHT, "illegible": REFUSED_WEIGHT}
    weights *= [kinds.get(crop.status, 0.3) for crop in crops]
    return np.asarray(weights / weights.sum())


class PlateStream(IterableDataset[Batch]):
    """Batches without end."""

    def __init__(
        self,
        cache: PlateCache,
        crops: Sequence[PlacedCrop],
        patches: list[NDArray[np.uint8]],
        mix: Mix,
        *,
        batch: int,
        seed: int,
        misread: Set[str] = frozenset(),
    ) -> None:
        self._cache, self._crops, self._patches = cache, crops, patches
        self._mix, self._batch, self._seed = mix, batch, seed
        self._weights = crop_weights([one.crop for one in crops], misread) if crops else np.zeros(0)
        self._recomposer = Recomposer(crops)

    def _sample(self, rng: np.random.Generator) -> Sample:
        kind = rng.random()
        if self._crops and kind < self._mix.photographs:
            return self._photograph(rng, int(rng.choice(len(self._crops), p=self._weights)))
        if self._patches and kind > 1 - self._mix.patches:
            return patch_sample(rng, self._patches[int(rng.integers(len(self._patches)))])
        return rendered_sample(rng, self._cache, int(rng.integers(len(self._cache))))

    def _photograph(self, rng: np.random.Generator, index: int) -> Sample:
        one = self._crops[index]
        if rng.random() < self._mix.recomposed:
            one = self._recomposer.recomposed(rng, index)
        return photographed_sample(rng, one.crop, one.corners)

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        while True:
            yield collate([self._sample(rng) for _ in range(self._batch)])


def collate(samples: Sequence[Sample]) -> Batch:
    """Return crops (N, 64, 128) uint8, targets, text weights, legible and places of the samples."""
    return (
        torch.from_numpy(np.stack([sample.crop for sample in samples])),
        torch.from_numpy(np.stack([sample.target for sample in samples])),
        torch.tensor([sample.text_weight for sample in samples], dtype=torch.float32),
        torch.tensor([sample.legible for sample in samples], dtype=torch.float32),
        torch.from_numpy(np.stack([sample.places for sample in samples])),
    )
