"""The car park: free spaces, stays, and what a person puts right."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import AwareDatetime, BaseModel, Field

from edge.access.attendant import MOST_CARS, Attendant
from edge.access.parking import Parking
from edge.access.parking_view import parking_document, stay, zone
from edge.access.sessions import Session
from edge.clock import Clock
from edge.config.base import Name
from edge.privacy.disguise import Disguise
from edge.sinks.web.auth import Person
from edge.sinks.web.guard import Guard
from edge.sinks.web.refusal import Refusal, answers

ENDED_SHOWN = 20
OPERATION = r"^[0-9a-f-]{36}$"

OpId = Annotated[str, Path(pattern=OPERATION, description="passage_id, or session_id: that of the entry.")]
PlateText = Annotated[str, Field(min_length=2, max_length=20, description="Blanks and dashes are ignored.")]


class NewStay(BaseModel):
    """A car that came in unseen."""

    plate: PlateText
    lane: Name = Field(description="Lane that it came in by.")
    at: AwareDatetime | None = Field(None, description="When; empty: now.")


class EndOfStay(BaseModel):
    """A car whose exit was not seen."""

    at: AwareDatetime | None = Field(None, description="When it left; empty: now.")


class RightPlate(BaseModel):
    """What a plate really is."""

    text: PlateText


class Counted(BaseModel):
    """What somebody counted."""

    cars: int = Field(ge=0, le=MOST_CARS, description="Cars in the zone now.")


def routes(parking: Parking, guard: Guard, clock: Clock, disguise: Disguise) -> APIRouter:
    """Return the routes below /api/parking."""
    desk = _Desk(parking, clock, disguise)
    router = APIRouter(prefix="/api/parking", tags=["parking"])
    _add_views(router, desk, Depends(guard.at_least("viewer")))
    _add_acts(router, desk, Depends(guard.at_least("operator")))
    return router


class _Desk:
    """What the routes share."""

    def __init__(self, parking: Parking, clock: Clock, disguise: Disguise) -> None:
        self.parking, self.clock, self.disguise = parking, clock, disguise

    def attendant(self, person: Person) -> Attendant:
        """Return the acts of `person`."""
        return Attendant(self.parking, person.name, self.clock)

    def show(self, session: Session) -> dict[str, Any]:
        """Return a stay as this page shows it."""
        return stay(session, self.clock.utc(), self.parking.settings.overstay_h, self.disguise.text)


def _add_views(router: APIRouter, desk: _Desk, viewer: Any) -> None:
    @router.get("", dependencies=[viewer], responses=answers(401))
    def look() -> dict[str, Any]:
        """Return zones, open stays, the newest ended ones, and exits without a stay."""
        state = desk.parking.state(desk.clock.utc(), ENDED_SHOWN)
        return parking_document(state, desk.parking.settings.overstay_h, desk.disguise.text)


def _add_acts(router: APIRouter, desk: _Desk, operator: Any) -> None:
    @router.post("/stays", status_code=201, responses=answers(401, 403, 409, 422))
    def add(new: NewStay, person: Person = operator) -> dict[str, Any]:
        """Open a stay for a car that came in unseen."""
        return desk.show(desk.attendant(person).add(new.plate, new.lane, _moment(new.at)))

    @router.post("/stays/{op_id}/end", responses=answers(401, 403, 409, 422))
    def end(op_id: OpId, ended: EndOfStay, person: Person = operator) -> dict[str, Any]:
        """End a stay whose exit was not seen."""
        return desk.show(desk.attendant(person).close(op_id, _moment(ended.at)))

    @router.post("/stays/{op_id}/reopen", responses=answers(401, 403, 409, 422))
    def reopen(op_id: OpId, person: Person = operator) -> dict[str, Any]:
        """Take back that a stay was ended by hand."""
        return desk.show(desk.attendant(person).reopen(op_id))

    @router.put("/passages/{op_id}/plate", responses=answers(401, 403, 409, 422))
    def correct(op_id: OpId, right: RightPlate, person: Person = operator) -> dict[str, Any]:
        """Say what a plate really is; answers with the stay that the passage belongs to now, if any."""
        session = desk.attendant(person).correct(op_id, right.text)
        return {"stay": None if session is None else desk.show(session)}

    @router.delete("/passages/{op_id}", status_code=204, responses=answers(401, 403, 409, 422))
    def void(op_id: OpId, person: Person = operator) -> None:
        """Say that a passage never was."""
        desk.attendant(person).void(op_id)

    @router.put("/zones/{name}/cars", responses=answers(401, 403, 409, 422))
    def recount(name: Name, counted: Counted, person: Person = operator) -> dict[str, Any]:
        """Set how many cars are in a zone, after somebody has counted."""
        desk.attendant(person).recount(name, counted.cars)
        return next(zone(z) for z in desk.parking.zones() if z.zone == name)


def _moment(at: datetime | None) -> datetime | None:
    """Refuse moments that no clock of ours shows."""
    if at is not None and not 1970 < at.year < 9999:
        raise Refusal(422, "this moment is out of range", "give a year from 1971 to 9998")
    return at
