"""Lists sent from afar: an order names their number and hash, brings them or says where they lie, and gets an answer.

The same for MQTT (a companion of the connection) and for AWS jobs. Nothing is in force before all of it was
received, its hash compared and every row parsed; what is refused changes nothing and is answered with the reason.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import Self

from edge.access.files import version_of
from edge.access.store import ListStore
from edge.errors import ConfigError, EdgeError, SinkUnavailable
from edge.sinks.mqtt import Handler, Post

log = logging.getLogger(__name__)

FETCH_TIMEOUT_S = 30.0
MAX_BYTES = 64 << 20  # of fetched lists: a million entries
MOST_PROBLEMS = 20  # rows named in one answer
WAITING = 4  # orders


class Order(BaseModel):
    """What the office sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[int, Field(ge=0, description="Of this edition; higher than the one before.")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="Of the CSV, as bytes in UTF-8.")]
    csv: Annotated[str | None, Field(description="The lists themselves.")] = None
    url: Annotated[str | None, Field(max_length=4096, description="Or where they lie, https.")] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.csv is None) == (self.url is None):
            raise ValueError("give either csv or url")
        return self


def obey(store: ListStore, document: Mapping[str, Any]) -> str:
    """Put the lists that an order brings in force; return what was done.

    Raises:
        ConfigError: the order or its lists are refused.
        SinkUnavailable: they could not be fetched.
        StorageError: they could not be written.
    """
    try:
        order = Order.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(str(part) for part in first["loc"]) or "order"
        raise ConfigError(at, str(first["msg"]), "send number, sha256 and either csv or url") from error
    if order.sha256 == store.lists.version:
        return f"{len(store.lists.entries)} entries, in force already"
    in_force = store.number
    if in_force is not None and order.number <= in_force:
        raise ConfigError("number", f"{order.number} is not above {in_force}, which is in force", "count up")
    text = _fetched(order.url) if order.csv is None else order.csv
    if version_of(text) != order.sha256:
        raise ConfigError("sha256", "is not the hash of what came", "hash the bytes that are sent, UTF-8")
    imported = store.replace(text, "lists", number=order.number)
    return f"{len(imported.lists.entries)} entries in force"


class ListOrders:
    """Takes orders from an MQTT topic. A companion of the MQTT sink, and a stage: the work is done on its own thread.

    Args:
        store: of the lists.
        topic: for orders; answers go to <topic>/replies.
        client_id: tells the office which gate answers.
    """

    def __init__(self, store: ListStore, topic: str, client_id: str) -> None:
        self._store, self._topic, self._client_id = store, topic, client_id
        self._post: Post | None = None
        self._orders: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._stopped = threading.Event()

    def attach(self, post: Post) -> Mapping[str, Handler]:
        self._post = post
        return {self._topic: self._received}

    def connected(self) -> None:
        """Nothing to ask for: the broker keeps the newest order if the office sent it retained."""

    def tick(self, now_s: float) -> None:
        """Nothing is due by time."""

    def run(self) -> None:
        """Work off orders until `stop`."""
        while (payload := self._orders.get()) is not None and not self._stopped.is_set():
            self.take(payload)

    def stop(self) -> None:
        """Make `run` return after the order that it is at."""
        self._stopped.set()
        try:
            self._orders.put_nowait(None)
        except queue.Full:
            log.info("lists: stopping with orders that wait")

    def take(self, payload: bytes) -> None:
        """Do one order and answer it."""
        document = _parsed(payload)
        answer: dict[str, Any] = {"number": document.get("number"), "sha256": document.get("sha256")}
        try:
            answer |= {"ok": True, "detail": obey(self._store, document)}
        except ConfigError as error:
            shown = [{"at": p.at, "problem": p.problem, "fix": p.fix} for p in error.problems[:MOST_PROBLEMS]]
            answer |= {"ok": False, "problems": shown, "problem_count": len(error.problems)}
        except EdgeError as error:
            answer |= {"ok": False, "problems": [{"at": "lists", "problem": str(error), "fix": "send them again"}]}
        if not answer["ok"]:
            log.warning("lists from afar were refused, those in force stay: %s", answer["problems"][0]["at"])
        self._answer(answer)

    def _received(self, _topic: str, payload: bytes) -> None:
        try:
            self._orders.put_nowait(payload)
        except queue.Full:
            log.warning("lists: too many orders at once, one was ignored")

    def _answer(self, answer: Mapping[str, Any]) -> None:
        assert self._post is not None, "attach comes first"
        in_force = {"version": self._store.lists.version, "entries": len(self._store.lists.entries)}
        body = {"client_id": self._client_id, **answer, "in_force": in_force}
        self._post(f"{self._topic}/replies", json.dumps(body, ensure_ascii=False).encode("utf-8"))


def _parsed(payload: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(payload)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _fetched(url: str | None) -> str:
    parts = urlsplit(url or "")
    if parts.scheme != "https":  # nor http to this machine: an order must not reach what listens only here
        raise ConfigError("url", "is not https", "give an https address, e.g. a pre-signed one")
    content = bytearray()
    try:
        with httpx.stream("GET", str(url), timeout=FETCH_TIMEOUT_S, follow_redirects=False) as answer:
            if not answer.is_success:
                raise SinkUnavailable(f"the lists could not be fetched: {answer.status_code}")
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise ConfigError("url", f"holds more than {MAX_BYTES >> 20} MiB", "send fewer entries")
    except httpx.HTTPError as error:
        raise SinkUnavailable(f"the lists could not be fetched: {type(error).__name__}") from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("url", "is not UTF-8", "save the file as UTF-8") from error
