"""Plates and lettering to paste into scenes: real train crops and rendered plates.

A donor is a grey picture of one flat thing with the corners of the plate inside it. Train split only.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.random import Generator

from training.detector.scenes import FloatArray, GreyImage, corners_of_boxes, decode_grey

CROP_MARGIN = (0.06, 0.12)  # shares of the plate's width and height on each side, see the data's README


@dataclass(frozen=True)
class Donor:
    """A flat thing to paste, with the plate's corners in its own pixels; None: no plate, a distraction."""

    grey: GreyImage
    corners: FloatArray | None  # (4, 2)


def crop_donors(data: Path, split: str = "train", min_width: int = 70) -> list[Donor]:
    """Return the plates of crops.zip that are wide enough to stay sharp; corners are the crop less its margin."""
    table = pd.read_csv(data / "crops.csv", keep_default_na=False)
    chosen = table[(table.split == split) & (table.source != "china") & (table.width >= min_width)]
    chosen = chosen[chosen.status.isin(["ok", "unsure", "nonlatin"])]
    donors = []
    with zipfile.ZipFile(data / "crops.zip") as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        for row in chosen.itertuples():
            grey = decode_grey(archive.read(names[str(row.file)]))
            height, width = grey.shape
            inset_x = width * CROP_MARGIN[0] / (1 + 2 * CROP_MARGIN[0])
            inset_y = height * CROP_MARGIN[1] / (1 + 2 * CROP_MARGIN[1])
            box = np.array([inset_x, inset_y, width - inset_x, height - inset_y], np.float32)
            donors.append(Donor(grey, corners_of_boxes(box)[0]))
    return donors


def lettering(rng: Generator) -> Donor:
    """Return a sign or caption that is no plate: words, phone numbers and time stamps on no or an odd panel."""
    style = rng.integers(0, 4)
    digits = "".join(rng.choice(list("0123456789"), 12))
    letters = "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVZ"), 12))
    lower = letters.lower()
    text = (
        f"{digits[:2]}-{digits[2:4]}-20{digits[4:6]} {digits[6:8]}:{digits[8:10]}:{digits[10:]}",
        f"{letters[:1]}{lower[1:rng.integers(3, 9)]} {letters[9:]}",
        f"0{digits[:3]} {digits[3:6]} {digits[6:9]}",
        f"www.{lower[: rng.integers(3, 8)]}.{lower[8:10]}",
    )[style]
    face = int(rng.choice([0, 1, 2, 3, 4, 6]))
    thickness = int(rng.integers(1, 4))
    (width, height), base = cv2.getTextSize(text, face, 1.2, thickness)
    paper = np.full((height + base + 12, width + 12), rng.integers(0, 256), np.uint8)
    ink = int((int(paper[0, 0]) + rng.integers(90, 170)) % 256)
    cv2.putText(paper, text, (6, height + 6), face, 1.2, ink, thickness, cv2.LINE_AA)
    return Donor(paper, None)
