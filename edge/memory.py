"""Memory of the process: how the C library hands it out.

glibc gives every thread an arena of its own and never gives it back. A daemon whose cameras come and go makes many
threads, and each arena keeps the largest picture it ever held.
"""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8  # malloc.h
ARENAS = 2  # measured: less memory for ever, and no thread waits for another's allocation noticeably


def keep_few_arenas() -> bool:
    """Let all threads share `ARENAS` arenas; call it before there are threads. False where the C library has none."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_ARENA_MAX, ARENAS) == 1
