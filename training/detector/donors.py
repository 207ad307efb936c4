"""Plates and lettering to paste into scenes: real train crops and rendered plates.

A donor is a grey picture of one flat thing with the corners of the plate inside it. Train split only.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.random import Generator

from training.datasets.labels import corners_of_json
from training.datasets.pictures import decode_grey
from training.datasets.reviewed import CROP, lookalikes, true_corners
from training.detector.scenes import FloatArray, GreyImage, Scene, corners_of_boxes
from training.synth import fonts
from training.synth.plates import render_plate
from training.synth.structures import structure

CROP_MARGIN = (0.06, 0.12)  # shares of the plate's width and height on each side, see the data's README
CROP_EXACT = 0.05  # crops follow loose upright boxes, so a turned plate's corners are off by several percent


@dataclass(frozen=True)
class Donor:
    """A flat thing to paste, with the plate's corners in its own pixels; None: no plate, a distraction."""

    grey: GreyImage
    corners: FloatArray | None  # (4, 2)
    mask: GreyImage | None = None  # what of `grey` is seen, 255 = opaque; None: all of it
    exact: float = 1.0  # how far the corners are to be believed: rendered ones fully


def crop_donors(data: Path, split: str = "train", min_width: int = 70, leave_out: Sequence[str] = ()) -> list[Donor]:
    """Return the plates of crops.zip that are wide enough to stay sharp.

    Their corners are those of the table or of `training/labels/corners.csv`, exact, and elsewhere the crop's less
    its margin.
    """
    table = pd.read_csv(data / "crops.csv", keep_default_na=False)
    chosen = table[(table.split == split) & (~table.source.isin(["china", *leave_out])) & (table.width >= min_width)]
    chosen = chosen[chosen.status.isin(["ok", "unsure", "nonlatin"])]
    donors, by_eye = [], true_corners(CROP)
    with zipfile.ZipFile(data / "crops.zip") as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        for row in chosen.itertuples():
            grey = decode_grey(archive.read(names[str(row.file)]))
            labelled = corners_of_json(str(row.corners))[0] if getattr(row, "corners", "") else None
            known = by_eye[str(row.file)][0] if labelled is None and str(row.file) in by_eye else labelled
            if known is not None:
                donors.append(Donor(grey, np.asarray(known, np.float32)))
                continue
            height, width = grey.shape
            inset_x = width * CROP_MARGIN[0] / (1 + 2 * CROP_MARGIN[0])
            inset_y = height * CROP_MARGIN[1] / (1 + 2 * CROP_MARGIN[1])
            box = np.array([inset_x, inset_y, width - inset_x, height - inset_y], np.float32)
            donors.append(Donor(grey, corners_of_boxes(box)[0], exact=CROP_EXACT))
    return donors


def rendered_donors(count: int, seed: int) -> list[Donor]:
    """Return freshly rendered plates of any country, some in a holder, some with round corners; corners exact."""
    rng = np.random.default_rng(seed)
    return [_mounted(_as_luma(render_plate(rng).image, rng), rng) for _ in range(count)]


def _as_luma(colour: npt.NDArray[np.uint8], rng: Generator) -> GreyImage:
    """Return one of the greys that cameras make of a colour picture: mostly luma, at night one band."""
    luma = np.array([0.114, 0.587, 0.299])
    odd = rng.dirichlet((1.0, 1.0, 1.0))
    return np.asarray(np.clip(colour @ (luma if rng.random() < 0.7 else odd), 0, 255), np.uint8)


def _mounted(grey: GreyImage, rng: Generator) -> Donor:
    """Put a bare plate in a holder, before a dark gap, or leave it bare with rounded corners."""
    height, width = grey.shape
    mask = np.zeros_like(grey)
    radius = int(rng.uniform(0, 0.14) * height)
    mask[radius : height - radius, :] = 255
    mask[:, radius : width - radius] = 255
    for x, y in ((radius, radius), (width - 1 - radius, radius), (radius, height - 1 - radius)):
        cv2.circle(mask, (x, y), radius, 255, -1)
    cv2.circle(mask, (width - 1 - radius, height - 1 - radius), radius, 255, -1)
    left = right = top = bottom = 0
    if rng.random() < 0.45:
        sides = rng.uniform(0.0, 0.09, 4) * (1, 1, 1, 1.8) * height
        left, right, top, bottom = (int(v) for v in sides)
        tone = int(
            rng.choice([rng.integers(0, 60), rng.integers(60, 200), rng.integers(200, 256)], p=[0.6, 0.25, 0.15])
        )
        backed = np.where(mask > 127, grey, tone).astype(np.uint8)
        grey = cv2.copyMakeBorder(backed, top, bottom, left, right, cv2.BORDER_CONSTANT, value=tone).astype(np.uint8)
        mask = np.full_like(grey, 255)
        if bottom > 0.08 * height and rng.random() < 0.6:  # the dealer's name under the plate
            _write(grey, top + height, bottom, rng)
    corners = corners_of_boxes(np.array([left, top, left + width, top + height], np.float32))[0]
    return Donor(grey, corners, mask)


def _write(grey: GreyImage, top: int, height: int, rng: Generator) -> None:
    """Write small words across a strip of a holder."""
    ink = fonts.words(str(rng.choice(fonts.lettering_fonts())), _phrase(rng))
    tall = max(int(height * 0.7), 3)
    wide = min(int(ink.shape[1] * tall / ink.shape[0]), grey.shape[1] - 4)
    small = cv2.resize(ink, (max(wide, 4), tall), interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    y, x = top + (height - tall) // 2, (grey.shape[1] - small.shape[1]) // 2
    area = grey[y : y + tall, x : x + small.shape[1]]
    tone = 255.0 if grey[min(top + 1, grey.shape[0] - 1), 1] < 128 else 0.0
    area[:] = (area * (1 - small[: area.shape[0]]) + tone * small[: area.shape[0]]).astype(np.uint8)


def _phrase(rng: Generator) -> str:
    """Return words, a phone number, a web address, a price or a time stamp: writing that is no registration."""
    digits = "".join(rng.choice(list("0123456789"), 14))
    letters = "".join(rng.choice(list("AEIOUAEIOUBCDFGHLMNPRST"), 14))
    lower = letters.lower()
    name = letters[:1] + lower[1 : int(rng.integers(4, 9))]
    return (
        f"{digits[:2]}-{digits[2:4]}-20{digits[4:6]} {digits[6:8]}:{digits[8:10]}:{digits[10:12]}",
        f"20{digits[:2]}/{digits[2:4]}/{digits[4:6]} {digits[6:8]}:{digits[8:10]}",
        f"{name} {letters[9].upper()}{lower[10:13]}",
        name.upper() + " & " + letters[9:13],
        f"0{digits[:3]} {digits[3:6]} {digits[6:10]}",
        f"+{digits[:2]} {digits[2:5]} {digits[5:8]} {digits[8:10]}",
        f"www.{name.lower()}.{lower[9:11]}",
        f"CAM {digits[:2]} {name}",
        f"{name} {digits[0]}.{digits[1]} {letters[9:12]}",
        name,
    )[int(rng.integers(10))]


def lookalike_donors(scenes: Sequence[Scene], room: float = 0.12) -> list[Donor]:
    """Return headlights, windows, badges and signs of the scenes that an earlier model took for plates.

    Pasted elsewhere they also teach that a seam does not make a plate.
    """
    found, listed = [], lookalikes()
    for scene in scenes:
        for x1, y1, x2, y2 in listed.get(scene.file, ()):
            wide, high = (x2 - x1) * room, (y2 - y1) * room
            top, left = max(round(float(y1 - high)), 0), max(round(float(x1 - wide)), 0)
            patch = scene.grey[top : round(float(y2 + high)), left : round(float(x2 + wide))]
            if min(patch.shape) >= 6:
                found.append(Donor(patch.copy(), None))
    return found


def distractions(count: int, seed: int) -> list[Donor]:
    """Return what to paste where no plate is: signs and captions, and a third as many regular structures."""
    rng = np.random.default_rng(seed)
    letterings = [_lettering(rng) for _ in range(count)]
    return letterings + [Donor(structure(rng), None) for _ in range(count // 3)]


def _lettering(rng: Generator) -> Donor:
    """Return a sign or caption that is no plate: on a panel, or bare ink as on a van's side."""
    ink = fonts.words(str(rng.choice(fonts.lettering_fonts())), _phrase(rng))
    if rng.random() < 0.35:
        below = fonts.words(str(rng.choice(fonts.lettering_fonts())), _phrase(rng))
        size = (ink.shape[1], max(int(ink.shape[0] * rng.uniform(0.4, 1.0)), 6))
        below = np.asarray(cv2.resize(below, size), np.uint8)
        ink = np.vstack((ink, np.zeros((int(ink.shape[0] * 0.2), ink.shape[1]), np.uint8), below)).astype(np.uint8)
    if rng.random() < 0.6:
        tone = rng.integers(0, 256)
        return Donor(np.full_like(ink, tone), None, ink)
    room = [int(v * ink.shape[0]) for v in rng.uniform(0.1, 0.9, 4)]
    ink = np.pad(ink, ((room[0], room[1]), (room[2], room[3])))
    paper = float(rng.integers(0, 256))
    shade = (paper + float(rng.integers(80, 176))) % 256
    return Donor((paper + (shade - paper) * (ink / 255.0)).astype(np.uint8), None)
