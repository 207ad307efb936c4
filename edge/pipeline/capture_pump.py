"""Pump: a thread that blocks on a camera so that nobody else has to.

Opening, reading and closing a camera can each hang for as long as its time-out
and some longer; here only the pump waits. Its owner is woken at once by
`interrupt`, and a pump it leaves behind closes its own connection when it can.
It knows nothing of pictures; what it carries, it does not look into.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from edge.clock import Clock
from edge.errors import SourceStalled, SourceUnavailable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Session(Protocol[T_co]):
    """An open connection, used by the pump's thread only, except what the owner does with its items."""

    def items(self) -> Iterator[T_co]:
        """Yield what arrives until the connection ends; raise SourceUnavailable when it breaks."""

    def close(self) -> None:
        """Let go of it."""


class Pump(Generic[T]):
    """Carries items from a blocking connection to one reader.

    Args:
        where: address for messages, without secrets.
        connect: opens the connection; runs on the pump's thread.
        capacity: how many items may wait; beyond, all that wait are dropped and counted.
        resumes: tells whether an item makes sense after lost ones (a key frame does).
        clock: notes when items arrive.
    """

    def __init__(
        self,
        where: str,
        connect: Callable[[], Session[T]],
        *,
        capacity: int,
        resumes: Callable[[T], bool],
        clock: Clock,
    ) -> None:
        self._where = where
        self._connect = connect
        self._capacity = capacity
        self._resumes = resumes
        self._clock = clock
        self._changed = threading.Condition()
        self._items: deque[tuple[T, float]] = deque()
        self._opened = False
        self._failure: Exception | None = None
        self._interrupted = False
        self._abandoned = False
        self._skipping = False
        self._lost = 0
        self._thread = threading.Thread(target=self._work, name="pump", daemon=True)

    @property
    def alive(self) -> bool:
        """Tell whether the connection may still be open."""
        return self._thread.is_alive()

    @property
    def lost(self) -> int:
        """Return how many items were dropped because the reader was too slow."""
        with self._changed:
            return self._lost

    def open(self, timeout_s: float) -> None:
        """Start, and wait until the connection stands.

        Raises:
            SourceUnavailable: it could not be opened in time, or `interrupt` was called.
        """
        self._thread.start()
        with self._changed:
            if not self._changed.wait_for(lambda: self._opened or self._failure or self._interrupted, timeout_s):
                raise SourceUnavailable(
                    f"{self._where}: no answer within {timeout_s:g} s. Check power, cable and address of the camera"
                )
            self._raise_failure()

    def next(self, timeout_s: float) -> tuple[T, float]:
        """Return the next item and the monotonic moment of its arrival.

        Raises:
            SourceStalled: nothing came for `timeout_s`.
            SourceUnavailable: the connection broke or ended, or `interrupt` was called.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._items or self._failure or self._interrupted, timeout_s):
                raise SourceStalled(f"{self._where}: no packet for {timeout_s:g} s")
            if self._items and not self._interrupted:
                return self._items.popleft()
            self._raise_failure()
            raise AssertionError("woken without a reason")

    def interrupt(self) -> None:
        """Wake whoever waits in `open` or `next`."""
        with self._changed:
            self._interrupted = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Take nothing more; the connection is closed as soon as the camera lets go. Returns at once."""
        with self._changed:
            self._abandoned = self._interrupted = True
            # A failure that was raised holds the frames it passed, and they hold this pump, its connection and decoder:
            # 5 MB that only a full garbage collection would find.
            self._failure = None
            self._items.clear()
            self._changed.notify_all()

    def join(self, timeout_s: float) -> None:
        """Wait until an abandoned pump has closed its connection, or the time is up."""
        self._thread.join(timeout_s)

    def _raise_failure(self) -> None:
        if self._interrupted:
            raise SourceUnavailable(f"{self._where}: interrupted", retry=False)
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        session: Session[T] | None = None
        try:
            session = self._connect()
            self._opened_now()
            for item in session.items():
                if not self._offer(item):
                    return
            self._fail(SourceUnavailable(f"{self._where}: the camera ended the stream"))
        except Exception as error:  # noqa: BLE001  (top of a thread: the reader raises it again in its own)
            self._fail(error)
        finally:
            with self._changed:  # the reader may still decode what belongs to the connection
                self._changed.wait_for(lambda: self._abandoned)
            if session is not None:
                session.close()

    def _opened_now(self) -> None:
        with self._changed:
            self._opened = True
            self._changed.notify_all()

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    def _offer(self, item: T) -> bool:
        """Queue `item`; return False when nobody wants more."""
        with self._changed:
            if self._abandoned:
                return False
            if len(self._items) >= self._capacity:
                self._lost += len(self._items)
                self._items.clear()
                self._skipping = True
            if self._skipping and not self._resumes(item):
                self._lost += 1
                return True
            self._skipping = False
            self._items.append((item, self._clock.monotonic_s()))
            self._changed.notify_all()
            return True
