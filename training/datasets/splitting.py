"""Train or validation: decided per vehicle or sequence, and checked for pictures that are nearly the same.

One car filmed for ten frames must not be learned from and judged on. Groups go to a side by the hash of
their name, so that adding pictures later moves nobody.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from training.datasets.pictures import Pictures

HASH_SIDE = 8
NEAR_BITS = 6  # of 64 may differ; unrelated pictures differ by about 32
FRAME_NUMBER = re.compile(r"[_-]?\d+$")


@dataclass(frozen=True)
class Twin:
    """Two pictures in different splits that look the same."""

    first: str
    second: str
    bits: int  # that differ, of 64


def sequence_of(file: str) -> str:
    """Return a video frame's sequence: its name without folder, suffix and running number."""
    stem = file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return FRAME_NUMBER.sub("", stem) or stem


def assign_splits(frame: pd.DataFrame, val_share: float = 0.15, salt: str = "") -> pd.DataFrame:
    """Return the frame with every empty `split` filled, whole pictures and whole groups on one side.

    Args:
        frame: see `training.datasets.frame`; splits that are set stay.
        val_share: of groups, in [0, 1].
        salt: another word gives another division.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = name = parent[parent[name]]
        return name

    for row in frame.itertuples():  # a picture ties the groups of all its plates together
        pair = sorted((root(f"group {row.group}"), root(f"file {row.file}")))
        parent[pair[1]] = pair[0]  # the smallest name leads, whatever the order of rows
    splits: list[str] = []
    for row in frame.itertuples():
        digest = hashlib.sha256((salt + root(f"file {row.file}")).encode()).digest()
        share = int.from_bytes(digest[:4], "big") / 2**32
        splits.append(str(row.split) or ("val" if share < val_share else "train"))
    divided: pd.DataFrame = frame.assign(split=splits)
    return divided


def perceptual_hash(grey: npt.NDArray[np.uint8]) -> int:
    """Return 64 bits that survive scaling and recompression: signs of the low DCT frequencies (pHash)."""
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:HASH_SIDE, :HASH_SIDE].flatten()
    bits = low > np.median(low[1:])
    return int("".join("1" if bit else "0" for bit in bits), 2)


def twins_between_splits(frame: pd.DataFrame, pictures: Pictures, near_bits: int = NEAR_BITS) -> list[Twin]:
    """Return pairs of pictures in different splits whose perceptual hashes nearly agree, mirrored ones included."""
    files = frame.drop_duplicates("file")[["file", "split"]].to_dict("records")
    greys = [pictures.grey(str(one["file"])) for one in files]
    plain = _as_bits([perceptual_hash(grey) for grey in greys])
    mirrored = _as_bits([perceptual_hash(np.ascontiguousarray(grey[:, ::-1])) for grey in greys])
    names, split = [str(one["file"]) for one in files], np.array([one["split"] for one in files])
    found = []
    for index in range(len(names)):
        others = np.flatnonzero(split[index + 1 :] != split[index]) + index + 1
        if not len(others):
            continue
        direct = _differing(plain[others], plain[index])
        turned = _differing(mirrored[others], plain[index])
        bits = np.minimum(direct, turned)
        found += [
            Twin(names[index], names[int(o)], int(b)) for o, b in zip(others, bits, strict=True) if b <= near_bits
        ]
    return found


def _as_bits(hashes: Sequence[int]) -> npt.NDArray[np.uint8]:
    return np.unpackbits(np.array(hashes, ">u8").view(np.uint8).reshape(-1, 8), axis=1)


def _differing(many: npt.NDArray[np.uint8], one: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    return np.asarray((many != one).sum(1), np.int64)
