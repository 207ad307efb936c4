"""Lists on the page: search, one entry in or out, a whole file in or out.

Who may pass is personal data, so viewers see none of it. Everything is done by
the list store, as by the command line, MQTT and AWS.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from edge.access import files
from edge.access.lists import Entry, ListKind
from edge.access.store import ListStore
from edge.errors import ConfigError
from edge.sinks.web.auth import Person
from edge.sinks.web.guard import Guard
from edge.sinks.web.refusal import Refusal, answers
from edge.tracking.grammar import canonical

PAGE = 50
MAX_MB = 64  # of one file: a million entries
ROWS_NAMED = 100

Text = Annotated[str, Field(max_length=200)]


class ListEntry(BaseModel):
    """One listed plate, as a row of the CSV."""

    plate: Annotated[str, Field(min_length=1, max_length=20, description="Blanks and dashes are ignored.")]
    list: ListKind
    holder: Text = ""
    valid_from: Annotated[str, Field(max_length=40, description="2026-01-31 or 2026-01-31T18:00.")] = ""
    valid_to: Annotated[str, Field(max_length=40, description="Likewise; a day counts to its end.")] = ""
    weekdays: Annotated[str, Field(max_length=60, description="mon-fri sat.")] = ""
    hours: Annotated[str, Field(max_length=20, description="06:00-22:00.")] = ""
    lanes: Annotated[str, Field(max_length=1000, description="Names of lanes; empty: all.")] = ""
    note: Text = ""


class PageOfEntries(BaseModel):
    """Some entries and what is in force."""

    version: str = Field(description="SHA-256 of the lists; empty: there are none.")
    number: int | None = Field(description="Of the office's edition, if it sent them.")
    counts: dict[str, int] = Field(description="Entries per list.")
    found: int = Field(description="Entries that fit the search.")
    entries: list[ListEntry] = Field(description="At most 50 of them.")


class Row(BaseModel):
    """What is wrong with one row."""

    at: str
    problem: str
    fix: str


class Imported(BaseModel):
    """What an import did."""

    version: str
    entries: int
    left_out: list[Row] = Field(description="Broken rows that were left out, at most 100 of them.")


class Refused(BaseModel):
    """Why an import was refused: nothing has changed."""

    problem: str
    fix: str
    rows: list[Row] = Field(description="Broken rows, at most 100 of them.")
    row_count: int


def routes(store: ListStore, guard: Guard) -> APIRouter:
    """Return the routes below /api/lists: operators keep entries, administrators whole files."""
    router = APIRouter(prefix="/api/lists", tags=["lists"])
    _add_entries(router, store, Depends(guard.at_least("operator")))
    _add_files(router, store, Depends(guard.at_least("admin")))
    return router


def _add_entries(router: APIRouter, store: ListStore, operator: Any) -> None:
    @router.get("", dependencies=[operator], responses=answers(401, 403, 422))
    def search(
        text: Annotated[str, Query(max_length=100)] = "",
        kind: ListKind | None = None,
        skip: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    ) -> PageOfEntries:
        """Return entries by a part of their plate, holder or note."""
        lists = store.lists
        found = [e for e in lists.entries if (kind is None or e.kind is kind) and _fits(e, text)]
        counts = {k.value: sum(e.kind is k for e in lists.entries) for k in ListKind}
        shown = [_shown(e) for e in found[skip : skip + PAGE]]
        return PageOfEntries(version=lists.version, number=store.number, counts=counts, found=len(found), entries=shown)

    @router.put("/entries", responses=answers(401, 403, 422, 503))
    def put(entry: ListEntry, person: Person = operator) -> ListEntry:
        """Add an entry, or replace the one of the same plate on the same list."""
        try:
            made = files.entry_of(entry.model_dump(mode="json"), store.zone)
        except (ValueError, OverflowError) as error:
            raise Refusal(422, str(error), "correct it and send again") from error
        store.put(made, person.name)
        return _shown(made)

    @router.delete("/entries/{kind}/{plate}", status_code=204, responses=answers(401, 403, 404, 422, 503))
    def remove(kind: ListKind, plate: Annotated[str, Path(max_length=20)], person: Person = operator) -> None:
        """Take a plate off one list."""
        if not store.remove(canonical(plate), kind, person.name):
            raise Refusal(
                404, f"this plate is not on the list {kind.value}", "search for it; somebody may have been quicker"
            )


def _add_files(router: APIRouter, store: ListStore, admin: Any) -> None:
    @router.get(
        "/export.csv",
        dependencies=[admin],
        response_class=Response,
        responses=answers(401, 403) | {200: {"content": {"text/csv": {}}}},
    )
    def export() -> Response:
        """Return the lists in force as CSV, ready to be edited and imported again."""
        headers = {"Content-Disposition": 'attachment; filename="lists.csv"'}
        return Response(files.to_csv(store.lists.entries), media_type="text/csv; charset=utf-8", headers=headers)

    @router.post("/import", responses=answers(401, 403, 413, 503) | {422: {"model": Refused}})
    async def import_(request: Request, skip_bad: bool = False, person: Person = admin) -> Imported:
        """Replace all lists by the CSV in the body; one broken row refuses all, unless `skip_bad`."""
        text = await _text(request)
        done = await run_in_threadpool(store.replace, text, person.name, skip_bad=skip_bad)
        left_out = [_row(p.at, p.problem, p.fix) for p in done.skipped[:ROWS_NAMED]]
        return Imported(version=done.lists.version, entries=len(done.lists.entries), left_out=left_out)


def refused(error: ConfigError) -> JSONResponse:
    """Return the answer to an import whose rows are broken."""
    rows = [_row(p.at, p.problem, p.fix) for p in error.problems[:ROWS_NAMED]]
    first = error.problems[0]
    body = Refused(problem=f"{first.at}: {first.problem}", fix=first.fix, rows=rows, row_count=len(error.problems))
    return JSONResponse(body.model_dump(mode="json"), 422)


async def _text(request: Request) -> str:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_MB << 20:
            raise Refusal(413, f"the file is larger than {MAX_MB} MiB", "leave out what is not needed")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("file", "is not UTF-8", "save it as CSV UTF-8") from error


def _fits(entry: Entry, text: str) -> bool:
    if not text:
        return True
    plate, words = canonical(text), text.casefold()
    return bool(plate and plate in entry.plate) or words in entry.holder.casefold() or words in entry.note.casefold()


def _shown(entry: Entry) -> ListEntry:
    row: dict[str, Any] = {**files.row_of(entry), "list": entry.kind}
    return ListEntry.model_construct(None, **row)  # from a file, so it may be longer than what the page takes


def _row(at: str, problem: str, fix: str) -> Row:
    return Row(at=at, problem=problem, fix=fix)
