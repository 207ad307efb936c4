"""The key of the pseudonyms: made here, never sent, forgotten when it is replaced.

pseudonym = the first 80 bits of HMAC-SHA256 over "anpr-edge/plate/1:" and the
plate, as 16 characters A-Z and 2-7. Plates are few enough to be tried one by
one, so all protection lies in the key.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from pathlib import Path

from edge import private_files
from edge.errors import ConfigError, StorageError

BYTES = 32
PSEUDONYM_BITS = 80  # of ten million plates, two share a pseudonym with probability 4e-11
_PURPOSE = b"anpr-edge/plate/1:"


def pseudonym(key: bytes, plate: str) -> str:
    """Return what stands for the canonical `plate` under `key`."""
    digest = hmac.digest(key, _PURPOSE + plate.encode("ascii"), "sha256")
    return base64.b32encode(digest[: PSEUDONYM_BITS // 8]).decode("ascii")


class PseudonymKey:
    """The key in one file; a new one there is used from the next plate on. Safe from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: tuple[tuple[int, int, int], bytes] | None = None  # what the file was like, and its key

    def make(self) -> bool:
        """Make a key if there is none; return whether one was made.

        Raises:
            StorageError: it cannot be written.
        """
        if self._path.exists():
            return False
        self.rotate()
        return True

    def rotate(self) -> None:
        """Replace the key: nothing links pseudonyms from before to plates any more, or to those from now on.

        Raises:
            StorageError: it cannot be written; the old key is still in force.
        """
        try:
            private_files.write(self._path, secrets.token_hex(BYTES).encode() + b"\n")
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be written: {error.strerror}. Fix: privacy.key_file") from error

    def pseudonym(self, plate: str) -> str:
        """Return what stands for the canonical `plate`.

        Raises:
            StorageError: there is no key, or it cannot be read.
            ConfigError: others may read the key, or it is not one.
        """
        return pseudonym(self.load(), plate)

    def load(self) -> bytes:
        """Return the key; errors as for `pseudonym`."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino, status.st_mode)
            if self._held is None or self._held[0] != seen:
                self._held = (seen, self._read())
            return self._held[1]
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be read: {error.strerror}. Fix: privacy.key_file") from error

    def _read(self) -> bytes:
        if private_files.open_to_others(self._path):
            raise ConfigError("privacy.key_file", f"others may read {self._path}", f"chmod 600 {self._path}")
        try:
            key = bytes.fromhex(self._path.read_text(encoding="ascii"))
        except ValueError:
            key = b""
        if len(key) != BYTES:
            fix = "restore it, or make a new one: anpr-edge privacy rotate-key"
            raise ConfigError("privacy.key_file", f"{self._path} holds no key of {BYTES} bytes", fix)
        return key
