"""What lens, sensor and weather do to a picture: blur, glare, haze, rain, darkness, noise.

Works on whole BGR pictures of bytes, in the order light takes: air, lens, sensor.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.scenes.spec import CameraSpec, SceneSpec

Picture = NDArray[np.uint8]
NOISE_MARGIN = 64
BLUR_FROM_PX = 0.7


def motion_blurred(layer: Picture, dx: float, dy: float) -> Picture:
    """Return a layer smeared along its way during the shutter time, in pixels."""
    length = float(np.hypot(dx, dy))
    if length < BLUR_FROM_PX:
        return layer
    size = int(np.ceil(length)) | 1
    size = size + 2
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    for share in np.linspace(-0.5, 0.5, 4 * size):
        x, y = middle + share * dx, middle + share * dy
        x0, y0 = int(np.floor(x)), int(np.floor(y))
        for px, wx in ((x0, x0 + 1 - x), (x0 + 1, x - x0)):
            for py, wy in ((y0, y0 + 1 - y), (y0 + 1, y - y0)):
                if 0 <= px < size and 0 <= py < size:
                    kernel[py, px] += wx * wy
    return np.asarray(cv2.filter2D(layer, -1, kernel / kernel.sum()), np.uint8)


def glow(image: Picture, x: float, y: float, radius_px: float, colour: tuple[float, float, float]) -> None:
    """Add the halo of a lamp, in place: a bright core, a wide veil."""
    reach = int(max(3, radius_px * 5))
    left, top = max(0, int(x) - reach), max(0, int(y) - reach)
    right, bottom = min(image.shape[1], int(x) + reach), min(image.shape[0], int(y) + reach)
    if right <= left or bottom <= top:
        return
    xs = (np.arange(left, right, dtype=np.float32) - x)[None] ** 2
    ys = (np.arange(top, bottom, dtype=np.float32) - y)[:, None] ** 2
    square = (xs + ys) / max(radius_px, 0.5) ** 2
    halo = np.exp(-square) + 0.22 * np.exp(-square / 6.0)
    area = image[top:bottom, left:right]
    area[:] = cv2.add(area, np.clip(halo[..., None] * np.asarray(colour, np.float32), 0, 255).astype(np.uint8))


class Sensor:
    """Lens and sensor of one scene; holds what is the same in every frame."""

    def __init__(self, spec: SceneSpec) -> None:
        self._spec = spec
        width, height = spec.size
        rng = np.random.default_rng(spec.seed + 77)
        shape = (height + NOISE_MARGIN, width + NOISE_MARGIN)
        grain = rng.standard_normal((*shape, 3)).astype(np.float32) * 0.45 + rng.standard_normal((*shape, 1)).astype(
            np.float32
        )
        grain = cv2.GaussianBlur(grain, (0, 0), 0.6) * 1.5
        self._grain = np.round(grain * spec.camera.noise).astype(np.int16)
        self._gain = _gain_map(spec.camera, width, height, spec.light == "night-ir")
        self._haze = _haze(spec, width, height)

    def expose(self, image: Picture, frame: int) -> Picture:
        """Return the picture as the camera gives it to its encoder."""
        spec = self._spec
        if spec.light == "night-ir":
            image = np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)
        if spec.camera.defocus_px > 0.2:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), spec.camera.defocus_px), np.uint8)
        image = np.asarray(cv2.multiply(image, self._gain, dtype=cv2.CV_8U), np.uint8)
        if self._haze is not None:
            image = np.asarray(cv2.add(image, self._haze), np.uint8)
        if spec.camera.noise > 0:
            rng = np.random.default_rng((spec.seed, frame))
            dx, dy = (int(v) for v in rng.integers(0, NOISE_MARGIN, 2))
            grain = self._grain[dy : dy + image.shape[0], dx : dx + image.shape[1]]
            if spec.light == "night-ir":
                grain = np.repeat(grain[..., :1], 3, axis=2)
            image = np.asarray(cv2.add(image, grain, dtype=cv2.CV_8U), np.uint8)
        return image


def _gain_map(camera: CameraSpec, width: int, height: int, infrared: bool) -> NDArray[np.float32]:
    """Return the exposure of every pixel: lens vignette, and the cone of an infra-red lamp."""
    xs = (np.arange(width, dtype=np.float32) / width - 0.5)[None]
    ys = (np.arange(height, dtype=np.float32) / height - 0.5)[:, None]
    square = (xs**2 + (ys * height / width) ** 2) / 0.35
    gain = camera.gain * (1 - camera.vignette * square)
    if infrared:
        gain *= np.exp(-1.6 * square) * 1.15
    return np.repeat(gain.astype(np.float32)[..., None], 3, axis=2)


def _haze(spec: SceneSpec, width: int, height: int) -> Picture | None:
    """Return stray light: veil and flare of a low sun, mist of rain; None where the air is clear."""
    veil = np.zeros((height, width, 3), np.float32)
    if spec.light == "low-sun":
        xs = (np.arange(width, dtype=np.float32) / width - 0.85)[None]
        ys = (np.arange(height, dtype=np.float32) / height - 0.02)[:, None]
        square = xs**2 + (ys * height / width) ** 2
        glare = 34 + 130 * np.exp(-square / 0.05) + 70 * np.exp(-square / 0.3)
        veil += glare[..., None] * np.array([0.62, 0.85, 1.0], np.float32)
    if spec.rain > 0:
        veil += 26 * spec.rain * np.array([1.0, 0.97, 0.94], np.float32)
    return np.clip(veil, 0, 255).astype(np.uint8) if veil.any() else None


def rain(image: Picture, amount: float, rng: np.random.Generator) -> None:
    """Draw falling drops as short streaks, in place."""
    height, width = image.shape[:2]
    streaks = np.zeros((height, width), np.uint8)
    for _ in range(int(amount * 260 * width / 1280)):
        x, y = rng.uniform(0, width), rng.uniform(-40, height)
        length = rng.uniform(12, 46) * height / 720
        start, end = (round(x * 16), round(y * 16)), (round((x - 0.08 * length) * 16), round((y + length) * 16))
        cv2.line(streaks, start, end, int(rng.integers(30, 95)), 1, cv2.LINE_AA, 4)
    streaks = np.asarray(cv2.GaussianBlur(streaks, (0, 0), 0.7), np.uint8)
    image[:] = cv2.add(image, cv2.merge([streaks] * 3))
