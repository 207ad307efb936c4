"""The stream of training samples: scene, view, pastes, camera, as a function of one seed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.random import Generator

from training.detector.camera import through_camera
from training.detector.compose import (
    MIN_HEIGHT_PX,
    MIN_VISIBLE,
    MIN_WIDTH_PX,
    Sample,
    cover_quad,
    donor_aspect,
    overlaps,
    paste_quad,
    random_quad,
    random_view,
    through,
    warp_scene,
)
from training.detector.donors import Donor
from training.detector.scenes import FloatArray, GreyImage, Scene, boxes_of_corners, corners_of_boxes

# Sources with many frames of few cars are drawn less often than their number says.
SOURCE_WEIGHT = {"romania": 0.4, "parking_vn": 0.5, "gate_vn": 0.4}
INEXACT_WEIGHT = 0.05  # corner loss of a plate whose corners are only those of a hand-drawn box
SIZES = ((384, 384), (320, 448), (256, 576), (448, 320), (384, 384), (288, 512))
MAX_PLATES = 24
WHOLE_SHARE = 0.99  # share of a plate's box inside the sample from which it counts as whole
CUT_WEIGHT = 0.25  # corner loss of a plate cut by the edge: its corners can only be guessed
SCATTER_MIN_PX = 22.0  # smaller pastes away from any car are mere smudges, and make smudges look like plates


@dataclass(frozen=True)
class Recipe:
    """How often what is done to a view, as shares."""

    mosaic: float  # four views in one sample: small plates, other surroundings
    replace: float  # plates of other countries where a car wears one
    scatter: float  # plates anywhere; with more of them the car around a plate stops counting
    signs: float  # lettering that is no plate
    camera: float  # factor on how often each camera effect is used


LEARN = Recipe(mosaic=0.15, replace=0.65, scatter=0.12, signs=0.35, camera=1.0)
FINISH = Recipe(mosaic=0.04, replace=0.5, scatter=0.06, signs=0.3, camera=0.45)  # nearer to what cameras deliver


@dataclass(frozen=True)
class Material:
    """What samples are made of."""

    scenes: Sequence[Scene]
    donors: Sequence[Donor]  # plates
    distractions: Sequence[Donor] = ()  # lettering and signs that are none

    def scene_odds(self) -> FloatArray:
        odds = np.array([SOURCE_WEIGHT.get(scene.source, 1.0) for scene in self.scenes], np.float64)
        return np.asarray(odds / odds.sum(), np.float64)


@dataclass
class _Canvas:
    """A sample under construction."""

    grey: GreyImage
    corners: FloatArray
    exact: FloatArray
    ignore: FloatArray  # (K, 4)


def _replace_plates(canvas: _Canvas, material: Material, rng: Generator) -> None:
    """Paste another plate over each labelled one, now and then."""
    for index, box in enumerate(boxes_of_corners(canvas.corners)):
        donor = material.donors[int(rng.integers(len(material.donors)))]
        quad = cover_quad(box, donor_aspect(donor, rng), rng)
        if rng.random() < 0.6 and box[2] - box[0] > 14 and paste_quad(canvas.grey, donor, quad, rng):
            canvas.corners[index], canvas.exact[index] = quad, donor.exact


def _scatter(canvas: _Canvas, material: Material, count: int, plates: bool, rng: Generator) -> None:
    """Paste plates, or lettering that is none, where no plate is yet."""
    height, width = canvas.grey.shape
    for _ in range(count):
        shelf = material.donors if plates else material.distractions
        donor = shelf[int(rng.integers(len(shelf)))]
        aspect = donor_aspect(donor, rng)
        wide = float(np.exp(rng.uniform(np.log(SCATTER_MIN_PX), np.log(0.5 * width))))
        wide = wide if plates else min(wide * 1.5, 0.8 * width)
        centre = np.array([rng.uniform(0, width), rng.uniform(0, height)], np.float32)
        quad = random_quad(centre, wide, aspect, rng)
        if overlaps(quad, canvas.corners) or not paste_quad(canvas.grey, donor, quad, rng):
            continue
        if plates:
            canvas.corners = np.concatenate((canvas.corners, quad[None]))
            canvas.exact = np.append(canvas.exact, np.float32(donor.exact))


def _without_plates(scene: Scene, rng: Generator) -> Scene:
    """Return the scene with its plates painted over by what lies beside them: a car is no plate."""
    grey = scene.grey.copy()
    for box in boxes_of_corners(scene.corners):
        x1, y1, x2, y2 = (int(v) for v in np.round(box))
        x1, y1 = max(x1 - 2, 0), max(y1 - 2, 0)
        if x2 - x1 > 3 and y2 - y1 > 2:
            level = float(np.median(grey[y1 : y2 + 2, x1 : x2 + 2])) + rng.normal(0, 15)
            rows = np.linspace(level, level + rng.normal(0, 30), y2 + 2 - y1)[:, None]
            patch = grey[y1 : y2 + 2, x1 : x2 + 2]
            patch[:] = np.clip(rows[: patch.shape[0]] + rng.normal(0, 2, patch.shape), 0, 255)
    return Scene(scene.file, scene.source, grey, np.zeros((0, 4, 2), np.float32), np.zeros(0, bool), scene.ignore)


def compose_view(scene: Scene, material: Material, size: tuple[int, int], rng: Generator, recipe: Recipe) -> _Canvas:
    """Return one scene through a random view with its pastes, before the camera."""
    if rng.random() < 0.06:
        scene = _without_plates(scene, rng)
    view = random_view(scene, size, rng)
    exact = np.where(scene.exact, 1.0, INEXACT_WEIGHT).astype(np.float32)
    ignore = boxes_of_corners(through(view, corners_of_boxes(scene.ignore)))
    canvas = _Canvas(warp_scene(scene, view, size, rng), through(view, scene.corners), exact, ignore)
    if material.donors:
        if rng.random() < recipe.replace:
            _replace_plates(canvas, material, rng)
        if rng.random() < recipe.scatter:
            _scatter(canvas, material, int(rng.integers(1, 4)), True, rng)
    if material.distractions and rng.random() < recipe.signs:
        _scatter(canvas, material, int(rng.integers(1, 5)), False, rng)
    return canvas


def _mosaic(views: Sequence[_Canvas]) -> _Canvas:
    """Return four half-size views side by side: small plates, other surroundings."""
    top, bottom = np.hstack((views[0].grey, views[1].grey)), np.hstack((views[2].grey, views[3].grey))
    height, width = views[0].grey.shape
    shifts = ((0, 0), (width, 0), (0, height), (width, height))
    moved = []
    for view, shift in zip(views, shifts, strict=True):
        view_keep = visible_share(view.corners, (height, width)) >= MIN_VISIBLE
        clipped = np.where(view_keep[:, None, None], np.clip(view.corners, 0, (width - 1, height - 1)), view.corners)
        moved.append(clipped + np.array(shift, np.float32))
    zones = [
        np.clip(view.ignore, 0, (width, height) * 2) + np.array(shift * 2)
        for view, shift in zip(views, shifts, strict=True)
    ]
    return _Canvas(
        np.vstack((top, bottom)).astype(np.uint8),
        np.concatenate(moved).astype(np.float32),
        np.concatenate([view.exact for view in views]),
        np.concatenate(zones).astype(np.float32),
    )


def visible_share(corners: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return the share of each plate's box that lies inside a picture of `size` (height, width)."""
    boxes = boxes_of_corners(corners)
    clipped = np.clip(boxes, 0, (size[1], size[0], size[1], size[0]))
    area = np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1e-3)
    return np.asarray(np.prod(clipped[:, 2:] - clipped[:, :2], axis=1) / area, np.float32)


def label(canvas: _Canvas) -> Sample:
    """Split the canvas's plates into those to find and those to ignore."""
    boxes = boxes_of_corners(canvas.corners)
    share = visible_share(canvas.corners, canvas.grey.shape)
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    big = (wide >= MIN_WIDTH_PX) & (high >= MIN_HEIGHT_PX)
    keep = big & (share >= MIN_VISIBLE)
    ignore = ~keep & (share > 0.02)
    zones = np.concatenate((boxes[ignore], canvas.ignore)).astype(np.float32)
    exact = canvas.exact * np.where(share > WHOLE_SHARE, 1.0, CUT_WEIGHT).astype(np.float32)
    return Sample(canvas.grey, canvas.corners[keep][:MAX_PLATES], exact[keep][:MAX_PLATES], zones)


def make_sample(
    material: Material, odds: FloatArray, size: tuple[int, int], rng: Generator, recipe: Recipe = LEARN
) -> Sample:
    """Return one finished training sample of `size` (height, width)."""

    def pick() -> Scene:
        return material.scenes[int(rng.choice(len(odds), p=odds))]

    if rng.random() < recipe.mosaic:
        half = (size[0] // 2, size[1] // 2)
        views = [compose_view(pick(), material, half, rng, recipe) for _ in range(4)]
        canvas = _mosaic(views)
    else:
        canvas = compose_view(pick(), material, size, rng, recipe)
    canvas.grey = through_camera(canvas.grey, rng, recipe.camera)
    return label(canvas)


@dataclass(frozen=True)
class Batch:
    """Samples as tensors; plates padded to the fullest sample's number, with `valid` 0."""

    images: torch.Tensor  # uint8 (N, H, W)
    boxes: torch.Tensor  # float32 (N, G, 4)
    corners: torch.Tensor  # float32 (N, G, 8)
    exact: torch.Tensor  # float32 (N, G)
    valid: torch.Tensor  # bool (N, G)
    ignore: torch.Tensor  # float32 (N, G, 4), zero-area rows are padding


def collate(samples: Sequence[Sample]) -> Batch:
    """Return the samples as one batch; boxes are clipped to the picture, corners are not."""
    count, (height, width) = len(samples), samples[0].grey.shape
    most = max(1, *(len(s.corners) for s in samples), *(min(len(s.ignore), MAX_PLATES) for s in samples))
    boxes = np.zeros((count, most, 4), np.float32)
    corners = np.zeros((count, most, 8), np.float32)
    exact, valid = np.zeros((count, most), np.float32), np.zeros((count, most), bool)
    ignore = np.zeros((count, most, 4), np.float32)
    for index, sample in enumerate(samples):
        n, k = len(sample.corners), min(len(sample.ignore), MAX_PLATES)
        boxes[index, :n] = np.clip(boxes_of_corners(sample.corners), 0, (width, height, width, height))
        corners[index, :n] = sample.corners.reshape(-1, 8)
        exact[index, :n], valid[index, :n] = sample.exact, True
        ignore[index, :k] = sample.ignore[:k]
    images = np.stack([sample.grey for sample in samples])
    return Batch(*(torch.from_numpy(a) for a in (images, boxes, corners, exact, valid, ignore)))


def batches(material: Material, seed: int, pixels: int, finish_after_s: float = float("inf")) -> Iterator[Batch]:
    """Yield batches for ever, each of one size from SIZES and about `pixels` pixels in all.

    After `finish_after_s` seconds samples follow the FINISH recipe, so that the last steps see pictures as they are.
    """
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    odds = material.scene_odds()
    start_s = time.monotonic()
    while True:
        recipe = LEARN if time.monotonic() - start_s < finish_after_s else FINISH
        size = SIZES[int(rng.integers(len(SIZES)))]
        count = max(1, pixels // (size[0] * size[1]))
        yield collate([make_sample(material, odds, size, rng, recipe) for _ in range(count)])


class BatchStream(torch.utils.data.IterableDataset[Batch]):
    """`batches` for a DataLoader: each worker draws from a seed of its own."""

    def __init__(self, material: Material, seed: int, pixels: int, finish_after_s: float) -> None:
        self._material, self._seed, self._pixels = material, seed, pixels
        self._finish_after_s = finish_after_s

    def __iter__(self) -> Iterator[Batch]:
        worker = torch.utils.data.get_worker_info()
        seed = self._seed + (worker.id if worker else 0) * 1009
        return batches(self._material, seed, self._pixels, self._finish_after_s)
