"""The book of a car park: applies operations one after the other, in their order.

Deterministic: the same operations in the same order give the same stays and
counts on every gate. Every step can be undone, so that a fact that comes late
is put where it belongs. No clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import fsum

from edge.access.journal import Journal, Table
from edge.access.likeness import Belief, belief
from edge.access.occupancy import SitePlan, ZoneCount
from edge.access.operations import Kind, Operation
from edge.access.pairing import CHANCE_OF_ENTRY, CHANCE_OF_EXIT, Candidate, candidates, likeliest, same_car
from edge.access.sessions import End, LooseExit, Pairing, Session
from edge.config.parking import ParkingSettings
from edge.types import Direction

_SWEEP = timedelta(hours=1)  # how often stays are looked through for cars that must have left
_GUESSED = 0.6  # probability of a pairing by elimination: the other explanation is an entry that nobody saw


@dataclass(frozen=True, slots=True)
class _Passed:
    """A passage of the last minutes, and the stay it began or ended."""

    op: Operation
    belief: Belief
    session_id: str


class Book:
    """Stays and counts of one site. One thread at a time.

    Args:
        settings: section `parking`.
        counts: zones at the start; empty: nothing is inside.
    """

    def __init__(self, settings: ParkingSettings, counts: Sequence[ZoneCount] = ()) -> None:
        self.plan = SitePlan(settings.zones)
        self.changed: set[str] = set()  # stays touched since whoever looks cleared it
        self._settings = settings
        self._overstay = timedelta(hours=settings.overstay_h)
        self._reversal = timedelta(seconds=settings.reversal_s)
        self._journal = Journal()
        self._sessions: Table[Session] = Table(self._journal)
        self._open: Table[Session] = Table(self._journal)  # may still be ended by an exit
        self._loose: Table[LooseExit] = Table(self._journal)
        self._lanes: Table[tuple[_Passed, ...]] = Table(self._journal)  # what passed lately, newest first
        self._counts: Table[ZoneCount] = Table(self._journal)
        self._swept: Table[datetime] = Table(self._journal)
        known = {count.zone: count for count in counts}
        for zone in self.plan.zones:
            self._counts.put(zone, known.get(zone, ZoneCount(zone)))

    # ---- reading -------------------------------------------------------------------------------------------------

    def session(self, session_id: str) -> Session | None:
        """Return one stay."""
        return self._sessions.get(session_id)

    def sessions(self) -> list[Session]:
        """Return all stays, the earliest entry first."""
        return sorted(self._sessions.values(), key=lambda s: s.entry.order)

    def open_stays(self) -> list[Session]:
        """Return the stays that are not over, in no order."""
        return [s for s in self._open.values() if s.end is None]

    def loose(self) -> list[LooseExit]:
        """Return exits without a stay, the earliest first."""
        return sorted(self._loose.values(), key=lambda one: one.exit.order)

    def counts(self) -> list[ZoneCount]:
        """Return the zones in the order of the settings."""
        return [self._count(zone) for zone in self.plan.zones]

    # ---- time ----------------------------------------------------------------------------------------------------

    def mark(self) -> int:
        """Return a mark to which `undo` can return."""
        return self._journal.mark()

    def undo(self, mark: int) -> None:
        """Take back everything since `mark`."""
        self.changed |= self._sessions.changed_since(mark)
        self._journal.back_to(mark)

    def forget_before(self, mark: int, ended_before: datetime) -> None:
        """Make everything before `mark` final, and forget what ended before that moment."""
        self._journal.forget_before(mark)
        for session in [s for s in self._sessions.values() if s.ended_at is not None and s.ended_at < ended_before]:
            self._sessions.forget(session.session_id)
            self._open.forget(session.session_id)
        for one in [x for x in self._loose.values() if x.exit.at < ended_before]:
            self._loose.forget(one.exit.op_id)

    def restore(self, entries: Sequence[Operation]) -> None:
        """Open the stays that were open at the start; the counts know them already."""
        for op in entries:
            zone = self.plan.zone_of(op.lane)
            session = Session(op.op_id, op, "" if zone is None else zone.name, belief(op.plate))
            self._put(session)
            self._open.put(op.op_id, session)

    # ---- one step ------------------------------------------------------------------------------------------------

    def apply(self, op: Operation) -> None:
        """Take in one operation; those that refer to others (corrections, voids) are the ledger's business."""
        self._sweep(op.at)
        if op.kind is Kind.RECOUNT:
            if op.zone in self._counts:
                self._counts.put(op.zone, self._count(op.zone).recounted(op.count, op.at))
        elif op.kind is Kind.CLOSE:
            self._close_by_person(op)
        elif op.kind is Kind.ADD:
            self._open_stay(op, belief(op.plate))
        elif op.kind is Kind.PASSAGE:
            self._pass(op)

    def _pass(self, op: Operation) -> None:
        zone = self.plan.zone_of(op.lane)
        if zone is None:
            return
        if zone.inside is not None:
            self._move(op, zone.inside, zone.name)
            return
        seen = belief(op.plate)
        lately = [p for p in self._lanes.get(op.lane) or () if op.at - p.op.at <= self._reversal]
        before = next((p for p in lately if same_car(p.belief, seen, self._settings.well_read)), None)
        if before is not None:
            if before.op.direction is not op.direction:  # else two cameras of the lane saw the same car
                self._turned_round(op, before)
                self._lanes.put(op.lane, tuple(p for p in lately if p is not before))
            return
        session_id = self._enter(op, seen, lately) if op.direction is Direction.ENTRY else ""
        session_id = self._leave(op, seen) if op.direction is Direction.EXIT else session_id
        if op.direction is not Direction.UNKNOWN:  # else it came near and went away
            self._lanes.put(op.lane, (_Passed(op, seen, session_id), *lately))

    def _move(self, op: Operation, outer: str, inner: str) -> None:
        """Count a car that went from one zone into another."""
        step = {Direction.ENTRY: 1, Direction.EXIT: -1}.get(op.direction, 0)
        self._add(inner, others=step, plain=step)
        self._add(outer, others=-step, plain=-step)

    # ---- in ------------------------------------------------------------------------------------------------------

    def _enter(self, op: Operation, seen: Belief, lately: Sequence[_Passed]) -> str:
        inside = [s for s in self._open.values() if s.entry.at < op.at]
        found = candidates(seen, op.at, inside, CHANCE_OF_ENTRY, self._settings)
        if fsum(c.probability for c in found) >= self._settings.pair_probability:  # it is one of them, and comes again
            self._exit_was_missed(found[0].session, op.at)
        return self._open_stay(op, seen, tailgated=self._tailgates(op, lately))

    def _open_stay(self, op: Operation, seen: Belief, *, tailgated: bool = False) -> str:
        zone = self.plan.zone_of(op.lane)
        if zone is None:
            return ""
        session = Session(op.op_id, op, zone.name, seen, tailgated=tailgated)
        self._put(session)
        self._open.put(op.op_id, session)
        self._add(zone.name, stays=1, plain=1)
        return op.op_id

    def _tailgates(self, op: Operation, lately: Sequence[_Passed]) -> bool:
        close = [p for p in lately[:1] if op.at - p.op.at <= timedelta(seconds=self._settings.tailgate_s)]
        return bool(close) and close[0].op.decision == "open" and op.decision not in ("open", "")

    def _exit_was_missed(self, session: Session, at: datetime) -> None:
        """The car of an open stay comes in again: it must have left, perhaps by an exit that was not read."""
        between = [x for x in self.loose() if session.entry.at < x.exit.at < at and self._may_be(x, session)]
        if len(between) == 1:
            self._take_back(between[0])
            self._end(session, between[0].exit, Pairing.ELIMINATION, _GUESSED)
            return
        if between:  # one of them was it: the count is right again, whichever it was
            self._loose.drop(between[0].exit.op_id)
            self._add(between[0].zone, others=int(between[0].counted))
        self._end_unseen(session, End.EXIT_NOT_SEEN, at)

    @staticmethod
    def _may_be(one: LooseExit, session: Session) -> bool:
        return not one.belief.text or session.session_id in one.candidates

    # ---- out -----------------------------------------------------------------------------------------------------

    def _leave(self, op: Operation, seen: Belief) -> str:
        inside = [s for s in self._open.values() if s.entry.at <= op.at]
        found = candidates(seen, op.at, inside, CHANCE_OF_EXIT, self._settings)
        best = likeliest(seen, found, self._settings.pair_probability)
        if best is not None:
            return self._pair(best, op)
        unread = [s for s in inside if not s.belief.text and s.end is None and op.at - s.entry.at <= self._overstay]
        if not found and len(unread) == 1 and seen.probability >= self._settings.pair_probability:
            self._end(unread[0], op, Pairing.ELIMINATION, _GUESSED)
            return unread[0].session_id
        self._leave_loose(op, seen, found, unread)
        return ""

    def _pair(self, found: Candidate, op: Operation) -> str:
        session = found.session
        corrected = bool(session.entry.by or op.by)
        exact = session.belief.text == belief(op.plate).text
        pairing = Pairing.PERSON if corrected else Pairing.EXACT if exact else Pairing.OVERLAP
        self._end(session, op, pairing, found.probability)
        return session.session_id

    def _leave_loose(self, op: Operation, seen: Belief, found: list[Candidate], unread: list[Session]) -> None:
        """Keep an exit whose stay is not known; whether a car less is inside depends on why it is not known."""
        zone = self.plan.zone_of(op.lane)
        if zone is None:
            return
        may_be = frozenset(c.session.session_id for c in found) or frozenset(s.session_id for s in unread)
        # A plate that was read well and fits nobody came in unseen, so it was never counted; unless cars are inside
        # that have no stay: those of the first recount.
        unseen = not may_be and seen.probability >= self._settings.pair_probability
        counted = not unseen or self._count(zone.name).others > 0
        self._loose.put(op.op_id, LooseExit(op, zone.name, seen, may_be, counted))
        self._add(zone.name, others=-int(counted), plain=-1)

    # ---- ends ----------------------------------------------------------------------------------------------------

    def _take_back(self, one: LooseExit) -> None:
        """Undo what a loose exit did to the count: it finds its stay, or never happened."""
        self._loose.drop(one.exit.op_id)
        self._add(one.zone, others=int(one.counted), plain=1)

    def _end(self, session: Session, exit_: Operation, pairing: Pairing, probability: float) -> None:
        """End a stay by an exit."""
        reversed_ = session.entry.lane == exit_.lane and exit_.at - session.entry.at <= self._reversal
        zone = self.plan.zone_of(exit_.lane)
        end = End.REVERSED if reversed_ else End.EXIT
        self._put(replace(session, end=end, ended_at=exit_.at, exit=exit_, pairing=pairing, probability=probability))
        self._open.drop(session.session_id)
        left_by = session.zone if zone is None else zone.name
        if session.end is None:
            self._add(session.zone, stays=-1)
            self._shift(session.zone, left_by)
        self._add(left_by, plain=-1)
        self._settle_loose(session)

    def _shift(self, came_by: str, left_by: str) -> None:
        """Between zones that cars can change freely each gate counts its own: the car leaves the zone of its exit."""
        if came_by != left_by:
            self._add(came_by, others=1)
            self._add(left_by, others=-1)

    def _end_unseen(self, session: Session, end: End, at: datetime) -> None:
        """End a stay whose exit was missed: the count gets its car back, unless a recount did that already."""
        self._put(replace(session, end=end, ended_at=at))
        if end is End.GONE:
            self._open.put(session.session_id, replace(session, end=end, ended_at=at))
        else:
            self._open.drop(session.session_id)
        if session.end is None:
            recounted_at = self._count(session.zone).recounted_at
            known = recounted_at is not None and session.entry.at < recounted_at
            self._add(session.zone, stays=-1, others=int(known))
        self._settle_loose(session)

    def _close_by_person(self, op: Operation) -> None:
        session = self._sessions.get(op.target)
        if session is None or session.end not in (None, End.GONE):
            return
        self._put(replace(session, end=End.PERSON, ended_at=max(op.at, session.entry.at), pairing=Pairing.PERSON))
        self._open.drop(session.session_id)
        if session.end is None:
            self._add(session.zone, stays=-1)
        self._settle_loose(session)

    def _settle_loose(self, ended: Session) -> None:
        """An exit that could have been of one of two stays is of the other one, now that one has ended."""
        for one in [x for x in self.loose() if ended.session_id in x.candidates]:
            left = one.candidates - {ended.session_id}
            stays = [s for s in (self._open.get(i) for i in sorted(left)) if s is not None]
            found = candidates(one.belief, one.exit.at, stays, CHANCE_OF_EXIT, self._settings)
            best = likeliest(one.belief, found, self._settings.pair_probability)
            unread = [s for s in stays if not s.belief.text and s.end is None]
            if best is not None:
                self._take_back(one)
                self._pair(best, one.exit)
            elif not found and len(unread) == len(left) == 1:
                self._take_back(one)
                self._end(unread[0], one.exit, Pairing.ELIMINATION, _GUESSED)
            else:
                self._loose.put(one.exit.op_id, replace(one, candidates=left))

    def _turned_round(self, op: Operation, last: _Passed) -> None:
        """The car that just passed this lane comes back through it: its passage is taken back."""
        session = self._sessions.get(last.session_id)
        if last.op.direction is Direction.ENTRY and session is not None and session.end is None:
            self._end(session, op, Pairing.EXACT, 1.0)
        elif last.op.direction is Direction.EXIT and session is not None and session.exit is not None:
            self._resume(session)
        elif last.op.direction is Direction.EXIT:
            loose = self._loose.get(last.op.op_id)
            if loose is not None:
                self._take_back(loose)

    def _resume(self, session: Session) -> None:
        """The car never left: its stay goes on."""
        zone = self.plan.zone_of(session.exit.lane) if session.exit is not None else None
        left_by = session.zone if zone is None else zone.name
        again = Session(session.session_id, session.entry, session.zone, session.belief, tailgated=session.tailgated)
        self._put(again)
        self._open.put(session.session_id, again)
        self._add(session.zone, stays=1)
        self._shift(left_by, session.zone)
        self._add(left_by, plain=1)

    # ---- inside --------------------------------------------------------------------------------------------------

    def _sweep(self, now: datetime) -> None:
        """Now and then end the stays of cars that must have left long ago."""
        swept = self._swept.get("")
        if self._settings.gone_after_h is None or (swept is not None and now - swept < _SWEEP):
            return
        self._swept.put("", now)
        limit = now - timedelta(hours=self._settings.gone_after_h)
        for session in sorted(self._open.values(), key=lambda s: s.entry.order):
            if session.end is None and session.entry.at < limit:
                self._end_unseen(session, End.GONE, now)

    def _put(self, session: Session) -> None:
        self._sessions.put(session.session_id, session)
        self.changed.add(session.session_id)

    def _count(self, zone: str) -> ZoneCount:
        return self._counts.get(zone) or ZoneCount(zone)

    def _add(self, zone: str, *, stays: int = 0, others: int = 0, plain: int = 0) -> None:
        old = self._count(zone)
        self._counts.put(
            zone, replace(old, stays=old.stays + stays, others=old.others + others, plain=old.plain + plain)
        )
