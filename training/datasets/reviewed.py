"""Labels of our own on top of the data's: plates that nobody had boxed, and true corners, looked at one by one.

`training/labels/unlabelled.csv` lists real plates which the data set leaves out (verdict `plate`) and things
too dim or odd to tell, for which nobody is punished (`unsure`); `training/labels/corners.csv` true corners of
plates, and `training/labels/README.md` says how they came about. All name the picture and hold no pixels.
Training takes the first as labels; judging takes both as neither right nor wrong, so that figures stay
comparable with the labels as published.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float32]
FOLDER = Path(__file__).resolve().parents[1] / "labels"
PLATE, UNSURE = "plate", "unsure"
SCENE, CROP = "scene", "crop"  # what a line of corners.csv speaks of: scenes and crops share their names
CORNER_COLUMNS = [f"c{i}{axis}" for i in range(4) for axis in "xy"]


def unlabelled(verdict: str, folder: Path = FOLDER) -> dict[str, FloatArray]:
    """Return for each picture the (N, 4) boxes with this verdict, PLATE or UNSURE, that the data set does not list."""
    file = folder / "unlabelled.csv"
    if not file.exists():
        return {}
    table = pd.read_csv(file)
    chosen = table[table.verdict == verdict].groupby("file", sort=True)
    return {str(name): part[["x1", "y1", "x2", "y2"]].to_numpy(np.float32) for name, part in chosen}


def lookalikes(folder: Path = FOLDER) -> dict[str, FloatArray]:
    """Return for each picture the (N, 4) boxes of things that an earlier model took for plates."""
    file = folder / "lookalikes.csv"
    if not file.exists():
        return {}
    table = pd.read_csv(file).groupby("file", sort=True)
    return {str(name): part[["x1", "y1", "x2", "y2"]].to_numpy(np.float32) for name, part in table}


def true_corners(of: str, folder: Path = FOLDER) -> dict[str, FloatArray]:
    """Return for each picture of a kind, SCENE or CROP, the (N, 4, 2) corners of the plates annotated by hand."""
    file = folder / "corners.csv"
    if not file.exists():
        return {}
    table = pd.read_csv(file)
    return {
        str(name): part[CORNER_COLUMNS].to_numpy(np.float32).reshape(-1, 4, 2)
        for name, part in table[table.of == of].groupby("file", sort=True)
    }
