"""What a camera and a codec do to a grey picture: exposure, blur, noise, night, JPEG blocks.

Every effect takes and returns uint8 (H, W) and draws from the generator it is given, so a sample is
a function of its seed. Geometry is not touched: labels stay true.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from training.detector.scenes import GreyImage


def expose(grey: GreyImage, rng: Generator) -> GreyImage:
    """Change gain, offset and gamma through one lookup table; sometimes invert nothing but the mood: night."""
    levels = np.arange(256, dtype=np.float32) / 255.0
    if rng.random() < 0.15:  # night or infra-red: dark surroundings, plates glow
        curve = levels ** rng.uniform(1.2, 2.8) * rng.uniform(0.5, 1.6)
    else:
        curve = levels ** np.exp(rng.normal(0.0, 0.3))
        contrast = np.exp(rng.normal(0.0, 0.25))
        curve = (curve - 0.5) * contrast + 0.5 + rng.normal(0.0, 0.09)
    return np.asarray(cv2.LUT(grey, np.clip(curve * 255.0, 0, 255).astype(np.uint8)), np.uint8)


def glow(grey: GreyImage, rng: Generator) -> GreyImage:
    """Add one headlight: a bright disc with a wide halo."""
    height, width = grey.shape
    small = np.zeros((max(height // 8, 1), max(width // 8, 1)), np.float32)
    centre = (int(rng.integers(0, small.shape[1])), int(rng.integers(0, small.shape[0])))
    cv2.circle(small, centre, int(rng.integers(1, 4)), float(rng.uniform(150, 500)), -1)
    halo = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(1.0, 5.0))) + 0.5 * small
    return np.asarray(np.clip(grey + cv2.resize(halo, (width, height)), 0, 255), np.uint8)


def shade(grey: GreyImage, rng: Generator) -> GreyImage:
    """Darken one side of a random straight edge, as the shadow of a roof or a pole does."""
    height, width = grey.shape
    angle = rng.uniform(0, 2 * np.pi)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    side = (xs - rng.uniform(0, width)) * np.cos(angle) + (ys - rng.uniform(0, height)) * np.sin(angle)
    soft = 1.0 / (1.0 + np.exp(-np.clip(side / rng.uniform(1.0, 30.0), -20, 20)))
    return np.asarray(np.clip(grey * (1.0 - rng.uniform(0.2, 0.65) * soft), 0, 255), np.uint8)


def blur(grey: GreyImage, rng: Generator) -> GreyImage:
    """Defocus, or smear along a mostly horizontal line."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(grey, (0, 0), float(rng.uniform(0.4, 1.6))), np.uint8)
    length = int(rng.integers(3, 10))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.normal(0.0, 0.5)
    middle = (length - 1) / 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * middle
    start, end = np.round(middle - reach).astype(int), np.round(middle + reach).astype(int)
    cv2.line(kernel, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), 1.0)
    return np.asarray(cv2.filter2D(grey, -1, kernel / kernel.sum()), np.uint8)


def noise(grey: GreyImage, rng: Generator) -> GreyImage:
    """Add sensor noise, sometimes coarse as after a denoiser."""
    height, width = grey.shape
    coarse = 2 if rng.random() < 0.3 else 1
    field = rng.standard_normal((height // coarse + 1, width // coarse + 1), np.float32) * rng.uniform(2, 14)
    if coarse > 1:
        field = np.asarray(cv2.resize(field, None, fx=coarse, fy=coarse, interpolation=cv2.INTER_LINEAR), np.float32)
    return np.clip(grey + field[:height, :width], 0, 255).astype(np.uint8)


def compress(grey: GreyImage, rng: Generator) -> GreyImage:
    """Encode as JPEG of poor to fair quality and decode again."""
    _, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


EFFECTS = ((expose, 0.75), (shade, 0.1), (glow, 0.08), (blur, 0.22), (noise, 0.22), (compress, 0.3))


def through_camera(grey: GreyImage, rng: Generator, factor: float = 1.0) -> GreyImage:
    """Apply each effect with its own probability times `factor`, in the order light, optics, sensor, codec."""
    for effect, probability in EFFECTS:
        if rng.random() < probability * factor:
            grey = effect(grey, rng)
    return grey
