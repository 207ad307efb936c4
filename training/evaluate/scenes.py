"""Judge how plates are found in labelled scenes: figures of one way to look, and its failures as pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge.config.models import ModelSettings
from edge.pipeline.still_search import find_plates
from edge.protocols import Detector
from training.detector.finder import Finds, Network, find
from training.detector.scenes import GreyImage, Scene, boxes_of_corners
from training.evaluate.detection import Picture, curve, match, mean_average_precision, recall_by_width
from training.evaluate.report import Failure

LEAST_SCORE = 0.02  # finds below it change no figure but cost time
Search = Callable[[GreyImage], Finds]
TILE_PX = 420
LABEL_COLOUR, FIND_COLOUR, WRONG_COLOUR = (60, 200, 60), (230, 160, 30), (40, 40, 230)


@dataclass(frozen=True)
class SceneResult:
    """What was found in one scene."""

    scene: Scene
    finds: Finds
    picture: Picture


def one_look(network: Network, long_side: int) -> Search:
    """Return a search that looks once at a picture, with its long side at `long_side` pixels."""
    return lambda grey: find(network, grey, long_side, LEAST_SCORE)


def all_looks(detector: Detector, settings: ModelSettings) -> Search:
    """Return the search of `anpr-edge read`: whole, in tiles, and several looks at each find; nobody reads."""

    def search(grey: GreyImage) -> Finds:
        found = find_plates(grey, detector, settings)
        scores = np.array([d.score for d in found], np.float32)
        boxes = np.array([d.box.as_tuple() for d in found], np.float32).reshape(-1, 4)
        return Finds(scores, boxes, np.array([d.quad for d in found], np.float32).reshape(-1, 4, 2))

    return search


def run_scenes(search: Search, scenes: Iterable[Scene]) -> list[SceneResult]:
    """Return what a search finds in every scene."""
    results = []
    for scene in scenes:
        finds = search(scene.grey)
        picture = Picture(boxes_of_corners(scene.corners), finds.scores, finds.boxes, scene.ignore)
        results.append(SceneResult(scene, finds, picture))
    return results


def figures(results: Sequence[SceneResult], threshold: float) -> dict[str, float]:
    """Return the detection figures that the manifest and the report state."""
    pictures = [result.picture for result in results]
    points = curve(pictures)
    precision, recall = points.at_score(threshold)
    recall_97, score_97 = points.at_precision(0.97)
    return {
        "ap50": points.average_precision,
        "map50_95": mean_average_precision(pictures),
        "precision": precision,
        "recall": recall,
        "threshold": threshold,
        "recall_at_precision_0.97": recall_97,
        "threshold_at_precision_0.97": score_97,
    }


def width_rows(results: Sequence[SceneResult], threshold: float) -> list[list[str]]:
    """Return table rows of recall by labelled width in pixels of the picture."""
    table = recall_by_width([result.picture for result in results], threshold)
    return [[f"width {name} px", f"{hit} of {count}"] for name, (hit, count) in table.items() if count]


def failures(results: Sequence[SceneResult], threshold: float) -> list[Failure]:
    """Return a picture of every scene with a missed plate or a false alarm: labels green, finds blue, false red."""
    found = []
    for result in results:
        taken, counts = match(result.picture, 0.5)
        strong = result.picture.scores >= threshold
        false = strong & counts & (taken < 0)
        missed = len(result.picture.labels) - len(set(taken[strong & (taken >= 0)].tolist()))
        if missed or false.any():
            caption = f"{result.scene.file}: {missed} missed, {int(false.sum())} false"
            found.append(Failure(caption, _drawing(result, strong, false)))
    return found


def _drawing(
    result: SceneResult, strong: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    false: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:  # fmt: skip
    grey = result.scene.grey
    scale = TILE_PX / max(grey.shape)
    image = cv2.cvtColor(cv2.resize(grey, None, fx=scale, fy=scale), cv2.COLOR_GRAY2BGR)
    for box in result.picture.labels:
        x1, y1, x2, y2 = (round(float(v) * scale) for v in box)
        cv2.rectangle(image, (x1, y1), (x2, y2), LABEL_COLOUR, 1)
    for index in np.flatnonzero(strong):
        colour = WRONG_COLOUR if false[index] else FIND_COLOUR
        quad = np.round(result.finds.corners[index] * scale).astype(np.int32)
        cv2.polylines(image, [quad], True, colour, 1)
        at = (int(quad[:, 0].min()), max(int(quad[:, 1].min()) - 3, 9))
        cv2.putText(
            image, f"{result.finds.scores[index]:.2f}", at, cv2.FONT_HERSHEY_SIMPLEX, 0.35, colour, 1, cv2.LINE_AA
        )
    return np.asarray(image, np.uint8)
