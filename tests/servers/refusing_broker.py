"""A broker that says no: answers CONNECT and PUBLISH with reason codes that no real broker gives on demand.

Speaks just enough MQTT 5 (OASIS standard, sections 2.1, 3.2 and 3.4) for one client at a time.
"""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import IO

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4


class RefusingBroker:
    """Listens on a free port of the loop-back; a context manager.

    Args:
        connect_reason: of every CONNACK.
        publish_reasons: of the PUBACKs, in turn; the last one goes on for ever.
        silent_after: publishes that are acknowledged at all; later ones get no answer.
        hangs_up_at: text in a payload at which the connection is closed without a word.
    """

    def __init__(
        self,
        *,
        connect_reason: int = 0,
        publish_reasons: tuple[int, ...] = (0,),
        silent_after: int | None = None,
        hangs_up_at: bytes | None = None,
    ) -> None:
        self._connect_reason, self._publish_reasons = connect_reason, publish_reasons
        self._silent_after, self._hangs_up_at = silent_after, hangs_up_at
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.published = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> RefusingBroker:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=60)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, client.makefile("rb") as stream:
                try:
                    while header := stream.read(1):
                        self._answer(client, header[0], stream.read(_length(stream)))
                except OSError:
                    continue

    def _answer(self, client: socket.socket, header: int, body: bytes) -> None:
        if header >> 4 == CONNECT:
            client.sendall(bytes([CONNACK << 4, 3, 0, self._connect_reason, 0]))
        elif header >> 4 == PUBLISH:
            if self._hangs_up_at is not None and self._hangs_up_at in body:
                raise ConnectionAbortedError
            topic_bytes = int.from_bytes(body[:2], "big")
            packet_id = body[2 + topic_bytes : 4 + topic_bytes]
            reason = self._publish_reasons[min(self.published, len(self._publish_reasons) - 1)]
            self.published += 1
            if self._silent_after is not None and self.published > self._silent_after:
                return
            client.sendall(bytes([PUBACK << 4, 4]) + packet_id + bytes([reason, 0]))


def _length(stream: IO[bytes]) -> int:
    """Read a variable byte integer (section 1.5.5)."""
    value = shift = 0
    while True:
        (byte,) = stream.read(1)
        value |= (byte & 127) << shift
        if byte < 128:
            return value
        shift += 7
