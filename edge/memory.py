"""Memory of the process: how the C library hands it out and takes it back.

glibc gives every thread an arena of its own and never gives it back. A daemon whose cameras come and go makes many
threads, and each arena keeps the largest picture it ever held. What is freed between things that stay is kept too.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable

from edge.clock import Clock

_M_ARENA_MAX = -8  # malloc.h
EVERY_S = 60.0  # a page given back too early is asked for again at once
ARENAS = 2  # measured: less memory for ever, and no thread waits for another's allocation noticeably


def keep_few_arenas() -> bool:
    """Let all threads share `ARENAS` arenas; call it before there are threads. False where the C library has none."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_ARENA_MAX, ARENAS) == 1


def settle() -> None:
    """Take all that exists for permanent; call it once everything is built and before the work begins.

    The garbage collector looks at everything only when a quarter of it is new, and a daemon's start leaves some 280,000
    objects: what forms a cycle later, with a decoder in it, would stay for days. Without the old ones it is found soon.
    """
    gc.collect()
    gc.freeze()


def give_back() -> bool:
    """Return what is free to the system; takes milliseconds. False where there was nothing, or the C library cannot."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and trim(0) == 1


class Thrift:
    """Gives free memory back every `EVERY_S`; call it as often as you like."""

    def __init__(self, clock: Clock, give: Callable[[], object] = give_back) -> None:
        self._clock = clock
        self._give = give
        self._due_s = clock.monotonic_s() + EVERY_S

    def __call__(self) -> None:
        if self._clock.monotonic_s() >= self._due_s:
            self._due_s = self._clock.monotonic_s() + EVERY_S
            self._give()
