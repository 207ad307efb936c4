"""A pinhole camera over a flat world: where a point in metres falls in the picture.

World axes: x to the right, y away from the camera along the lane, z up; metres. Picture axes as
OpenCV has them. No lens distortion: gate cameras are long lenses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NEAR_M = 0.4  # nothing closer than this to the lens is drawn


def rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Array:
    """Return the 3 x 3 matrix world -> camera (right, down, forward); pitch looks down, yaw looks to the right."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    forward = np.array([np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch)])
    right = np.array([np.cos(yaw), -np.sin(yaw), 0.0])
    down = np.cross(forward, right)
    turned_right = np.cos(roll) * right + np.sin(roll) * down
    turned_down = -np.sin(roll) * right + np.cos(roll) * down
    return np.stack([turned_right, turned_down, forward])


@dataclass(frozen=True)
class Camera:
    """Pose, focal length and picture size of one camera."""

    position: tuple[float, float, float]
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    focal_px: float
    width: int
    height: int

    @property
    def rotation(self) -> Array:
        """World -> camera."""
        return rotation(self.yaw_deg, self.pitch_deg, self.roll_deg)

    @property
    def intrinsics(self) -> Array:
        """The 3 x 3 matrix K with the principal point in the middle."""
        return np.array([[self.focal_px, 0, self.width / 2], [0, self.focal_px, self.height / 2], [0, 0, 1.0]])

    def depth(self, points: Array) -> Array:
        """Return the distance along the optical axis, metres, of world points (..., 3)."""
        return np.asarray((points - np.asarray(self.position)) @ self.rotation[2])

    def project(self, points: Array) -> Array:
        """Return pixels (..., 2) of world points (..., 3); points behind the lens are held at `NEAR_M`."""
        local = (points - np.asarray(self.position)) @ self.rotation.T
        depth = np.maximum(local[..., 2:], NEAR_M)
        centre = np.array([self.width / 2, self.height / 2])
        return np.asarray(local[..., :2] / depth * self.focal_px + centre)

    def turned(self, yaw_deg: float, pitch_deg: float, roll_deg: float) -> Array:
        """Return the homography of a small turn of this camera about its lens: a shaking mast, exactly."""
        turn = rotation(self.yaw_deg + yaw_deg, self.pitch_deg + pitch_deg, self.roll_deg + roll_deg)
        k = self.intrinsics
        return np.asarray(k @ turn @ self.rotation.T @ np.linalg.inv(k))
