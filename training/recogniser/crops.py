"""Labelled photographs of plates for the reader: the crops of the data folder, in grey.

Reads `crops.csv` and `crops.zip` in place. A slice of the training split, chosen by a hash of
the text, is held back for tuning and calibration, so the validation split stays untouched.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.datasets.frame import Corners
from training.datasets.labels import corners_of_json
from training.places import data_folder
from training.progress import shown
from training.recogniser.network import SLOTS

SCENES_FOR_PATCHES, PATCH_SEED = 1200, 7  # of things that are no plates, to learn from and to judge by
HELD_BACK_ONE_IN = 16
SPLITS = ("train", "slice", "val", "test", "all")
Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class LabelledCrop:
    """One photograph of a plate."""

    picture: Image  # grey (h, w), with the margins of the data folder
    text: str
    lines: int
    source: str
    status: str  # ok, unsure, nonlatin, notplate, illegible
    margins: tuple[float, float]  # share of the plate's width and height around it, each side
    file: str
    corners: Corners | None = None  # TL TR BR BL of the plate in pixels of the picture, where the table has them


def photographs_in(named: Path | None) -> Path | None:
    """Return the data folder to use: the one that was named, else the usual one where it has crops, else None.

    One that was named and is not there is no reason to go on without: `load_crops` refuses it.
    """
    if named is not None:
        return named
    return data_folder() if (data_folder() / "crops.csv").is_file() else None


def held_back(text: str) -> bool:
    """Return whether a training plate is held back from training, by its text."""
    return zlib.crc32(text.encode()) % HELD_BACK_ONE_IN == 0


def _members(archive: zipfile.ZipFile) -> dict[str, str]:
    return {Path(name).name: name for name in archive.namelist()}


def _decode(data: bytes, file: str) -> Image:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise ValueError(f"{file}: not a picture. Fix: fetch the data folder again")
    return np.asarray(picture, np.uint8)


def load_crops(
    split: str, statuses: Sequence[str] = ("ok",), folder: Path | None = None, leave_out: Collection[str] = ()
) -> list[LabelledCrop]:
    """Return the crops of one part of the data.

    Args:
        split: of SPLITS: `train` (without what is held back), `slice` (what is held back of train), `val`, `test`,
            or `all`, what is held back included.
        statuses: which to keep.
        folder: the data folder; default `data_folder()`.
        leave_out: sources to keep out.

    Raises:
        FileNotFoundError: the folder has no crops.csv and crops.zip.
        ValueError: there is no such split, or the data has no such source.
    """
    if split not in SPLITS:
        raise ValueError(f"split {split!r}: no such part of the crops. Fix: choose of {', '.join(SPLITS)}")
    folder = folder or data_folder()
    table = _without(pd.read_csv(_there(folder, "crops.csv"), keep_default_na=False, dtype={"text": str}), leave_out)
    table = table[table["status"].isin(statuses)]
    if split != "all":
        table = table[table["split"] == ("train" if split == "slice" else split)]
    crops = []
    with zipfile.ZipFile(_there(folder, "crops.zip")) as archive:
        members = _members(archive)
        for row in table.to_dict("records"):
            if len(row["text"]) > SLOTS or not _in_part(split, row["text"]):
                continue
            margins = (0.0, 0.0) if row["source"] == "china" else (0.06, 0.12)
            picture = _decode(archive.read(members[row["file"]]), row["file"])
            facts = (row["text"], int(row["lines"]), row["source"], row["status"], margins, row["file"])
            corners = corners_of_json(row["corners"])[0] if row.get("corners") else None
            crops.append(LabelledCrop(picture, *facts, corners))
    return crops


def lines_in_scenes(folder: Path) -> dict[tuple[str, str], int]:
    """Return the number of lines of the plates that were cut out of scenes, by scene and text; none without crops."""
    if not (folder / "crops.csv").is_file():
        return {}
    table = pd.read_csv(folder / "crops.csv", keep_default_na=False, dtype={"text": str})
    return {(str(row.scene), str(row.text)): int(row.lines) for row in table[table["scene"] != ""].itertuples()}


def _there(folder: Path, name: str) -> Path:
    """Return a file of the data folder; raises FileNotFoundError where it is absent."""
    if not (folder / name).is_file():
        raise FileNotFoundError(
            f"{folder / name}: no such file. Fix: give a data folder (--data, ANPR_DATA); `dataset pack` makes one"
        )
    return folder / name


def _in_part(split: str, text: str) -> bool:
    """Return whether a plate of the train split belongs to the part asked for; other splits hold nothing back."""
    return split not in ("train", "slice") or held_back(text) == (split == "slice")


def _without(table: pd.DataFrame, leave_out: Collection[str]) -> pd.DataFrame:
    """Return the table without some sources; a source that does not exist was misspelt, and would be trained on."""
    known = sorted(set(table["source"]))
    if unknown := sorted(set(leave_out) - set(known)):
        raise ValueError(f"no source {', '.join(unknown)} to leave out. Fix: choose of {', '.join(known)}")
    kept: pd.DataFrame = table[~table["source"].isin(list(leave_out))]
    return kept


def scene_patches(
    rng: np.random.Generator,
    count: int,
    folder: Path | None = None,
    split: str = "train",
    leave_out: Collection[str] = (),
) -> list[Image]:
    """Return grey patches of `count` scenes of a split that touch no labelled plate; none where there are no scenes."""
    folder = folder or data_folder()
    if not (folder / "scenes.csv").is_file():
        return []
    table = pd.read_csv(folder / "scenes.csv", keep_default_na=False)
    table = table[(table["split"] == split) & ~table["source"].isin(list(leave_out))]
    patches: list[Image] = []
    with zipfile.ZipFile(_there(folder, "scenes.zip")) as archive:
        members = _members(archive)
        for index in shown(rng.permutation(len(table))[:count], "cutting patches out of scenes"):
            row = table.iloc[int(index)]
            scene = _decode(archive.read(members[row["file"]]), row["file"])
            patches.extend(_patches_of(rng, scene, np.array(json.loads(row["boxes"]), np.float32).reshape(-1, 4)))
    return patches


def _patches_of(rng: np.random.Generator, scene: Image, boxes: NDArray[np.float32]) -> list[Image]:
    height, width = scene.shape
    found = []
    for _ in range(4):
        w, h = int(rng.uniform(30, 160)), int(rng.uniform(14, 60))
        if w >= width or h >= height:
            continue
        x, y = int(rng.integers(width - w)), int(rng.integers(height - h))
        apart = (boxes[:, 0] > x + w) | (boxes[:, 2] < x) | (boxes[:, 1] > y + h) | (boxes[:, 3] < y)
        if apart.all() and scene[y : y + h, x : x + w].std() > 8:
            found.append(scene[y : y + h, x : x + w].copy())
    return found
