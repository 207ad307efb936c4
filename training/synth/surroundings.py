"""What is around a plate: holder, dealer's lettering, bodywork; so that a loose crop looks true."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synth import decoration
from training.synth.decoration import Image
from training.synth.plates import RenderedPlate

DEALERS = ("AUTOHAUS MEIER", "www.motors.com", "TOYOTA", "Honda", "FORD CREDIT", "Concessionaria", "AUTO CENTER", "4x4")
FRAMED_RATIO, FRAMED_WIDE_RATIO = 0.3, 0.1  # of the plates: a frame over their edge, which hides names and slogans


def mount(
    rng: np.random.Generator, plate: RenderedPlate, canvas_px: tuple[int, int], width_px: int
) -> tuple[Image, NDArray[np.float32]]:
    """Return the plate mounted on a car, in the middle of a canvas, and its box x1 y1 x2 y2 there.

    Args:
        rng: chance.
        plate: what to mount.
        canvas_px: width and height of the picture to return.
        width_px: width of the plate in it; its height follows, as far as the canvas allows.
    """
    width, height = canvas_px
    tall = min(round(width_px * plate.image.shape[0] / plate.image.shape[1]), round(height * 0.72))
    canvas = bodywork(rng, canvas_px)
    x, y = (width - width_px) // 2, (height - tall) // 2
    if rng.random() < 0.5:
        _paint_holder(rng, canvas, (x, y, width_px, tall))
    small = cv2.resize(plate.image, (width_px, tall), interpolation=cv2.INTER_AREA)
    mask = np.zeros((tall, width_px), np.uint8)
    radius = int(tall * rng.uniform(0, 0.09))
    cv2.rectangle(mask, (radius, 0), (width_px - radius, tall), 255, -1)
    cv2.rectangle(mask, (0, radius), (width_px, tall - radius), 255, -1)
    for cx, cy in (
        (radius, radius),
        (width_px - radius, radius),
        (radius, tall - radius),
        (width_px - radius, tall - radius),
    ):
        cv2.circle(mask, (cx, cy), radius, 255, -1)
    canvas[y : y + tall, x : x + width_px][mask > 0] = small[mask > 0]
    if rng.random() < (FRAMED_WIDE_RATIO if width_px > 3 * tall else FRAMED_RATIO):
        _paint_frame(rng, canvas, (x, y, width_px, tall))
    return canvas, np.array([x, y, x + width_px, y + tall], np.float32)


def bodywork(rng: np.random.Generator, size_px: tuple[int, int]) -> Image:
    """Return a piece of a car without a plate: one paint with a gradient, edges, a grille, lettering."""
    width, height = size_px
    base = rng.uniform(5, 245) if rng.random() < 0.6 else rng.uniform(5, 60)
    paint = base + rng.normal(0, 12, 3)
    ramp = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None] * rng.normal(0, 35)
    ramp = ramp + np.linspace(-1, 1, width, dtype=np.float32)[None, :, None] * rng.normal(0, 20)
    canvas = np.clip(paint + ramp, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(0, 4))):
        y = int(rng.integers(height))
        shade = tuple(int(c) for c in np.clip(paint + rng.normal(0, 60, 3), 0, 255))
        cv2.line(
            canvas, (0, y), (width, y + int(rng.normal(0, height / 12))), shade, int(rng.integers(1, 14)), cv2.LINE_AA
        )
    if rng.random() < 0.12:
        step = int(rng.integers(6, 16))
        shade = (int(rng.integers(0, 200)),) * 3
        for x in range(0, width, step):
            cv2.line(canvas, (x, 0), (x, height), shade, max(1, step // 4))
    return canvas


def _paint_holder(rng: np.random.Generator, canvas: Image, box: tuple[int, int, int, int]) -> None:
    """Paint the frame of a plate holder around the box x y w h, sometimes with a dealer's name."""
    x, y, w, h = box
    side = int(h * rng.uniform(0.03, 0.12))
    foot = int(h * rng.uniform(0.05, 0.25))
    shade = decoration.vary(rng, (25, 25, 25) if rng.random() < 0.7 else (190, 190, 190), 20)
    cv2.rectangle(canvas, (x - side, y - side), (x + w + side, y + h + foot), shade, -1)
    if rng.random() < 0.5:
        name = DEALERS[int(rng.integers(len(DEALERS)))]
        ink = decoration.any_colour(rng) if rng.random() < 0.4 else (225, 225, 225)
        strip = (x + w // 5, y + h + foot // 6, w * 3 // 5, foot * 2 // 3)
        decoration.lettering(rng, canvas, name, strip, ink, fancy=False)


def _paint_frame(rng: np.random.Generator, canvas: Image, box: tuple[int, int, int, int]) -> None:
    """Paint a dealer's frame over the edge of the plate x y w h: rails above and below, often with lettering."""
    x, y, w, h = box
    shade = decoration.vary(rng, ((25, 25, 25), (200, 200, 200), (90, 90, 90))[int(rng.integers(3))], 20)
    ink = (235, 235, 235) if sum(shade) < 380 else (30, 30, 30)
    side = max(1, int(h * rng.uniform(0.01, 0.05)))
    cv2.rectangle(canvas, (x - side, y - side), (x + w + side, y + h + side), shade, 2 * side)
    for top in (True, False):
        tall = int(h * rng.uniform(0.03, 0.15))
        outer = y - side - tall // 2 if top else y + h + side + tall // 2
        inner = y + tall // 2 if top else y + h - tall // 2
        cv2.rectangle(canvas, (x - side, min(outer, inner)), (x + w + side, max(outer, inner)), shade, -1)
        if rng.random() < 0.6:
            name = DEALERS[int(rng.integers(len(DEALERS)))]
            strip = (x + w // 6, min(outer, inner) + 1, w * 2 // 3, max(3, abs(outer - inner) - 2))
            decoration.lettering(rng, canvas, name, strip, ink, fancy=False)


def lettering_only(rng: np.random.Generator, size_px: tuple[int, int]) -> Image:
    """Return bodywork or a sign with words on it, which must not be read as a plate."""
    canvas = bodywork(rng, size_px)
    width, height = size_px
    texts = (
        *DEALERS,
        "TAXI",
        "POLICE",
        "2016-04-12 17:03:22",
        "TURBO",
        "STOP",
        "EXIT",
        "DELIVERY 24H",
        "TDI",
        "HYBRID",
        "TEL 0800 123",
    )
    for _ in range(int(rng.integers(0, 3))):
        box = (
            int(rng.uniform(0, 0.3) * width),
            int(rng.uniform(0, 0.7) * height),
            int(width * rng.uniform(0.4, 0.9)),
            int(height * rng.uniform(0.15, 0.5)),
        )
        decoration.lettering(rng, canvas, texts[int(rng.integers(len(texts)))], box, decoration.any_colour(rng))
    return canvas
