"""What all formats share: registrations written one way, corners in reading order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import numpy as np

from training.datasets.frame import Corners

SEPARATORS = str.maketrans("", "", " -.·•_/\t\n")


def clean_text(text: str) -> str:
    """Return a registration in capitals without separators; other characters stay and are refused later."""
    return text.translate(SEPARATORS).upper()


def tidy_corners(points: Sequence[tuple[float, float]]) -> Corners:
    """Return four points clockwise from the top-left, for polygons drawn in any order round the plate.

    A polygon does not say which way the plate reads; it is taken to be turned by less than 45 degrees.
    """
    array = np.asarray(points, float).reshape(-1, 2)
    if len(array) != 4:
        raise ValueError(f"a plate has four corners, this polygon has {len(array)}")
    middle = array.mean(0)
    angle = np.arctan2(array[:, 1] - middle[1], array[:, 0] - middle[0])
    ring = array[np.argsort(angle)]  # clockwise on the screen, starting left of and above the middle
    start = int(np.argmin(_flatness(ring)))
    return tuple((float(x), float(y)) for x, y in np.roll(ring, -start, 0))


def corners_of_json(text: str) -> list[Corners | None]:
    """Return what a table's column `corners` holds: for each plate its four points x y, or null where unknown.

    Raises:
        ValueError: not JSON, or a plate without four points.
    """
    loaded = json.loads(text)
    if not isinstance(loaded, list):
        raise ValueError(f"corners {text!r} are no list")
    try:
        return [
            None if points is None else tidy_corners([(float(x), float(y)) for x, y in points]) for points in loaded
        ]
    except TypeError as error:
        raise ValueError(f"corners {text!r} are no points: {error}") from error


def corners_to_json(plates: Iterable[Corners | None]) -> str:
    """Return corners as `corners_of_json` reads them, to a hundredth of a pixel."""
    return json.dumps(
        [None if points is None else [[round(x, 2), round(y, 2)] for x, y in points] for points in plates]
    )


def _flatness(ring: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
    """Return for each start how far its first edge points away from the right."""
    edges = np.roll(ring, -1, 0) - ring
    angles = np.arctan2(edges[:, 1], edges[:, 0])
    opposite = np.roll(angles, -2)
    across = np.abs(np.arctan2(np.sin(opposite - np.pi), np.cos(opposite - np.pi)))
    return [float(value) for value in np.abs(angles) + across]
