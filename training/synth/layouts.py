"""What a country's plate looks like: sizes, colours, bands, lettering, formats.

Only facts; the renderer decides how to draw them. Sources: the registration rules of each
country as published in encyclopaedias; the country letters are those of the distinguishing sign.
"""

from __future__ import annotations

from dataclasses import dataclass

from training.synth.registrations import LATIN

EU_MM = (520.0, 110.0)
EU_TWO_LINE_MM = (280.0, 200.0)
US_MM = (305.0, 152.0)
NO_IO = "".join(c for c in LATIN if c not in "IO")
NO_IOQ = "".join(c for c in LATIN if c not in "IOQ")


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of plate of one country."""

    country: str
    patterns: tuple[str, ...]
    size_mm: tuple[float, float] = EU_MM
    colours: tuple[str, ...] = ("black/white",)  # foreground/background
    letters: str = LATIN
    fonts: str = "din"
    band: str = ""  # sides that carry a national band: "", "l", "r", "lr"
    band_ratio: float = 1.0  # how often the band is there
    band_text: tuple[str, ...] = ()
    band_colour: str = "blue"
    head: tuple[str, ...] = ()
    foot: tuple[str, ...] = ()
    head_ratio: float = 1.0
    foot_ratio: float = 1.0
    graphics_ratio: float = 0.0  # how often a picture lies under the registration
    sticker_ratio: float = 0.0  # how often month or year stickers sit in the corners
    line_ratio: float = 0.0  # height of a line in plate heights; 0: what the size suggests
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.patterns or not self.colours:
            raise ValueError(f"layout {self.country!r} needs a pattern and a colour")


def all_layouts() -> tuple[Layout, ...]:
    """Return every layout, all regions, in a fixed order."""
    from training.synth.layouts_americas import AMERICAS  # here, not above: they import Layout
    from training.synth.layouts_asia import ASIA
    from training.synth.layouts_europe import EUROPE

    return EUROPE + AMERICAS + ASIA
