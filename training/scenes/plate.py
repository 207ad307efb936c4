"""Number plates as pictures: a few countries' layouts, drawn flat and clean, then worn.

Sizes are those of the real plates in millimetres; two texture pixels per millimetre. The
registration is the text without blanks and marks.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.scenes.glyphs import lettering

Picture = NDArray[np.uint8]
PX_PER_MM = 1.6
WHITE, YELLOW, BLUE, BLACK = (236, 240, 240), (38, 186, 240), (140, 50, 10), (22, 20, 20)


@dataclass(frozen=True)
class Layout:
    """Geometry and colours of one kind of plate."""

    width_mm: float
    height_mm: float
    char_mm: float
    ground: tuple[int, int, int] = WHITE
    ink: tuple[int, int, int] = BLACK
    band: str = ""  # letters in the blue band at the left, "" where there is none
    right_band: bool = False
    caption: str = ""  # small lettering above the registration
    narrow: float = 1.0
    stroke: float = 0.145
    border: bool = True


LAYOUTS: dict[str, Layout] = {
    "gb": Layout(520, 111, 79, border=False, stroke=0.17),
    "gb-rear": Layout(520, 111, 79, ground=YELLOW, border=False, stroke=0.17),
    "de": Layout(520, 110, 75, band="D", stroke=0.14),
    "fr": Layout(520, 110, 75, band="F", right_band=True, border=False),
    "it": Layout(520, 110, 75, band="I", right_band=True, border=False),
    "es": Layout(520, 110, 77, band="E"),
    "pl": Layout(520, 114, 80, band="PL"),
    "nl": Layout(520, 110, 77, ground=YELLOW, band="NL"),
    "us": Layout(305, 152, 68, caption="LIBERTY", narrow=0.82, ink=(110, 40, 30), stroke=0.13),
    "in": Layout(500, 120, 70, border=True, stroke=0.14),
    "vn": Layout(470, 110, 80, stroke=0.14),
    "vn-two": Layout(280, 200, 68, stroke=0.14),
    "vn-moto": Layout(190, 140, 48, stroke=0.14),
    "gb-two": Layout(285, 203, 79, ground=YELLOW, border=False, stroke=0.17),
    "de-moto": Layout(220, 200, 75, band="", stroke=0.14),
}


def registration(text: str) -> str:
    """Return what a reader should answer: letters and digits only, top line first."""
    return "".join(c for c in text if c.isalnum())


def plate_texture(text: str, style: str) -> Picture:
    """Return the BGR picture of a clean plate; "/" in `text` starts the second line.

    Raises:
        KeyError: unknown style or a character without glyph.
    """
    layout = LAYOUTS[style]
    width, height = round(layout.width_mm * PX_PER_MM), round(layout.height_mm * PX_PER_MM)
    image = np.empty((height, width, 3), np.uint8)
    image[:] = layout.ground
    left, right = _bands(image, layout)
    lines = text.split("/")
    top = round(26 * PX_PER_MM) if layout.caption else 0
    if layout.caption:
        _ink(
            image,
            lettering(layout.caption, round(15 * PX_PER_MM)),
            (left + right) // 2,
            top // 2 + 5,
            layout.ink,
            right - left,
        )
    row_height = (height - top) / len(lines)
    for index, line in enumerate(lines):
        mask = lettering(line, round(layout.char_mm * PX_PER_MM), layout.narrow, stroke=layout.stroke)
        centre_y = round(
            top + row_height * (index + 0.5) + (0 if len(lines) == 1 else (5 - 10 * index) * PX_PER_MM * -0.3)
        )
        _ink(image, mask, (left + right) // 2, centre_y, layout.ink, right - left - round(16 * PX_PER_MM))
    if layout.border:
        inset, thick = round(3 * PX_PER_MM), max(1, round(2.6 * PX_PER_MM))
        cv2.rectangle(image, (inset, inset), (width - 1 - inset, height - 1 - inset), layout.ink, thick, cv2.LINE_AA)
    return image


def _bands(image: Picture, layout: Layout) -> tuple[int, int]:
    """Paint the blue bands; return the left and right end of the field between them."""
    height, width = image.shape[:2]
    band = round(44 * PX_PER_MM)
    left, right = 0, width
    if layout.band:
        image[:, :band] = BLUE
        for angle in np.radians(np.arange(0, 360, 30)):
            centre = (round(band / 2 + 0.3 * band * np.cos(angle)), round(height * 0.3 + 0.3 * band * np.sin(angle)))
            cv2.circle(image, centre, max(1, round(1.6 * PX_PER_MM)), (60, 210, 250), -1, cv2.LINE_AA)
        _ink(image, lettering(layout.band, round(22 * PX_PER_MM)), band // 2, round(height * 0.77), WHITE, band - 4)
        left = band
    if layout.right_band:
        image[:, width - band :] = BLUE
        right = width - band
    return left, right


def _ink(image: Picture, mask: Picture, x: int, y: int, colour: tuple[int, int, int], room: int) -> None:
    """Print a mask centred on (x, y), squeezed where it would be wider than `room`."""
    if mask.shape[1] > room > 0:
        mask = np.asarray(cv2.resize(mask, (room, mask.shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
    top, left = y - mask.shape[0] // 2, x - mask.shape[1] // 2
    area = image[max(0, top) : top + mask.shape[0], max(0, left) : left + mask.shape[1]]
    share = mask[max(0, -top) :, max(0, -left) :][: area.shape[0], : area.shape[1], None].astype(np.float32) / 255
    area[:] = np.round(area * (1 - share) + np.array(colour, np.float32) * share)


def worn(image: Picture, dirt: float, rng: np.random.Generator) -> Picture:
    """Return the plate with mud on it: 0 is clean, 1 hides most characters. Mud gathers at the lower edge."""
    if dirt <= 0:
        return image
    height, width = image.shape[:2]
    cloud = np.zeros((height, width), np.float32)
    for cells, weight in ((4, 0.5), (12, 0.3), (40, 0.2)):
        noise = rng.random((max(2, cells // 4), cells)).astype(np.float32)
        cloud += weight * cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    cloud += 0.25 * np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    share = np.clip((cloud - (0.95 - 0.75 * dirt)) * 3.0, 0, 0.35 + 0.6 * dirt)[..., None]
    mud = np.array([62, 84, 104], np.float32)
    return np.asarray(np.round(image * (1 - share) + mud * share), np.uint8)


def plate_grid(
    centre: NDArray[np.float64],
    across: NDArray[np.float64],
    up: NDArray[np.float64],
    bend_m: float,
    outward: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the grid of a plate: `across` and `up` are half its sides; `bend_m` bows it about the upright axis."""
    columns = 1 if bend_m == 0 else 8
    steps = np.linspace(-1, 1, columns + 1)
    bow = (1 - steps**2) * bend_m
    rows = [centre + sign * up + steps[:, None] * across + bow[:, None] * outward for sign in (1, -1)]
    return np.asarray(np.stack(rows))
