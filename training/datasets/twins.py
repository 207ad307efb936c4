"""Pictures that are nearly the same: copies, other sizes, mirrored ones, neighbouring frames of a video.

Learned from on one side and judged on the other, they measure memory. One fixed camera also takes pictures that
look alike of different vehicles; where the texts of all plates are known and none is shared, these are no twins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from training.datasets.pictures import Pictures

HASH_SIDE = 8
NEAR_BITS = 6  # of 64 may differ; unrelated pictures differ by about 32


@dataclass(frozen=True)
class Twin:
    """Two pictures that look the same."""

    first: str
    second: str
    bits: int  # that differ, of 64


def perceptual_hash(grey: npt.NDArray[np.uint8]) -> int:
    """Return 64 bits that survive scaling and recompression: signs of the low DCT frequencies (pHash)."""
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:HASH_SIDE, :HASH_SIDE].flatten()
    bits = low > np.median(low[1:])
    return int("".join("1" if bit else "0" for bit in bits), 2)


def find_twins(frame: pd.DataFrame, pictures: Pictures, near_bits: int = NEAR_BITS) -> list[Twin]:
    """Return pairs of pictures whose perceptual hashes nearly agree, mirrored ones included, in the frame's order."""
    names = [str(name) for name in frame.file.drop_duplicates()]
    hashes = [_hashes(pictures.grey(name)) for name in names]  # one picture in memory at a time
    plain, mirrored = _as_bits([one for one, _ in hashes]), _as_bits([other for _, other in hashes])
    texts = _known_texts(frame)
    found = []
    for index, name in enumerate(names[:-1]):
        later = slice(index + 1, None)
        bits = np.minimum(_differing(plain[later], plain[index]), _differing(mirrored[later], plain[index]))
        near = [(names[index + 1 + int(k)], int(bits[k])) for k in np.flatnonzero(bits <= near_bits)]
        found += [Twin(name, other, count) for other, count in near if _may_be_one(texts[name], texts[other])]
    return found


def between_splits(frame: pd.DataFrame, twins: Sequence[Twin]) -> list[Twin]:
    """Return those twins that stand in different splits."""
    split = frame.groupby("file").split.first()
    return [twin for twin in twins if split[twin.first] != split[twin.second]]


def _hashes(grey: npt.NDArray[np.uint8]) -> tuple[int, int]:
    return perceptual_hash(grey), perceptual_hash(np.ascontiguousarray(grey[:, ::-1]))


def _known_texts(frame: pd.DataFrame) -> dict[str, frozenset[str] | None]:
    """Return the texts of each picture's plates, None where not all of them are known."""
    texts: dict[str, frozenset[str] | None] = {}
    for file, rows in frame.groupby("file"):
        plates = rows[rows.x1.notna()]
        texts[str(file)] = frozenset(plates.text) if (plates.text != "").all() else None
    return texts


def _may_be_one(first: frozenset[str] | None, second: frozenset[str] | None) -> bool:
    """Tell whether two pictures may show the same; none with plates at all may too."""
    return first is None or second is None or first == second or bool(first & second)


def _as_bits(hashes: Sequence[int]) -> npt.NDArray[np.uint8]:
    return np.unpackbits(np.array(hashes, ">u8").view(np.uint8).reshape(-1, 8), axis=1)


def _differing(many: npt.NDArray[np.uint8], one: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    return np.asarray((many != one).sum(1), np.int64)
