"""Whether UTC can be trusted: a gate without a clock battery starts in 1970.

The kernel knows if something disciplines its clock; a jump of UTC against the
monotonic clock shows that somebody set it by hand. Only events' time stamps
depend on this: every interval in this program is monotonic.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable

from edge.clock import Clock

log = logging.getLogger(__name__)

JUMP_S = 2.0  # NTP slews smaller errors; a larger one is a step
SETTLE_S = 60.0  # after a step the kernel must call its clock good for this long
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_LIBRARY = ctypes.CDLL(None, use_errno=True)  # what this process has loaded already, the C library among it
_TIMEX_BYTES = 256  # struct timex has 208 bytes on 64 bit Linux; all zero means "read only"


def kernel_synchronised() -> bool:
    """Tell whether the Linux kernel's clock is disciplined (adjtimex); True where the kernel cannot be asked."""
    if not hasattr(_LIBRARY, "adjtimex"):
        return True
    state: int = _LIBRARY.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return state not in (_TIME_ERROR, -1)


class ClockWatch:
    """Watches UTC against the monotonic clock. Safe from several threads.

    Args:
        clock: the clock that events are stamped with.
        kernel: tells whether the system disciplines it.
    """

    def __init__(self, clock: Clock, kernel: Callable[[], bool] = kernel_synchronised) -> None:
        self._clock, self._kernel = clock, kernel
        self._lock = threading.Lock()
        self._offset_s = self._measure()
        self._settling = False  # a jump happened and the clock has not been good for long enough since
        self._good_since_s = clock.monotonic_s()
        self._last: bool | None = None

    def synchronised(self) -> bool:
        """Return whether UTC is right as far as this machine can know; call it at least once per event."""
        with self._lock:
            offset_s, now_s = self._measure(), self._clock.monotonic_s()
            jump_s, self._offset_s = offset_s - self._offset_s, offset_s
            good = self._kernel()
            if abs(jump_s) > JUMP_S:
                log.warning("UTC jumped by %+.1f s; event times are marked unsynchronised for now", jump_s)
                self._settling, self._good_since_s = True, now_s
            if not good:
                self._good_since_s = now_s
            elif now_s - self._good_since_s >= SETTLE_S:
                self._settling = False
            result = good and not self._settling
            if result is not self._last:
                log.info("UTC is %s", "synchronised" if result else "not synchronised")
            self._last = result
            return result

    def _measure(self) -> float:
        return self._clock.utc().timestamp() - self._clock.monotonic_s()
