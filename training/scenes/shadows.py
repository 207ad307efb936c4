"""Shadows on the ground: the soft dark under a vehicle, and what the sun or a lamp casts.

A shadow is where a solid keeps the direct light away; what is left there is the light of the sky.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from training.scenes.camera import Array, Camera
from training.scenes.raster import Picture, laid_over
from training.scenes.shading import Light

HARDLY_SEEN = 0.85  # share of the light left in a shadow from which nobody sees it
NEAREST_M = 0.8  # ground nearer to the lens than this is out of the picture
LONGEST = 3.0  # metres of shadow per metre of height
SOFT_PX = 1.6  # at a width of 1280
SUB = 4  # bits of a pixel's fraction


def under(corners: Array, camera: Camera, strength: float) -> tuple[Picture, tuple[int, int]] | None:
    """Return a soft dark patch over four ground points as premultiplied BGRA and its place, or None when unseen."""
    if camera.depth(corners).min() < 0.6:
        return None
    soft = np.zeros((96, 96), np.uint8)
    cv2.rectangle(soft, (18, 18), (77, 77), round(255 * strength), -1)
    soft = np.asarray(cv2.GaussianBlur(soft, (0, 0), 7), np.uint8)
    pixels = np.asarray(camera.project(corners))
    area = _area(pixels, camera)
    if area is None:
        return None
    low, size = area
    source = np.array([[0, 0], [95, 0], [95, 95], [0, 95]], np.float32)
    homography = cv2.getPerspectiveTransform(source, (pixels - np.asarray(low)).astype(np.float32))
    alpha = np.asarray(cv2.warpPerspective(soft, homography, size), np.uint8)
    zero = np.zeros_like(alpha)
    return np.asarray(cv2.merge([zero, zero, zero, alpha]), np.uint8), low


def lay(canvas: Picture, shadow: tuple[Picture, tuple[int, int]] | None) -> None:
    """Darken the canvas by what `under` returned."""
    if shadow is not None:
        laid_over(canvas, shadow[0], *shadow[1])


def cast(canvas: Picture, solids: Sequence[Array], camera: Camera, light: Light) -> None:
    """Darken the ground where convex solids, each (N, 3) points in the world, keep the direct light away."""
    sky = np.asarray(light.sky, np.float32)
    left = sky / (sky + np.asarray(light.sun, np.float32) * max(light.sun_from[2], 0.0))
    outlines = [o for solid in solids if (o := _outline(solid, camera, light)) is not None]
    area = _area(np.concatenate(outlines), camera) if outlines else None
    if area is None or float(left.min()) > HARDLY_SEEN:
        return
    (x, y), (width, height) = area
    dark = np.zeros((height, width), np.uint8)
    for outline in outlines:
        points = np.asarray(np.round((outline - np.array([x, y])) * (1 << SUB)), np.int32)
        cv2.fillConvexPoly(dark, points, 255, cv2.LINE_AA, SUB)
    dark = np.asarray(cv2.GaussianBlur(dark, (0, 0), SOFT_PX * camera.width / 1280), np.uint8)
    share = dark[..., None].astype(np.float32) / 255
    patch = canvas[y : y + height, x : x + width]
    patch[:] = (patch * (1 - share * (1 - left))).astype(np.uint8)


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> Array:
    """Return the eight corners of an upright box."""
    return np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])


def _outline(solid: Array, camera: Camera, light: Light) -> Array | None:
    """Return the outline of a solid's shadow in the picture, or None where the light comes from the horizon."""
    sun = np.asarray(light.sun_from)
    if sun[2] < 0.1:
        return None
    away = -sun[:2] / sun[2]
    away *= min(1.0, LONGEST / max(float(np.linalg.norm(away)), 1e-9))
    ground = solid[:, :2] + solid[:, 2:] * away
    hull = cv2.convexHull(ground.astype(np.float32))[:, 0].astype(np.float64)
    hull[:, 1] = np.maximum(hull[:, 1], NEAREST_M)
    return np.asarray(camera.project(np.column_stack([hull, np.zeros(len(hull))])))


def _area(pixels: Array, camera: Camera) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return the part of the picture that holds `pixels` as corner and size, or None where it holds none."""
    low = np.maximum(np.floor(pixels.min(0)) - 4, 0).astype(int)
    high = np.minimum(np.ceil(pixels.max(0)) + 4, [camera.width, camera.height]).astype(int)
    if (high - low).min() <= 0:
        return None
    return (int(low[0]), int(low[1])), (int(high[0] - low[0]), int(high[1] - low[1]))
