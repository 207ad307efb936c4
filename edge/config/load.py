"""Reads settings from YAML and reports every problem at once, each with place and fix.

`${NAME}` in any string is replaced by the environment variable of that name, or
by the line NAME=value of a file `environment` beside the settings, as the service
reads it: secrets need not be in the file. Nothing outside this module knows YAML.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, SecretStr, ValidationError

from edge.config import across
from edge.config.settings import Settings
from edge.errors import ConfigError, Problem

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SECRETS_FILE = "environment"
_CREDENTIALS = re.compile(r"(?<=://)[^\s'\"!]*(?=@)")  # greedy: a password may hold an unescaped / or @
_PARAMETER = re.compile(r"(?i)((?:user-id|user-pw|password|passwd|pwd|token|key)\s*=\s*)[^\s&!]+")
_QUERY = re.compile(r"([?&][^=&\s]+=)[^&\s!]*")
# By kind of error of pydantic. {…} are the limits that it names.
_FIXES = {
    "missing": "add the key",
    "greater_than": "give a number above {gt}",
    "greater_than_equal": "give a number from {ge} on",
    "less_than": "give a number below {lt}",
    "less_than_equal": "give at most {le}",
    "multiple_of": "give a multiple of {multiple_of}",
    "literal_error": "choose one of these words",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "float_parsing": "write a number",
    "float_type": "write a number",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "int_from_float": "write a whole number",
    "string_type": "write a text, in quotes if it looks like a number",
    "string_pattern_mismatch": "use only letters, digits and . _ - in a name, and begin with a letter or digit",
    "tuple_type": "write a list: [a, b]",
    "model_type": "write keys and values below it, indented",
}


def load(path: Path, environment: Mapping[str, str] | None = None, *, files: bool = False) -> Settings:
    """Return the settings in the YAML file `path`.

    Args:
        path: of the file.
        environment: for ${NAME}; None: what this process has, then what the file `environment` beside `path` says.
        files: also demand that every file it names is there: what a daemon needs, and a look at its outbox does not.

    Raises:
        ConfigError: the file is missing, is not YAML, or has any number of problems, all of them listed.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            str(path), f"cannot be read: {error.strerror}", "name an existing, readable file with -c"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        at = f"{path}:{place.line + 1}:{place.column + 1}" if place else str(path)
        problem = getattr(error, "problem", None) or "not UTF-8 text"
        raise ConfigError(at, f"is not valid YAML: {problem}", "correct the indentation or quoting there") from error
    if not isinstance(raw, dict):
        raise ConfigError(str(path), "holds no settings", "start from config.yaml of the package")
    return parse(raw, _secrets(path) if environment is None else environment, source=str(path), files=files)


def _secrets(path: Path) -> dict[str, str]:
    """Return the environment of this process and what the file beside the settings adds (systemd.exec(5))."""
    try:
        lines = (path.parent / SECRETS_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []  # none, or not ours to read: a missing value is reported where it is used
    pairs = (line.strip().partition("=") for line in lines if not line.lstrip().startswith(("#", ";")))
    return {name.strip(): value.strip().strip("\"'") for name, sign, value in pairs if sign} | dict(os.environ)


def parse(
    raw: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
    *,
    source: str = "settings",
    files: bool = False,
) -> Settings:
    """Return the settings in `raw`, a mapping as YAML gives it.

    Raises:
        ConfigError: every problem found, with its path inside the settings.
    """
    problems: list[Problem] = []
    expanded = _expand(raw, "", environment, problems)
    try:
        settings = Settings.model_validate(expanded)
    except ValidationError as error:
        problems.extend(_problem(dict(e)) for e in error.errors(include_url=False))
    problems.extend(across.doubled_cameras(expanded))
    if files:
        problems.extend(across.missing_files(expanded))
    if problems:
        raise ConfigError(problems=[Problem(f"{source}: {p.at}", p.problem, p.fix) for p in problems])
    return settings


def effective(settings: Settings) -> dict[str, Any]:
    """Return all settings in use as plain values, secrets masked."""
    masked: dict[str, Any] = _mask(settings)
    return masked


def mask_url(url: str) -> str:
    """Return `url` without user name, password and the values of its query: the form that people may see."""
    return _QUERY.sub(r"\1***", _PARAMETER.sub(r"\1***", _CREDENTIALS.sub("***", url)))


def _mask(value: Any, place: str = "") -> Any:
    if isinstance(value, BaseModel):
        owner = type(value).__name__
        return {name: _mask(getattr(value, name), f"{owner}.{name}") for name in type(value).model_fields}
    if isinstance(value, SecretStr):
        return _shown_secret(value.get_secret_value(), place)
    if isinstance(value, (list, tuple)):
        return [_mask(v) for v in value]
    if isinstance(value, dict):
        return {k: _mask(v) for k, v in value.items()}
    return str(value) if isinstance(value, Path) else value


def _shown_secret(secret: str, place: str) -> str:
    """Return what may be shown: a camera's address without log-in, of other addresses only the host, else nothing."""
    if place == "CameraSettings.url":
        return mask_url(secret)
    parts = urlsplit(secret) if place.endswith(".url") else None
    if parts is None or not parts.hostname:  # many services put a token into the path
        return "***" if secret else ""
    return f"{parts.scheme}://{parts.hostname}/***"


def _expand(value: Any, at: str, environment: Mapping[str, str], problems: list[Problem]) -> Any:
    if isinstance(value, Mapping):
        return {k: _expand(v, f"{at}.{k}" if at else str(k), environment, problems) for k, v in value.items()}
    if isinstance(value, list):
        return [_expand(v, f"{at}[{i}]", environment, problems) for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value
    problems.extend(
        Problem(
            at,
            f"environment variable {name} is not set",
            f"set {name}, for the service in the file `environment` beside this one",
        )
        for name in _VARIABLE.findall(value)
        if name not in environment
    )
    return _VARIABLE.sub(lambda m: environment.get(m.group(1), ""), value)


def _problem(error: Mapping[str, Any]) -> Problem:
    location = tuple(error["loc"])
    at = _path(location)
    kind = str(error["type"])
    if kind == "extra_forbidden":
        return Problem(at, "unknown key", _suggest(location))
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind == "value_error":  # ours: problem; fix
        problem, _, fix = message.partition("; ")
        return Problem(at or "settings", problem, fix or "change it as said")
    shown = "" if kind == "missing" or _holds_secret(location) else f", got {_shown(error.get('input'))}"
    fix = _FIXES.get(kind, "give a value of that kind").format(**error.get("ctx", {}))
    return Problem(at or "settings", message[:1].lower() + message[1:] + shown, fix)


def _holds_secret(location: tuple[int | str, ...]) -> bool:
    """Tell whether a setting, or anything inside it, is a secret: what stands there must not be repeated."""
    model: type[BaseModel] = Settings
    for part in location:
        field = None if isinstance(part, int) else model.model_fields.get(part)
        if field is None:
            continue
        inner = next(iter(_models_in(field.annotation)), None)
        if inner is None:
            return "SecretStr" in str(field.annotation)
        model = inner
    return _has_secrets(model)


def _has_secrets(model: type[BaseModel]) -> bool:
    return any(
        "SecretStr" in str(field.annotation) or any(map(_has_secrets, _models_in(field.annotation)))
        for field in model.model_fields.values()
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _suggest(location: tuple[int | str, ...]) -> str:
    known = sorted(_keys_at(Settings, location[:-1]))
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"remove it; known keys here: {', '.join(known)}"


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> Iterator[str]:
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(str(part))
        inner = next(iter(_models_in(field.annotation)), None) if field else None
        if inner is None:
            return iter(())
        model = inner
    return iter(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    # Python 3.10 takes tuple[X, ...] for a class; it has an origin.
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
