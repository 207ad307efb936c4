"""What a job may do: reload or load the lists, upload the log, update this program. Nothing else.

A job names a version or an address, never a command: commands come from the
settings of this machine.
"""

from __future__ import annotations

import gzip
import json
import logging
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from edge import __version__
from edge.config.delivery import AwsSettings
from edge.errors import ConfigError, SinkUnavailable, StorageError
from edge.sinks.aws.jobs import Operation

log = logging.getLogger(__name__)

VERSION = re.compile(r"[0-9]+(\.[0-9]+){1,3}[a-z0-9.+-]{0,20}")
LOG_TIMEOUT_S = 60.0
UPLOAD_TIMEOUT_S = 60.0
UPDATE_START_TIMEOUT_S = 30.0
MAX_LOG_BYTES = 32 << 20  # newest part of the log, before compression


def operations(
    settings: AwsSettings,
    state_file: Path,
    reload_lists: Callable[[], str],
    load_lists: Callable[[Mapping[str, Any]], str],
    *,
    running_version: str = __version__,
    upload_host: str = ".amazonaws.com",
) -> Mapping[str, Operation]:
    """Return the operations by the name that a job document gives.

    Args:
        settings: section `mqtt.aws`: the commands of this machine.
        state_file: remembers an update across the restart that it causes.
        reload_lists: reads the lists again; returns which version is in force.
        load_lists: fetches the lists that an order names and puts them in force; returns what was done.
        running_version: of this program.
        upload_host: addresses for uploads must be https and end with this.
    """
    return {
        "reload-lists": lambda _job, _document: reload_lists(),
        "load-lists": lambda _job, document: load_lists({k: v for k, v in document.items() if k != "operation"}),
        "upload-logs": lambda _job, document: upload_logs(settings.log_command, document, upload_host),
        "update": lambda job, document: update(settings.update_command, document, job, state_file, running_version),
    }


def upload_logs(command: Sequence[str], document: Mapping[str, Any], upload_host: str) -> str:
    """Send what `command` prints, compressed, to the pre-signed address in the job.

    Raises:
        ConfigError: the address is not one of ours to use.
        SinkUnavailable: the log could not be read or sent.
    """
    address = str(document.get("upload_url", ""))
    parts = urlsplit(address)
    if parts.scheme != "https" or not (parts.hostname or "").endswith(upload_host):
        raise ConfigError("upload_url", f"not an https address at {upload_host}", "give a pre-signed S3 address")
    packed = gzip.compress(_output(command)[-MAX_LOG_BYTES:])
    try:
        answer = httpx.put(address, content=packed, timeout=UPLOAD_TIMEOUT_S)
    except httpx.HTTPError as error:
        raise SinkUnavailable(f"upload failed: {type(error).__name__}") from error
    if not answer.is_success:
        raise SinkUnavailable(f"upload failed: {answer.status_code} {answer.reason_phrase}")
    return f"{len(packed)} bytes uploaded"


def update(
    command: Sequence[str], document: Mapping[str, Any], job: str, state_file: Path, running_version: str
) -> str | None:
    """Hand over to the installer; after the restart the same job comes again and tells how it went.

    Raises:
        ConfigError: no installer is set, or the version is not one.
        SinkUnavailable: the installer could not be started, or did not bring the version.
    """
    version = str(document.get("version", ""))
    if not VERSION.fullmatch(version):
        raise ConfigError("version", f"{version[:40]!r} is not a version", "give one like 0.2.0")
    if not command:
        raise ConfigError("mqtt.aws.update_command", "is empty", "set the installer's command on this machine")
    if running_version == version:
        state_file.unlink(missing_ok=True)
        return f"version {version} runs"
    if _remembered(state_file) == job:
        state_file.unlink(missing_ok=True)
        raise SinkUnavailable(f"version {running_version} still runs after the update; see the installer's log")
    _remember(state_file, job)
    filled = [part.replace("{version}", version) for part in command]
    try:
        subprocess.run(filled, check=True, timeout=UPDATE_START_TIMEOUT_S, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        state_file.unlink(missing_ok=True)
        raise SinkUnavailable(f"the installer {filled[0]} could not be started: {type(error).__name__}") from error
    log.warning("update to %s handed over to %s", version, filled[0])
    return None


def _output(command: Sequence[str]) -> bytes:
    try:
        return subprocess.run(command, check=True, timeout=LOG_TIMEOUT_S, capture_output=True).stdout
    except (OSError, IndexError, subprocess.SubprocessError) as error:
        raise SinkUnavailable(f"the log could not be read: {type(error).__name__}") from error


def _remembered(state_file: Path) -> str | None:
    try:
        return str(json.loads(state_file.read_text())["job"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(state_file: Path, job: str) -> None:
    try:
        state_file.write_text(json.dumps({"job": job}))
    except OSError as error:
        raise StorageError(f"{state_file} cannot be written: {error.strerror}. Free space on its disk") from error
