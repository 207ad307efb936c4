"""The car park on the broker: free spaces for everybody, passages for the other gates of the site.

Each gate owns what it saw and what its people did, numbers it, and sends it to
the topic that all gates share. Each says now and then what it has; whoever has
more sends the rest. Nothing here needs order or memory at the broker: after
any partition all gates have the same facts, and so the same stays.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge.access.occupancy import ZoneState
from edge.access.operations import as_document, from_document
from edge.access.parking import Parking
from edge.access.parking_store import OURS, Numbered
from edge.clock import Clock
from edge.errors import StorageError
from edge.sinks.mqtt import Handler, Post
from edge.sinks.wire import utc_text

log = logging.getLogger(__name__)

ZONE_SCHEMA = "anpr-edge/zone/1"
SHARE_SCHEMA = "anpr-edge/sessions/1"
BATCH = 20  # operations in a message: about 8 KB
BATCHES = 4  # sent in answer to one "have": the other side asks again while it lacks more
HAVE_EVERY_S = 30.0
HAVE_AGAIN_S = 1.0  # while something is missing
SILENT_S = 60.0  # a gate that was not heard for this long is answered for by those who have its operations


class ParkingCompanion:
    """Shares the MQTT connection. Called on the MQTT publish thread only.

    Args:
        parking: the car park.
        site: name of the installation.
        clock: for `at` and the pace of "have".
        changed: called when another gate's operations were taken in.
    """

    def __init__(self, parking: Parking, site: str, clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        self._parking, self._site, self._clock, self._changed = parking, site, clock, changed
        self._settings = parking.settings
        self._topic = self._settings.share_topic.format(site=site)
        self._us = parking.store.epoch()
        self._post: Post = _nowhere
        self._shown: dict[str, ZoneState] = {}
        self._sent = 0  # number of our newest operation that was sent
        self._have_due_s = 0.0
        self._heard_s: dict[str, float] = {}

    def attach(self, post: Post) -> Mapping[str, Handler]:
        self._post = post
        return {self._topic: self._received} if self._settings.share else {}

    def connected(self) -> None:
        """Show the zones again, and ask what was missed."""
        self._shown.clear()
        self._have_due_s = 0.0
        self._sent = self._parking.store.have().get(OURS, 0)  # what is older is asked for by those who lack it

    def tick(self, now_s: float) -> None:
        """Send what has changed."""
        if not self._parking.ready:  # the file is still being read: what it says now would be wrong
            return
        try:
            self._show_zones()
            if self._settings.share:
                self._send_new()
                if now_s >= self._have_due_s:
                    self._have_due_s = now_s + HAVE_EVERY_S
                    self._say(have=self._have())
        except StorageError as error:
            log.error("parking: %s", error)

    # ---- zones ---------------------------------------------------------------------------------------------------

    def _show_zones(self) -> None:
        for zone in self._parking.zones():
            if self._shown.get(zone.zone) != zone:
                self._shown[zone.zone] = zone
                topic = self._settings.zone_topic.format(site=self._site, zone=zone.zone)
                self._post(topic, _compact(zone_document(zone, self._site, utc_text(self._clock.utc()))), retain=True)

    # ---- sharing -------------------------------------------------------------------------------------------------

    def _have(self) -> dict[str, int]:
        """Return origin -> number of the newest operation here, our own under the name of our file."""
        return {(name or self._us): number for name, number in self._parking.store.have().items()}

    def _send_new(self) -> None:
        while ops := self._parking.store.after(OURS, self._sent, BATCH):
            self._send(self._us, self._sent, ops)
            self._sent = ops[-1].number

    def _received(self, _topic: str, payload: bytes) -> None:
        try:
            message = _Message(payload)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("parking: a message on %s cannot be understood: %s", self._topic, error)
            return
        if message.sender == self._us or not self._parking.ready:  # what is missed now is asked for later
            return
        self._heard_s[message.sender] = self._clock.monotonic_s()
        try:
            if message.have is not None:
                self._answer(message.have)
            if message.ops:
                self._take(message)
        except StorageError as error:
            log.error("parking: %s", error)

    def _take(self, message: _Message) -> None:
        if message.origin == self._us:
            return
        if not self._parking.take(message.origin, message.after, message.ops):
            self._have_due_s = min(self._have_due_s, self._clock.monotonic_s() + HAVE_AGAIN_S)
            return
        if len(message.ops) == BATCH:  # more may wait
            self._have_due_s = min(self._have_due_s, self._clock.monotonic_s() + HAVE_AGAIN_S)
        self._changed()

    def _answer(self, theirs: Mapping[str, int]) -> None:
        """Send what the other side lacks: ours, and that of gates that are silent."""
        ours = self._have()
        for origin, number in ours.items():
            missing = number > theirs.get(origin, 0)
            if missing and (origin == self._us or self._silent(origin)):
                self._resend(origin, theirs.get(origin, 0))
        if any(number > ours.get(origin, 0) for origin, number in theirs.items() if origin != self._us):
            self._have_due_s = min(self._have_due_s, self._clock.monotonic_s() + HAVE_AGAIN_S)

    def _silent(self, origin: str) -> bool:
        return self._clock.monotonic_s() - self._heard_s.get(origin, float("-inf")) > SILENT_S

    def _resend(self, origin: str, after: int) -> None:
        for _ in range(BATCHES):
            ops = self._parking.store.after(OURS if origin == self._us else origin, after, BATCH)
            if not ops:
                return
            self._send(origin, after, ops)
            after = ops[-1].number

    def _send(self, origin: str, after: int, ops: Sequence[Numbered]) -> None:
        self._say(origin=origin, after=after, ops=[[one.number, as_document(one.op)] for one in ops])

    def _say(self, **content: Any) -> None:
        self._post(self._topic, _compact({"schema": SHARE_SCHEMA, "from": self._us, **content}))


class _Message:
    """What another gate says.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is no such message.
    """

    def __init__(self, payload: bytes) -> None:
        document = json.loads(payload)
        if document["schema"] != SHARE_SCHEMA:
            raise ValueError(f"schema {document['schema']!r}; update the older of the two gates")
        self.sender = str(document["from"])
        have = document.get("have")
        self.have = None if have is None else {str(name): int(number) for name, number in have.items()}
        self.origin = str(document.get("origin", ""))
        self.after = int(document.get("after", 0))
        self.ops = [Numbered(self.origin, int(n), from_document(op)) for n, op in document.get("ops", ())]
        if self.ops and not self.origin:
            raise ValueError("operations without an origin")


def zone_document(zone: ZoneState, site: str, at: str) -> dict[str, Any]:
    """Return what is told about a zone, as on the wire."""
    return {
        "schema": ZONE_SCHEMA,
        "site": site,
        "zone": zone.zone,
        "cars": zone.cars,
        "capacity": zone.capacity,
        "free": zone.free,
        "alarm": zone.alarm,
        "recounted_at": None if zone.recounted_at is None else utc_text(zone.recounted_at),
        "at": at,
    }


def _compact(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _nowhere(topic: str, payload: bytes, *, retain: bool = False) -> None:
    """Stand for the connection before there is one."""
