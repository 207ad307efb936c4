"""A contact that calls: waits on a thread of its own for a loop or button to close, and says that a vehicle is here.

A line that cannot be read is told once and tried again: the camera goes on without it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge.access.gpio import GpioContact
from edge.access.outputs import BarrierFault

log = logging.getLogger(__name__)

WAIT_S = 0.5  # between two looks at the stop signal
RETRY_S = 5.0  # after a fault


class Doorbell:
    """A stage: `run` on its own thread, `stop` from any.

    Args:
        camera: that the vehicle stands before.
        contact: made with `calls`.
        ring: called each time the contact closes.
        fault: called once when the contact cannot be read any more.
    """

    def __init__(
        self, camera: str, contact: GpioContact, ring: Callable[[], None], fault: Callable[[], None] = lambda: None
    ) -> None:
        self._camera, self._contact, self._ring, self._fault = camera, contact, ring, fault
        self._stopped = threading.Event()
        self._broken = False

    def run(self) -> None:
        """Wait for calls until `stop`."""
        while not self._stopped.is_set():
            if not self.listen(WAIT_S):
                self._stopped.wait(RETRY_S)
        self._contact.close()

    def stop(self) -> None:
        """Make `run` return soon."""
        self._stopped.set()

    def listen(self, timeout_s: float) -> bool:
        """Wait for one call; return False when the contact cannot be read."""
        try:
            called = self._contact.wait(timeout_s)
        except BarrierFault as error:
            if not self._broken:
                log.error("camera %s: its loop cannot be read: %s", self._camera, error)
                self._fault()
            self._broken = True
            return False
        if self._broken:
            log.warning("camera %s: its loop can be read again", self._camera)
        self._broken = False
        if called:
            self._ring()
        return True
