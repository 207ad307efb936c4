"""What lies on a plate besides its registration: bands, seals, shields, stickers, bolts, dirt.

These are what readers mistake for R, H, 8 and 9, so they are drawn everywhere and never labelled.
All functions paint into a BGR picture in place; sizes are in pixels of that picture.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synth import fonts

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

PALETTE: dict[str, Colour] = {  # BGR
    "black": (25, 22, 22),
    "white": (236, 238, 238),
    "yellow": (35, 190, 240),
    "blue": (150, 60, 20),
    "sky": (235, 215, 180),
    "green": (70, 110, 25),
    "red": (40, 30, 170),
    "grey": (165, 165, 165),
    "lilac": (200, 160, 170),
    "sand": (170, 205, 225),
    "turquoise": (180, 170, 40),
    "brown": (35, 60, 95),
}
SHIELD_POINTS = np.array([(-1, -1), (1, -1), (1, 0.2), (0.6, 0.8), (0, 1.15), (-0.6, 0.8), (-1, 0.2)])


def vary(rng: np.random.Generator, colour: Colour, spread: float = 14.0) -> Colour:
    """Return a colour near `colour`: paint fades and differs by maker."""
    b, g, r = (min(255, max(0, round(c + shift))) for c, shift in zip(colour, rng.normal(0, spread, 3), strict=True))
    return b, g, r


def any_colour(rng: np.random.Generator) -> Colour:
    """Return a strong colour as printed on seals and slogans."""
    names = ("black", "blue", "green", "red", "yellow", "white", "brown", "turquoise", "grey")
    return vary(rng, PALETTE[names[int(rng.integers(len(names)))]], 25)


def stamp(image: Image, mask: Image, x: int, y: int, *, colour: Colour) -> None:
    """Paint `colour` where `mask` is set, with its top-left at (x, y); what sticks out is cut off."""
    height, width = image.shape[:2]
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + mask.shape[1]), min(height, y + mask.shape[0])
    if right <= left or bottom <= top:
        return
    alpha = mask[top - y : bottom - y, left - x : right - x, None].astype(np.float32) * (1.0 / 255.0)
    patch = image[top:bottom, left:right].astype(np.float32)
    image[top:bottom, left:right] = (patch + (np.asarray(colour, np.float32) - patch) * alpha).astype(np.uint8)


def lettering(
    rng: np.random.Generator,
    image: Image,
    text: str,
    box: tuple[int, int, int, int],
    colour: Colour,
    *,
    fancy: bool = True,
) -> None:
    """Write `text` centred into the box x y w h, as high as it fits."""
    x, y, w, h = box
    if not text or w < 8 or h < 4:
        return
    files = fonts.lettering_fonts() if fancy and rng.random() < 0.6 else fonts.text_fonts()
    mask = fonts.words(files[int(rng.integers(len(files)))], text)
    scale = min(h / mask.shape[0], w / mask.shape[1])
    size = (max(2, int(mask.shape[1] * scale)), max(2, int(mask.shape[0] * scale)))
    mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)
    stamp(image, mask, x + (w - size[0]) // 2, y + (h - size[1]) // 2, colour=colour)


def seal(rng: np.random.Generator, image: Image, x: float, y: float, radius: float) -> None:
    """Draw an inspection seal: a ring, fields of colour, a letter or crest inside."""
    centre = (round(x), round(y))
    size = max(2, round(radius))
    cv2.circle(image, centre, size, any_colour(rng), -1, cv2.LINE_AA)
    if rng.random() < 0.7:
        cv2.circle(image, centre, size, any_colour(rng), max(1, size // 5), cv2.LINE_AA)
    inner = rng.random()
    if inner < 0.4:
        shield(rng, image, x, y, radius * 0.55)
    elif inner < 0.6:
        angle = float(rng.uniform(0, 360))
        for k in range(6):
            cv2.ellipse(
                image, centre, (size * 2 // 3,) * 2, angle, k * 60, k * 60 + 30, any_colour(rng), -1, cv2.LINE_AA
            )
    elif inner < 0.85:
        text = "".join(fonts.CHARSET[int(rng.integers(36))] for _ in range(int(rng.integers(1, 3))))
        lettering(rng, image, text, (centre[0] - size // 2, centre[1] - size // 2, size, size), any_colour(rng))


def shield(rng: np.random.Generator, image: Image, x: float, y: float, radius: float) -> None:
    """Draw a coat of arms: a shield of two to four fields with an outline."""
    points = SHIELD_POINTS * (radius * rng.uniform(0.7, 1.0), radius) + (x, y)
    outline = np.round(points).astype(np.int32)
    cv2.fillPoly(image, [outline], any_colour(rng), cv2.LINE_AA)
    if rng.random() < 0.7:
        r = radius * 0.7
        for _ in range(int(rng.integers(1, 4))):
            a = rng.uniform(-r, r, 4)
            cv2.rectangle(image, (int(x + min(a[0], a[1])), int(y + min(a[2], a[3]))),
                          (int(x + max(a[0], a[1])), int(y + max(a[2], a[3]))), any_colour(rng), -1)  # fmt: skip
    if rng.random() < 0.7:
        cv2.polylines(image, [outline], True, any_colour(rng), max(1, int(radius / 6)), cv2.LINE_AA)


def outline_shape(rng: np.random.Generator, image: Image, x: float, y: float, radius: float, *, colour: Colour) -> None:
    """Draw the outline of a state or an animal: a random closed shape, filled or hollow."""
    corners = int(rng.integers(5, 11))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radii = radius * rng.uniform(0.45, 1.05, corners)
    points = np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], 1)
    if rng.random() < 0.6:
        cv2.fillPoly(image, [np.round(points).astype(np.int32)], colour, cv2.LINE_AA)
    else:
        thick = max(1, int(radius / 7))
        cv2.polylines(image, [np.round(points).astype(np.int32)], True, colour, thick, cv2.LINE_AA)


def emblem(rng: np.random.Generator, image: Image, x: float, y: float, radius: float, *, colour: Colour) -> None:
    """Draw what separates the groups of a registration: a shape, a shield, a seal or a star."""
    kind = rng.random()
    if kind < 0.45:
        outline_shape(rng, image, x, y, radius, colour=colour if rng.random() < 0.5 else any_colour(rng))
    elif kind < 0.7:
        shield(rng, image, x, y, radius)
    elif kind < 0.9:
        seal(rng, image, x, y, radius * 0.9)
    else:
        turn = np.arange(10) * np.pi / 5 - np.pi / 2
        radii = np.where(np.arange(10) % 2 == 0, radius, radius * 0.4)
        star = np.stack([x + radii * np.cos(turn), y + radii * np.sin(turn)], 1)
        cv2.fillPoly(image, [np.round(star).astype(np.int32)], colour, cv2.LINE_AA)


def sticker(rng: np.random.Generator, image: Image, box: tuple[int, int, int, int]) -> None:
    """Stick a month, year or tax label into the box x y w h: a coloured field with one to three small signs."""
    x, y, w, h = box
    cv2.rectangle(image, (x, y), (x + w, y + h), any_colour(rng), -1)
    texts = ("JAN", "MAR", "JUN", "AUG", "OCT", "DEC", "09", "12", "15", "18", "2", "7", "MAY", "24", "R", "P")
    text = texts[int(rng.integers(len(texts)))]
    lettering(rng, image, text, (x + w // 6, y + h // 5, w * 2 // 3, h * 3 // 5), any_colour(rng))


def bolt(rng: np.random.Generator, image: Image, x: float, y: float, radius: float) -> None:
    """Draw a screw head, a cap or an empty hole."""
    centre, size = (round(x), round(y)), max(1, round(radius))
    if rng.random() < 0.3:
        cv2.circle(image, centre, size, vary(rng, (40, 40, 40)), -1, cv2.LINE_AA)
        return
    shade = int(rng.integers(70, 240))
    cv2.circle(image, (centre[0] + 1, centre[1] + 1), size + 1, (shade // 3,) * 3, -1, cv2.LINE_AA)
    cv2.circle(image, centre, size, vary(rng, (shade,) * 3, 10), -1, cv2.LINE_AA)
    if rng.random() < 0.5 and size > 2:
        angle = rng.uniform(0, np.pi)
        dx, dy = int(size * 0.7 * np.cos(angle)), int(size * 0.7 * np.sin(angle))
        ends = ((centre[0] - dx, centre[1] - dy), (centre[0] + dx, centre[1] + dy))
        cv2.line(image, *ends, (shade // 3,) * 3, max(1, size // 3), cv2.LINE_AA)


def band(rng: np.random.Generator, image: Image, box: tuple[int, int, int, int], text: str, colour: Colour) -> None:
    """Paint a national band into the box x y w h: ring of stars or flag above, country letters below."""
    x, y, w, h = box
    cv2.rectangle(image, (x, y), (x + w, y + h), colour, -1)
    cx, cy, radius = x + w / 2, y + h * rng.uniform(0.26, 0.36), w * rng.uniform(0.26, 0.36)
    kind = rng.random()
    if kind < 0.65:
        for k in range(12):
            angle = k * np.pi / 6
            at = (int(cx + radius * np.cos(angle)), int(cy + radius * np.sin(angle)))
            cv2.circle(image, at, max(1, round(w * 0.035)), (70, 215, 240), -1, cv2.LINE_AA)
    elif kind < 0.9:
        for k in range(3):
            top = int(y + h * (0.12 + 0.12 * k))
            cv2.rectangle(image, (x + w // 6, top), (x + w * 5 // 6, top + int(h * 0.12)), any_colour(rng), -1)
    white = (235, 235, 235)
    if len(text) > 3:  # written upwards, as PUNJAB
        upright = np.full((w, h, 3), colour, np.uint8)
        lettering(rng, upright, text, (h // 10, w // 4, h * 4 // 5, w // 2), white, fancy=False)
        image[y : y + h, x : x + w] = cv2.rotate(upright, cv2.ROTATE_90_COUNTERCLOCKWISE)[: image.shape[0] - y]
    else:
        box_text = (x + w // 8, y + int(h * 0.62), w * 3 // 4, int(h * 0.26))
        lettering(rng, image, text, box_text, white, fancy=False)


def picture(rng: np.random.Generator, image: Image) -> None:
    """Lay a pale picture under the registration: hills, a sun, stripes, a colour running out."""
    height, width = image.shape[:2]
    layer = image.copy()
    for _ in range(int(rng.integers(1, 5))):
        kind = rng.random()
        colour = vary(rng, any_colour(rng), 40)
        if kind < 0.35:
            xs = np.linspace(0, width, 9)
            ys = height * (rng.uniform(0.3, 0.9) - rng.uniform(0, 0.3, 9))
            hills = np.vstack([np.stack([xs, ys], 1), [[width, height], [0, height]]])
            cv2.fillPoly(layer, [hills.astype(np.int32)], colour, cv2.LINE_AA)
        elif kind < 0.6:
            at = (int(rng.integers(width)), int(rng.integers(height)))
            cv2.circle(layer, at, int(rng.uniform(0.1, 0.5) * height), colour, -1, cv2.LINE_AA)
        elif kind < 0.8:
            top = int(rng.integers(height))
            cv2.rectangle(layer, (0, top), (width, top + int(height * rng.uniform(0.1, 0.4))), colour, -1)
        else:
            outline_shape(rng, layer, rng.uniform(0, width), rng.uniform(0, height), height * 0.35, colour=colour)
    layer = cv2.GaussianBlur(layer, (0, 0), float(rng.uniform(0.5, 8)))
    image[:] = cv2.addWeighted(image, 1 - (share := float(rng.uniform(0.1, 0.45))), layer, share, 0)


def dirt(rng: np.random.Generator, image: Image, strength: float) -> None:
    """Soil the plate: soft clouds of mud and a few specks."""
    height, width = image.shape[:2]
    clouds = rng.random((int(rng.integers(2, 7)), int(rng.integers(3, 13)))).astype(np.float32)
    alpha = cv2.resize(clouds, (width, height), interpolation=cv2.INTER_CUBIC)
    alpha = np.clip((alpha - rng.uniform(0.2, 0.6)) * 2, 0, 1)[..., None] * strength
    mud = np.asarray(vary(rng, (70, 85, 95), 30), np.float32)
    image[:] = (image + (mud - image) * alpha).astype(np.uint8)
    for _ in range(int(rng.integers(0, 12))):
        at = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(image, at, int(rng.integers(1, 4)), vary(rng, (60, 70, 80), 30), -1, cv2.LINE_AA)
