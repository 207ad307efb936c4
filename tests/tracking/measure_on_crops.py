"""Measures the vote on real pictures with the package's own reader, and fits its calibration there.

    python -m tests.tracking.measure_on_crops            # all held-out crops of ANPR_DATA

Each crop is degraded into 4 to 10 looks of a vehicle that comes nearer: smaller, blurred, darker, noisier, with
shaken corners. The looks share the mistakes of their one picture, so this is the hard case: real vehicles turn.
"""

from __future__ import annotations

import csv
import os
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.config.models import ModelSettings
from edge.pipeline.image import quad_size, quality
from edge.pipeline.models import load_recogniser
from edge.pipeline.posterior import decode_text
from edge.pipeline.views import read_views, views
from edge.protocols import Recogniser
from edge.tracking.calibration import DEFAULT, expected_calibration_error, fit
from edge.tracking.looks import votes
from edge.tracking.voting import Ballot
from edge.types import Box, Detection, PlateRead, UInt8Array
from tests.tracking.measure_voting import AS_IS

DATA = Path(os.environ.get("ANPR_DATA", Path(__file__).parents[3] / "shared" / "data"))
MARGIN = (0.06, 0.12)  # with which the crops were cut, see the data's README
QUORUM = 3


@dataclass(frozen=True)
class Step:
    """The vote after one more look."""

    raw: float
    independent: float
    right: bool
    reads: int


@dataclass(frozen=True)
class Vehicle:
    """One crop, looked at again and again."""

    text: str
    surest_right: bool  # the single look with the highest product of probabilities
    steps: tuple[Step, ...]


def vehicles(limit: int | None = None, seed: int = 1) -> list[Vehicle]:
    """Vote on the held-out crops whose text is certain, `limit` of them evenly spread."""
    return [_vehicle(text, reads) for text, reads in held_out(limit, seed)]


def held_out(limit: int | None = None, seed: int = 1) -> Iterator[tuple[str, list[PlateRead]]]:
    """Yield the text and the looks of each held-out crop whose text is certain, `limit` of them evenly spread."""
    with (DATA / "crops.csv").open(encoding="utf-8", newline="") as table:
        rows = [r for r in csv.DictReader(table) if r["status"] == "ok" and r["split"] == "val"]
    rows = rows[:: max(1, len(rows) // limit)] if limit else rows
    recogniser, rng = load_recogniser(ModelSettings(threads=1)), np.random.default_rng(seed)
    with zipfile.ZipFile(DATA / "crops.zip") as pictures:
        names = {Path(name).name: name for name in pictures.namelist()}
        for row in rows:
            picture = _picture(pictures.read(names[Path(row["file"]).name]))
            yield row["text"], _reads(picture, recogniser, rng)


def first_above(found: Sequence[Vehicle], threshold: float) -> list[tuple[float, bool]]:
    """Return (said, right) of the first vote above `threshold` of every vehicle that reaches it."""
    told: list[tuple[float, bool]] = []
    for vehicle in found:
        steps = [(DEFAULT.probability(s.raw, s.independent), s) for s in vehicle.steps if s.reads >= QUORUM]
        told += [(p, s.right) for p, s in steps if p >= threshold][:1]
    return told


def _vehicle(text: str, reads: Sequence[PlateRead]) -> Vehicle:
    ballot = Ballot(curve=AS_IS)
    steps: list[Step] = []
    for read in reads:
        ballot.add(read)
        verdict = ballot.verdict()
        if verdict is not None:
            independent = float(votes([look.read for look in ballot.explain() if look.weight > 0]).sum())
            steps.append(Step(verdict.probability, independent, verdict.text == text, verdict.reads))
    surest = max(reads, key=lambda r: float(np.log(r.posterior.max(axis=1)).sum()))
    return Vehicle(text, surest.text == text, tuple(steps))


def _reads(picture: UInt8Array, recogniser: Recogniser, rng: np.random.Generator) -> list[PlateRead]:
    nearest = picture.shape[0] / (1 + 2 * MARGIN[1]) * rng.uniform(0.5, 1.0)
    farthest = min(nearest, max(9.0, nearest * rng.uniform(0.3, 0.7)))
    blur, shake = rng.uniform(0.0, 0.9), rng.uniform(0.01, 0.05)
    reads: list[PlateRead] = []
    for i, height in enumerate(np.sort(rng.uniform(farthest, nearest, int(rng.integers(4, 11))))):
        seen, detection = _look(picture, float(height), blur * rng.uniform(0.3, 1.6), shake, rng)
        crops = views(seen, detection, recogniser)
        (raw,) = read_views(recogniser, [crops])
        width_px, height_px = quad_size(detection)
        text, sharpness = decode_text(raw.posterior)[0], quality(crops[0]).sharpness
        reads.append(PlateRead(1, i, i / 10, text, raw.posterior, raw.legible, height_px, width_px, sharpness, 0.8))
    return reads


def _look(
    picture: UInt8Array, height_px: float, blur_px: float, shake: float, rng: np.random.Generator
) -> tuple[UInt8Array, Detection]:
    """Return the picture as a camera farther away would see it, and the plate found in it."""
    rows, columns = picture.shape
    scale = min(1.0, height_px / (rows / (1 + 2 * MARGIN[1])))
    w, h = max(8, round(columns * scale)), max(6, round(rows * scale))
    seen = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
    seen = cv2.GaussianBlur(seen, (0, 0), blur_px) if blur_px > 0.05 else seen
    light = seen * rng.uniform(0.75, 1.15) + rng.uniform(-15, 15) + rng.normal(0, rng.uniform(1, 7), seen.shape)
    _, packed = cv2.imencode(".jpg", np.clip(light, 0, 255).astype(np.uint8), [1, int(rng.integers(40, 90))])
    mx, my = w * MARGIN[0] / (1 + 2 * MARGIN[0]), h * MARGIN[1] / (1 + 2 * MARGIN[1])
    quad = np.array([[mx, my], [w - mx, my], [w - mx, h - my], [mx, h - my]])
    quad += rng.normal(0.0, shake, (4, 2)) * (h - 2 * my)
    corners = tuple((float(x), float(y)) for x, y in quad)
    box = Box(*(float(v) for v in (*quad.min(axis=0), *quad.max(axis=0))))
    return _picture(packed.tobytes()), Detection(box, 0.8, (corners[0], corners[1], corners[2], corners[3]))


def _picture(content: bytes) -> UInt8Array:
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def report(found: Sequence[Vehicle]) -> None:
    """Print error rates, calibration, and the curve that fits these pictures best."""
    single = np.mean([not v.surest_right for v in found])
    vote = np.mean([not v.steps[-1].right if v.steps else True for v in found])
    print(f"{len(found)} crops: surest single look wrong {single:.3f}, vote wrong {vote:.3f}")
    steps = [s for v in found for s in v.steps]
    said = [DEFAULT.probability(s.raw, s.independent) for s in steps]
    print(
        f"calibration error over {len(steps)} votes: {expected_calibration_error(said, [s.right for s in steps]):.4f}"
    )
    for threshold in (0.9, 0.95, 0.99, 0.995):
        told = first_above(found, threshold)
        print(
            f"first above {threshold:5.3f}: {len(told):4d} said {np.mean([p for p, _ in told]):.4f} "
            f"was {np.mean([right for _, right in told]):.4f}"
        )
    voted = [s for s in steps if s.reads >= QUORUM]
    print(fit([s.raw for s in voted], [s.independent for s in voted], [s.right for s in voted]))


if __name__ == "__main__":
    report(vehicles(int(sys.argv[1]) if len(sys.argv) > 1 else None))
