"""Ways to tell a barrier to open. Each is a `BarrierOutput`; none retries, none waits longer than its time-out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import httpx

from edge.config.access import BarrierSettings
from edge.errors import EdgeError, SinkUnavailable

HTTP_TIMEOUT_S = 3.0


class BarrierFault(EdgeError):
    """The barrier was not told to open: it does not answer, refuses, or its relay is missing."""


@dataclass(frozen=True, slots=True)
class Command:
    """Open this lane's barrier for this passage."""

    site: str
    lane: str
    passage_id: str
    event_id: str

    def fill(self, template: str) -> str:
        """Return `template` with {site}, {lane}, {passage_id} and {event_id} filled in."""
        return template.format(site=self.site, lane=self.lane, passage_id=self.passage_id, event_id=self.event_id)


class BarrierOutput(Protocol):
    """Something that opens one barrier. Only the barrier's own thread calls it."""

    def open(self, command: Command) -> None:
        """Open, or raise; opening twice is harmless.

        Raises:
            BarrierFault: it was not opened; trying again may help.
        """

    def close(self) -> None:
        """Let go of the device; may be called twice."""


class NoOutput:
    """A lane whose decision is only recorded and published."""

    def open(self, command: Command) -> None:
        """Do nothing: who subscribes to the events acts."""

    def close(self) -> None:
        """There is nothing to let go of."""


class MqttOutput:
    """Publishes a command on a topic."""

    def __init__(self, settings: BarrierSettings, post: Callable[[str, bytes], None]) -> None:
        self._settings = settings
        self._post = post

    def open(self, command: Command) -> None:
        body = {"command": "open", "lane": command.lane, "passage_id": command.passage_id, "event_id": command.event_id}
        try:
            self._post(command.fill(self._settings.topic), json.dumps(body).encode())
        except SinkUnavailable as error:
            raise BarrierFault(str(error)) from error

    def close(self) -> None:
        """The connection belongs to the MQTT sink."""


class HttpOutput:
    """Sends a request to the barrier's controller."""

    def __init__(self, settings: BarrierSettings) -> None:
        assert settings.url is not None
        self._settings = settings
        self._client = httpx.Client(timeout=HTTP_TIMEOUT_S, follow_redirects=False)

    def open(self, command: Command) -> None:
        chosen = self._settings
        headers = {name: value.get_secret_value() for name, value in chosen.headers.items()}
        content = None if chosen.method == "GET" else command.fill(chosen.body)
        try:
            assert chosen.url is not None
            url = command.fill(chosen.url.get_secret_value())
            answer = self._client.request(chosen.method, url, headers=headers, content=content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise BarrierFault(f"the controller does not answer: {type(error).__name__}") from error
        if answer.status_code not in chosen.expected_status:
            raise BarrierFault(f"the controller answers {answer.status_code}, not {chosen.expected_status}")

    def close(self) -> None:
        self._client.close()


def make_output(settings: BarrierSettings, post: Callable[[str, bytes], None]) -> BarrierOutput:
    """Return the output that the settings name.

    Raises:
        BarrierFault: gpio without the package gpiod.
    """
    if settings.output == "mqtt":
        return MqttOutput(settings, post)
    if settings.output == "http":
        return HttpOutput(settings)
    if settings.output == "gpio":
        from edge.access.gpio import GpioOutput, library  # noqa: PLC0415  (only gates with a relay need it)

        return GpioOutput(settings, library())
    return NoOutput()
