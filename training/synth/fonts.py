"""Fonts of the plate renderer: find the fetched files, draw one glyph as a mask.

A glyph is drawn once, large, and resized later, so a plate costs no text layout. Falls back to
the DejaVu fonts of the system where nothing was fetched; draws no plates itself.
"""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.synth.strokes import CAP_PX, stroke_glyph

GLYPH_CAP_PX = CAP_PX  # height at which a capital letter is drawn before it is resized
STROKES = "strokes:"  # before the number of an invented alphabet, in place of a font file
STROKE_SHARE, STROKE_VARIANTS = 0.35, 400
CHARSET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
WEIGHTS = (400, 500, 600, 700)  # of the npm families that offer them

# Which families look like the plates of which region (substrings of file names).
FAMILIES: dict[str, tuple[str, ...]] = {
    "din": ("osp-din", "barlow", "osifont", "saira-condensed", "saira-semi", "roboto-condensed", "routed-gothic"),
    "fe": ("b612-mono", "share-tech-mono", "routed-gothic", "osp-din", "barlow-semi", "ubuntu-mono", "roboto-mono"),
    "uk": ("arimo", "nimbussans-bold", "liberationsans-bold", "overpass-latin", "archivo-latin", "rg2014", "barlow-l"),
    "us": ("rg2014", "overpass", "saira", "routed-gothic", "rajdhani", "share-tech", "quantico", "teko", "chakra"),
    "narrow": ("oswald", "fjalla", "league-gothic", "antonio", "pathway", "bebas", "anton", "francois", "pt-sans-na"),
}


def font_folder() -> Path:
    """Return where the fetched fonts lie: `ANPR_FONTS`, else .cache/fonts of the repository."""
    named = os.environ.get("ANPR_FONTS")
    return Path(named) if named else Path(__file__).resolve().parents[2] / ".cache" / "fonts"


@lru_cache(maxsize=1)
def text_fonts() -> tuple[str, ...]:
    """Return the files of upright sans fonts for registrations, sorted, so that a seed is repeatable."""
    folder = font_folder()
    found = [
        str(path)
        for weight in WEIGHTS
        for path in folder.glob(f"node_modules/@fontsource/*/files/*-latin-{weight}-normal.woff")
    ]
    unwanted: tuple[str, ...] = (
        "oblique",
        "italic",
        "serif",
        "roman",
        "bold-it",
        "bdit",
        "symbol",
        "d050",
        "c059",
        "p052",
        "bookman",
    )
    unwanted += ("nimbusmono", "freemono", "dejavu", "z003", "ipaex")
    others = [*folder.glob("deb/**/*.ttf"), *folder.glob("deb/**/*.otf")]
    found += [str(path) for path in others if not any(word in path.name.lower() for word in unwanted)]
    return tuple(sorted(found)) or system_fonts()


@lru_cache(maxsize=1)
def lettering_fonts() -> tuple[str, ...]:
    """Return fonts for state names and slogans: the registration fonts and serif or slanted ones."""
    fancy = ("c059", "p052", "bookman", "serif", "italic", "oblique", "roman")
    folder = font_folder()
    found = [str(p) for p in [*folder.glob("deb/**/*.ttf"), *folder.glob("deb/**/*.otf")]]
    return tuple(sorted(p for p in found if any(word in Path(p).name.lower() for word in fancy))) or text_fonts()


@lru_cache(maxsize=1)
def system_fonts() -> tuple[str, ...]:
    """Return the DejaVu Sans files of the system, or those that matplotlib brings along.

    Raises:
        FileNotFoundError: there are none either; says what to run.
    """
    plots = find_spec("matplotlib")
    folders = [Path("/usr/share/fonts"), Path(plots.origin).parent if plots and plots.origin else font_folder()]
    found = tuple(sorted(str(path) for folder in folders for path in folder.glob("**/DejaVuSans*.ttf")))
    if not found:
        raise FileNotFoundError(f"{font_folder()}: no fonts. Fix: run anpr-train synth fonts")
    return found


@lru_cache(maxsize=8)
def family_fonts(family: str) -> tuple[str, ...]:
    """Return the fonts of one family of `FAMILIES`, or all where none was fetched."""
    words = FAMILIES.get(family, ())
    return tuple(p for p in text_fonts() if any(word in Path(p).name.lower() for word in words)) or text_fonts()


def pick_font(rng: np.random.Generator, family: str, faithful_ratio: float = 0.7) -> str:
    """Return a font: mostly a file of the family, else an invented alphabet or any file, for shapes nobody foresaw."""
    if rng.random() < STROKE_SHARE:
        return f"{STROKES}{int(rng.integers(STROKE_VARIANTS))}"
    files = family_fonts(family) if rng.random() < faithful_ratio else text_fonts()
    return files[int(rng.integers(len(files)))]


@lru_cache(maxsize=512)
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@lru_cache(maxsize=512)
def cap_size(path: str) -> int:
    """Return the size in points at which a capital H of the font is `GLYPH_CAP_PX` high."""
    trial = _font(path, 200).getbbox("H")
    return max(8, round(200 * GLYPH_CAP_PX / max(1.0, trial[3] - trial[1])))


@lru_cache(maxsize=16384)
def glyph(path: str, character: str) -> NDArray[np.uint8]:
    """Return the mask (GLYPH_CAP_PX, w) of one capital or digit, cut to its ink in x, cap height in y."""
    if path.startswith(STROKES):
        return stroke_glyph(int(path[len(STROKES) :]), character)
    font = _font(path, cap_size(path))
    left, top, right, bottom = font.getbbox(character)
    if right - left < 1 or bottom - top < 1:
        return np.zeros((GLYPH_CAP_PX, GLYPH_CAP_PX // 2), np.uint8)
    image = Image.new("L", (int(right - left), int(bottom - top)), 0)
    ImageDraw.Draw(image).text((-left, -top), character, font=font, fill=255)
    return np.asarray(image.resize((image.width, GLYPH_CAP_PX), Image.Resampling.BILINEAR))


SCRIPTS: dict[str, tuple[str, int, int]] = {  # name: font file, first and last letter drawn
    "arabic": ("DejaVuSans-Bold.ttf", 0x0627, 0x064A),
    "arabic digits": ("DejaVuSans-Bold.ttf", 0x0660, 0x0669),
    "devanagari": ("FreeSansBold.ttf", 0x0905, 0x0939),
    "han": ("ipaexg.ttf", 0x4E00, 0x5FFF),
    "hiragana": ("ipaexg.ttf", 0x3042, 0x3093),
    "katakana": ("ipaexg.ttf", 0x30A2, 0x30F3),
}


@lru_cache(maxsize=8)
def _script_font(name: str) -> str:
    found = sorted(str(path) for path in font_folder().glob(f"deb/**/{name}"))
    return found[0] if found else text_fonts()[0]


def foreign_glyph(rng: np.random.Generator, script: str = "") -> NDArray[np.uint8]:
    """Return the mask of a letter of `script` (a key of `SCRIPTS`), or of any of them."""
    name, first, last = SCRIPTS[script or list(SCRIPTS)[int(rng.integers(len(SCRIPTS)))]]
    return words(_script_font(name), chr(int(rng.integers(first, last + 1))))


@lru_cache(maxsize=4096)
def words(path: str, text: str) -> NDArray[np.uint8]:
    """Return the mask of a whole piece of lettering, cut to its ink."""
    font = _font(path, 64)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (max(1, int(right - left)), max(1, int(bottom - top))), 0)
    ImageDraw.Draw(image).text((-left, -top), text, font=font, fill=255)
    return np.asarray(image)
