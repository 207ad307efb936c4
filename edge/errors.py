"""The project's errors: the type decides who reacts and how.

Foreign exceptions are translated in the module that wraps the library; an
illegible plate or an unsure direction is a value, never an error.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


class EdgeError(Exception):
    """Base of every error that this project raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the settings: where it is, what it is, what to do."""

    at: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.at}: {self.problem}. Fix: {self.fix}"


class ConfigError(EdgeError):
    """The settings cannot be used. The process exits with 78 and is not restarted."""

    def __init__(self, at: str = "", problem: str = "", fix: str = "", *, problems: Sequence[Problem] = ()) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems) or (Problem(at, problem, fix),)
        super().__init__("\n".join(str(p) for p in self.problems))


class ModelError(EdgeError):
    """A model file is missing, damaged, of an unknown contract, or gave an impossible answer at load."""


class SourceUnavailable(EdgeError):
    """A camera or file gives no frames now. Try again later; `retry` is False where trying again cannot help."""

    def __init__(self, message: str, *, retry: bool = True) -> None:
        super().__init__(message)
        self.retry = retry


class SourceStalled(SourceUnavailable):
    """Connected, but no picture came for longer than the read time-out."""


class InferenceError(EdgeError):
    """A loaded model failed on one input (provider lost, non-finite output). The frame is counted as lost."""


class SinkUnavailable(EdgeError):
    """Nothing is wrong with the events; keep them and try later.

    `delivered` names the events of the batch that were acknowledged before it happened; `kind` is why, for the
    metrics: unreachable, timeout, refused, not_authorised or throttled.
    """

    def __init__(self, message: str, *, delivered: Collection[str] = (), kind: str = "unreachable") -> None:
        super().__init__(message)
        self.delivered = frozenset(delivered)
        self.kind = kind


class EventRejected(EdgeError):
    """The named event can never be delivered: set it aside as a dead letter with this reason and go on.

    `delivered` names the events of the batch that were acknowledged before it happened.
    """

    def __init__(self, event_id: str, reason: str, *, delivered: Collection[str] = ()) -> None:
        super().__init__(f"event {event_id}: {reason}")
        self.event_id = event_id
        self.reason = reason
        self.delivered = frozenset(delivered)


class StorageError(EdgeError):
    """The disk is full, read-only or damaged. Nothing is promised until it works again."""
