"""Events: search, details, export, and corrections that become labels for training."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field

from edge.config.base import Name
from edge.privacy.disguise import Disguise
from edge.sinks import history, wire
from edge.sinks.history import History, Remembered
from edge.sinks.misread import normal
from edge.sinks.web.auth import Person
from edge.sinks.web.guard import Guard
from edge.sinks.web.labels import Labels
from edge.sinks.web.refusal import Refusal, answers
from edge.sinks.web.rows import csv_lines, row

PAGE = 50
EXPORT_CHUNK = 500
EXPORT_MAX = 100_000

EventId = Annotated[str, Path(pattern=r"^[0-9a-f-]{36}$", description="event_id of the event.")]


class Search(BaseModel):
    """What to look for; all fields may be left out."""

    plate: str = Field("", max_length=20, description="Plate or part of it; one misread character is forgiven.")
    lane: Name | None = Field(None, description="Lane.")
    since: AwareDatetime | None = Field(None, description="Not before this moment.")
    until: AwareDatetime | None = Field(None, description="Before this moment.")

    def query(self, disguise: Disguise) -> history.Query:
        """Return it as the history's query."""
        return history.Query(disguise.text(normal(self.plate)), self.lane or "", _utc(self.since), _utc(self.until))


class PageOfEvents(BaseModel):
    """Some events, newest first."""

    events: list[dict[str, Any]] = Field(description="Events as on the wire, without picture, with `correction`.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


class CorrectedPlate(BaseModel):
    """What the plate really was."""

    text: str = Field(min_length=1, max_length=20, description="Letters and digits; blanks and dashes are ignored.")


def routes(kept: History, labels: Labels, guard: Guard, disguise: Disguise) -> APIRouter:
    """Return the routes below /api/events."""
    router = APIRouter(prefix="/api", tags=["events"])
    viewer = Depends(guard.at_least("viewer"))
    _add_searches(router, kept, disguise, viewer)
    _add_details(router, kept, viewer)
    _add_correction(router, kept, labels, disguise, Depends(guard.at_least("operator")))
    _add_explanation(router, kept, viewer)
    return router


def _add_searches(router: APIRouter, kept: History, disguise: Disguise, viewer: Any) -> None:
    @router.get("/events", dependencies=[viewer], responses=answers(401, 422))
    def search(wanted: Annotated[Search, Query()], before: Annotated[str, Query(max_length=100)] = "") -> PageOfEvents:
        """Return events, newest first, 50 at a time."""
        query = _with(wanted.query(disguise), before=_cursor(before), limit=PAGE + 1)
        found = kept.search(query)
        more = len(found) > PAGE
        shown = found[:PAGE]
        return PageOfEvents(
            events=[row(one.event, one.correction) for one in shown], next=_next(shown[-1]) if more else None
        )

    @router.get(
        "/export",
        dependencies=[viewer],
        response_class=Response,
        responses=answers(401, 422) | {200: {"content": {"text/csv": {}, "application/json": {}}}},
    )
    def export(
        wanted: Annotated[Search, Query()], form: Annotated[str, Query(pattern="^(csv|json)$")] = "csv"
    ) -> StreamingResponse:
        """Return all events that fit as one CSV or JSON file, at most 100,000."""
        pages = _pages(kept, wanted.query(disguise))
        if form == "csv":
            lines = (csv_lines(page, header=first) for first, page in pages)
            return _file(lines, "text/csv; charset=utf-8", "events.csv")
        return _file(_json_lines(pages), "application/json", "events.json")


def _add_details(router: APIRouter, kept: History, viewer: Any) -> None:
    @router.get("/events/{event_id}", dependencies=[viewer], responses=answers(401, 404, 422))
    def details(event_id: EventId) -> dict[str, Any]:
        """Return one event with everything known about it."""
        found = _found(kept.get(event_id))
        return row(found.event, found.correction)

    @router.get(
        "/events/{event_id}/crop.jpg",
        dependencies=[viewer],
        response_class=Response,
        responses=answers(401, 404, 422) | {200: {"content": {"image/jpeg": {}}}},
    )
    def crop(event_id: EventId) -> Response:
        """Return the picture of the plate."""
        picture = _found(kept.get(event_id)).event.evidence.crop_jpeg
        if picture is None:
            raise Refusal(404, "this event has no picture", "turn evidence.enabled on")
        return Response(picture, media_type="image/jpeg")  # never kept by a browser: it may be erased here


def _add_correction(router: APIRouter, kept: History, labels: Labels, disguise: Disguise, operator: Any) -> None:
    @router.put("/events/{event_id}/correction", responses=answers(401, 403, 404, 422))
    def correct(event_id: EventId, plate: CorrectedPlate, person: Person = operator) -> dict[str, Any]:
        """Note what the plate really was; with its picture it becomes a label for training."""
        text = normal(plate.text)
        if not text:
            raise Refusal(422, "the text holds no letter A-Z and no digit", "type the plate")
        found = _found(kept.correct(event_id, disguise.text(text), person.name))
        if disguise.teaches:
            labels.add(found)
        return row(found.event, found.correction)


def _add_explanation(router: APIRouter, kept: History, viewer: Any) -> None:
    @router.get("/events/{event_id}/explain", dependencies=[viewer], responses=answers(401, 404, 422))
    def explained(event_id: EventId) -> dict[str, Any]:
        """Return why the plate was read as it was: every look, its quality and its vote."""
        _found(kept.get(event_id))
        account = kept.account(event_id)
        if account is None:
            raise Refusal(404, "its looks were not kept", "passages that a stop of the daemon ended have none")
        return account


def _found(one: Remembered | None) -> Remembered:
    if one is None:
        raise Refusal(404, "no such event", "it may have been deleted after privacy.keep")
    return one


def _pages(kept: History, query: history.Query) -> Iterator[tuple[bool, list[Remembered]]]:
    """Yield (is the first, events) until all are read; each page is a search of its own, so no lock is held."""
    before: tuple[str, str] | None = None
    for start in range(0, EXPORT_MAX, EXPORT_CHUNK):
        page = kept.search(_with(query, before=before, limit=EXPORT_CHUNK))
        if page or start == 0:
            yield start == 0, page
        if len(page) < EXPORT_CHUNK:
            return
        before = (wire.utc_text(page[-1].event.captured_at), page[-1].event.event_id)


def _json_lines(pages: Iterator[tuple[bool, list[Remembered]]]) -> Iterator[str]:
    separator = "[\n"
    for _, page in pages:
        for one in page:
            yield separator + json.dumps(row(one.event, one.correction), ensure_ascii=False)
            separator = ",\n"
    yield "\n]\n" if separator == ",\n" else "[]\n"


def _file(content: Iterator[str], media_type: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(content, media_type=media_type, headers=headers)


def _with(query: history.Query, *, before: tuple[str, str] | None, limit: int) -> history.Query:
    return history.Query(query.plate, query.lane, query.since, query.until, before, limit)


def _utc(moment: datetime | None) -> datetime | None:
    """Refuse moments that no calendar in UTC can hold."""
    try:
        wire.utc_text(moment) if moment else None
    except (OverflowError, ValueError) as error:
        raise Refusal(422, "this moment is out of range", "give a year from 1 to 9999") from error
    return moment


def _next(one: Remembered) -> str:
    raw = f"{wire.utc_text(one.event.captured_at)}|{one.event.event_id}"
    return base64.urlsafe_b64encode(raw.encode()).decode()


def _cursor(text: str) -> tuple[str, str] | None:
    if not text:
        return None
    try:
        at, event_id = base64.b64decode(text.encode(), altchars=b"-_", validate=True).decode().split("|")
    except ValueError as error:  # not base64, not UTF-8, or not two parts
        raise Refusal(422, "this cursor is damaged", "start from the first page") from error
    return at, event_id
