"""Logs for people or for collectors, without secrets.

Every line, whoever wrote it, tracebacks included, passes one formatter that
masks the logins of URLs and the values of password-like parameters. Plates do
not belong in logs: code logs identifiers, or a `Plate`, which is masked unless
the settings allow it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from edge.config.service import LogSettings

# user:password@ of a URL. Greedy, since a password may hold an unescaped / or @: masking too much does no harm.
_LOGIN = re.compile(r"(?<=://)(?:[^\s/@'\"]*:[^\s'\"]*@|[^\s/@:'\"]+@)")
# The colon between such a value and the text after it stays: it belongs to the sentence, or is the last character of
# the value, which then looks no different. Colons inside a value, and before another, are masked with it.
_PARAMETER = re.compile(
    r"(?i)(?<![a-z])(pass(?:word|wd|phrase)?|pwd|user-pw|token|secret|authorization|api[-_]?key|signature)"
    r"(['\"]?\s*[=:]\s*['\"]?(?:(?:Basic|Bearer|Digest)\s+)?)[^\s&,;'\"]+?(?=:\s|[\s&,;'\"]|$)"
)
_TEXT = "%(asctime)s %(levelname)-7s %(threadName)s: %(message)s"
_JOURNAL = "%(threadName)s: %(message)s"  # the journal has its own time, and the level as a mark
_JOURNAL_MARKS = ((logging.ERROR, "<3>"), (logging.WARNING, "<4>"), (logging.INFO, "<6>"))
_CHATTY = ("httpx", "httpcore", "uvicorn.access", "asyncio")


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send all logs of this process to `stream` (stderr) as the settings say; called again it changes them."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(settings, _is_journal(stream)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)


def masked(text: str) -> str:
    """Return `text` with the logins of URLs and the values of password-like parameters replaced by ***."""
    return _PARAMETER.sub(r"\1\2***", _LOGIN.sub("***@", text))


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate as the argument of a log call: `log.debug("track %d: %s", track_id, Plate(text))`."""

    text: str

    def __str__(self) -> str:
        return self.text[:1] + "*" * (len(self.text) - 1)


class _Formatter(logging.Formatter):
    """Masks; a subclass decides the form.

    Args:
        settings: whether plates are shown.
        form: as for logging.Formatter.
    """

    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"

    def __init__(self, settings: LogSettings, form: str) -> None:
        super().__init__(form)
        self._show_plates = settings.show_plates

    def format(self, record: logging.LogRecord) -> str:
        if self._show_plates and record.args:
            record = logging.makeLogRecord({**record.__dict__, "args": _in_clear(record.args)})
        return self.line(record)

    def line(self, record: logging.LogRecord) -> str:
        """Return the finished line of `record`, masked."""
        return masked(super().format(record))


class _JournalFormatter(_Formatter):
    """Lines for systemd's journal: a mark of the level before each, so that tracebacks keep theirs."""

    def line(self, record: logging.LogRecord) -> str:
        mark = next((m for level, m in _JOURNAL_MARKS if record.levelno >= level), "<7>")
        return mark + super().line(record).replace("\n", f"\n{mark}")


class _JsonFormatter(_Formatter):
    """One JSON object a line: at, level, thread, logger, message, and error where there is one."""

    def line(self, record: logging.LogRecord) -> str:
        fields = {
            "at": self.formatTime(record).replace(" ", "T"),
            "level": record.levelname.lower(),
            "thread": record.threadName,
            "logger": record.name,
            "message": masked(record.getMessage()),
        }
        if record.exc_info:
            fields["error"] = masked(self.formatException(record.exc_info))
        return json.dumps(fields, ensure_ascii=False)


def _formatter(settings: LogSettings, journal: bool) -> logging.Formatter:
    if settings.format == "json":
        return _JsonFormatter(settings, _TEXT)
    return _JournalFormatter(settings, _JOURNAL) if journal else _Formatter(settings, _TEXT)


def _in_clear(arguments: tuple[object, ...] | Mapping[str, object]) -> tuple[object, ...] | Mapping[str, object]:
    if isinstance(arguments, Mapping):
        return {k: v.text if isinstance(v, Plate) else v for k, v in arguments.items()}
    return tuple(v.text if isinstance(v, Plate) else v for v in arguments)


def _is_journal(stream: TextIO) -> bool:
    """Tell whether `stream` leads to systemd's journal: systemd names the device and inode that it handed out."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
