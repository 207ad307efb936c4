"""Cameras: one picture, and what the technician draws, saved to the settings file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from fastapi import Path as InPath
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from edge.board import Board
from edge.config import Settings
from edge.config.base import Fraction, Name, PointFraction
from edge.config.edit import KeyPath, camera_index, save
from edge.privacy.disguise import Disguise
from edge.sinks.web.guard import Guard
from edge.sinks.web.live import Live
from edge.sinks.web.picture import jpeg, shown
from edge.sinks.web.refusal import Refusal, answers

CameraName = Annotated[Name, InPath(description="Name of a camera.")]
MAX_POINTS = 32


class Drawing(BaseModel):
    """What the technician draws on the picture, as shares of its width and height."""

    region: Annotated[list[PointFraction], Field(max_length=MAX_POINTS)] = Field(
        description="Polygon in which plates are looked for; empty: everywhere."
    )
    direction: Literal["line", "growth", "entry", "exit"] = Field(description="How the direction is told.")
    approaching: Literal["entry", "exit"] = Field(description="What a vehicle does that comes towards the camera.")
    line: tuple[PointFraction, PointFraction] | None = Field(
        None, description="Virtual line; crossing from its left to its right is an entry."
    )


class Saved(BaseModel):
    """What became of a saved drawing."""

    message: str = Field(description="When it takes effect.")


class Drawings(dict[str, Drawing]):
    """What is drawn on each camera, by its name."""

    def known(self, camera: str) -> str:
        """Return `camera`, or refuse a name that no camera has."""
        if camera not in self:
            raise Refusal(404, f"no camera {camera!r}", f"choose one of {', '.join(self)}")
        return camera


def routes(
    board: Board,
    settings: Settings,
    live: Live,
    guard: Guard,
    disguise: Disguise,
    *,
    config_path: Path | None,
    apply: Callable[[str], str],
) -> APIRouter:
    """Return the routes below /api/cameras and /api/live."""
    router = APIRouter(prefix="/api", tags=["cameras"])
    viewer, admin = Depends(guard.at_least("viewer")), Depends(guard.at_least("admin"))
    drawings = Drawings({c.name: _drawing(settings, c.name) for c in settings.cameras})
    _add_live(router, live, drawings, viewer)
    _add_pictures(router, board, drawings, disguise, viewer)

    @router.put("/cameras/{camera}/drawing", dependencies=[admin], responses=answers(401, 403, 404, 409, 422, 503))
    def draw(camera: CameraName, drawing: Drawing) -> Saved:
        """Save region, line and direction to the settings file, after validating the whole of it."""
        if config_path is None:
            raise Refusal(409, "the daemon runs without a settings file", "start it with -c FILE")
        drawings.known(camera)
        save(config_path, _changes(camera_index(config_path, camera), drawing))
        drawings[camera] = drawing
        return Saved(message=apply(camera))

    return router


def _add_live(router: APIRouter, live: Live, drawings: Drawings, viewer: Any) -> None:
    @router.get(
        "/live",
        dependencies=[viewer],
        response_class=Response,
        responses=answers(401, 404, 422, 503) | {200: {"content": {"text/event-stream": {}}}},
    )
    async def stream(
        camera: Annotated[
            list[Name], Query(max_length=64, description="Cameras to see; none: only states and events.")
        ] = [],  # noqa: B006
    ) -> StreamingResponse:
        """Stream pictures (`frame`), states (`state`) and events (`event`) as server-sent events."""
        for name in camera:
            drawings.known(name)
        live.check_room()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_stream(live, camera), media_type="text/event-stream", headers=headers)


def _add_pictures(router: APIRouter, board: Board, drawings: Drawings, disguise: Disguise, viewer: Any) -> None:
    @router.get("/cameras", dependencies=[viewer], responses=answers(401))
    def cameras() -> list[dict[str, Any]]:
        """Return the cameras with what is drawn on them."""
        return [{"camera": c, "lane": board.lanes[c], "drawing": d.model_dump()} for c, d in drawings.items()]

    @router.get(
        "/cameras/{camera}/picture.jpg",
        dependencies=[viewer],
        response_class=Response,
        responses=answers(401, 404, 422) | {200: {"content": {"image/jpeg": {}}}},
    )
    def picture(camera: CameraName) -> Response:
        """Return the newest picture in full size."""
        sight = board.sight(drawings.known(camera))
        if sight is None:
            raise Refusal(404, "no picture has come yet", "see the camera's state")
        return Response(
            jpeg(shown(sight, disguise), 10_000), media_type="image/jpeg", headers={"Cache-Control": "no-store"}
        )


async def _stream(live: Live, cameras: list[str]) -> AsyncIterator[bytes]:
    try:
        async for part in live.stream(cameras):
            yield part
    except asyncio.CancelledError:
        return  # the viewer left


def _drawing(settings: Settings, camera: str) -> Drawing:
    found = next(c for c in settings.cameras if c.name == camera)
    return Drawing(
        region=list(found.region),
        direction=found.gate.direction,
        approaching=found.gate.approaching,
        line=found.gate.line,
    )


def _changes(index: int, drawing: Drawing) -> dict[KeyPath, Any]:
    def points(drawn: list[tuple[Fraction, Fraction]]) -> list[list[float]]:
        return [[round(x, 4), round(y, 4)] for x, y in drawn]

    camera: KeyPath = ("cameras", index)
    return {
        (*camera, "region"): points(drawing.region),
        (*camera, "gate", "direction"): drawing.direction,
        (*camera, "gate", "approaching"): drawing.approaching,
        (*camera, "gate", "line"): points(list(drawing.line)) if drawing.line else None,
    }
