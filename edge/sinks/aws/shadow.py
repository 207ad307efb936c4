"""The device shadow: says what this gate is, and takes the few settings that may come from afar.

A desired setting is applied whole or refused with its reason in `reported`;
nothing else can be changed through it. Owned by the publish thread.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.config.base import Fraction, Name
from edge.errors import ConfigError
from edge.sinks.mqtt import Handler, Post

log = logging.getLogger(__name__)

MAX_BYTES = 8 * 1024  # of a shadow document; larger ones are refused
REPORT_EVERY_S = 60.0  # at most: every report is billed
MAX_REASON = 200

Observe = Callable[[], Mapping[str, Any]]


class Desired(BaseModel):
    """What may be set from afar. Unknown keys are refused one by one, the others still apply."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    thresholds: Annotated[
        dict[Name, Fraction], Field(max_length=64, description="Camera -> probability that a provisional event needs.")
    ] = {}
    lists_version: Annotated[
        str | None, Field(max_length=64, description="The lists that this gate should have loaded.")
    ] = None


Apply = Callable[[Desired], None]  # raises ConfigError with the reason


class Shadow:
    """Keeps the classic shadow of one thing. A companion of the MQTT sink.

    Args:
        thing: name of the thing.
        observe: returns what is reported, small and without personal data: version, health, cameras, models.
        apply: puts one valid setting into force, or raises ConfigError.
    """

    def __init__(self, thing: str, observe: Observe, apply: Apply) -> None:
        self._base = f"$aws/things/{thing}/shadow"
        self._observe, self._apply = observe, apply
        self._post: Post | None = None
        self._reported: dict[str, Any] = {}
        self._accepted: dict[str, Any] = {}
        self._rejected: dict[str, str] = {}
        self._due_s = float("-inf")
        self._version = -1

    def attach(self, post: Post) -> Mapping[str, Handler]:
        self._post = post
        return {
            f"{self._base}/update/delta": self._delta,
            f"{self._base}/get/accepted": self._whole,
            f"{self._base}/update/rejected": self._refused,
        }

    def connected(self) -> None:
        """Report all and ask for what was desired while we were away."""
        self._reported, self._due_s = {}, float("-inf")
        self._send(f"{self._base}/get", {})

    def tick(self, now_s: float) -> None:
        """Report what has changed, at most once a minute."""
        if now_s < self._due_s:
            return
        state = {**self._accepted, **self._observe(), "rejected": self._rejected or None}
        changed = {key: value for key, value in state.items() if self._reported.get(key, ...) != value}
        if changed:
            self._report(changed)
            self._due_s = now_s + REPORT_EVERY_S

    def _whole(self, _topic: str, payload: bytes) -> None:
        document = _parsed(payload)
        state = document.get("state")
        self._take(state.get("delta") if isinstance(state, dict) else None, document.get("version"))

    def _delta(self, _topic: str, payload: bytes) -> None:
        document = _parsed(payload)
        self._take(document.get("state"), document.get("version"))

    def _take(self, wanted: Any, version: Any) -> None:
        """Apply each desired setting by itself, then say at once what became of it."""
        if not isinstance(wanted, dict) or not isinstance(version, int) or version <= self._version or not wanted:
            return  # an older or repeated delta: the newer one has been handled
        self._version = version
        self._rejected = {}
        for key, value in wanted.items():
            reason = self._refusal(key, value)
            if reason:
                self._rejected[str(key)[:64]] = reason
            else:
                self._accepted[key] = value
        for key, reason in self._rejected.items():
            log.warning("shadow: desired %s refused: %s", key, reason)
        now = {**self._accepted, **self._observe()}
        applied = {key: now[key] for key in wanted if key in self._accepted}
        self._report({**applied, "rejected": self._rejected or None})

    def _refusal(self, key: str, value: Any) -> str:
        """Apply one desired setting; return why not, or nothing when it is in force."""
        try:
            self._apply(Desired.model_validate({key: value}))
        except ValidationError as error:
            return _reason(error)
        except ConfigError as error:
            return str(error)[:MAX_REASON]
        return ""

    def _report(self, changed: Mapping[str, Any]) -> None:
        body = {"state": {"reported": changed}}
        if len(json.dumps(body)) > MAX_BYTES:
            log.warning("shadow: report left out %s, it is larger than 8 KB", max(changed, key=_size(changed)))
            self._report({key: value for key, value in changed.items() if key != max(changed, key=_size(changed))})
            return
        self._reported.update(changed)
        self._send(f"{self._base}/update", body)

    def _refused(self, _topic: str, payload: bytes) -> None:
        document = _parsed(payload)
        log.warning("shadow: AWS refused a report: %s %s", document.get("code"), document.get("message"))
        self._reported = {}

    def _send(self, topic: str, body: Mapping[str, Any]) -> None:
        assert self._post is not None, "attach comes first"
        self._post(topic, json.dumps(body, separators=(",", ":")).encode("utf-8"))


def _size(values: Mapping[str, Any]) -> Callable[[str], int]:
    return lambda key: len(json.dumps(values[key]))


def _parsed(payload: bytes) -> dict[str, Any]:
    try:
        document = json.loads(payload)
    except ValueError:
        log.warning("shadow: a message that is not JSON was ignored")
        return {}
    return document if isinstance(document, dict) else {}


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"[:MAX_REASON]
