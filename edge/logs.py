"""Logs for people or for collectors, without secrets.

URL passwords are masked in every line, whoever wrote it, tracebacks included.
Plates do not belong in logs at all: code logs identifiers.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time

from edge.config.service import LogSettings

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s'\"]+(?=@)")
_TEXT = "%(asctime)s %(levelname)-7s %(threadName)s: %(message)s"


def configure(settings: LogSettings) -> None:
    """Send all logs of this process to stderr as the settings say; calling it again changes level and format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if settings.format == "json" else _TextFormatter(_TEXT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for chatty in ("httpx", "httpcore", "uvicorn.access", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def masked(text: str) -> str:
    """Return `text` with user names and passwords of URLs replaced by ***."""
    return _CREDENTIALS.sub("***", text)


class _TextFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class _JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, thread, logger, message, and error where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "at": f"{at}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "thread": record.threadName,
            "logger": record.name,
            "message": masked(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = masked(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
