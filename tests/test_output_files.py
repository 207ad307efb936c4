"""Results of commands: no input is overwritten, nothing is half there, and a bad place is said in a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import output_files
from edge.errors import ConfigError, StorageError


def in_the_way(folder: Path) -> Path:
    (folder / "file").write_text("no folder")
    return folder / "file/result.json"


def a_folder(folder: Path) -> Path:
    (folder / "result.json").mkdir()
    return folder / "result.json"


def too_long(folder: Path) -> Path:
    return folder / ("r" * 300)


def not_a_disk(folder: Path) -> Path:
    return Path("/proc/nope/result.json")


@pytest.mark.parametrize("place", [in_the_way, a_folder, too_long, not_a_disk])
def test_a_place_that_takes_no_file_is_said_with_what_to_do(place: Callable[[Path], Path], tmp_path: Path) -> None:
    """Before the work, and again when it was lost meanwhile."""
    path = place(tmp_path)
    with pytest.raises(StorageError, match=r"cannot be written: .+\. Fix: "):
        output_files.ready(path)
    with pytest.raises(StorageError, match=r"cannot be written: .+\. Fix: "):
        output_files.write(path, b"{}")
    with pytest.raises(StorageError, match=r"cannot be written: .+\. Fix: "), output_files.replacing(path):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_else_is_known_before_the_work(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="Permission denied"):
        output_files.ready(tmp_path / "result.json")
    tmp_path.chmod(0o700)


def test_folders_are_made(tmp_path: Path) -> None:
    output_files.write(tmp_path / "a/b/result.json", b"{}")
    with output_files.replacing(tmp_path / "c/d/result.json") as part:
        part.write_bytes(b"{}")
    assert (tmp_path / "a/b/result.json").read_bytes() == (tmp_path / "c/d/result.json").read_bytes() == b"{}"


def test_what_is_replaced_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    """Somebody took the file away from others: plates may stand in it."""
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_bytes(b"old")
    real.chmod(0o600)
    link.symlink_to(real)
    with output_files.replacing(link) as part:
        part.write_bytes(b"new")
    assert link.is_symlink()
    assert (real.read_bytes(), real.stat().st_mode & 0o777) == (b"new", 0o600)


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """`-o /dev/stdout`, or another program that waits at the other end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with output_files.replacing(pipe) as part:
        assert part == pipe
    assert pipe.is_fifo()


def test_no_name_of_an_input_is_taken(tmp_path: Path) -> None:
    """By the same name, by another way to it, by a link of either kind, or before either is there."""
    video = tmp_path / "gate.mp4"
    video.write_bytes(b"the only recording")
    (tmp_path / "soft.mp4").symlink_to(video)
    (tmp_path / "hard.mp4").hardlink_to(video)
    (tmp_path / "folder").mkdir()
    for other in (video, tmp_path / "folder/../gate.mp4", tmp_path / "soft.mp4", tmp_path / "hard.mp4"):
        with pytest.raises(ConfigError, match=r"^--annotated: .* would be overwritten\. Fix: give another name"):
            output_files.refuse_inputs("--annotated", other, [tmp_path / "other.mp4", video])
    with pytest.raises(ConfigError):
        output_files.refuse_inputs("--annotated", tmp_path / "new.mp4", [tmp_path / "folder/../new.mp4"])
    output_files.refuse_inputs("--annotated", tmp_path / "new.mp4", [video])
