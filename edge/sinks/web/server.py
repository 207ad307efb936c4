"""The web server: uvicorn on one thread of the daemon, below the gate's priority.

It starts and stops with the daemon; what the page shows and allows is `app`'s.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from contextlib import suppress

import uvicorn

from edge.errors import ConfigError, SinkUnavailable
from edge.sinks.web.app import Parts, build

NICE = 10  # the page waits when the gate needs the processor
MAX_CONNECTIONS = 512


class WebServer:
    """Serves the page: a stage of the daemon. `run` on its own thread, `stop` from any.

    Args:
        parts: what it shows.
        nice: how far below the gate's priority its thread runs.

    Raises:
        SinkUnavailable: the address cannot be listened on.
        ConfigError: certificate or key cannot be used.
    """

    name = "web"

    def __init__(self, parts: Parts, *, nice: int = NICE) -> None:
        web = parts.settings.web
        app, self._live = build(parts)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
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
        self._nice = nice
        self._loop: asyncio.AbstractEventLoop | None = None

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

    def run(self) -> None:
        """Answer until `stop`; connections made before that have waited."""
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._nice)  # of this thread only, on Linux
        try:
            asyncio.run(self._serve())
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Make `run` return within seconds, even with viewers connected. Any number of times."""
        self._server.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop ended by itself in the meantime
                self._loop.call_soon_threadsafe(self._live.close)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._socket])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4]
        listener = socket.create_server(address[:2], family=family, backlog=256)
    except OSError as error:
        raise SinkUnavailable(
            f"web.port: cannot listen on {host}:{port}: {error.strerror}. Fix: choose a free port"
        ) from error
    # Connections inherit it. asyncio sets it only on sockets made with the protocol's number, and without it every
    # answer of two parts waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
