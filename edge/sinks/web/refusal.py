"""Refusals: what the page's interface answers when it does not do what was asked.

Every one says what is wrong and what to do, with the HTTP status that fits.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Refusal(Exception):
    """Ends a request with `status` and a text for people."""

    def __init__(self, status: int, problem: str, fix: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(f"{problem}. Fix: {fix}")
        self.status = status
        self.problem = problem
        self.fix = fix
        self.retry_after_s = retry_after_s


class Problem(BaseModel):
    """Body of every refusal."""

    problem: str = Field(description="What is wrong.")
    fix: str = Field(description="What to do.")


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entry of the refusals a route can give."""
    return {status: {"model": Problem} for status in statuses}
