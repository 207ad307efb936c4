"""Changes single values in a settings file and leaves every other byte of it alone.

The technician's comments, order and quoting survive, because only the text of
the value is replaced. The result is parsed and compared before it is written:
either exactly the wanted values changed, or nothing is written at all.
"""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from edge.config.load import parse
from edge.errors import ConfigError, StorageError

KeyPath = tuple[str | int, ...]  # e.g. ("cameras", 0, "region")


def save(path: Path, changes: Mapping[KeyPath, Any]) -> None:
    """Set `changes` in the settings file `path`, atomically; the old file stays beside it as *.bak.

    Args:
        changes: where -> plain value. The mapping around each key must exist or be missing as a whole.

    Raises:
        ConfigError: the settings would become invalid, or this file is written in a way that cannot be edited.
        StorageError: the file cannot be read or written.
    """
    try:
        text = path.read_text(encoding="utf-8")
        edited = edit(text, changes)
        parse(yaml.safe_load(edited), source=str(path))
        _replace(path, edited)
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be changed: {error.strerror}. Fix: let the service write to this file and its folder"
        ) from error


def camera_index(path: Path, camera: str) -> int:
    """Return the position of `camera` in the settings file.

    Raises:
        ConfigError: it is not there (any more).
        StorageError: the file cannot be read.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise StorageError(f"{path}: cannot be read: {error}. Fix: `anpr-edge check -c {path}`") from error
    for index, entry in enumerate(raw.get("cameras") or [] if isinstance(raw, dict) else []):
        if isinstance(entry, dict) and entry.get("name") == camera:
            return index
    raise ConfigError("cameras", f"{path} has no camera {camera!r}", "restart the daemon after renaming a camera")


def edit(text: str, changes: Mapping[KeyPath, Any]) -> str:
    """Return `text` with `changes` made and all else as it was.

    Raises:
        ConfigError: the text is written in a way that cannot be edited safely (anchors, an inline mapping, tabs).
    """
    before = yaml.safe_load(text)
    wanted = copy.deepcopy(before)
    for where, value in changes.items():
        _put(wanted, where, value)
    edited = text
    for where, value in changes.items():
        edited = _edit_one(edited, where, value)
    try:
        same = yaml.safe_load(edited) == wanted
    except yaml.YAMLError:
        same = False
    if not same:
        places = ", ".join(_shown(where) for where in changes)
        raise ConfigError(places, "this file is written in a way that cannot be edited by machine", "change it by hand")
    return edited


def _edit_one(text: str, where: KeyPath, value: Any) -> str:
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for depth, key in enumerate(where):
        child = _child(node, key)
        if child is None:
            return _insert(text, node, where[depth:], value)
        node = child
    before, after = text[: node.start_mark.index], text[_end(text, node) :]
    if before.rstrip().endswith(":"):  # a block that began on the next line moves up beside its key
        before = before.rstrip() + " "
    return before + _flow(value) + after


def _child(node: Any, key: str | int) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((v for k, v in node.value if k.value == key), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key]
    raise ConfigError(str(key), "is not where it was expected", "change the file by hand")


def _insert(text: str, mapping: Any, rest: KeyPath, value: Any) -> str:
    """Add a key below the last one of a mapping, at its indentation; an inline mapping is written anew."""
    if not isinstance(mapping, yaml.MappingNode) or not mapping.value:
        raise ConfigError(_shown(rest), "there is no section around it", "write the section by hand")
    if mapping.flow_style:
        start, end = mapping.start_mark.index, mapping.end_mark.index
        inline = yaml.safe_load(text[start:end])
        _put(inline, rest, value)
        return text[:start] + _flow(inline) + text[end:]
    indent = mapping.start_mark.column
    lines = [f"{' ' * (indent + 2 * depth)}{key}:" for depth, key in enumerate(rest)]
    end = _end(text, mapping.value[-1][1])
    line_end = text.find("\n", end)
    at = len(text) if line_end < 0 else line_end
    return text[:at] + "\n" + "\n".join(lines) + f" {_flow(value)}" + text[at:]


def _end(text: str, node: Any) -> int:
    """Return where the text of `node` ends; the parser counts blank lines and comments after a block as part of it."""
    children: Sequence[Any] = ()
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        children = [v for _, v in node.value]
    elif isinstance(node, yaml.SequenceNode) and not node.flow_style:
        children = node.value
    end: int = max((_end(text, c) for c in children), default=node.end_mark.index)
    return end


def _flow(value: Any) -> str:
    written = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return written.removesuffix("\n").removesuffix("\n...")


def _put(tree: Any, where: KeyPath, value: Any) -> None:
    for key in where[:-1]:
        tree = tree.setdefault(key, {}) if isinstance(tree, dict) else tree[key]
    tree[where[-1]] = value


def _shown(where: KeyPath) -> str:
    return "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in where).lstrip(".")


def _replace(path: Path, text: str) -> None:
    """Write beside and rename: a power cut leaves the old file or the new one, never half of one."""
    target = path.resolve()
    mode = target.stat().st_mode & 0o777
    backup = target.with_name(target.name + ".bak")
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        backup.touch(0o600)  # passwords may stand in it: closed from the first byte on
        backup.write_bytes(target.read_bytes())
        backup.chmod(mode)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
