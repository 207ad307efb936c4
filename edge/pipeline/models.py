"""The models that come with the package: where they lie, what the manifest says, whether they are intact.

From settings to a detector and a recogniser (`load_detector`,
`load_recogniser`). A file listed in a manifest is used only with the hash
that the manifest states.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from edge.config.models import ModelSettings
from edge.errors import ModelError
from edge.pipeline.ctc import CTC_CONTRACT, CtcRecogniser
from edge.pipeline.detector import OnnxDetector
from edge.pipeline.onnx import OnnxModel, Report, log_fallback
from edge.pipeline.paddle import PaddleRecogniser
from edge.pipeline.recogniser import SLOTS_CONTRACT, SlotRecogniser
from edge.protocols import Detector, Recogniser

log = logging.getLogger(__name__)

MANIFEST = "manifest.yaml"
_KINDS = ("detector", "recogniser")
_NEEDED = ("name", "file", "sha256", "kind", "contract")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of a manifest."""

    name: str
    path: Path
    sha256: str
    kind: str  # detector or recogniser
    contract: str
    version: str = ""
    licence: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)  # the rest: input, output, charset, training, accuracy

    @property
    def label(self) -> str:
        """Return name and version, as events carry it."""
        return f"{self.name} {self.version}".strip()


def models_folder() -> Path:
    """Return the first that exists of: $ANPR_MODELS, models/ beside the package, <prefix>/share/anpr-edge/models.

    Raises:
        ModelError: none of them holds a manifest.
    """
    chosen = os.environ.get("ANPR_MODELS")
    beside = Path(__file__).resolve().parents[2] / "models"
    places = [Path(chosen)] if chosen else [beside, Path(sys.prefix) / "share" / "anpr-edge" / "models"]
    for place in places:
        if (place / MANIFEST).is_file():
            return place
    tried = " and ".join(str(p) for p in places)
    raise ModelError(
        f"{MANIFEST} is not in {tried}. Fix: set ANPR_MODELS to the folder of the models, or install anpr-edge again"
    )


def load_manifest(folder: Path) -> tuple[ModelEntry, ...]:
    """Return what `folder`/manifest.yaml lists; the files themselves are not touched.

    Raises:
        ModelError: missing, not YAML, or an entry is incomplete; all faulty entries are named.
    """
    path = folder / MANIFEST
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{path}: cannot be read: {reason}. Fix: restore it from the package") from error
    listed = raw.get("models") if isinstance(raw, dict) else raw
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise ModelError(f"{path}: is not a list of models. Fix: restore it from the package")
    faults = [
        f"entry {i + 1} ({item.get('name', 'no name')}): {f}" for i, item in enumerate(listed) if (f := _fault(item))
    ]
    if faults:
        raise ModelError(f"{path}: {'; '.join(faults)}. Fix: correct the entries or restore the file")
    return tuple(_entry(folder, item) for item in listed)


def verify(entry: ModelEntry) -> None:
    """Check that the file is there and is the one the manifest means.

    Raises:
        ModelError: missing, or another hash.
    """
    digest = hashlib.sha256()
    try:
        with entry.path.open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise ModelError(f"{entry.path}: cannot be read: {error.strerror}. Fix: restore it from the package") from error
    if digest.hexdigest() != entry.sha256:
        raise ModelError(
            f"{entry.path}: its SHA-256 is {digest.hexdigest()[:12]}…, the manifest says {entry.sha256[:12]}…. "
            "Fix: restore it from the package, or correct manifest.yaml if you replaced it on purpose"
        )


def load_detector(settings: ModelSettings, report: Report = log_fallback) -> Detector:
    """Return the detector that the settings name, or the package's own, ready to run.

    Raises:
        ModelError: which file, what is wrong with it, what to do.
    """
    chosen = settings.detector
    entry = _find("detector", chosen.model)
    path = entry.path if entry else chosen.model
    model = _open(path, entry, settings, report)
    declared: str = chosen.contract
    if declared == "auto" and entry is not None:
        declared = entry.contract
    detector = OnnxDetector(model, chosen, name=_label(entry, model), declared=declared)
    log.info("detector %s: contract %s, runs on %s", detector.name, detector.contract, detector.provider)
    return detector


def load_recogniser(settings: ModelSettings, report: Report = log_fallback) -> Recogniser:
    """Return the recogniser that the settings name, or the package's own, ready to run.

    Raises:
        ModelError: which file, what is wrong with it, what to do.
    """
    chosen = settings.recogniser
    if chosen.engine == "paddleocr":
        return PaddleRecogniser(chosen.model, provider=settings.provider, threads=settings.threads)
    entry = _find("recogniser", chosen.model)
    model = _open(entry.path if entry else chosen.model, entry, settings, report)
    name = _label(entry, model)
    contract = model.metadata.get("contract", entry.contract if entry else "")
    if contract == SLOTS_CONTRACT or (not contract and len(model.inputs[0].shape) == 3):
        return SlotRecogniser(model, name=name)
    if contract in ("", CTC_CONTRACT):
        return CtcRecogniser(model, name=name, charset=chosen.charset)
    raise ModelError(
        f"{model.path}: its contract is {contract!r}. "
        f"Fix: use a recogniser with contract {SLOTS_CONTRACT} or {CTC_CONTRACT}"
    )


def fingerprints(settings: ModelSettings) -> dict[str, str]:
    """Return the SHA-256 of the models in use, by role; those outside any manifest carry theirs in their name."""
    chosen = {"detector": settings.detector.model}
    if settings.recogniser.engine == "onnx":
        chosen["recogniser"] = settings.recogniser.model
    found = {kind: _find(kind, path) for kind, path in chosen.items()}
    return {kind: entry.sha256 for kind, entry in found.items() if entry is not None}


def _find(kind: str, chosen: Path | None) -> ModelEntry | None:
    """Return the entry of the chosen file, or of the package's own; None for a file outside any manifest."""
    folder = models_folder() if chosen is None else chosen.parent
    if chosen is not None and not (folder / MANIFEST).is_file():
        return None
    for entry in load_manifest(folder):
        if entry.kind == kind and (chosen is None or entry.path.name == chosen.name):
            return entry
    if chosen is None:
        raise ModelError(f"{folder / MANIFEST}: lists no {kind}. Fix: name one in models.{kind}.model")
    return None


def _open(path: Path | None, entry: ModelEntry | None, settings: ModelSettings, report: Report) -> OnnxModel:
    assert path is not None  # _find gives an entry where the settings give no file
    return OnnxModel(
        path,
        provider=settings.provider,
        strict=settings.strict_provider,
        threads=settings.threads,
        sha256=entry.sha256 if entry else None,
        report=report,
    )


def _label(entry: ModelEntry | None, model: OnnxModel) -> str:
    if entry is not None:
        return entry.label
    return f"{model.path.stem} {model.metadata.get('version', model.sha256[:12])}"


def _fault(item: Mapping[str, Any]) -> str:
    missing = [key for key in _NEEDED if not isinstance(item.get(key), str) or not item[key]]
    if missing:
        return f"no {', no '.join(missing)}"
    if item["kind"] not in _KINDS:
        return f"kind {item['kind']!r} is not one of {', '.join(_KINDS)}"
    if Path(item["file"]).name != item["file"]:
        return f"file {item['file']!r} is not a name inside the folder"
    if len(item["sha256"]) != 64 or set(item["sha256"].lower()) - set("0123456789abcdef"):
        return "sha256 is not 64 hexadecimal digits"
    return ""


def _entry(folder: Path, item: Mapping[str, Any]) -> ModelEntry:
    details = {k: v for k, v in item.items() if k not in (*_NEEDED, "version", "licence")}
    return ModelEntry(
        item["name"],
        folder / item["file"],
        item["sha256"].lower(),
        item["kind"],
        item["contract"],
        str(item.get("version", "")),
        str(item.get("licence", "")),
        details,
    )
