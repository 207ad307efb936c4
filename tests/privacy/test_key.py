"""The key of the pseudonyms: stable, secret, and gone when it is replaced."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.errors import ConfigError, StorageError
from edge.privacy.key import PseudonymKey


@pytest.fixture
def key(tmp_path: Path) -> PseudonymKey:
    made = PseudonymKey(tmp_path / "var" / "privacy.key")
    assert made.make()
    return made


def test_pseudonym_is_the_documented_one(key: PseudonymKey, tmp_path: Path) -> None:
    """A site with two gates computes the same; an auditor can check it with ten lines of another language."""
    secret = bytes.fromhex((tmp_path / "var" / "privacy.key").read_text().strip())
    digest = hmac.new(secret, b"anpr-edge/plate/1:AB12CDE", hashlib.sha256).digest()
    assert key.pseudonym("AB12CDE") == b32encode(digest[:10]).decode()
    assert len(key.pseudonym("AB12CDE")) == 16  # longer than any plate: nobody takes it for one


def test_same_plate_same_pseudonym_and_another_plate_another(key: PseudonymKey, tmp_path: Path) -> None:
    """A backend pairs entry and exit by it."""
    again = PseudonymKey(tmp_path / "var" / "privacy.key")
    assert not again.make()
    assert key.pseudonym("AB12CDE") == again.pseudonym("AB12CDE") != key.pseudonym("AB12CDF")


def test_key_is_for_its_owner_only(tmp_path: Path, key: PseudonymKey) -> None:
    """Plates are few: whoever has the key has them all."""
    file = tmp_path / "var" / "privacy.key"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    with pytest.raises(ConfigError, match=r"others may read .*chmod 600"):
        key.pseudonym("AB12CDE")
    with pytest.raises(ConfigError):
        PseudonymKey(file).load()


@pytest.mark.parametrize("content", ["", "abc", "not hexadecimal at all", "ab" * 31])
def test_damaged_key_is_named(tmp_path: Path, content: str) -> None:
    """Never a weaker key in silence."""
    file = tmp_path / "privacy.key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="holds no key of 32 bytes"):
        PseudonymKey(file).load()


def test_missing_key_is_a_fault_and_not_a_new_key(tmp_path: Path) -> None:
    """In the middle of a run a vanished file must not make all vehicles new ones."""
    with pytest.raises(StorageError, match="cannot be read"):
        PseudonymKey(tmp_path / "gone.key").pseudonym("AB12CDE")


def test_rotation_unlinks_and_reaches_a_running_daemon(tmp_path: Path) -> None:
    """Forgetting without touching what was delivered."""
    file = tmp_path / "privacy.key"
    config = tmp_path / "config.yaml"
    config.write_text(f"cameras: [{{name: a, url: x.mp4}}]\nprivacy: {{key_file: {file}}}\n")
    held = PseudonymKey(file)
    held.make()
    before, old_content = held.pseudonym("AB12CDE"), file.read_bytes()
    refused = CliRunner().invoke(app, ["privacy", "rotate-key", "-c", str(config)], input="n\n")
    assert refused.exit_code == 1 and file.read_bytes() == old_content
    done = CliRunner().invoke(app, ["privacy", "rotate-key", "-c", str(config), "--yes"])
    assert done.exit_code == 0, done.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert held.pseudonym("AB12CDE") != before
    assert not any(old_content.strip() in p.read_bytes() for p in tmp_path.iterdir())
