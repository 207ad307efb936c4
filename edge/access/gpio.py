"""Lines of the gate computer through libgpiod 2: a relay, contacts that are asked, contacts that call.

The only module that knows the library gpiod. A line is taken when it is first needed and taken anew after a fault,
so that a USB relay may be plugged in again. Nothing here decides anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from edge.access.outputs import BarrierFault, Command
from edge.config.access import BarrierSettings
from edge.config.contacts import ContactSettings

CONSUMER = "anpr-edge"


class Contact(Protocol):
    """A switch that can be asked."""

    def active(self) -> bool:
        """Tell whether it is closed right now.

        Raises:
            BarrierFault: it cannot be read: never take that for a "yes".
        """

    def close(self) -> None:
        """Let go of the line; may be called twice."""


class _Line:
    """One line of one chip, taken on demand."""

    def __init__(self, library: Any, chip: str, line: int, settings: Callable[[], Any]) -> None:
        self._library, self._chip, self._line, self._settings = library, chip, line, settings
        self._request: Any = None

    def taken(self) -> Any:
        """Return the request that holds the line.

        Raises:
            OSError: there is no such chip or line, or somebody else has it.
        """
        if self._request is None:
            config = {self._line: self._settings()}
            self._request = self._library.request_lines(self._chip, consumer=CONSUMER, config=config)
        return self._request

    def release(self) -> None:
        if self._request is not None:
            self._request.release()
            self._request = None

    def fault(self, error: Exception) -> BarrierFault:
        """Let go, so that the next use starts anew, and return what to raise."""
        self.release()
        return BarrierFault(f"{self._chip} line {self._line}: {error}")


class GpioOutput:
    """Closes a relay for a moment.

    Args:
        settings: chip, line, polarity and length of the pulse.
        gpiod: the library, or something that behaves like it.
        pause: waits that many seconds.
    """

    def __init__(self, settings: BarrierSettings, gpiod: Any, pause: Callable[[float], None] = time.sleep) -> None:
        self._settings, self._gpiod, self._pause = settings, gpiod, pause
        self._line = _Line(gpiod, settings.chip, settings.line, self._as_output)

    def open(self, command: Command) -> None:
        value = self._gpiod.line.Value
        try:
            request = self._line.taken()
            request.set_value(self._settings.line, value.ACTIVE)
            try:
                self._pause(self._settings.pulse_ms / 1000)
            finally:
                request.set_value(self._settings.line, value.INACTIVE)
        except (OSError, ValueError) as error:
            raise self._line.fault(error) from error

    def close(self) -> None:
        self._line.release()

    def _as_output(self) -> Any:
        line = self._gpiod.line
        return self._gpiod.LineSettings(
            direction=line.Direction.OUTPUT, active_low=self._settings.active_low, output_value=line.Value.INACTIVE
        )


class GpioContact:
    """An input line that is asked, or waited for.

    Args:
        settings: chip, line, polarity, debouncing.
        gpiod: the library, or something that behaves like it.
        calls: the line will be waited for: note each time it becomes active.
    """

    def __init__(self, settings: ContactSettings, gpiod: Any, *, calls: bool = False) -> None:
        self._settings, self._gpiod, self._calls = settings, gpiod, calls
        self._line = _Line(gpiod, settings.chip, settings.line, self._as_input)

    def active(self) -> bool:
        try:
            value = self._line.taken().get_value(self._settings.line)
        except (OSError, ValueError) as error:
            raise self._line.fault(error) from error
        return bool(value == self._gpiod.line.Value.ACTIVE)

    def wait(self, timeout_s: float) -> bool:
        """Wait until the contact closes; return False when it did not within `timeout_s`.

        Raises:
            BarrierFault: it cannot be read.
        """
        try:
            request = self._line.taken()
            if not request.wait_edge_events(timedelta(seconds=timeout_s)):
                return False
            request.read_edge_events()
        except (OSError, ValueError) as error:
            raise self._line.fault(error) from error
        return True

    def close(self) -> None:
        self._line.release()

    def _as_input(self) -> Any:
        line = self._gpiod.line
        return self._gpiod.LineSettings(
            direction=line.Direction.INPUT,
            active_low=self._settings.active_low,
            edge_detection=line.Edge.RISING if self._calls else line.Edge.NONE,
            debounce_period=timedelta(milliseconds=self._settings.debounce_ms),
        )


def library() -> Any:
    """Return the library.

    Raises:
        BarrierFault: it is not installed.
    """
    try:
        import gpiod  # noqa: PLC0415  (only gates with a relay or contacts have it)
    except ImportError as error:
        raise BarrierFault("GPIO needs the package gpiod; pip install '.[gpio]'") from error
    return gpiod
