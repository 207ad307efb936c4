"""A cable between a client and a server on the loop-back that can be cut without either end noticing.

Forwards TCP; once `freeze` is called the connections of that moment stand but
carry nothing, as a router that lost its state does. New ones work.
"""

from __future__ import annotations

import selectors
import socket
import threading
from types import TracebackType

CHUNK_BYTES = 4096


class Cable:
    """Listens on a port of its own and forwards to `port`; a context manager.

    Args:
        port: of the server, on 127.0.0.1.
        delay_s: how long each chunk is held back.
    """

    def __init__(self, port: int, *, delay_s: float = 0.0) -> None:
        self._target, self._delay_s = port, delay_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._frozen: set[socket.socket] = set()
        self._peers: dict[socket.socket, socket.socket] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cable")
        self.carried_bytes = 0

    def freeze(self) -> None:
        """From now on the present connections carry nothing, in either direction."""
        self._frozen = set(self._peers)

    def __enter__(self) -> Cable:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=60)
        for end in (*self._peers, self._listener):
            end.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._ended.is_set():
                for key, _ in selector.select(timeout=0.05):
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    if source is self._listener:
                        self._join(selector)
                    elif source not in self._peers:
                        continue  # ready together with its other end, which has closed both
                    elif source in self._frozen:
                        selector.unregister(source)  # stays open, is never read again
                    else:
                        self._forward(source, selector)

    def _join(self, selector: selectors.BaseSelector) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(("127.0.0.1", self._target))
        self._peers |= {near: far, far: near}
        selector.register(near, selectors.EVENT_READ)
        selector.register(far, selectors.EVENT_READ)

    def _forward(self, source: socket.socket, selector: selectors.BaseSelector) -> None:
        peer = self._peers[source]
        try:
            data = source.recv(CHUNK_BYTES)
            if data and self._delay_s:
                self._ended.wait(self._delay_s)
            if data:
                peer.sendall(data)
                self.carried_bytes += len(data)
                return
        except OSError:
            pass  # one end is gone: so is the other
        for end in (source, peer):
            if end in self._peers:
                selector.unregister(end)
                del self._peers[end]
                end.close()
