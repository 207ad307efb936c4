"""Speaks systemd's notification protocol, so that the unit knows when we are ready, alive and stopping.

Without NOTIFY_SOCKET in the environment every message is a no-op.
Source: sd_notify(3): datagrams of KEY=VALUE lines to an AF_UNIX socket.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)

_FEEDS_PER_PERIOD = 3  # leaves room for two losses


class ServiceManager:
    """The other end of NOTIFY_SOCKET, or nobody. Used by the main thread only."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of Linux' abstract socket names.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._period_s = _watchdog_s(environment) / _FEEDS_PER_PERIOD
        self._fed_s = float("-inf")
        self._status = ""
        self._deaf = False

    def ready(self) -> None:
        """Say that the daemon works (again)."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Show `text` in `systemctl status`, unless it shows it already."""
        line = " ".join(text.split())
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def alive(self) -> None:
        """Feed the watchdog, if the unit has one and it is time to."""
        now_s = time.monotonic()
        if self._period_s and now_s - self._fed_s >= self._period_s:
            self._fed_s = now_s
            self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """Say that the settings are being read again; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the daemon is on its way out."""
        self._send("STOPPING=1")
        self.status("storing and delivering what is left")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.settimeout(1.0)  # a service manager that hangs must not stop the gate
                channel.sendto(message.encode(), self._address)
        except OSError as error:
            if not self._deaf:
                log.warning("the service manager cannot be told: %s", error)
            self._deaf = True
        else:
            self._deaf = False


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """Return within which time the service manager wants to hear from this process; 0 when it does not."""
    period_us, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not period_us.isdigit() or process not in ("", str(os.getpid())):
        return 0.0
    return int(period_us) / 1e6
