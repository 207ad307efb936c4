"""Render one licence plate: a real format, the country's look, every character's place known.

The picture is the bare plate, straight on and evenly lit, at two to four times the reader's
resolution; perspective, light and camera belong to `training.synth.camera`. All chance comes
from the generator passed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synth import decoration, fonts, registrations
from training.synth.decoration import PALETTE, Colour, Image
from training.synth.layouts import Layout, all_layouts
from training.synth.registrations import Sign

WIDE_PX, NARROW_PX = 416, 320  # width of the picture of a plate wider or narrower than ASPECT_WIDE
ASPECT_WIDE = 2.9
UNDECIDED = frozenset({"RANDOM", "RANDOM2", "SHOW", "US-VANITY"})  # layouts whose format decides nothing
ORNAMENT_RATIO = 0.12  # plates that get a seal or emblem though their format has none
GAP_SHARE = {" ": 0.42, "-": 0.42, ".": 0.3, "*": 0.75, "^": 0.75, "~": 0.8}  # widths in line heights


@dataclass(frozen=True, slots=True)
class RenderedPlate:
    """A picture of a plate and everything that is true about it."""

    image: Image  # BGR (h, w, 3), nothing but the plate
    text: str  # A-Z 0-9, reading order, top line first
    lines: int  # 1 or 2
    country: str  # the layout's name
    boxes: NDArray[np.float32]  # (len(text), 4): x1 y1 x2 y2 of every character, pixels of `image`

    def __post_init__(self) -> None:
        if len(self.text) != len(self.boxes) or self.lines not in (1, 2):
            raise ValueError(
                f"{self.country}: {len(self.text)} characters, {len(self.boxes)} boxes, {self.lines} lines"
            )


@dataclass(slots=True)
class _Style:
    """The choices of one plate that all its characters share."""

    font: str
    foreground: Colour
    background: Colour
    stretch: float  # width of a glyph over its natural width
    gap: float  # between characters, in line heights
    boldness: int  # px to thicken (or, negative, thin) strokes by, at glyph resolution
    fixed_pitch: bool
    twins: dict[str, str]  # characters drawn as another one: many alphabets have one sign for 0 and O


def choose_layout(rng: np.random.Generator) -> Layout:
    """Return a layout, by weight."""
    layouts = all_layouts()
    weights = np.array([layout.weight for layout in layouts])
    return layouts[int(rng.choice(len(layouts), p=weights / weights.sum()))]


def render_plate(rng: np.random.Generator, layout: Layout | None = None) -> RenderedPlate:
    """Return a new plate of `layout`, or of any country.

    Args:
        rng: the only source of chance; the same state gives the same picture.
        layout: what to draw; none means a random one by weight.
    """
    layout = layout or choose_layout(rng)
    pattern = layout.patterns[int(rng.integers(len(layout.patterns)))]
    lines = registrations.draw(rng, pattern, layout.letters)
    lines = _ornamented(rng, lines)
    image, style = _blank(rng, layout, len(lines))
    area = _paint_surroundings(rng, image, layout, style)
    boxes = [box for line, row in zip(lines, _rows(rng, area, layout, len(lines)), strict=True)
             for box in _paint_line(rng, image, line, row, style)]  # fmt: skip
    _finish(rng, image, style)
    text = registrations.text_of(lines)
    return RenderedPlate(image, text, len(lines), layout.country, np.array(boxes, np.float32).reshape(-1, 4))


def _ornamented(rng: np.random.Generator, lines: tuple[tuple[Sign, ...], ...]) -> tuple[tuple[Sign, ...], ...]:
    """Return the lines, now and then with a seal or an emblem where a gap was: they occur everywhere."""
    if rng.random() > ORNAMENT_RATIO:
        return lines
    ornament = Sign("*^"[int(rng.integers(2))])
    return tuple(tuple(ornament if sign.value in " -." else sign for sign in line) for line in lines)


def _blank(rng: np.random.Generator, layout: Layout, lines: int) -> tuple[Image, _Style]:
    """Return the empty plate and the style of its signs."""
    aspect = (
        layout.size_mm[0] / layout.size_mm[1] * (rng.uniform(0.92, 1.08) if lines == 1 else rng.uniform(0.75, 1.12))
    )
    width = WIDE_PX if aspect > ASPECT_WIDE else NARROW_PX
    names = layout.colours[int(rng.integers(len(layout.colours)))].split("/")
    foreground = decoration.vary(rng, PALETTE[names[0]])
    background = decoration.vary(rng, PALETTE[names[1]])
    image = np.empty((int(width / aspect), width, 3), np.uint8)
    image[:] = background
    style = _Style(
        font=fonts.pick_font(rng, layout.fonts),
        foreground=foreground,
        background=background,
        stretch=float(rng.uniform(0.8, 1.25)),
        gap=float(rng.uniform(0.05, 0.2)),
        boldness=int(rng.integers(-2, 5)),
        fixed_pitch=bool(rng.random() < 0.4),
        twins=_twins(rng, layout),
    )
    if rng.random() < layout.graphics_ratio:
        decoration.picture(rng, image)
    return image, style


def _twins(rng: np.random.Generator, layout: Layout) -> dict[str, str]:
    """Return the characters that look alike on this plate; only where the format tells which is meant."""
    if layout.country in UNDECIDED:
        return {}
    ratio = 0.85 if layout.fonts == "uk" else 0.3
    return {a: b for a, b in (("0", "O"), ("1", "I")) if rng.random() < ratio}


def _paint_surroundings(
    rng: np.random.Generator, image: Image, layout: Layout, style: _Style
) -> tuple[float, float, float, float]:
    """Paint rim, bands, names, stickers and bolts; return the area left for the registration, x1 y1 x2 y2."""
    height, width = image.shape[:2]
    rim = height * rng.uniform(0.02, 0.06)
    x1, y1, x2, y2 = rim, rim, width - rim, height - rim
    if rng.random() < 0.65:
        thick = max(1, round(height * rng.uniform(0.01, 0.035)))
        inset = int(rng.uniform(0, rim))
        cv2.rectangle(
            image, (inset, inset), (width - 1 - inset, height - 1 - inset), style.foreground, thick, cv2.LINE_AA
        )
    if rng.random() < layout.band_ratio:
        x1, y1, x2 = _paint_bands(rng, image, layout, (x1, y1, x2))
    tall = y2 - y1
    if layout.head and rng.random() < layout.head_ratio and layout.band != "t":
        used = tall * rng.uniform(0.14, 0.24)
        _paint_name(rng, image, layout.head, (x1, y1, x2, y1 + used), style)
        y1 += used
    if layout.foot and rng.random() < layout.foot_ratio:
        used = tall * rng.uniform(0.11, 0.22)
        _paint_name(rng, image, layout.foot, (x1, y2 - used, x2, y2), style)
        y2 -= used
    if rng.random() < layout.sticker_ratio:
        _paint_stickers(rng, image)
    if rng.random() < 0.3:
        _paint_bolts(rng, image)
    return x1, y1, x2, y2


def _paint_bands(
    rng: np.random.Generator, image: Image, layout: Layout, area: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Paint the national bands; return x1, y1, x2 of what is left."""
    height, width = image.shape[:2]
    x1, y1, x2 = area
    colour = decoration.vary(rng, PALETTE[layout.band_colour], 20)
    text = layout.band_text[int(rng.integers(len(layout.band_text)))] if layout.band_text else ""
    if layout.band == "t":
        tall = int(height * rng.uniform(0.2, 0.27))
        cv2.rectangle(image, (0, 0), (width, tall), colour, -1)
        name = (width // 4, tall // 5, width // 2, tall * 3 // 5)
        decoration.lettering(rng, image, layout.head[0], name, (235, 235, 235), fancy=False)
        decoration.sticker(rng, image, (int(width * 0.86), tall // 6, int(width * 0.1), tall * 2 // 3))
        return x1, float(tall), x2
    wide = int(width * rng.uniform(0.07, 0.1)) if width == WIDE_PX else int(width * rng.uniform(0.09, 0.2))
    if "l" in layout.band:
        tall = height if rng.random() < 0.8 or len(text) > 3 else height // 2
        decoration.band(rng, image, (0, 0, wide, tall), text, colour)
        x1 = wide + height * 0.03 if tall == height else x1
    if "r" in layout.band:
        digits = str(rng.integers(1, 96)) if layout.band == "lr" else text
        decoration.band(rng, image, (width - wide, 0, wide, height), digits, colour)
        x2 = width - wide - height * 0.03
    return x1, y1, x2


def _paint_name(
    rng: np.random.Generator,
    image: Image,
    names: tuple[str, ...],
    area: tuple[float, float, float, float],
    style: _Style,
) -> None:
    """Write one of the names of state, city or maker into the strip x1 y1 x2 y2."""
    x1, y1, x2, y2 = area
    name = names[int(rng.integers(len(names)))]
    colour = style.foreground if rng.random() < 0.6 else decoration.any_colour(rng)
    inset = (x2 - x1) * rng.uniform(0.08, 0.2)
    tall = (y2 - y1) * rng.uniform(0.65, 1.0)
    box = (int(x1 + inset), int((y1 + y2 - tall) / 2), int(x2 - x1 - 2 * inset), int(tall))
    if name.startswith("~"):
        _paint_foreign(rng, image, box, colour, name.count("~"))
    decoration.lettering(rng, image, name.replace("~", "").strip(), box, colour)


def _paint_stickers(rng: np.random.Generator, image: Image) -> None:
    height, width = image.shape[:2]
    w, h = int(width * rng.uniform(0.08, 0.15)), int(height * rng.uniform(0.12, 0.2))
    for x, y in ((3, 3), (width - w - 3, 3), (3, height - h - 3), (width - w - 3, height - h - 3)):
        if rng.random() < 0.4:
            decoration.sticker(rng, image, (x, y, w, h))


def _paint_bolts(rng: np.random.Generator, image: Image) -> None:
    height, width = image.shape[:2]
    radius = height * rng.uniform(0.025, 0.06)
    inset = width * rng.uniform(0.04, 0.3)
    for y in {float(rng.choice((0.1, 0.5))), float(rng.choice((0.1, 0.9)))}:
        for x in (inset, width - inset):
            decoration.bolt(rng, image, x + rng.normal(0, 2), y * height + rng.normal(0, 2), radius)


def _rows(
    rng: np.random.Generator, area: tuple[float, float, float, float], layout: Layout, count: int
) -> list[tuple[float, float, float, float]]:
    """Return x1 y1 x2 y2 of every line of characters inside the area."""
    x1, y1, x2, y2 = area
    pad = (x2 - x1) * rng.uniform(0.01, 0.07)
    tall = y2 - y1
    if count == 1:
        share = (layout.line_ratio or 0.72) * rng.uniform(0.88, 1.12)
        full = (layout.size_mm[1] / layout.size_mm[0]) and (y2 - y1)
        line = min(full * 0.94, share * tall * (1.25 if layout.line_ratio else 1.0))
        top = y1 + (tall - line) * rng.uniform(0.35, 0.65)
        return [(x1 + pad, top, x2 - pad, top + line)]
    split = rng.uniform(0.42, 0.52) if rng.random() < 0.8 else rng.uniform(0.34, 0.42)
    gap = tall * rng.uniform(0.04, 0.1)
    inset = tall * rng.uniform(0.03, 0.08)
    first = (x1 + pad, y1 + inset, x2 - pad, y1 + tall * split - gap / 2)
    return [first, (x1 + pad, y1 + tall * split + gap / 2, x2 - pad, y2 - inset)]


def _glyph(sign: Sign, style: _Style) -> Image:
    """Return the mask of one character in this style, `GLYPH_CAP_PX` high."""
    mask = fonts.glyph(style.font, style.twins.get(sign.value, sign.value))
    if style.boldness:
        kernel = np.ones((abs(style.boldness) + 1,) * 2, np.uint8)
        padded = cv2.copyMakeBorder(mask, 0, 0, 3, 3, cv2.BORDER_CONSTANT, value=0)
        mask = np.asarray(cv2.dilate(padded, kernel) if style.boldness > 0 else cv2.erode(padded, kernel), np.uint8)
    return mask


def _widths(line: tuple[Sign, ...], tall: float, style: _Style) -> list[float]:
    """Return the width of every sign of a line whose characters are `tall` high."""
    widths = []
    for sign in line:
        size = tall * (0.68 if sign.small else 1.0)
        if sign.read:
            mask = fonts.glyph(style.font, style.twins.get(sign.value, sign.value))
            widths.append(mask.shape[1] / mask.shape[0] * size * style.stretch)
        else:
            widths.append(GAP_SHARE[sign.value] * size)
    return widths


def _paint_line(
    rng: np.random.Generator,
    image: Image,
    line: tuple[Sign, ...],
    row: tuple[float, float, float, float],
    style: _Style,
) -> list[tuple[float, float, float, float]]:
    """Paint the signs of one line; return the boxes of those that are read."""
    x1, y1, x2, y2 = row
    tall, room = y2 - y1, x2 - x1
    widths = _widths(line, tall, style)
    pitch = float(np.median([w for w, s in zip(widths, line, strict=True) if s.read]))
    cells = [max(w, pitch) if style.fixed_pitch and s.read else w for w, s in zip(widths, line, strict=True)]
    total = sum(cells) + style.gap * tall * (len(line) - 1)
    squeeze = min(1.0, room / total)
    if squeeze < 0.55:  # too long for full height: shorten it instead of squeezing the characters flat
        tall *= squeeze / 0.55
        y1 = (y1 + y2 - tall) / 2
    slack = max(0.0, room - total)
    extra = slack * rng.uniform(0, 0.9) / max(1, len(line) - 1) if rng.random() < 0.6 else 0.0
    x = x1 + (slack - extra * (len(line) - 1)) * rng.uniform(0.3, 0.7)
    boxes = []
    for sign, cell, wide in zip(line, cells, widths, strict=True):
        left = x + (cell - wide) * squeeze / 2
        box = (left, y1, left + wide * squeeze, y1 + tall * (0.68 if sign.small else 1.0))
        _paint_sign(rng, image, sign, box, style)
        if sign.read:
            boxes.append(box)
        x += (cell + style.gap * (y2 - y1)) * squeeze + extra
    _paint_region_field(
        rng,
        image,
        [box for box, sign in zip(boxes, (s for s in line if s.read), strict=True) if sign.small],
        tall,
        style,
    )
    return boxes


def _paint_region_field(
    rng: np.random.Generator, image: Image, boxes: list[tuple[float, float, float, float]], tall: float, style: _Style
) -> None:
    """Frame a small raised group and write the country's letters under it, as in Russia."""
    if not boxes or rng.random() < 0.25:
        return
    x1, y1, x2 = boxes[0][0], boxes[0][1], boxes[-1][2]
    pad = tall * 0.12
    bottom = y1 + tall
    cv2.line(image, (round(x1 - pad), round(y1 - pad)), (round(x1 - pad), round(bottom + pad)), style.foreground, 2)
    label = ("RUS", "RUS", "KZ", "UZ", "IR")[int(rng.integers(5))]
    box = (round(x1), round(y1 + tall * 0.76), round((x2 - x1) * 0.6), round(tall * 0.22))
    decoration.lettering(rng, image, label, box, style.foreground, fancy=False)
    flag = (round(x1 + (x2 - x1) * 0.68), round(y1 + tall * 0.78), round((x2 - x1) * 0.3), round(tall * 0.2))
    for k in range(3):
        top = flag[1] + k * flag[3] // 3
        cv2.rectangle(image, (flag[0], top), (flag[0] + flag[2], top + flag[3] // 3), decoration.any_colour(rng), -1)


def _paint_sign(
    rng: np.random.Generator, image: Image, sign: Sign, box: tuple[float, float, float, float], style: _Style
) -> None:
    """Paint a character or what stands in its place."""
    x1, y1, x2, y2 = box
    w, h = x2 - x1, y2 - y1
    cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
    if sign.read:
        size = (max(2, round(w)), max(4, round(h)))
        mask = np.asarray(cv2.resize(_glyph(sign, style), size, interpolation=cv2.INTER_AREA), np.uint8)
        decoration.stamp(image, mask, round(x1), round(y1), colour=style.foreground)
    elif sign.value == "-":
        half = w * rng.uniform(0.22, 0.45)
        thick = max(2, round(h * rng.uniform(0.06, 0.14)))
        cv2.line(image, (round(cx - half), round(cy)), (round(cx + half), round(cy)), style.foreground, thick)
    elif sign.value == ".":
        at = (round(cx), round(cy + h * (0.42 if rng.random() < 0.3 else 0)))
        cv2.circle(image, at, max(1, round(h * rng.uniform(0.05, 0.1))), style.foreground, -1, cv2.LINE_AA)
    elif sign.value == "*":
        radius = min(w, h) * rng.uniform(0.35, 0.5)
        decoration.seal(rng, image, cx, cy - h * rng.uniform(0, 0.25), radius)
        if rng.random() < 0.6:
            decoration.seal(rng, image, cx, cy + h * 0.28, radius * rng.uniform(0.6, 1.0))
    elif sign.value == "^":
        decoration.emblem(rng, image, cx, cy, min(w, h) * rng.uniform(0.35, 0.55), colour=style.foreground)
    elif sign.value == "~":
        _paint_foreign(rng, image, (round(x1), round(y1), round(w), round(h)), style.foreground, 1)


def _paint_foreign(
    rng: np.random.Generator, image: Image, box: tuple[int, int, int, int], colour: Colour, count: int
) -> None:
    """Paint letters of another script into the box x y w h, side by side."""
    x, y, w, h = box
    scripts = list(fonts.SCRIPTS)
    script = scripts[int(rng.integers(len(scripts)))]
    cell = max(2, w // count)
    for k in range(count):
        mask = fonts.foreign_glyph(rng, script)
        scale = min(cell / mask.shape[1], h / mask.shape[0])
        size = (max(2, int(mask.shape[1] * scale)), max(2, int(mask.shape[0] * scale)))
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)
        decoration.stamp(image, mask, x + k * cell, y + (h - size[1]) // 2, colour=colour)


def _finish(rng: np.random.Generator, image: Image, style: _Style) -> None:
    """Add what age and press do: embossed edges, uneven paint, dirt, screws over characters."""
    height, width = image.shape[:2]
    if rng.random() < 0.6:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        slope = cv2.Sobel(grey, cv2.CV_32F, 1, 1, ksize=3) * float(rng.uniform(-0.12, 0.12))
        image[:] = np.clip(image + cv2.GaussianBlur(slope, (0, 0), 0.8)[..., None], 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        decoration.dirt(rng, image, float(rng.uniform(0.1, 0.75)))
    if rng.random() < 0.2:
        _paint_bolts(rng, image)
    if rng.random() < 0.12:
        decoration.bolt(
            rng, image, rng.uniform(0, width), rng.uniform(0.1, 0.9) * height, height * rng.uniform(0.03, 0.07)
        )
