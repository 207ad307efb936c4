"""Problems of the settings that no single value shows: names given twice, files that are not there.

Looks at the mapping as YAML gives it, whether or not the rest of it is valid, so that these problems stand in the same
list as all others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge.errors import Problem

# What the daemon reads before it starts, and what it is when empty or absent: no problem.
INPUTS = (
    ("models", "detector", "model"),
    ("models", "recogniser", "model"),
    ("models", "recogniser", "charset"),
    ("mqtt", "tls", "ca_file"),
    ("mqtt", "tls", "certificate_file"),
    ("mqtt", "tls", "key_file"),
    ("mqtt", "tls", "revoked_file"),
    ("webhook", "ca_file"),
    ("web", "certificate"),
    ("web", "key"),
)


def doubled_cameras(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each camera whose name an earlier one has."""
    cameras = raw.get("cameras")
    first: dict[object, int] = {}
    for index, camera in enumerate(cameras if isinstance(cameras, list | tuple) else ()):
        name = camera.get("name") if isinstance(camera, Mapping) else None
        if not isinstance(name, str):
            continue
        if name in first:
            problem = f"two cameras are named {name!r}: this one and cameras[{first[name]}]"
            yield Problem(f"cameras[{index}].name", problem, "give each camera its own name")
        first.setdefault(name, index)


def missing_files(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each file that is named but cannot be read by this user."""
    for keys in INPUTS:
        value: Any = raw
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, str) and value and (reason := _unreadable(Path(value))):
            yield Problem(".".join(keys), f"{value}: {reason}", "name an existing file that this user may read")


def _unreadable(path: Path) -> str:
    if not path.exists():
        return "there is no such file"
    return "" if os.access(path, os.R_OK) else "reading it is not permitted"
