"""The car park of one site: its file, its ledger, and the only way to either.

Everything that happens goes into the file first and is read from there, whoever
wrote it: this gate, another gate of the site, a person at the web page or on
the command line. Safe from any thread.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge.access.closing import news
from edge.access.ledger import Ledger
from edge.access.occupancy import SitePlan, ZoneCount, ZoneState, zone_state
from edge.access.operations import Kind, Operation, as_document, from_document, milliseconds, moment
from edge.access.parking_recovery import prepare
from edge.access.parking_store import BASE, Numbered, ParkingStore
from edge.access.sessions import LooseExit, Session
from edge.board import ParkingStatus, ZoneStatus
from edge.config.parking import ParkingSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ParkingState:
    """What people look at."""

    at: datetime
    zones: tuple[ZoneState, ...]
    open: tuple[Session, ...]  # the longest first
    ended: tuple[Session, ...]  # the newest first
    loose: tuple[LooseExit, ...]  # the newest first


class Parking:
    """The car park.

    Args:
        settings: section `parking`.
        now: moment of the start, for the name of a damaged file.
        wait: False: the passages are read by the first use that needs them, so that a gate with a long history sees
            cars as soon as ever; see `ready`.

    Raises:
        StorageError: the file cannot be opened or made.
    """

    def __init__(self, settings: ParkingSettings, now: datetime, *, wait: bool = True) -> None:
        self.settings = settings
        self.alarm = prepare(settings.path, now)
        self.store = ParkingStore(settings.path)
        self._lock = threading.Lock()
        self._ledger = _restored(settings, self.store.note(BASE))
        self._told = self.store.last_told()
        self._position = 0
        self._check = set(self._told)  # stays to compare with what was told: all that changed since last time
        self.ready = False  # True once all that the file holds is known
        if wait:
            self.catch_up()

    # ---- what happened -------------------------------------------------------------------------------------------

    def add(self, ops: Iterable[Operation]) -> int:
        """Store what happened here, each fact once, and take it in; return how many were new."""
        fresh = self.store.add(ops)
        self.catch_up()
        return fresh

    def take(self, origin: str, after: int, found: list[Numbered]) -> bool:
        """Store what happened at another gate and take it in; False when something before it is missing."""
        complete = self.store.take(origin, after, found)
        self.catch_up()
        return complete

    def catch_up(self) -> None:
        """Take in what others have written into the file."""
        with self._lock:
            self._read()

    # ---- looking -------------------------------------------------------------------------------------------------

    def state(self, now: datetime, ended: int = 50) -> ParkingState:
        """Return how things are, with at most `ended` stays that are over."""
        with self._current():
            book = self._ledger.book
            sessions, loose = book.sessions(), book.loose()
            zones = self._zones()
        over = sorted((s for s in sessions if s.ended_at is not None), key=_ended, reverse=True)
        still = tuple(s for s in sessions if s.ended_at is None)
        return ParkingState(now, zones, still, tuple(over[:ended]), tuple(reversed(loose)))

    def zones(self) -> tuple[ZoneState, ...]:
        """Return the zones."""
        with self._current():
            return self._zones()

    def status(self, now: datetime) -> ParkingStatus:
        """Return the figures for the status board."""
        with self._current():
            zones = tuple(ZoneStatus(z.zone, z.cars, z.capacity, z.free, z.alarm) for z in self._zones())
            still, loose = self._ledger.book.open_stays(), self._ledger.book.loose()
        limit = now - timedelta(hours=self.settings.overstay_h)
        return ParkingStatus(zones, len(still), sum(s.entry.at < limit for s in still), len(loose))

    def session(self, session_id: str) -> Session | None:
        """Return one stay."""
        with self._current():
            return self._ledger.book.session(session_id)

    def operation(self, op_id: str) -> Operation | None:
        """Return one passage or act of a person."""
        with self._current():
            return self._ledger.get(op_id)

    def session_of(self, op_id: str) -> Session | None:
        """Return the stay that a passage began or ended."""
        with self._current():
            book = self._ledger.book
            found = book.session(op_id)
            ended = (s for s in book.sessions() if s.exit is not None and s.exit.op_id == op_id)
            return found if found is not None else next(ended, None)

    def closing_of(self, session_id: str) -> str | None:
        """Return the act by which a person ended a stay."""
        with self._current():
            return self._ledger.closing_of(session_id)

    @property
    def plan(self) -> SitePlan:
        """Return which lane leads where."""
        return self._ledger.book.plan

    @property
    def newest(self) -> datetime | None:
        """Return the moment of the newest fact."""
        with self._current():
            return self._ledger.newest

    # ---- telling -------------------------------------------------------------------------------------------------

    def announce(self, lanes: Mapping[str, str], site: str) -> None:
        """Write down what must be told about stays that ended, or did not end after all."""
        with self._current():
            secret = self.store.secret() if self._check else ""
            found = [
                told
                for session_id in sorted(self._check)
                if (
                    told := news(session_id, self._session(session_id), self._told.get(session_id), lanes, site, secret)
                )
            ]
            if found:
                self.store.announce(found)
            self._told.update({told.session_id: told for told in found})
            self._check.clear()

    # ---- forgetting ----------------------------------------------------------------------------------------------

    def forget(self, now: datetime) -> int:
        """Forget stays that ended too long ago; return how many operations went."""
        horizon = _midnight(now - timedelta(days=self.settings.keep_days))
        _, ops = self.store.since(0)
        gone = [op for op in ops if op.at < horizon]
        if not gone:
            return 0
        before = _restored(self.settings, self.store.note(BASE))
        before.add([*gone, *(op for op in ops if op.kind in (Kind.CORRECT, Kind.VOID))])
        over = [s for s in before.book.sessions() if s.ended_at is not None and s.ended_at < horizon]
        with self._lock:
            self.store.forget([op.op_id for op in gone], [s.session_id for s in over], _base(before, horizon))
            self._ledger.forget_before(horizon)
            for session in over:
                self._told.pop(session.session_id, None)
        return len(gone)

    # ---- inside --------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        self._position, ops = self.store.since(self._position)
        late = self._ledger.late
        self._ledger.add(ops)
        if self._ledger.late > late:
            log.warning(
                "parking: %d passages from before parking.keep_days came too late to change stays and counts; "
                "compare the counts with the car park (anpr-edge occupancy reset)",
                self._ledger.late - late,
            )
        self._check |= self._ledger.book.changed
        self._ledger.book.changed.clear()
        self.ready = True

    @contextmanager
    def _current(self) -> Iterator[None]:
        """Hold the lock, with all known that the file held at the start."""
        with self._lock:
            if not self.ready:
                self._read()
            yield

    def _session(self, session_id: str) -> Session | None:
        return self._ledger.book.session(session_id)

    def _zones(self) -> tuple[ZoneState, ...]:
        book = self._ledger.book
        return tuple(zone_state(c, book.plan.zones[c.zone], self.settings.drift_alarm) for c in book.counts())


def _restored(settings: ParkingSettings, base: str) -> Ledger:
    """Return a ledger that begins where `base` says; empty: with nothing."""
    if not base:
        return Ledger(settings)
    document = json.loads(base)
    counts = [
        ZoneCount(zone, stays, others, plain, None if recounted is None else moment(recounted))
        for zone, stays, others, plain, recounted in document["counts"]
    ]
    ledger = Ledger(settings, counts, moment(document["horizon_ms"]))
    ledger.book.restore([from_document(entry) for entry in document["open"]])
    return ledger


def _base(ledger: Ledger, horizon: datetime) -> str:
    """Return what a ledger needs to go on from `horizon`."""
    counts = [
        [c.zone, c.stays, c.others, c.plain, None if c.recounted_at is None else milliseconds(c.recounted_at)]
        for c in ledger.book.counts()
    ]
    still = [as_document(s.entry) for s in ledger.book.sessions() if s.end is None]
    return json.dumps({"horizon_ms": milliseconds(horizon), "counts": counts, "open": still}, separators=(",", ":"))


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _ended(session: Session) -> datetime:
    return session.ended_at or session.entry.at
