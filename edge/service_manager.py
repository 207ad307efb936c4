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


class ServiceManager:
    """The other end of NOTIFY_SOCKET, or nobody. Used by the main thread only."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of Linux' abstract socket names.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        watchdog_us = environment.get("WATCHDOG_USEC", "0")
        self._period_s = (
            int(watchdog_us) / 1e6 / 3 if watchdog_us.isdigit() else 0.0
        )  # a third leaves room for two losses
        self._fed_s = float("-inf")

    def ready(self, status: str = "watching the gate") -> None:
        """Say that the daemon works (again)."""
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self) -> None:
        """Feed the watchdog, if the unit has one and it is time to."""
        now_s = time.monotonic()
        if self._period_s and now_s - self._fed_s >= self._period_s:
            self._fed_s = now_s
            self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """Say that the settings are being read again."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the daemon is on its way out."""
        self._send("STOPPING=1\nSTATUS=storing and delivering what is left")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.sendto(message.encode(), self._address)
        except OSError as error:
            log.warning("the service manager cannot be told: %s", error)
