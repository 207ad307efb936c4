"""Many scenes from a few lines: conditions, each drawn several times with chance from a seed.

A suite has forms (`ci`, `nightly`) that differ in how often every condition is drawn. Rendered clips are
kept by the hash of their spec and rendered again only when that changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import ConfigError, Problem
from training.scenes.render import render_scene
from training.scenes.spec import SceneSpec, parse_spec

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"  # most countries leave out I, O and Q
CONSONANTS = "BCDFGHJKLMNPRSTVWXYZ"
DUTCH, ROMANCE = "BDFGHJKLNPRSTVXZ", "ABCDEFGHJKLMNPRSTVWXYZ"  # letters that the Netherlands, France and Italy issue
FORMATS: dict[str, tuple[str, ...]] = {  # A letter, B consonant, n Dutch, r Romance, 9 digit; the rest as it stands
    "gb": ("AA99 AAA",), "gb-two": ("AA99/AAA",), "de": ("A-AA 9999", "AA-A 999", "AAA-AA 99"),
    "fr": ("rr-999-rr",), "it": ("rr 999 rr",), "es": ("9999 BBB",), "pl": ("AA 99999", "AAA 9999A"),
    "nl": ("99-nnn-9", "n-999-nn"), "us": ("9AAA999",), "in": ("MH 99 AA 9999", "DL 99 AA 9999", "TN 99 AA 9999"),
    "vn": ("99A-999.99",),
    "vn-two": ("99A/999.99",), "vn-moto": ("99A9/999.99",), "de-moto": ("AA/A 99",),
}  # fmt: skip
STYLES = ("gb", "de", "fr", "it", "es", "pl", "nl", "vn")
KINDS = ("hatchback", "hatchback", "sedan", "sedan", "suv", "suv", "van", "truck")
PAINTS = ("white", "silver", "grey", "black", "red", "blue", "green", "beige")
SPEED_KMH, OFFSET_M = (11.0, 17.0), (-0.22, 0.22)
HEIGHT_M, SIDE_M = (1.95, 2.25), (-1.5, -1.1)


class Condition(BaseModel):
    """One line of a suite: a scene and its vehicles; what they do not say is drawn by chance."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    clips: int = Field(1, ge=1, le=100)
    scene: dict[str, Any] = {}
    vehicles: tuple[dict[str, Any], ...] = ({},)


class Suite(BaseModel):
    """A whole suite."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    seed: int = 1
    forms: dict[str, int]  # name of the form -> how often every clip is drawn
    defaults: dict[str, Any] = {}
    conditions: tuple[Condition, ...]


def load_suite(path: Path) -> Suite:
    """Return the suite in a YAML file.

    Raises:
        ConfigError: unreadable or wrong; every problem at once.
    """
    try:
        return Suite.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(str(path), str(error), "give a YAML file that describes a suite") from error
    except ValidationError as error:
        fix = "see docs/replay.md, 'The suite'"
        raise ConfigError(
            problems=[Problem(f"{path}: {'.'.join(map(str, e['loc']))}", e["msg"], fix) for e in error.errors()]
        ) from error


def scenes(suite: Suite, form: str) -> list[SceneSpec]:
    """Return every scene of one form of the suite, the same ones each time.

    Raises:
        ConfigError: there is no such form, or a condition describes no scene.
    """
    if form not in suite.forms:
        raise ConfigError("--form", f"the suite {suite.name} has no form {form!r}", f"use {', '.join(suite.forms)}")
    times = suite.forms[form]
    return [_scene(suite, c, number) for c in suite.conditions for number in range(c.clips * times)]


def _scene(suite: Suite, condition: Condition, number: int) -> SceneSpec:
    digits = [ord(c) for c in condition.name]
    rng = np.random.default_rng([suite.seed, number, *digits])
    camera = {"height_m": round(rng.uniform(*HEIGHT_M), 2), "side_m": round(rng.uniform(*SIDE_M), 2)}
    document: dict[str, Any] = {**suite.defaults, **condition.scene}
    document["camera"] = {**camera, **suite.defaults.get("camera", {}), **condition.scene.get("camera", {})}
    document |= {
        "name": f"{condition.name}-{number + 1:03d}",
        "condition": condition.name,
        "seed": int(rng.integers(1 << 30)),
        "vehicles": [_vehicle(v, rng) for v in condition.vehicles],
    }
    return parse_spec(document, f"condition {condition.name}")


def _vehicle(given: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Return a vehicle with everything drawn that was not given; a list means: one of these."""
    fixed = {k: (v[int(rng.integers(len(v)))] if isinstance(v, list) else v) for k, v in given.items()}
    style = fixed.get("style", str(rng.choice(STYLES)))
    drawn: dict[str, Any] = {
        "kind": str(rng.choice(KINDS)),
        "colour": str(rng.choice(PAINTS)),
        "style": style,
        "plate": drawn_plate(style, rng),
        "speed_kmh": round(rng.uniform(*SPEED_KMH), 1),
        "offset_m": round(rng.uniform(*OFFSET_M), 2),
        "from_m": 17.0,
    }
    if style == "gb":
        drawn["rear_style"] = "gb-rear"
    if fixed.get("kind") == "pedestrian":
        drawn |= {"plate": "", "speed_kmh": 5.0, "offset_m": 0.0}
    return drawn | fixed


def drawn_plate(style: str, rng: np.random.Generator) -> str:
    """Return a registration of that style, as printed."""
    pattern = str(rng.choice(FORMATS[style]))
    pools = {"A": LETTERS, "B": CONSONANTS, "n": DUTCH, "r": ROMANCE, "9": "0123456789"}
    return "".join(str(rng.choice(list(pools[c]))) if c in pools else c for c in pattern)


def render_suite(
    suite: Suite, form: str, folder: Path, tell: Callable[[str, bool], None] = lambda n, r: None, *, every: int = 1
) -> Path:
    """Render what is missing or out of date and remove what is not in the suite; return the folder of the clips.

    Args:
        tell: called per scene with its name and whether it had to be rendered.
        every: take only each so many-th scene, for a sample in a folder of its own.
    """
    target = folder / (f"{suite.name}-{form}" if every == 1 else f"{suite.name}-{form}-{every}")
    target.mkdir(parents=True, exist_ok=True)
    specs = scenes(suite, form)[every // 2 :: every]
    names = {f"{s.name}.mp4" for s in specs} | {f"{s.name}.truth.json" for s in specs}
    for stray in [p for p in target.iterdir() if p.is_file() and p.name not in names]:
        stray.unlink()
    for spec in specs:
        fresh = is_rendered(spec, target)
        if not fresh:
            (target / f"{spec.name}.truth.json").unlink(missing_ok=True)  # written last: it vouches for the video
            render_scene(spec, target)
        tell(spec.name, not fresh)
    return target


def is_rendered(spec: SceneSpec, folder: Path) -> bool:
    """Tell whether the clip of exactly this spec is there."""
    truth = folder / f"{spec.name}.truth.json"
    if not truth.exists() or not (folder / f"{spec.name}.mp4").exists():
        return False
    try:
        return bool(json.loads(truth.read_text(encoding="utf-8")).get("digest") == spec.digest)
    except ValueError:
        return False
