"""Where a dataset's pictures are: a folder or a zip file, addressed by the names the annotations use.

Pictures are read on demand and never written.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def decode_grey(data: bytes) -> npt.NDArray[np.uint8]:
    """Return the luma (H, W) of an encoded picture as stored; raises ValueError if it is none."""
    return _decode(data, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)


def _decode(data: bytes, flags: int) -> npt.NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if image is None:
        raise ValueError("not a picture that can be decoded")
    return np.asarray(image, np.uint8)


class Pictures:
    """The pictures of one dataset. A name is looked up as given, then by its last part alone."""

    def __init__(self, place: Path) -> None:
        if not place.exists():
            raise FileNotFoundError(f"{place}: no such folder or zip file")
        self._place = place
        self._archive = zipfile.ZipFile(place) if place.is_file() else None
        if self._archive is not None:
            names = self._archive.namelist()
        else:
            names = [str(path.relative_to(place)) for path in sorted(place.rglob("*")) if path.is_file()]
        self._names = [name for name in names if name.lower().endswith(SUFFIXES)]
        self._full = set(self._names)
        self._by_last = {Path(name).name: name for name in self._names}

    def __str__(self) -> str:
        return str(self._place)

    def names(self) -> list[str]:
        """Return every picture's name, in order."""
        return list(self._names)

    def data(self, name: str) -> bytes:
        """Return the encoded picture.

        Raises:
            KeyError: there is no such picture.
        """
        found = name if name in self._full else self._by_last.get(Path(name).name)
        if found is None:
            raise KeyError(f"no such picture in {self._place}")
        return self._archive.read(found) if self._archive is not None else (self._place / found).read_bytes()

    def grey(self, name: str) -> npt.NDArray[np.uint8]:
        """Return the picture's luma (H, W); raises KeyError (absent) or ValueError (not a picture)."""
        return self._decode(name, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)

    def colour(self, name: str) -> npt.NDArray[np.uint8]:
        """Return the picture as BGR (H, W, 3); raises KeyError (absent) or ValueError (not a picture)."""
        return self._decode(name, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)

    def size(self, name: str) -> tuple[int, int]:
        """Return width and height as stored, before any EXIF turn, since boxes are drawn on that."""
        height, width = self.grey(name).shape
        return width, height

    def _decode(self, name: str, flags: int) -> npt.NDArray[np.uint8]:
        return _decode(self.data(name), flags)
