"""A cache of rendered plates in grey: rendered once with all cores, degraded anew at every use.

Rendering a plate costs more than reading it, so a training run draws from this cache; position,
light and camera are added when a plate is drawn from it, which never repeats. The same seed and
count give the same cache.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.progress import shown
from training.recogniser.network import SLOTS
from training.synth.camera import to_grey
from training.synth.plates import render_plate
from training.synth.surroundings import lettering_only, mount

CANVAS_PX = (336, 136)  # width, height of a cached picture
PLATE_WIDTH_WIDE_PX, PLATE_WIDTH_NARROW_PX = 240, 176
CHUNK = 500  # plates rendered per task
NEGATIVE_SHARE = 0.05  # of the cache that shows lettering or bodywork instead of a plate


@dataclass(frozen=True, slots=True)
class PlateCache:
    """Rendered plates, one per row; opened for reading."""

    pictures: NDArray[np.uint8]  # (N, height, width)
    plates: NDArray[np.float32]  # (N, 4) box of the plate x1 y1 x2 y2, pixels
    boxes: NDArray[np.float32]  # (N, SLOTS, 4) boxes of the characters, pixels; zero where none
    texts: NDArray[np.str_]  # (N,); "" where there is no plate
    lines: NDArray[np.uint8]  # (N,)

    def __len__(self) -> int:
        return len(self.texts)


def _render_one(
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32], str, int]:
    boxes = np.zeros((SLOTS, 4), np.float32)
    if rng.random() < NEGATIVE_SHARE:
        middle = np.array(CANVAS_PX, np.float32) / 2
        half = np.array([rng.uniform(40, 120), rng.uniform(25, 50)], np.float32)
        box = np.concatenate([middle - half, middle + half])
        return to_grey(rng, lettering_only(rng, CANVAS_PX)), box, boxes, "", 1
    plate = render_plate(rng)
    while not 1 <= len(plate.text) <= SLOTS:
        plate = render_plate(rng)
    wide = plate.image.shape[1] > 2.5 * plate.image.shape[0]
    picture, box = mount(rng, plate, CANVAS_PX, PLATE_WIDTH_WIDE_PX if wide else PLATE_WIDTH_NARROW_PX)
    scale = np.array([(box[2] - box[0]) / plate.image.shape[1], (box[3] - box[1]) / plate.image.shape[0]] * 2)
    boxes[: len(plate.text)] = plate.boxes * scale + np.tile(box[:2], 2)
    return to_grey(rng, picture), box, boxes, plate.text, plate.lines


def _render_chunk(seed: int, chunk: int, folder: Path, size: int) -> Path:
    """Render one chunk of `size` plates to a file; every chunk has a random stream of its own."""
    cv2.setNumThreads(0)
    rng = np.random.default_rng([seed, chunk])
    rows = [_render_one(rng) for _ in range(size)]
    path = folder / f"chunk-{seed}-{chunk:05d}.npz"
    pictures, plates, boxes, texts, lines = zip(*rows, strict=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, pictures=np.stack(pictures), plates=np.stack(plates), boxes=np.stack(boxes),
             texts=np.array(texts, dtype=f"U{SLOTS}"), lines=np.array(lines, np.uint8))  # fmt: skip
    part.rename(path)
    return path


def render_cache(
    folder: Path, count: int, seed: int, processes: int, rendered: Callable[[], object] = lambda: None
) -> None:
    """Render `count` plates into `folder`; chunks already there are kept, so it can be resumed or grown.

    A chunk that holds fewer plates than asked for is rendered again; one that holds more begins with the same plates.

    Args:
        folder: where the chunks go.
        count: plates in all.
        seed: of the random streams, one per chunk.
        processes: how many render at once.
        rendered: is called after every new chunk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [min(CHUNK, count - start) for start in range(0, count, CHUNK)]
    jobs = [(seed, chunk, folder, size) for chunk, size in enumerate(sizes)
            if _plates_in(folder / f"chunk-{seed}-{chunk:05d}.npz") < size]  # fmt: skip
    if processes <= 1:
        for job in jobs:
            _render_chunk(*job)
            rendered()
        return
    with ProcessPoolExecutor(processes) as pool:
        for done in as_completed([pool.submit(_render_chunk, *job) for job in jobs]):
            done.result()
            rendered()


def _plates_in(chunk: Path) -> int:
    """Return how many plates a chunk holds, 0 where there is none; its pictures are not read."""
    if not chunk.exists():
        return 0
    with np.load(chunk) as part:
        return len(part["lines"])


def open_cache(folder: Path) -> PlateCache:
    """Read every chunk in `folder` into memory, one by one, so that at no time anything is there twice.

    Raises:
        FileNotFoundError: the folder holds no chunk; says how to render one.
    """
    paths = sorted(folder.glob("chunk-*[0-9].npz"))
    if not paths:
        raise FileNotFoundError(f"{folder}: no rendered plates. Fix: run anpr-train recogniser render")
    count = sum(_plates_in(path) for path in paths)
    width, height = CANVAS_PX
    cache = PlateCache(
        np.empty((count, height, width), np.uint8), np.empty((count, 4), np.float32),
        np.empty((count, SLOTS, 4), np.float32), np.empty(count, f"U{SLOTS}"), np.empty(count, np.uint8),
    )  # fmt: skip
    start = 0
    for path in shown(paths, "opening rendered plates"):
        with np.load(path) as part:
            end = start + len(part["lines"])
            for name in ("pictures", "plates", "boxes", "texts", "lines"):
                getattr(cache, name)[start:end] = part[name]
        start = end
    return cache
