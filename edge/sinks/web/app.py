"""The page's application: routes, guard, security headers, and errors as answers.

Composition only. Everything comes in as an argument, so that tests and the
daemon build the same thing; the server and its thread are in `server`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge import __version__
from edge.access.attendant import ActRefused
from edge.access.parking import Parking
from edge.access.store import ListStore
from edge.board import Board
from edge.clock import Clock
from edge.config import Settings
from edge.errors import ConfigError, StorageError
from edge.privacy.disguise import Disguise
from edge.sinks.history import History
from edge.sinks.metrics import Metrics
from edge.sinks.status import document
from edge.sinks.web import cameras, events, lists, parking, trial, vehicles
from edge.sinks.web.auth import MAX_PASSWORD_LENGTH, Session
from edge.sinks.web.guard import Guard
from edge.sinks.web.labels import Labels
from edge.sinks.web.live import Live
from edge.sinks.web.refusal import Refusal, answers
from edge.sinks.web.trial import Trial
from edge.sinks.web.vehicles import Call

STATIC = Path(str(files("edge.sinks.web"))) / "static"
PAGES = ("/", "/live", "/events", "/aim", "/try", "/site")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What the page shows and may do."""

    settings: Settings
    board: Board
    metrics: Metrics
    history: History
    clock: Clock
    config_path: Path | None = None  # where drawings are saved; None: they are not
    read: tuple[str, ...] = ()  # command lines for the page Try; empty: there is no such page
    replay: tuple[str, ...] = ()
    parking: Parking | None = None  # None: stays are not followed
    disguise: Disguise = field(default_factory=Disguise)  # how people see plates here
    call: Call = lambda camera, source: None  # somebody says that a vehicle stands before a camera
    lists: ListStore | None = None  # None: this gate decides nothing by lists
    apply: Callable[[str], str] = lambda camera: "Saved."  # uses what was drawn; returns what to tell people


class LogIn(BaseModel):
    """Name and password."""

    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=MAX_PASSWORD_LENGTH)


class Me(BaseModel):
    """Who is logged in and what this page can do."""

    name: str
    role: str
    csrf: str = Field(description="Send it back as X-CSRF-Token with everything that changes something.")
    needs_login: bool
    site: str
    version: str
    can: dict[str, bool] = Field(description="What exists here: try, draw, correct, parking, lists, import.")


def build(parts: Parts) -> tuple[FastAPI, Live]:
    """Return the application and its live view (which must be closed before the server stops)."""
    web = parts.settings.web
    guard = Guard(web, parts.clock, parts.metrics)
    live = Live(parts.board, web, parts.disguise)
    app = FastAPI(
        title="anpr-edge", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json",
        responses=answers(400, 421),
    )  # fmt: skip
    _answer_errors(app)
    app.add_middleware(_Door, guard=guard)
    app.include_router(_people(parts, guard))
    app.include_router(
        cameras.routes(
            parts.board, parts.settings, live, guard, parts.disguise, config_path=parts.config_path, apply=parts.apply
        )
    )
    app.include_router(events.routes(parts.history, Labels(web.history.labels), guard, parts.disguise))
    if parts.lists is not None:
        app.include_router(lists.routes(parts.lists, guard))
    app.include_router(vehicles.routes(parts.settings, parts.call, parts.clock))
    if parts.parking is not None:
        app.include_router(parking.routes(parts.parking, guard, parts.clock, parts.disguise))
    if parts.read:
        app.include_router(trial.routes(Trial(web, parts.read, parts.replay), guard))
    _serve_files(app)
    return app, live


def _people(parts: Parts, guard: Guard) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["people"])

    @router.get("/me", responses=answers(401))
    def who(request: Request, response: Response) -> Me:
        """Return who is logged in."""
        return _me(parts, guard, guard.session(request, response))

    @router.post("/login", responses=answers(401, 403, 409, 422, 429))
    def log_in(request: Request, response: Response, body: LogIn) -> Me:
        """Log in; the session comes as a cookie."""
        return _me(parts, guard, guard.log_in(request, response, body.name, body.password))

    @router.post(
        "/logout", status_code=204, dependencies=[Depends(guard.at_least("viewer"))], responses=answers(401, 403)
    )
    def log_out(request: Request, response: Response) -> None:
        """Log out."""
        guard.log_out(request, response)

    @router.get("/status", dependencies=[Depends(guard.at_least("viewer"))], responses=answers(401))
    def status() -> dict[str, Any]:
        """Return the state of everything, as the monitoring port does."""
        return document(parts.board.snapshot(), parts.metrics)

    return router


def _me(parts: Parts, guard: Guard, session: Session) -> Me:
    return Me(
        name=session.person.name,
        role=session.person.role,
        csrf=session.csrf,
        needs_login=guard.needs_login,
        site=parts.settings.site.name,
        version=__version__,
        can={
            "try": bool(parts.read),
            "draw": parts.config_path is not None and session.person.may("admin"),
            "correct": session.person.may("operator"),
            "parking": parts.parking is not None,
            "lists": parts.lists is not None and session.person.may("operator"),
            "import": parts.lists is not None and session.person.may("admin"),
        },
    )


def _answer(status: int, problem: str, fix: str, retry_after_s: int | None = None) -> JSONResponse:
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return JSONResponse({"problem": problem, "fix": fix}, status, headers)


def _answer_errors(app: FastAPI) -> None:
    """Turn what goes wrong into an answer that says what to do."""

    @app.exception_handler(Refusal)
    def refused(_: Request, error: Refusal) -> JSONResponse:
        return _answer(error.status, error.problem, error.fix, error.retry_after_s)

    @app.exception_handler(ActRefused)
    def no_such_act(_: Request, error: ActRefused) -> JSONResponse:
        return _answer(409, error.problem, error.fix)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "body"
        return _answer(422, f"{where}: {first['msg']}", "correct it and send again")

    @app.exception_handler(ConfigError)
    def unusable(request: Request, error: ConfigError) -> JSONResponse:
        if request.url.path == "/api/lists/import":
            return lists.refused(error)
        problem = error.problems[0]
        return _answer(422, f"{problem.at}: {problem.problem}", problem.fix)

    @app.exception_handler(StorageError)
    def no_disk(_: Request, error: StorageError) -> JSONResponse:
        problem, _sign, fix = str(error).partition(". Fix: ")
        return _answer(503, problem, fix or "look at the log")

    @app.exception_handler(HTTPException)
    def other(_: Request, error: HTTPException) -> JSONResponse:
        return _answer(error.status_code, str(error.detail), "see /api/openapi.json for what there is")


class _Door:
    """Sees every request first and every answer last, streams included."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        app = self._app
        if scope["type"] == "http":
            try:
                self._guard.check_place(Request(scope))
            except Refusal as error:
                app = _answer(error.status, error.problem, error.fix)
        await app(scope, receive, send_with_headers)


def _serve_files(app: FastAPI) -> None:
    """One page; its script shows the part that the address names."""

    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    for path in PAGES:
        app.add_api_route(path, page, include_in_schema=False, response_class=FileResponse)
    app.mount("/static", StaticFiles(directory=STATIC))
