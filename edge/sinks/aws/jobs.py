"""AWS IoT Jobs: one order at a time, done on a thread of its own, its end reported once.

Knows the protocol of the job topics; what an order does is in operations. An
order that restarts this program is finished after the restart.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

from edge.errors import EdgeError
from edge.sinks.mqtt import Handler, Post

log = logging.getLogger(__name__)

MAX_DETAIL = 1024  # characters of one value in statusDetails

Operation = Callable[[str, Mapping[str, Any]], str | None]
# job id, document -> what was done; None: this program is about to restart and will answer then.


class Jobs:
    """Takes jobs of one thing. A companion of the MQTT sink; `attach`, `connected`, `tick` on the publish thread.

    Args:
        thing: name of the thing.
        operations: value of `operation` in a job document -> what to do; raises EdgeError with the reason.
    """

    def __init__(self, thing: str, operations: Mapping[str, Operation]) -> None:
        self._base = f"$aws/things/{thing}/jobs"
        self._operations = operations
        self._post: Post | None = None
        self._orders: queue.Queue[tuple[str, Mapping[str, Any]] | None] = queue.Queue()
        self._current: str | None = None
        self._worker: threading.Thread | None = None

    def attach(self, post: Post) -> Mapping[str, Handler]:
        self._post = post
        return {
            f"{self._base}/notify-next": self._notified,
            f"{self._base}/start-next/accepted": self._started,
            f"{self._base}/start-next/rejected": self._refused,
        }

    def connected(self) -> None:
        """Ask for the oldest open job; one that we had begun before a restart comes first."""
        self._send("start-next", {})

    def tick(self, now_s: float) -> None:
        """Nothing is due by time."""

    def close(self) -> None:
        """Let the worker end after the order it is at."""
        if self._worker is not None:
            self._orders.put(None)

    def _notified(self, _topic: str, payload: bytes) -> None:
        if _execution(payload) and self._current is None:
            self._send("start-next", {})

    def _started(self, _topic: str, payload: bytes) -> None:
        execution = _execution(payload)
        job_id, document = execution.get("jobId"), execution.get("jobDocument")
        if not isinstance(job_id, str) or job_id == self._current:
            return  # no job is open, or this one is being done
        name = document.get("operation") if isinstance(document, dict) else None
        if not isinstance(document, dict) or name not in self._operations:
            known = ", ".join(sorted(self._operations))
            self._answer(job_id, "REJECTED", f"unknown operation {name!r}; known: {known}")
            return
        self._current = job_id
        self._orders.put((job_id, document))
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="jobs", daemon=True)
            self._worker.start()

    def _refused(self, _topic: str, payload: bytes) -> None:
        log.warning("jobs: AWS refused a request: %s", payload[:200].decode("utf-8", "replace"))

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            job_id, document = order
            name = document["operation"]
            log.info("jobs: %s begins (%s)", name, job_id)
            try:
                done = self._operations[name](job_id, document)
            except EdgeError as error:
                log.warning("jobs: %s failed: %s", name, error)
                self._finish(job_id, "FAILED", str(error))
                continue
            if done is not None:
                self._finish(job_id, "SUCCEEDED", done)

    def _finish(self, job_id: str, status: str, detail: str) -> None:
        self._current = None
        self._answer(job_id, status, detail)
        self._send("start-next", {})

    def _answer(self, job_id: str, status: str, detail: str) -> None:
        self._send(f"{job_id}/update", {"status": status, "statusDetails": {"detail": detail[:MAX_DETAIL]}})

    def _send(self, what: str, body: Mapping[str, Any]) -> None:
        assert self._post is not None, "attach comes first"
        self._post(f"{self._base}/{what}", json.dumps(body, separators=(",", ":")).encode("utf-8"))


def _execution(payload: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(payload)
    except ValueError:
        log.warning("jobs: a message that is not JSON was ignored")
        return {}
    execution = document.get("execution") if isinstance(document, dict) else None
    return execution if isinstance(execution, dict) else {}
