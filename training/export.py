"""Finished models on disk: ONNX metadata, parity with torch, and the entry in models/manifest.yaml.

The manifest names every model with its checksum and how it was made and measured; an entry is replaced
as a whole, so that no figure of older weights stays behind. Nothing here knows a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
import yaml

LICENCE = "Apache-2.0"


@dataclass(frozen=True)
class ModelEntry:
    """What the manifest says about one model file."""

    name: str
    file: str  # relative to the manifest
    kind: str  # detector | recogniser
    contract: str
    input: str
    output: str
    version: str
    command: str
    seed: int
    charset: str = ""
    accuracy: Mapping[str, Any] = field(default_factory=dict)

    def as_mapping(self, sha256: str) -> dict[str, Any]:
        """Return the entry as the manifest stores it."""
        return {
            "name": self.name,
            "file": self.file,
            "sha256": sha256,
            "kind": self.kind,
            "contract": self.contract,
            "input": self.input,
            "output": self.output,
            "charset": self.charset,
            "licence": LICENCE,
            "version": self.version,
            "training": {"command": self.command, "seed": self.seed},
            "accuracy": dict(self.accuracy),
        }


def sha256_of(path: Path) -> str:
    """Return the checksum of a file as 64 hex digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_metadata(model: Path, metadata: Mapping[str, str]) -> None:
    """Replace the metadata of an ONNX file; the graph stays as it is."""
    loaded = onnx.load(str(model))
    del loaded.metadata_props[:]
    for key, value in metadata.items():
        loaded.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(loaded)
    onnx.save(loaded, str(model))


def drop_entry(manifest: Path, name: str) -> bool:
    """Take the model of this name out of the manifest; return whether it was in it. Its file stays."""
    entries = yaml.safe_load(manifest.read_text(encoding="utf-8")) or []
    kept = [entry for entry in entries if entry["name"] != name]
    if len(kept) < len(entries):
        _write(manifest, kept)
    return len(kept) < len(entries)


def _write(manifest: Path, entries: list[dict[str, Any]]) -> None:
    text = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=120)
    manifest.write_text(text, encoding="utf-8")


def update_manifest(manifest: Path, entry: ModelEntry) -> None:
    """Put `entry` into the manifest, in place of the one with its name.

    Raises:
        FileNotFoundError: the model file does not lie beside the manifest.
        ValueError: the manifest is not a list of entries.
    """
    entries = yaml.safe_load(manifest.read_text(encoding="utf-8")) if manifest.exists() else []
    if not isinstance(entries or [], list):
        raise ValueError(f"{manifest}: not a list of models. Fix: restore it from version control")
    fresh = entry.as_mapping(sha256_of(manifest.parent / entry.file))
    kept = [old for old in entries or [] if old["name"] != entry.name]
    _write(manifest, sorted([*kept, fresh], key=lambda one: str(one["name"])))
