"""The web server: uvicorn in one background thread, below the gate's priority.

It starts and stops with the daemon; what the page shows and allows is `app`'s.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from edge.errors import ConfigError, SinkUnavailable
from edge.sinks.web.app import Parts, build

NICE = 10  # the page waits when the gate needs the processor
STOP_WITHIN_S = 5.0
MAX_CONNECTIONS = 512


class WebServer:
    """Serves the page.

    Args:
        parts: what it shows.
        on_failure: called from the server's thread if it ends without being asked to.

    Raises:
        SinkUnavailable: the address cannot be listened on.
        ConfigError: certificate or key cannot be used.
    """

    def __init__(self, parts: Parts, on_failure: Callable[[BaseException], None] = lambda _: None) -> None:
        web = parts.settings.web
        app, self._live = build(parts)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            proxy_headers=web.behind_proxy,
            forwarded_allow_ips="127.0.0.1,::1",
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=1,
            ssl_certfile=web.certificate,
            ssl_keyfile=web.key,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise ConfigError("web.certificate", f"cannot be used: {error}", "give a PEM chain and its key") from error
        self._scheme = "https" if web.certificate else "http"
        self._socket = _listen(web.host, web.port)
        self._server = uvicorn.Server(config)
        self._on_failure = on_failure
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    @property
    def url(self) -> str:
        """Return the address it really listens on."""
        host, port = self._socket.getsockname()[:2]
        return f"{self._scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def viewers(self) -> int:
        """Return how many live views are open."""
        return self._live.viewers

    @property
    def encoded(self) -> int:
        """Return how many pictures were made for viewers so far."""
        return self._live.encoded

    def start(self) -> None:
        """Begin to answer; connections made before that wait."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering, within seconds even with viewers connected; may be called twice, and before `start`."""
        self._server.should_exit = True
        if self._thread.is_alive():
            if self._loop is not None:
                with suppress(RuntimeError):  # the loop ended by itself in the meantime
                    self._loop.call_soon_threadsafe(self._live.close)
            self._thread.join(STOP_WITHIN_S)
            self._server.force_exit = True
        self._socket.close()

    def _run(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)  # of this thread only, on Linux
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._on_failure(error)
            raise

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._socket])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4]
        return socket.create_server(address[:2], family=family, backlog=256)
    except OSError as error:
        raise SinkUnavailable(
            f"web.port: cannot listen on {host}:{port}: {error.strerror}. Fix: choose a free port"
        ) from error
