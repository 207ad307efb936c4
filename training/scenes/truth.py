"""What is true in a rendered clip: plates per frame with their corners, and the passages.

A plate is called legible while its characters are high enough, it lies whole in the picture and
nothing hides it; that is what a fair reader can be asked for.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from training.scenes.actors import Actor, Plate
from training.scenes.camera import Array
from training.scenes.raster import Picture
from training.scenes.spec import SceneSpec

SCHEMA = "anpr-edge/scene-truth/1"
LEGIBLE_CHAR_PX = 9.0
LEGIBLE_VISIBLE = 0.93
MIN_PLATE_PX = 4.0
DIRECTIONS = {"entry": "entry", "exit": "exit", "reverse": "unknown", "parked": "none", "cross": "none"}


@dataclass(frozen=True)
class PlateTruth:
    """One plate in one frame."""

    passage: int
    text: str
    corners: list[list[float]]  # four points, pixels: top-left, top-right, bottom-right, bottom-left as read
    visible: float  # share of its area that nothing hides
    legible: bool


def plate_truth(actor: Actor, plate: Plate, corners: Array, mask_share: float, lines_px: float) -> PlateTruth:
    """Return the truth about a plate whose corners were seen at these pixels."""
    legible = actor.spec.readable and lines_px >= LEGIBLE_CHAR_PX and mask_share >= LEGIBLE_VISIBLE
    rounded = [[round(float(x), 1), round(float(y), 1)] for x, y in corners]
    return PlateTruth(actor.index, plate.text, rounded, round(mask_share, 2), bool(legible))


def character_px(plate: Plate, corners: Array) -> float:
    """Return the height of a character in pixels."""
    left, right = np.linalg.norm(corners[3] - corners[0]), np.linalg.norm(corners[2] - corners[1])
    return float((left + right) / 2 * plate.char_share)


def visible_share(mask: Picture, mark: int, corners: Array) -> float:
    """Return which share of a plate's area shows its mark; what is outside the picture counts as hidden."""
    low = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, [mask.shape[1], mask.shape[0]])
    if (high <= low).any():
        return 0.0
    size = np.ceil(corners.max(0) - corners.min(0)).astype(int) + 3
    whole = np.zeros((int(size[1]), int(size[0])), np.uint8)
    cv2.fillConvexPoly(whole, np.round(corners - np.floor(corners.min(0))).astype(np.int32), 1)
    seen = int((mask[low[1] : high[1], low[0] : high[0]] == mark).sum())
    return min(1.0, seen / max(1, int(whole.sum())))


def summary(spec: SceneSpec, frames: list[list[PlateTruth]]) -> dict[str, object]:
    """Return the document: frames and passages."""
    passages = []
    for index, vehicle in enumerate(spec.vehicles):
        if vehicle.kind == "pedestrian":
            continue
        seen = [k for k, plates in enumerate(frames) if any(p.passage == index for p in plates)]
        legible = [k for k, plates in enumerate(frames) if any(p.passage == index and p.legible for p in plates)]
        passages.append(
            {
                "passage": index,
                "plate": vehicle.text,
                "direction": DIRECTIONS[vehicle.passage],
                "kind": vehicle.kind,
                "readable": bool(legible),
                "from_s": round(seen[0] / spec.fps, 3) if seen else None,
                "first_legible_s": round(legible[0] / spec.fps, 3) if legible else None,
                "last_legible_s": round(legible[-1] / spec.fps, 3) if legible else None,
                "end_s": round(seen[-1] / spec.fps, 3) if seen else None,
                "legible_frames": len(legible),
            }
        )
    return {
        "schema": SCHEMA, "name": spec.name, "condition": spec.condition, "digest": spec.digest,
        "size": list(spec.size), "fps": spec.fps, "seconds": spec.seconds, "passages": passages,
        "frames": [[asdict(p) for p in plates] for plates in frames],
    }  # fmt: skip


def write(path: Path, document: dict[str, object]) -> None:
    """Write the document, one frame a line."""
    frames = document["frames"]
    assert isinstance(frames, list)
    head = {k: v for k, v in document.items() if k != "frames"}
    lines = ",\n".join("  " + json.dumps(frame, separators=(",", ":")) for frame in frames)
    text = json.dumps(head, indent=1)[:-2] + ',\n "frames": [\n' + lines + "\n ]\n}\n"
    path.write_text(text, encoding="utf-8")
