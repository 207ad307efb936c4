"""A contact sheet of rendered plates: what `anpr-train synth sheet` writes, to be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from training.progress import shown
from training.synth.plates import render_plate

TILE_PX = (240, 110)  # width, height
COLUMNS = 6


def write_sheet(
    out: Annotated[Path, typer.Option(help="Picture to write.")] = Path("out/plates.png"),
    count: Annotated[int, typer.Option(min=1, max=600, help="Plates on it.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed gives the same plates.")] = 1,
    smoke: Annotated[bool, typer.Option("--smoke", help="One row of plates: do all parts work?")] = False,
) -> None:
    """Render plates of many countries onto one sheet."""
    count = COLUMNS if smoke else count
    rng = np.random.default_rng(seed)
    tiles = [
        cv2.resize(render_plate(rng).image, TILE_PX, interpolation=cv2.INTER_AREA)
        for _ in shown(range(count), "rendering")
    ]
    tiles += [np.zeros_like(tiles[0])] * (-count % COLUMNS)
    rows = [np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), np.vstack(rows))
    typer.echo(f"{out}: {count} plates, seed {seed}")
