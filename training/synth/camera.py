"""The camera that looks at a plate: pose, light, lens, sensor, compression.

Works on grey and BGR pictures alike, in the order in which light goes: pose, lighting, lens, motion,
sensor, compression. `strength` scales how bad it gets (0 leaves the picture as it is, 1 is a bad
gate camera). All chance comes from the generator passed in; nothing here knows what is on a plate.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
UNIT_SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)


def project_plate(
    rng: np.random.Generator, aspect: float, width_px: float, tilt_deg: tuple[float, float, float] = (50, 28, 11)
) -> Floats:
    """Return where the four corners of a plate of this aspect appear, turned in space, about `width_px` wide.

    Args:
        rng: chance.
        aspect: width over height of the plate.
        width_px: width in the camera's picture if it were seen straight on.
        tilt_deg: largest yaw, pitch and roll; most plates stay far below.

    Returns:
        float32 (4, 2): top-left, top-right, bottom-right, bottom-left of the plate as read, centred on 0.

    Source: pinhole camera, the plate turned about its centre at a distance of 2.5 to 12 widths.
    """
    yaw, pitch, roll = (np.radians(limit * np.clip(rng.normal(0, 0.38), -1, 1)) for limit in tilt_deg)
    corners = np.array([[-0.5, -0.5 / aspect], [0.5, -0.5 / aspect], [0.5, 0.5 / aspect], [-0.5, 0.5 / aspect]])
    points = np.concatenate([corners, np.zeros((4, 1))], 1)
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    x, y, z = (points @ (about_z @ about_x @ about_y).T).T
    distance = rng.uniform(2.5, 12)
    seen = np.stack([x, y], 1) * (distance / (distance + z))[:, None]
    return np.asarray(seen * width_px, np.float32)


def to_grey(rng: np.random.Generator, bgr: Image) -> Image:
    """Return a grey picture as one of many sensors sees it: daylight luma, or an infra-red camera's mix."""
    if rng.random() < 0.6:
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY))
    weights = rng.dirichlet((1.0, 2.0, 2.0)).astype(np.float32)
    return np.asarray(np.clip(bgr.astype(np.float32) @ weights, 0, 255), np.uint8)


def _field(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> Floats:
    """Return a smooth random field in [0, 1] of this height and width."""
    coarse = rng.random((max(2, cells // 2), cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def _per_channel(field: Floats, image: Image) -> Floats:
    return field if image.ndim == 2 else field[..., None]


def shadow(rng: np.random.Generator, image: Image, strength: float) -> Image:
    """Cast a shadow with one straight, soft or hard edge."""
    height, width = image.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    side = (xs / width - rng.uniform(0.1, 0.9)) * np.cos(angle) + (ys / height - rng.uniform(0.1, 0.9)) * np.sin(angle)
    dark = 1 / (1 + np.exp(-side * rng.uniform(6, 80)))
    light = (1 - strength * rng.uniform(0.2, 0.75) * dark).astype(np.float32)
    return np.asarray(image * _per_channel(light, image), np.uint8)


def bloom(rng: np.random.Generator, image: Image, strength: float) -> Image:
    """Let a headlight, a street lamp or a reflection flood part of the picture."""
    height, width = image.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    cx, cy = rng.uniform(-0.2, 1.2) * width, rng.uniform(-0.3, 1.3) * height
    spread = rng.uniform(0.15, 0.7) * height
    glow = np.exp(-((xs - cx) ** 2 / (rng.uniform(1, 4) * spread**2) + (ys - cy) ** 2 / spread**2))
    lit = image + _per_channel((strength * rng.uniform(60, 230) * glow).astype(np.float32), image)
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def tone(rng: np.random.Generator, image: Image, strength: float) -> Image:
    """Change exposure, contrast and gamma; overexposure clips as a retro-reflecting plate does at night."""
    gamma = float(np.exp(rng.normal(0, 0.35 * strength)))
    gain = float(np.exp(rng.normal(0, 0.3 * strength)))
    offset = float(rng.normal(0, 25 * strength))
    if rng.random() < 0.12 * strength:  # overexposed
        gain, offset = gain * rng.uniform(1.4, 2.2), offset + rng.uniform(0, 50)
    if rng.random() < 0.2 * strength:  # little contrast: fog, dusk, a dirty lens
        gain, offset = gain * rng.uniform(0.15, 0.5), offset + rng.uniform(0, 140)
    table = np.clip(255 * (np.arange(256) / 255) ** gamma * gain + offset, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table))


def motion_blur(image: Image, length_px: float, angle_rad: float) -> Image:
    """Smear the picture along a direction."""
    size = int(length_px) | 1
    if size < 3:
        return image
    kernel = np.zeros((size, size), np.float32)
    half = size // 2
    dx, dy = half * np.cos(angle_rad), half * np.sin(angle_rad)
    cv2.line(kernel, (round(half - dx), round(half - dy)), (round(half + dx), round(half + dy)), 1.0, 1)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()))


def lens(rng: np.random.Generator, image: Image, height_px: float, strength: float) -> Image:
    """Defocus and move the camera; `height_px` is the height of the plate in the picture."""
    if rng.random() < 0.6:
        sigma = abs(rng.normal(0, 0.028)) * height_px * strength
        if sigma > 0.25:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma))
    if rng.random() < 0.25 * strength:
        length = abs(rng.normal(0, 0.11)) * height_px * strength
        image = motion_blur(image, length, float(rng.normal(0, 0.5)))
    return image


def sensor(rng: np.random.Generator, image: Image, strength: float) -> Image:
    """Add the noise of the sensor, sharpen as cameras do."""
    if rng.random() < 0.3:
        soft = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 1.6)))
        image = np.asarray(cv2.addWeighted(image, 1 + (extra := float(rng.uniform(0.2, 1.5))), soft, -extra, 0))
    if rng.random() < 0.6:
        sigma = abs(rng.normal(0, 9)) * strength
        noise = np.empty(image.shape, np.int16)
        cv2.setRNGSeed(int(rng.integers(1 << 30)))
        channels = 1 if image.ndim == 2 else image.shape[2]
        cv2.randn(noise, np.zeros(channels), np.full(channels, max(0.5, sigma)))
        image = np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U))
    return image


def compress(rng: np.random.Generator, image: Image, strength: float) -> Image:
    """Encode and decode as JPEG; blocks and ringing look much as H.264's do."""
    quality = int(np.clip(95 - abs(rng.normal(0, 32)) * strength, 12, 95))
    ok, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    if not ok:
        raise ValueError(f"a picture of shape {image.shape} could not be encoded as JPEG")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))


def rain(rng: np.random.Generator, image: Image) -> Image:
    """Draw streaks and drops of rain."""
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(2, 14))):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        length = int(rng.uniform(0.1, 0.5) * height)
        shade = (int(rng.integers(120, 250)),) * 3
        cv2.line(image, (x, y), (x + int(rng.normal(0, length / 5)), y + length), shade, 1, cv2.LINE_AA)
    return image


def occlude(rng: np.random.Generator, image: Image) -> Image:
    """Put a thin thing before the plate: a tow ball, a cable, a grille bar, a leaf. Covers no whole character."""
    height, width = image.shape[:2]
    shade = (int(rng.integers(0, 256)),) * 3
    if rng.random() < 0.5:
        ends = [(int(rng.integers(width)), int(rng.integers(height))) for _ in range(2)]
        cv2.line(image, ends[0], ends[1], shade, max(1, int(height * rng.uniform(0.01, 0.05))), cv2.LINE_AA)
    else:
        at = (int(rng.integers(width)), int(height * rng.choice((rng.uniform(0, 0.2), rng.uniform(0.8, 1.0)))))
        cv2.circle(image, at, max(1, int(height * rng.uniform(0.04, 0.12))), shade, -1, cv2.LINE_AA)
    return image


def degrade(rng: np.random.Generator, image: Image, height_px: float, strength: float = 1.0) -> Image:
    """Return the picture as a real camera would deliver it; same shape and type.

    Args:
        rng: chance.
        image: uint8 (h, w) or BGR (h, w, 3) as the scene is, in the camera's resolution.
        height_px: height of the plate in it: blur is measured by what it does to the characters.
        strength: 0 leaves all as it is, 1 is a bad gate camera.
    """
    image = image.copy()
    if strength <= 0:
        return image
    if rng.random() < 0.25 * strength:
        image = shadow(rng, image, strength)
    if rng.random() < 0.12 * strength:
        image = bloom(rng, image, strength)
    if rng.random() < 0.05 * strength:
        image = occlude(rng, image)
    if rng.random() < 0.04 * strength:
        image = rain(rng, image)
    image = tone(rng, image, strength)
    image = lens(rng, image, height_px, strength)
    image = sensor(rng, image, strength)
    return compress(rng, image, strength) if rng.random() < 0.6 else image
