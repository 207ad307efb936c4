"""What a scene is: the YAML that a person or a suite writes, checked, unknown keys refused.

Metres, seconds, degrees, pixels, km/h as the names say. Two equal specs render equal videos.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import Self

from edge.errors import ConfigError, Problem
from training.scenes.plate import LAYOUTS, registration
from training.scenes.shapes import COLOURS, SHAPES

RENDERER = 4  # raise when the same spec gives other pictures, so that caches are dropped
LightName = Literal["day", "overcast", "low-sun", "dusk", "night", "night-ir"]
Passage = Literal["entry", "exit", "reverse", "parked", "cross"]
Share = Annotated[float, Field(ge=0, le=1)]
KINDS = (*SHAPES, "motorcycle", "pedestrian")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CameraSpec(_Section):
    """Where the camera hangs and what its optics do."""

    height_m: float = Field(2.1, gt=0.2, le=12)
    side_m: float = Field(-1.3, ge=-15, le=15, description="Distance from the middle of lane 0, + is to the right.")
    yaw_deg: float = Field(3.0, ge=-60, le=60)
    pitch_deg: float = Field(6.0, ge=-10, le=60)
    roll_deg: float = Field(0.0, ge=-20, le=20)
    focal_px: float = Field(1750.0, gt=100, description="At the width of the picture; 1750 at 1280 px sees 40 degrees.")
    shutter_s: float = Field(1 / 500, gt=0, le=0.2)
    defocus_px: float = Field(0.5, ge=0, le=10, description="Sigma of the blur of the whole picture.")
    noise: float = Field(2.5, ge=0, le=60, description="Sigma of the noise, grey levels.")
    gain: float = Field(1.0, gt=0, le=4, description="Exposure: above 1 bright parts burn out.")
    vignette: Share = 0.25
    shake_px: float = Field(0.0, ge=0, le=30, description="Sway of the mast, amplitude.")
    osd: bool = Field(False, description="Burn a clock and a camera name into the picture.")


class VehicleSpec(_Section):
    """One vehicle or walker and what it does."""

    kind: str = "hatchback"
    colour: str = "grey"
    plate: str = Field("", description="As printed, blanks and '-' allowed, '/' starts the second line; '' is none.")
    style: str = "gb"
    rear_style: str | None = None
    passage: Passage = "entry"
    lane: int = Field(0, ge=-2, le=2)
    starts_s: float = Field(0.0, ge=-30, description="When it sets off from where it starts.")
    speed_kmh: float = Field(15.0, gt=0, le=120)
    waits_s: float = Field(0.0, ge=0, description="How long it stands at the stop line; 0 drives through.")
    stops_at_m: float = Field(
        0.0, ge=-5, le=40, description="Metres before the stop line; for parked: where it stands."
    )
    from_m: float = Field(26.0, gt=0, le=80, description="Where it starts, metres before the stop line.")
    follows_m: float | None = Field(None, gt=0, description="Keeps this gap to the vehicle before it in the list.")
    offset_m: float = Field(0.0, ge=-20, le=20, description="Beside the middle of the lane.")
    angle_deg: float = Field(0.0, ge=-90, le=90, description="Turn of its path against the lane.")
    dirt: Share = 0.0
    bend_m: float = Field(0.0, ge=-0.08, le=0.08)
    tilt_deg: float = Field(0.0, ge=-30, le=30, description="Turn of the plate in its own plane.")
    hidden: Share = Field(0.0, description="Share of the plate's width covered by a bar.")
    lettering: str = Field("", description="Sign-writing, e.g. a telephone number.")
    readable: bool = Field(True, description="Whether a reader can be asked for the plate: false for hidden or muddy.")

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is none of {', '.join(KINDS)}")
        if self.colour not in COLOURS:
            raise ValueError(f"colour {self.colour!r} is none of {', '.join(COLOURS)}")
        for style in (self.style, self.rear_style or self.style):
            if style not in LAYOUTS:
                raise ValueError(f"style {style!r} is none of {', '.join(LAYOUTS)}")
        return self

    @property
    def text(self) -> str:
        """The registration as a reader should give it."""
        return registration(self.plate)


class SceneSpec(_Section):
    """One clip."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    condition: str = Field("plain", description="What results are grouped by.")
    seed: int = Field(1, ge=0)
    size: tuple[int, int] = (1280, 720)
    fps: float = Field(15.0, gt=0, le=60)
    seconds: float = Field(8.0, gt=0, le=600)
    light: LightName = "day"
    rain: Share = 0.0
    headlights: bool | None = Field(None, description="None: on when it is dark.")
    stop_m: float = Field(5.6, gt=1, le=40, description="Stop line, metres from the camera.")
    lanes: tuple[float, ...] = Field((0.0,), description="Middles of the lanes, metres to the right.")
    barrier: bool = True
    boom_m: float = Field(2.6, gt=0, le=10, description="How far behind the stop line the barrier stands.")
    boom_stripes: int = Field(12, ge=1, le=60, description="Red and white pieces of the boom.")
    bitrate_kbps: float = Field(2500.0, gt=50)
    camera: CameraSpec = CameraSpec()
    vehicles: tuple[VehicleSpec, ...] = ()

    @property
    def digest(self) -> str:
        """Hash of everything that decides the picture."""
        return hashlib.sha256(f"{RENDERER}:{self.model_dump_json(exclude_defaults=True)}".encode()).hexdigest()[:16]


def load_spec(path: Path) -> SceneSpec:
    """Return the scene described by a YAML file.

    Raises:
        ConfigError: unreadable, not YAML, or wrong; every problem at once.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(at=str(path), problem=str(error), fix="give a YAML file that describes a scene") from error
    return parse_spec(document, str(path))


def parse_spec(document: object, at: str) -> SceneSpec:
    """Return the scene of a loaded document; `at` names it in errors.

    Raises:
        ConfigError: as `load_spec`.
    """
    try:
        return SceneSpec.model_validate(document)
    except ValidationError as error:
        raise ConfigError(
            problems=[
                Problem(f"{at}: {'.'.join(map(str, e['loc'])) or 'scene'}", e["msg"], "see docs/replay.md, 'Scenes'")
                for e in error.errors()
            ]
        ) from error
