"""The shape of the code: imports point downwards, each library has its wrapper, one provider of cv2."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "edge").rglob("*.py"))

# Third-party library -> the modules (or packages, ending in "/") that may import it.
WRAPPERS = {
    "av": {"edge/pipeline/", "edge/replay/"},
    "cv2": {"edge/pipeline/", "edge/replay/", "edge/sinks/web/", "edge/commands/"},
    "onnxruntime": {"edge/pipeline/onnx.py"},
    "paddleocr": {"edge/pipeline/paddle.py"},
    "filterpy": {"edge/tracking/kalman.py"},
    "scipy": {"edge/tracking/association.py"},
    "paho": {"edge/sinks/", "edge/commands/demo.py"},
    "fastapi": {"edge/sinks/web/"},
    "uvicorn": {"edge/sinks/web/"},
    "prometheus_client": {"edge/sinks/metrics.py"},
    "boto3": {"edge/sinks/aws/"},
    "httpx": {"edge/sinks/", "edge/access/"},
    "gpiod": {"edge/access/gpio.py"},
    "argon2": {"edge/sinks/web/"},
    "typer": {"edge/cli.py", "edge/commands/", "edge/replay/commands.py"},
    "yaml": {
        "edge/commands/check.py",
        "edge/config/",
        "edge/pipeline/models.py",
        "edge/pipeline/paddle.py",
        "edge/tracking/formats.py",
        "edge/replay/",
        "edge/access/",
        "edge/sinks/aws/provision.py",
    },
}

# Layers from the bottom up: a module may import from its own layer and those below.
LAYERS = (
    ("edge/types.py", "edge/errors.py", "edge/clock.py", "edge/memory.py", "edge/__init__.py"),
    (
        "edge/protocols.py",
        "edge/config/",
        "edge/mailbox.py",
        "edge/logs.py",
        "edge/private_files.py",
        "edge/output_files.py",
        "edge/service_manager.py",
    ),
    (
        "edge/pipeline/",
        "edge/tracking/",
        "edge/sinks/",
        "edge/access/",
        "edge/privacy/",
        "edge/board.py",
        "edge/health.py",
        "edge/tuning.py",
    ),
    ("edge/telemetry.py", "edge/housekeeping.py", "edge/runtime.py"),
    ("edge/vision.py", "edge/callers.py"),
    ("edge/replay/",),
    ("edge/app.py",),
    ("edge/commands/",),
    ("edge/cli.py", "edge/__main__.py"),
)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def _layer(name: str) -> int:
    for level, members in enumerate(LAYERS):
        if any(name == m or (m.endswith("/") and name.startswith(m)) for m in members):
            return level
    raise AssertionError(f"{name} belongs to no layer; add it to LAYERS")


def _file_of(module: str) -> str:
    path = ROOT / module.replace(".", "/")
    return _name(path / "__init__.py") if path.is_dir() else _name(path.with_suffix(".py"))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_point_downwards(path: Path) -> None:
    """A part can be understood, tested and replaced without what stands above it."""
    name = _name(path)
    upwards = [
        m for m in _imports(path) if m.split(".")[0] == "edge" and m != "edge" and _layer(_file_of(m)) > _layer(name)
    ]
    assert upwards == []


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_libraries_are_imported_by_their_wrapper_only(path: Path) -> None:
    """A library that changes its interface costs one module, not the whole program."""
    name = _name(path)
    strangers = {
        m
        for m in {i.split(".")[0] for i in _imports(path)} & WRAPPERS.keys()
        if not any(name == w or (w.endswith("/") and name.startswith(w)) for w in WRAPPERS[m])
    }
    assert strangers == set()


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_daemon_needs_nothing_of_the_training(path: Path) -> None:
    """A gate computer has neither torch nor the training code."""
    assert {m.split(".")[0] for m in _imports(path)} & {"training", "torch", "pandas", "onnx", "tests"} == set()


def test_exactly_one_provider_of_cv2_is_installed() -> None:
    """Two of them overwrite each other's files and fail at run time."""
    providers = {d.metadata["Name"].lower() for d in distributions() if d.metadata["Name"]}
    assert len([p for p in providers if p.startswith("opencv-")]) == 1
