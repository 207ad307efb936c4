"""Light on a surface, baked once into its picture: sun, sky and the glossy reflection of both.

A vehicle hardly turns during a passage, so its light need not be computed again per frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.scenes.camera import Array

Picture = NDArray[np.uint8]
Field = NDArray[np.float32]


@dataclass(frozen=True)
class Light:
    """What falls on the scene. Colours are BGR factors, 1 is a white surface at full value."""

    sun_from: tuple[float, float, float]  # unit vector towards the sun
    sun: tuple[float, float, float]
    sky: tuple[float, float, float]
    ground: tuple[float, float, float]  # light that the ground throws back


DAY = Light((-0.45, -0.45, 0.77), (0.58, 0.63, 0.66), (0.70, 0.66, 0.63), (0.30, 0.32, 0.33))
OVERCAST = Light((0.0, -0.2, 0.98), (0.12, 0.12, 0.12), (0.86, 0.84, 0.82), (0.36, 0.37, 0.37))
LOW_SUN = Light((0.55, 0.75, 0.36), (0.35, 0.62, 0.85), (0.42, 0.36, 0.33), (0.16, 0.19, 0.22))
DUSK = Light((0.3, 0.7, 0.64), (0.05, 0.05, 0.05), (0.40, 0.33, 0.29), (0.14, 0.13, 0.13))
LAMP = Light((0.25, -0.55, 0.8), (0.13, 0.19, 0.22), (0.10, 0.09, 0.085), (0.05, 0.055, 0.06))
INFRARED = Light((0.0, -0.97, 0.24), (0.55, 0.55, 0.55), (0.05, 0.05, 0.05), (0.08, 0.08, 0.08))


def normals(grid: Array, width: int, height: int) -> Field:
    """Return the outward unit normal of every texel (height, width, 3), smooth over the grid."""
    down = np.gradient(grid, axis=0)
    right = np.gradient(grid, axis=1)
    cross = np.cross(down, right).astype(np.float32)
    full = cv2.resize(cross, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full / np.maximum(np.linalg.norm(full, axis=2, keepdims=True), 1e-9), np.float32)


def lit(albedo: Picture, gloss: Field, normal: Field, to_camera: Array, light: Light) -> Picture:
    """Return `albedo` BGR as it looks under `light` from the direction `to_camera`.

    Args:
        gloss: (H, W) in [0, 1], share of the sky that is mirrored: paint 0.2, glass 0.6, rubber 0.
        normal: (H, W, 3) unit vectors in the world.
        to_camera: unit vector from the surface to the lens.
    """
    up = normal[..., 2]
    towards_sun = np.clip(normal @ np.asarray(light.sun_from, np.float32), 0, 1)[..., None]
    sky_share = (0.5 + 0.5 * up)[..., None]
    irradiance = (
        np.asarray(light.sky, np.float32) * sky_share
        + np.asarray(light.ground, np.float32) * (1 - sky_share)
        + np.asarray(light.sun, np.float32) * towards_sun
    )
    view = np.asarray(to_camera, np.float32)
    facing = np.clip(normal @ view, 0, 1)
    mirrored = 2 * facing[..., None] * normal - view
    fresnel = (gloss * (0.35 + 0.65 * (1 - facing) ** 3))[..., None]
    colour = albedo.astype(np.float32) * irradiance + 255 * fresnel * _surroundings(mirrored, light)
    return np.asarray(np.clip(colour, 0, 255), np.uint8)


def _surroundings(ray: Field, light: Light) -> Field:
    """Return what a mirror ray sees: ground, a dark belt of buildings, bright horizon, darker zenith, the sun."""
    height = ray[..., 2:]
    sky = np.asarray(light.sky, np.float32) * (1.35 - 0.5 * np.clip(height, 0, 1))
    belt = np.asarray(light.sky, np.float32) * 0.35
    ground = np.asarray(light.ground, np.float32)
    seen = np.where(height > 0.16, sky, np.where(height > 0.02, belt, ground))
    glint = np.clip(ray @ np.asarray(light.sun_from, np.float32), 0, 1) ** 40
    return np.asarray(seen + 2.5 * glint[..., None] * np.asarray(light.sun, np.float32), np.float32)
