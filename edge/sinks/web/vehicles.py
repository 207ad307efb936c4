"""Other systems say that a vehicle is here: one request per camera, with that camera's token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Header

from edge.clock import Clock
from edge.config.base import Name
from edge.config.settings import Settings
from edge.sinks.web.auth import Brake, same
from edge.sinks.web.refusal import Refusal, answers

WRONG_TOKENS, WRONG_TOKEN_EVERY_S = 10, 10.0  # per camera: guessing stays slow, a typing mistake is no catastrophe

Call = Callable[[str, str], None]  # camera, source


def routes(settings: Settings, call: Call, clock: Clock) -> APIRouter:
    """Return the route POST /api/cameras/<name>/vehicle, for devices that cannot log in."""
    router = APIRouter(prefix="/api", tags=["vehicles"])
    tokens: Mapping[str, str] = {
        c.name: c.trigger.token.get_secret_value() for c in settings.cameras if c.trigger.token is not None
    }
    brake = Brake(clock, WRONG_TOKENS, WRONG_TOKEN_EVERY_S)

    @router.post("/cameras/{camera}/vehicle", status_code=202, responses=answers(401, 404, 422, 429))
    def vehicle(camera: Name, authorization: Annotated[str, Header(max_length=1000)] = "") -> dict[str, str]:
        """Say that a vehicle stands before this camera now; if it is not read, passage.unread follows."""
        token = tokens.get(camera)
        if token is None:
            raise Refusal(404, "nobody may call this camera", "set trigger.token of the camera")
        if not same(authorization, f"Bearer {token}"):
            wait_s = brake.wait_s(camera)
            if wait_s > 0:
                raise Refusal(429, "too many wrong tokens", f"wait {wait_s:.0f} s", retry_after_s=int(wait_s) + 1)
            raise Refusal(401, "the token is wrong", "send Authorization: Bearer <trigger.token of the camera>")
        call(camera, "http")
        return {"camera": camera, "state": "awaited"}

    return router
