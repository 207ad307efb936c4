"""What a country's plate looks like: sizes, colours, bands, lettering, formats, read from countries.yaml.

Only facts; the renderer decides how to draw them. A user adds a country in the YAML file, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from training.synth.registrations import LATIN

COUNTRIES = Path(__file__).with_name("countries.yaml")


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of plate of one country; the keys are explained in countries.yaml."""

    country: str
    patterns: tuple[str, ...]
    size_mm: tuple[float, float] = (520.0, 110.0)
    colours: tuple[str, ...] = ("black/white",)
    letters: str = LATIN
    fonts: str = "din"
    band: str = ""
    band_ratio: float = 1.0
    band_text: tuple[str, ...] = ()
    band_colour: str = "blue"
    head: tuple[str, ...] = ()
    foot: tuple[str, ...] = ()
    head_ratio: float = 1.0
    foot_ratio: float = 1.0
    graphics_ratio: float = 0.0
    sticker_ratio: float = 0.0
    line_ratio: float = 0.0
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.patterns or not self.colours or min(self.size_mm) <= 0 or self.weight < 0:
            raise ValueError(f"layout {self.country!r} needs a pattern, a colour, a size and a weight")


@lru_cache(maxsize=1)
def all_layouts() -> tuple[Layout, ...]:
    """Return every layout of countries.yaml, in its order."""
    return read_layouts(COUNTRIES)


def read_layouts(file: Path) -> tuple[Layout, ...]:
    """Return the layouts of a file like countries.yaml.

    Raises:
        ValueError: an entry has an unknown key or lacks one; names the file and the entry.
    """
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    entries = list(content["layouts"])
    for shared in content.get("state_layouts", ()):
        for name, slogan, patterns, colours in content.get("states", ()):
            own = {"patterns": patterns, "colours": colours, "head": [name], "foot": [slogan or name]}
            entries.append({**own, **shared})
    try:
        return tuple(_layout(entry, content["lists"], content["letters"]) for entry in entries)
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{file}: {error}. Fix: compare the entry with the others") from error


def _layout(entry: Mapping[str, Any], lists: Mapping[str, str], letters: Mapping[str, str]) -> Layout:
    unknown = set(entry) - {field.name for field in fields(Layout)}
    if unknown:
        raise ValueError(f"layout {entry.get('country')!r} has unknown keys {sorted(unknown)}")
    facts: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    facts["patterns"] = tuple(_filled(pattern, lists) for pattern in facts["patterns"])
    if "letters" in facts:
        facts["letters"] = letters.get(facts["letters"], facts["letters"])
    return Layout(**facts)


def _filled(pattern: str, lists: Mapping[str, str]) -> str:
    """Return the pattern with every {NAME} replaced by the choices of that list."""
    for name, choices in lists.items():
        pattern = pattern.replace("{" + name + "}", f"[{choices}]")
    return pattern
