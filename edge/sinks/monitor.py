"""The monitoring port: /metrics, /healthz, /readyz and /status over plain HTTP, read-only.

The standard library's server is enough and costs 1 MB, so that a gate computer
without the web page does not carry a web framework. It shows no plate and
changes nothing; listen on loop-back unless the network is trusted.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from edge import __version__, health
from edge.board import Board
from edge.errors import SinkUnavailable
from edge.health import Check
from edge.sinks.metrics import CONTENT_TYPE, Metrics
from edge.sinks.status import check, document

REQUEST_TIMEOUT_S = 5.0
JSON = "application/json; charset=utf-8"


class Monitor:
    """Serves the monitoring port from one background thread.

    Args:
        host, port: where to listen; port 0 takes a free one (see `url`).

    Raises:
        SinkUnavailable: the address cannot be listened on.
    """

    def __init__(self, board: Board, metrics: Metrics, host: str, port: int) -> None:
        try:
            self._server = _Server((host, port), _Handler)
        except OSError as error:
            raise SinkUnavailable(
                f"metrics.port: cannot listen on {host}:{port}: {error.strerror}. Fix: choose a free port"
            ) from error
        self._server.pages = _Pages(board, metrics)
        self._thread = threading.Thread(target=self._server.serve_forever, name="monitor", daemon=True)

    @property
    def url(self) -> str:
        """Return the address it really listens on."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering; may be called twice, and before `start`."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Pages:
    """What each path answers: status, content type, body."""

    def __init__(self, board: Board, metrics: Metrics) -> None:
        self._board = board
        self._metrics = metrics

    def get(self, path: str) -> tuple[int, str, bytes]:
        if path == "/metrics":
            return 200, CONTENT_TYPE, self._metrics.exposition()
        now = self._board.snapshot()
        if path == "/healthz":
            return _verdict(health.alive(now))
        if path == "/readyz":
            return _verdict(health.ready(now))
        if path == "/status":
            return 200, JSON, _json(document(now, self._metrics))
        return 404, JSON, _json({"problem": "no such page", "pages": ["/metrics", "/healthz", "/readyz", "/status"]})


def _verdict(checks: tuple[Check, ...]) -> tuple[int, str, bytes]:
    ok = health.all_ok(checks)
    return 200 if ok else 503, JSON, _json({"ok": ok, "checks": [check(c) for c in checks]})


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    pages: _Pages


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = f"anpr-edge/{__version__}"
    sys_version = ""
    timeout = REQUEST_TIMEOUT_S

    def do_GET(self) -> None:
        status, content_type, body = self.server.pages.get(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815  (the name the library looks for)

    def log_message(self, *_: object) -> None:
        """Say nothing: a scrape every few seconds is no change of state."""
