"""What a person at the car park may put right: a plate, an end, an entry, a count; and take such an act back.

Each act is checked against what is known now and becomes an operation like any
other, with the person's name. Nothing is ever changed in place.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from edge.access.operations import Kind, Operation, person_says
from edge.access.parking import Parking
from edge.access.sessions import Session
from edge.clock import Clock, EventIds
from edge.errors import EdgeError
from edge.tracking.grammar import canonical

SHORTEST_PREFIX = 8  # of an identifier that a person may give instead of the whole
MOST_CARS = 1_000_000


class ActRefused(EdgeError):
    """The act makes no sense as things are; `problem` and `fix` say why and what to do."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}. Fix: {fix}")
        self.problem = problem
        self.fix = fix


class Attendant:
    """One person's acts.

    Args:
        parking: the car park.
        by: the person's name.
        clock: gives the moment of the act.
        ids: names the acts.
    """

    def __init__(self, parking: Parking, by: str, clock: Clock, ids: EventIds | None = None) -> None:
        self._parking, self._by, self._clock = parking, by, clock
        self._ids = ids or EventIds()

    def close(self, stay: str, at: datetime | None = None) -> Session:
        """End an open stay, named by its id or plate, at `at` (None: now).

        Raises:
            ActRefused: there is no such open stay, or it began later.
        """
        session = self.find(stay)
        if session.ended_at is not None:
            raise ActRefused("this stay has ended already", "look at the list of open stays")
        ended = self._now() if at is None else at
        if ended < session.entry.at:
            raise ActRefused("the stay began later than that", "give the moment at which the car left")
        return self._done(replace(self._act(Kind.CLOSE, ended), target=session.session_id), session.session_id)

    def reopen(self, stay: str) -> Session:
        """Take back that a person ended a stay.

        Raises:
            ActRefused: no person ended it.
        """
        session = self.find(stay)
        closing = self._parking.closing_of(session.session_id)
        if closing is None:
            raise ActRefused("nobody has closed this stay by hand", "correct the plate of its exit instead")
        return self._done(replace(self._act(Kind.VOID), target=closing), session.session_id)

    def correct(self, passage: str, plate: str) -> Session | None:
        """Say what the plate of a passage (or of the entry of a stay) is; return the stay that it belongs to now.

        Raises:
            ActRefused: there is no such passage, or the text is no plate.
        """
        op = self._parking.operation(passage)
        op_id = self.find(passage).session_id if op is None else passage
        act = replace(self._act(Kind.CORRECT), target=op_id, plate=person_says(_plate(plate)))
        self._parking.add([act])
        return self._parking.session_of(op_id)

    def add(self, plate: str, lane: str, at: datetime | None = None) -> Session:
        """Open a stay for a car that came in unseen.

        Raises:
            ActRefused: the lane leads into no zone from the street, the text is no plate, or the moment lies ahead.
        """
        zone = self._parking.plan.zone_of(lane)
        if zone is None or zone.inside is not None:
            raise ActRefused(f"lane {lane!r} does not lead from the street into a zone", "name the lane it came in by")
        act = replace(self._act(Kind.ADD, at), lane=lane, plate=person_says(_plate(plate)))
        return self._done(act, act.op_id)

    def recount(self, zone: str, cars: int) -> None:
        """Set how many cars are in a zone now.

        Raises:
            ActRefused: there is no such zone, or the number is impossible.
        """
        if zone not in self._parking.plan.zones:
            raise ActRefused(f"there is no zone {zone!r}", f"name one of: {', '.join(self._parking.plan.zones)}")
        if not 0 <= cars <= MOST_CARS:
            raise ActRefused(f"{cars} cars cannot be", "give the number of cars inside")
        self._parking.add([replace(self._act(Kind.RECOUNT), zone=zone, count=cars)])

    def void(self, op_id: str) -> None:
        """Say that a passage or an act never was.

        Raises:
            ActRefused: there is none of that name.
        """
        if self._parking.operation(op_id) is None:
            raise ActRefused(f"there is no passage or act {op_id!r}", "look at the list")
        self._parking.add([replace(self._act(Kind.VOID), target=op_id)])

    def find(self, name: str) -> Session:
        """Return the stay of that id, of an id that begins so, or the open stay of that plate.

        Raises:
            ActRefused: there is none, or more than one.
        """
        whole = self._parking.session(name)
        if whole is not None:
            return whole
        state = self._parking.state(self._clock.utc(), ended=100_000)
        wanted = canonical(name)
        found = [s for s in state.open if wanted and s.plate == wanted]
        if not found and len(name) >= SHORTEST_PREFIX:
            found = [s for s in (*state.open, *state.ended) if s.session_id.startswith(name)]
        if len(found) != 1:
            what = "no stay" if not found else f"{len(found)} stays"
            raise ActRefused(f"{what} of that id or plate", "give the whole id; `anpr-edge sessions list` shows it")
        return found[0]

    def _act(self, kind: Kind, at: datetime | None = None) -> Operation:
        """Return an act of this person at `at` (None: now), still without what it is about."""
        now = self._now()
        if at is not None and at > now:
            raise ActRefused("this moment has not come yet", "give a moment in the past")
        return Operation(self._ids.new(now), kind, now if at is None else at, by=self._by)

    def _done(self, act: Operation, session_id: str) -> Session:
        self._parking.add([act])
        session = self._parking.session(session_id)
        if session is None:
            raise ActRefused("the stay is unknown", "look at the list again")
        return session

    def _now(self) -> datetime:
        """Return now, but never earlier than what is known already: a clock may be wrong."""
        now = self._clock.utc()
        return max(now, self._parking.newest or now)


def _plate(text: str) -> str:
    plate = canonical(text)
    if not 2 <= len(plate) <= 12:
        raise ActRefused(f"{text!r} has {len(plate)} letters and digits, not 2 to 12", "type the plate")
    return plate
