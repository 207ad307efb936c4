"""Where a dataset's pictures are: a folder or a zip file, addressed by the names the annotations use.

Pictures are read on demand and never written. They come upright, as the EXIF note says how the camera was held:
so the labelling tools showed them, and so `anpr-edge read` sees them.
"""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import numpy.typing as npt

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def decode_grey(data: bytes) -> npt.NDArray[np.uint8]:
    """Return the luma (H, W) of an encoded picture, upright; raises ValueError if it is none."""
    return _decode(data, cv2.IMREAD_GRAYSCALE)


def _decode(data: bytes, flags: int) -> npt.NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if image is None:
        raise ValueError("not a picture that can be decoded")
    return np.asarray(image, np.uint8)


class Pictures:
    """The pictures of one dataset. Not thread-safe: it remembers sizes and keeps its zip file open.

    A name is looked up as given, then by its last part; among equal last parts the most equal folders decide.
    """

    def __init__(self, place: Path) -> None:
        if not place.exists():
            raise FileNotFoundError(f"{place}: no such folder or zip file")
        self._place = place
        self._archive = zipfile.ZipFile(place) if place.is_file() else None
        if self._archive is not None:
            names = self._archive.namelist()
        else:
            names = [path.relative_to(place).as_posix() for path in sorted(place.rglob("*")) if path.is_file()]
        self._names = [name for name in names if name.lower().endswith(SUFFIXES) and not _hidden(name)]
        self._full = set(self._names)
        self._by_last: dict[str, list[str]] = {}
        for name in self._names:
            self._by_last.setdefault(PurePosixPath(name).name, []).append(name)
        self._sizes: dict[str, tuple[int, int]] = {}

    def __str__(self) -> str:
        return str(self._place)

    def names(self) -> list[str]:
        """Return every picture's name, in order."""
        return list(self._names)

    def find(self, name: str) -> str:
        """Return which of `names()` an annotation means by `name`, whatever folders it had on another machine.

        Raises:
            KeyError: there is no such picture, or several are meant equally well.
        """
        if name in self._full:
            return name
        wanted = PurePosixPath(name.replace("\\", "/"))  # written by tools on Windows
        likely = self._by_last.get(wanted.name, [])
        shared = [_equal_folders(wanted, PurePosixPath(candidate)) for candidate in likely]
        best = [candidate for candidate, count in zip(likely, shared, strict=True) if count == max(shared)]
        if not best:
            raise KeyError(f"no such picture in {self._place}")
        if len(best) > 1:
            raise KeyError(f"{name} may be {' or '.join(best[:3])} in {self._place}. Fix: name it with its folder")
        return best[0]

    def data(self, name: str) -> bytes:
        """Return the encoded picture; raises KeyError as `find` does."""
        found = self.find(name)
        return self._archive.read(found) if self._archive is not None else (self._place / found).read_bytes()

    def grey(self, name: str) -> npt.NDArray[np.uint8]:
        """Return the picture's luma (H, W); raises KeyError (absent) or ValueError (not a picture)."""
        return self._decode(name, cv2.IMREAD_GRAYSCALE)

    def colour(self, name: str) -> npt.NDArray[np.uint8]:
        """Return the picture as BGR (H, W, 3); raises KeyError (absent) or ValueError (not a picture)."""
        return self._decode(name, cv2.IMREAD_COLOR)

    def size(self, name: str) -> tuple[int, int]:
        """Return width and height of the upright picture; raises as `grey` does."""
        found = self.find(name)
        if found not in self._sizes:
            height, width = self.grey(found).shape
            self._sizes[found] = (width, height)
        return self._sizes[found]

    def _decode(self, name: str, flags: int) -> npt.NDArray[np.uint8]:
        return _decode(self.data(name), flags)


def _hidden(name: str) -> bool:
    """Tell whether a file is a system's own: macOS puts a ._1.jpg that is no picture beside every 1.jpg."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _equal_folders(first: PurePosixPath, second: PurePosixPath) -> int:
    """Return how many folders just above the file are called the same."""
    pairs = list(zip(first.parts[-2::-1], second.parts[-2::-1], strict=False))
    return next((count for count, (a, b) in enumerate(pairs) if a != b), len(pairs))
