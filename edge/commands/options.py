"""What several commands share: the settings option and the default settings of a replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.config import Settings, load, parse
from edge.config.camera import CameraSettings
from edge.errors import ConfigError

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The settings.", show_default=True)]
OptionalConfig = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings to use; without, sensible defaults.", show_default=False)
]
CameraOption = Annotated[
    str | None, typer.Option("--camera", help="Camera of the settings that the video stands for; default: the first.")
]


StillOption = Annotated[
    bool, typer.Option("--still-plates", help="Report plates that never move too: hand-held videos, standing cars.")
]


def settings_for_files(config: Path | None) -> Settings:
    """Return the settings in `config`, or defaults: the whole picture, direction from growth of the plate.

    A file without settings may come from any camera, so one that is carried may report plates that stand.
    """
    if config is not None:
        return load(config)
    camera = {"name": "replay", "lane": "lane-1", "url": "replay", "gate": {"still_plates": "carried"}}
    return parse({"cameras": [camera], "mqtt": {"enabled": False}})


def camera_of(settings: Settings, name: str | None, *, still_plates: bool = False) -> CameraSettings:
    """Return the camera of that name, or the first one; with `still_plates` it reports plates that never move.

    Raises:
        ConfigError: there is no camera of that name.
    """
    for camera in settings.cameras:
        if name in (None, camera.name):
            gate = camera.gate.model_copy(update={"still_plates": "report"})
            return camera.model_copy(update={"gate": gate}) if still_plates else camera
    names = ", ".join(c.name for c in settings.cameras)
    raise ConfigError("--camera", f"there is no camera {name!r} in the settings", f"name one of: {names}")
