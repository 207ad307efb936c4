"""One training picture: a scene seen through a random view, with plates and lettering pasted in.

All geometry is one homography from scene to sample, so corners stay true. Labels come in three kinds:
plates, plates whose corners are only those of a hand-drawn box, and zones where nothing is asked
(plates cut by the edge or too small to tell).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from training.detector.donors import Donor
from training.detector.scenes import FloatArray, GreyImage, Scene, boxes_of_corners

MIN_WIDTH_PX, MIN_HEIGHT_PX = 11.0, 4.0  # smaller than this nobody can tell a plate from a lamp
MIN_VISIBLE = 0.55  # share of the box inside the sample below which it is neither plate nor background
PADDING = 114


@dataclass(frozen=True)
class Sample:
    """A training picture with labels in its own pixels."""

    grey: GreyImage
    corners: FloatArray  # (N, 4, 2)
    exact: FloatArray  # (N,) 1 where corners are true, less where they are a box's
    ignore: FloatArray  # (K, 4) boxes where neither plate nor background is asked for


def random_view(scene: Scene, size: tuple[int, int], rng: Generator) -> FloatArray:
    """Return a 3x3 homography from `scene` to a sample of `size` (height, width)."""
    height, width = size
    focus = np.array([scene.grey.shape[1], scene.grey.shape[0]], np.float32) * rng.random(2)
    scale = float(np.exp(rng.uniform(np.log(0.35), np.log(1.6))))
    if len(scene.corners) and rng.random() < 0.85:
        plate = scene.corners[rng.integers(len(scene.corners))]
        focus = plate.mean(0)
        plate_px = max(float(np.ptp(plate[:, 0])), 4.0)
        wanted = np.exp(rng.uniform(np.log(15.0), np.log(0.9 * width)))
        scale = float(np.clip(wanted / plate_px, 0.25, 5.0))
    filling = max(height / scene.grey.shape[0], width / scene.grey.shape[1])
    scale = max(scale, filling * rng.uniform(0.55, 0.9))  # empty border teaches nothing
    angle = np.deg2rad(rng.normal(0, 4) if rng.random() < 0.8 else rng.uniform(-22, 22))
    stretch = np.exp(rng.normal(0, 0.12))
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    turn = np.array([[cos * stretch, -sin * stretch, 0], [sin / stretch, cos / stretch, 0], [0, 0, 1]])
    tilt = np.eye(3)
    tilt[2, :2] = rng.normal(0, 0.12, 2) / max(size) * (rng.random() < 0.5)
    flip = np.diag([-1.0 if rng.random() < 0.5 else 1.0, 1.0, 1.0])
    to_origin = np.array([[1, 0, -focus[0]], [0, 1, -focus[1]], [0, 0, 1]])
    place = np.array([[1, 0, width * rng.uniform(0.08, 0.92)], [0, 1, height * rng.uniform(0.08, 0.92)], [0, 0, 1]])
    return _pulled_in(np.asarray(place @ tilt @ flip @ turn @ to_origin, np.float32), scene, size)


def _pulled_in(view: FloatArray, scene: Scene, size: tuple[int, int]) -> FloatArray:
    """Return the view shifted so that the scene leaves as little of the sample empty as its size allows."""
    high, wide = scene.grey.shape
    frame = through(view, np.array([[[0, 0], [wide, 0], [wide, high], [0, high]]], np.float32))
    low, top = boxes_of_corners(frame)[0, :2], boxes_of_corners(frame)[0, 2:]
    target = np.array(size[::-1], np.float32)
    room = np.minimum(0.0, target - (top - low))  # scene smaller than sample: keep all of it inside
    first = np.clip(low, room, np.maximum(target - (top - low), 0.0))
    shift = np.eye(3, dtype=np.float32)
    shift[:2, 2] = first - low
    return np.asarray(shift @ view, np.float32)


def through(view: FloatArray, corners: FloatArray) -> FloatArray:
    """Return (N, 4, 2) corners moved by a homography; mirrored ones are put in reading order again."""
    if not len(corners):
        return corners.reshape(0, 4, 2)
    moved = cv2.perspectiveTransform(corners.reshape(-1, 1, 2), view).reshape(-1, 4, 2)
    a, b = moved[:, 1] - moved[:, 0], moved[:, 3] - moved[:, 0]
    mirrored = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] < 0
    moved[mirrored] = moved[mirrored][:, [1, 0, 3, 2]]
    return np.asarray(moved, np.float32)


def warp_scene(scene: Scene, view: FloatArray, size: tuple[int, int], rng: Generator) -> GreyImage:
    """Return the scene seen through `view`; softened first where the view shrinks it, so nothing aliases."""
    grey, shrink = scene.grey, float(np.sqrt(abs(np.linalg.det(view[:2, :2].astype(np.float64)))))
    if shrink < 0.8:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.45 / shrink), np.uint8)
    border = cv2.BORDER_CONSTANT if rng.random() < 0.7 else cv2.BORDER_REPLICATE
    warped = cv2.warpPerspective(grey, view, size[::-1], flags=cv2.INTER_LINEAR, borderMode=border, borderValue=PADDING)
    return np.asarray(warped, np.uint8)


def paste_quad(canvas: GreyImage, donor: Donor, quad: FloatArray, rng: Generator) -> bool:
    """Draw `donor` so that its plate corners (or its own) land on `quad`; False if it would not be seen.

    Brightness and contrast are pulled towards what was there, edges are feathered by antialiasing, so
    that the paste is told by its content and not by its seam.
    """
    source = donor.corners
    if source is None:
        height, width = donor.grey.shape
        source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    x1, y1, x2, y2 = boxes_of_corners(quad)[0]
    left, top = max(int(x1) - 8, 0), max(int(y1) - 8, 0)
    right, bottom = min(int(x2) + 9, canvas.shape[1]), min(int(y2) + 9, canvas.shape[0])
    if right - left < 6 or bottom - top < 4:
        return False
    grey = donor.grey
    shrink = float(np.hypot(*(quad[1] - quad[0])) / max(np.hypot(*(source[1] - source[0])), 1.0))
    sigma = max(0.45 / shrink if shrink < 0.8 else 0.0, rng.uniform(0, 0.7) / shrink)
    if sigma > 0.3:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma), np.uint8)
    matrix = cv2.getPerspectiveTransform(source.astype(np.float32), (quad - (left, top)).astype(np.float32))
    target = canvas[top:bottom, left:right]
    warped = cv2.warpPerspective(
        grey, matrix, target.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    opaque = np.full_like(grey, 255) if donor.mask is None else donor.mask
    if sigma > 0.3 and donor.mask is not None:
        opaque = np.asarray(cv2.GaussianBlur(opaque, (0, 0), sigma), np.uint8)
    mask = cv2.warpPerspective(opaque, matrix, target.shape[::-1], flags=cv2.INTER_LINEAR)
    inside = mask > 120
    if inside.sum() < 12:
        return False
    if donor.corners is None and donor.mask is not None:  # ink: its own tone, only a share of it opaque
        alpha = mask.astype(np.float32) * (rng.uniform(0.6, 1.0) / 255.0)
        target[:] = np.rint(target * (1 - alpha) + warped * alpha).astype(np.uint8)
        return True
    old, new = target[inside].astype(np.float32), warped[inside].astype(np.float32)
    gain = np.clip((old.std() + 12.0) / (new.std() + 4.0), 0.35, 1.3) * rng.uniform(0.8, 1.2)
    mean = 0.5 * old.mean() + 0.5 * new.mean() + rng.normal(0, 14)
    lit = np.clip((warped - new.mean()) * gain + mean, 0, 255)
    alpha = mask.astype(np.float32) / 255.0
    canvas[top:bottom, left:right] = np.rint(target * (1 - alpha) + lit * alpha).astype(np.uint8)
    return True


def random_quad(centre: FloatArray, width: float, aspect: float, rng: Generator) -> FloatArray:
    """Return corners of a plate `width` px wide around `centre`, turned in three dimensions at random."""
    half = np.array([[-1, -1 / aspect], [1, -1 / aspect], [1, 1 / aspect], [-1, 1 / aspect]]) * 0.5
    yaw, pitch = rng.normal(0, 0.4), rng.normal(0, 0.3)
    roll = rng.normal(0, 0.07) if rng.random() < 0.85 else rng.uniform(-0.4, 0.4)
    x, y = half[:, 0] * np.cos(yaw), half[:, 1] * np.cos(pitch)
    depth = 1.0 + rng.uniform(0.05, 0.35) * (half[:, 0] * np.sin(yaw) + half[:, 1] * np.sin(pitch))
    x, y = x / depth, y / depth + x * rng.normal(0, 0.05)
    turned = np.stack((x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)), 1)
    return np.asarray(turned / max(np.ptp(turned[:, 0]), 0.2) * width + centre, np.float32)


def cover_quad(box: FloatArray, aspect: float, rng: Generator) -> FloatArray:
    """Return a random quad that hides the labelled plate in `box`."""
    wide, high = box[2] - box[0], box[3] - box[1]
    width = max(wide, high * aspect) * rng.uniform(1.0, 1.12)
    return random_quad(np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], np.float32), width, aspect, rng)


def donor_aspect(donor: Donor, rng: Generator) -> float:
    """Return width over height of the donor's plate, a little varied."""
    if donor.corners is None:
        return float(donor.grey.shape[1] / donor.grey.shape[0])
    sides = np.roll(donor.corners, -1, 0) - donor.corners  # along the plate: a real one may be turned
    top, right, bottom, left = np.hypot(*sides.T)
    return float((top + bottom) / (left + right) * np.exp(rng.normal(0, 0.06)))


def overlaps(quad: FloatArray, others: FloatArray) -> bool:
    """Say whether the quad's box, with a little room around it, touches any box of the other corners."""
    if not len(others):
        return False
    a, b = boxes_of_corners(quad)[0], boxes_of_corners(others)
    room = 0.15 * (a[2] - a[0])
    apart = (b[:, 0] > a[2] + room) | (b[:, 2] < a[0] - room) | (b[:, 1] > a[3] + room) | (b[:, 3] < a[1] - room)
    return bool((~apart).any())
