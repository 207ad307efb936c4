"""Editing settings: the wanted value changes, every other byte stays, or nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from edge.config import load
from edge.config.edit import camera_index, edit, save
from edge.errors import ConfigError, StorageError

TEXT = """\
# Gate north, installed by Kim
site:
    name: north   # as on the sign

cameras:
  # the good one
  - name: in
    url: rtsp://user:pw@10.0.0.2/1   # do not tell
    region:
      - [0.1, 0.2]
      - [0.9, 0.2]   # right edge
      - [0.9, 0.8]
    gate:
      direction: growth

      # until the barrier is moved
      parked_after_s: 40
  - name: out
    url: 'rtsp://10.0.0.3/1'

# the end
"""
SQUARE = [[0.0, 0.5], [1.0, 0.5], [1.0, 1.0], [0.0, 1.0]]


def removed_and_added(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def test_a_value_in_block_style_is_replaced_alone() -> None:
    """Comments, order and quoting of everything else belong to the technician."""
    edited = edit(TEXT, {("cameras", 0, "region"): SQUARE})
    removed, added = removed_and_added(TEXT, edited)
    assert removed == ["    region:", "      - [0.1, 0.2]", "      - [0.9, 0.2]   # right edge", "      - [0.9, 0.8]"]
    assert added == ["    region: [[0.0, 0.5], [1.0, 0.5], [1.0, 1.0], [0.0, 1.0]]"]
    assert yaml.safe_load(edited)["cameras"][0]["region"] == SQUARE
    assert "# do not tell" in edited and "# until the barrier is moved" in edited and edited.endswith("# the end\n")


def test_a_missing_key_is_added_at_the_right_place() -> None:
    """The second camera had neither region nor gate."""
    edited = edit(TEXT, {("cameras", 1, "region"): SQUARE, ("cameras", 1, "gate", "line"): [[0.1, 0.5], [0.9, 0.5]]})
    removed, added = removed_and_added(TEXT, edited)
    assert removed == []
    assert len(added) == 2
    assert yaml.safe_load(edited)["cameras"][1]["gate"] == {"line": [[0.1, 0.5], [0.9, 0.5]]}


def test_a_key_inside_an_existing_section_is_added_there() -> None:
    """gate: is there, gate.line is not."""
    edited = edit(
        TEXT, {("cameras", 0, "gate", "line"): [[0.1, 0.5], [0.9, 0.5]], ("cameras", 0, "gate", "direction"): "line"}
    )
    gate = yaml.safe_load(edited)["cameras"][0]["gate"]
    assert gate == {"direction": "line", "parked_after_s": 40, "line": [[0.1, 0.5], [0.9, 0.5]]}
    assert "# until the barrier is moved" in edited


def test_a_file_without_final_newline_is_edited() -> None:
    """Editors differ."""
    edited = edit("cameras:\n- name: a\n  url: x.mp4", {("cameras", 0, "region"): []})
    assert yaml.safe_load(edited) == {"cameras": [{"name": "a", "url": "x.mp4", "region": []}]}


def test_several_keys_of_a_new_section_become_one_section() -> None:
    """Region, line and direction are saved together."""
    edited = edit(TEXT, {("cameras", 1, "gate", "direction"): "line", ("cameras", 1, "gate", "line"): [[0, 1], [1, 1]]})
    assert edited.count("    gate:\n      direction: line\n      line: [[0, 1], [1, 1]]\n") == 1
    assert yaml.safe_load(edited)["cameras"][1]["gate"] == {"direction": "line", "line": [[0, 1], [1, 1]]}


def test_an_inline_section_is_written_anew() -> None:
    """Some people write a camera on one line."""
    text = "cameras: [{name: a, url: x.mp4}]  # short\n"
    edited = edit(text, {("cameras", 0, "region"): [], ("cameras", 0, "gate", "direction"): "exit"})
    assert yaml.safe_load(edited)["cameras"][0] == {
        "name": "a", "url": "x.mp4", "region": [], "gate": {"direction": "exit"},
    }  # fmt: skip
    assert edited.endswith("# short\n")


def test_what_cannot_be_edited_safely_is_left_alone() -> None:
    """An alias stands for a value elsewhere: better no change than a wrong one."""
    text = "c: &c {region: []}\ncameras:\n- name: a\n  region: &r []\n- name: b\n  region: *r\n"
    with pytest.raises(ConfigError, match="by hand"):
        edit(text, {("cameras", 0, "region"): SQUARE})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(TEXT)
    file.chmod(0o640)
    return file


def test_saving_keeps_permissions_and_a_copy(path: Path) -> None:
    """The file may hold a camera's password."""
    save(path, {("cameras", camera_index(path, "out"), "region"): SQUARE})
    assert load(path).cameras[1].region == ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.with_name("config.yaml.bak").read_text() == TEXT
    assert sorted(p.name for p in path.parent.iterdir()) == ["config.yaml", "config.yaml.bak"]


def test_invalid_settings_are_never_written(path: Path) -> None:
    """The daemon would not start again."""
    with pytest.raises(ConfigError, match="at least three points"):
        save(path, {("cameras", 0, "region"): [[0.1, 0.1], [0.9, 0.9]]})
    assert path.read_text() == TEXT


def test_a_camera_that_is_gone_is_named(path: Path) -> None:
    """Somebody renamed it in the file since the daemon started."""
    with pytest.raises(ConfigError, match="no camera 'side'"):
        camera_index(path, "side")


def test_a_missing_file_is_an_instruction(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(StorageError, match=r"none\.yaml: .*Fix: "):
        save(tmp_path / "none.yaml", {("site", "name"): "x"})


def test_the_reference_file_can_be_edited() -> None:
    """config.yaml of the package is what most people start from."""
    text = (Path(__file__).parents[1] / "config.yaml").read_text()
    edited = edit(text, {("cameras", 0, "region"): SQUARE, ("cameras", 0, "gate", "line"): [[0.1, 0.5], [0.9, 0.5]]})
    removed, added = removed_and_added(text, edited)
    assert len(removed) <= 1 and len(added) == 2
