"""Writes the sample config.yaml from the settings themselves, so that it can never lie.

Every key appears with its default, its range and one sentence; keys without a
value of their own are commented out. A test compares config.yaml with this.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt, MultipleOf
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from edge.config.settings import Settings

_HEADER = """\
# anpr-edge: every setting with its default, range and meaning.
# Only `cameras` must be given; `anpr-edge check -c config.yaml` validates the file and prints what is in force.
# ${NAME} inside a text is replaced by the environment variable NAME: keep passwords there.
# This file is generated from edge/config; `python -m edge.config.reference > config.yaml` writes it again.
"""
_SAMPLES: dict[str, Any] = {"CameraSettings.name": "gate-1", "CameraSettings.url": "assets/clips/gate-entry.mp4"}
_WIDTH = 118
_KEY = re.compile(r"^( *)# ( *)(?=[a-z_]+:)")  # a commented-out key; sentences start with a capital letter


def sample() -> str:
    """Return the text of config.yaml."""
    return _HEADER + "\n".join(_section(Settings, 0, live=True)) + "\n"


def _section(model: type[BaseModel], depth: int, *, live: bool) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if depth == 0:
            yield ""
        yield from _comment(field, depth)
        inner = _model(field.annotation)
        if inner is None:
            yield _pad(depth, live) + _leaf(model, name, field, live=live)
        elif _is_list(field.annotation):
            yield from _list(model, name, field, inner, depth, live=live)
        else:
            shown = live and isinstance(field.default, BaseModel)
            yield _pad(depth, shown) + f"{name}:"
            yield from _section(inner, depth + 1, live=shown)


def _list(
    owner: type[BaseModel], name: str, field: FieldInfo, inner: type[BaseModel], depth: int, *, live: bool
) -> Iterator[str]:
    shown = live and field.is_required()
    yield _pad(depth, shown) + f"{name}:" if shown or not live else _pad(depth, True) + f"{name}: []"
    lines = list(_section(inner, depth + 2, live=shown))
    first = len(list(_comment(next(iter(inner.model_fields.values())), 0)))
    marker = len(_pad(depth + 2, shown)) - 2
    if not shown:  # "# key: value" becomes "# - key: value" for the first key and "#   key: value" for the others
        lines = [_KEY.sub(r"\1# \2  ", line) for line in lines]
        marker += 2
    lines[first] = lines[first][:marker] + "- " + lines[first][marker + 2 :]
    yield from lines


def _leaf(model: type[BaseModel], name: str, field: FieldInfo, *, live: bool) -> str:
    value = _SAMPLES.get(f"{model.__name__}.{name}", None if field.is_required() else field.default)
    text = yaml.safe_dump(_plain(value), default_flow_style=True, width=1000, allow_unicode=True).removesuffix(
        "\n...\n"
    )
    line = f"{name}: {text.strip()}"
    return f"# {line}" if live and value is None else line


def _comment(field: FieldInfo, depth: int) -> Iterator[str]:
    text = (field.description or "") + _range(field)
    line = _pad(depth, True) + "#"
    for word in text.split():
        if len(line) + 1 + len(word) > _WIDTH:
            yield line
            line = _pad(depth, True) + "#"
        line += f" {word}"
    yield line


def _range(field: FieldInfo) -> str:
    choices = _choices(field.annotation)
    if choices:
        return f" [{' | '.join(choices)}]"
    parts = [text for m in (*field.metadata, *_inner_metadata(field.annotation)) if (text := _bound(m))]
    return f" [{', '.join(parts)}]" if parts else ""


def _inner_metadata(annotation: Any) -> tuple[Any, ...]:
    found: list[Any] = []
    for part in get_args(annotation):
        for m in getattr(part, "metadata", ()):
            found.extend(getattr(m, "metadata", [m]))
    return tuple(found)


def _bound(m: Any) -> str:
    signs = (
        (Ge, "ge", ">="),
        (Gt, "gt", ">"),
        (Le, "le", "<="),
        (Lt, "lt", "<"),
        (MultipleOf, "multiple_of", "multiple of"),
    )
    for kind, attribute, sign in signs:
        if isinstance(m, kind):
            return f"{sign} {getattr(m, attribute):g}"
    return ""


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return tuple(str(c) for c in get_args(annotation))
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, Enum):
        return tuple(str(c.value) for c in annotation)
    return ()


def _model(annotation: Any) -> type[BaseModel] | None:
    # Python 3.10 takes tuple[X, ...] for a class; it has an origin.
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return annotation
    return next((m for part in get_args(annotation) if (m := _model(part)) is not None), None)


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return any(_is_list(part) for part in get_args(annotation))
    return origin in (tuple, list)


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def _pad(depth: int, live: bool) -> str:
    return "  " * depth + ("" if live else "# ")


if __name__ == "__main__":
    print(sample(), end="")  # noqa: T201
