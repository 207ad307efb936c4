"""Try: a picture or short video from the browser, read by the command line in a process of its own.

Strangers' files are decoded outside the daemon, at the lowest priority, with
limits on size, time and memory; what goes wrong there cannot touch the gate.
One trial at a time.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from edge.config.web import WebSettings
from edge.sinks.web.guard import Guard
from edge.sinks.web.refusal import Refusal, answers

MEMORY_BYTES = 6 << 30  # address space; model run times reserve far more than they use
OUTPUT_LINES = 10_000
LINE_BYTES = 4 << 20
SNIFFED = 16
LOWEST_PRIORITY = 19
# offset, bytes, suffix: how these files begin
PICTURES = ((0, b"\xff\xd8\xff", ".jpg"), (0, b"\x89PNG\r\n\x1a\n", ".png"), (8, b"WEBP", ".webp"), (0, b"BM", ".bmp"))
VIDEOS = ((4, b"ftyp", ".mp4"), (0, b"\x1a\x45\xdf\xa3", ".mkv"), (8, b"AVI ", ".avi"), (0, b"\x47\x40", ".ts"))
KINDS = "a JPEG, PNG, WebP or BMP picture, or an MP4, MKV, WebM, AVI or TS video"


class Tried(BaseModel):
    """What was read in the file."""

    kind: Literal["picture", "video"] = Field(description="What the file is.")
    complete: bool = Field(description="False: the time limit ended it early.")
    lines: list[dict[str, Any]] = Field(
        description="As `anpr-edge read --json` (picture) or `anpr-edge replay --json` (video) print them."
    )


@dataclass(slots=True)
class _Output:
    lines: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = True
    exit_code: int = 0
    last_words: str = ""


class Trial:
    """Runs the reader on uploaded files.

    Args:
        read, replay: command lines for a picture and a video; the file's name is appended, JSON lines are expected.
    """

    def __init__(self, settings: WebSettings, read: Sequence[str], replay: Sequence[str]) -> None:
        self._max_bytes = int(settings.upload_max_mb * 1_000_000)
        self._timeout_s = settings.try_timeout_s
        self._commands = {"picture": tuple(read), "video": tuple(replay)}
        self._busy = asyncio.Lock()

    async def run(self, request: Request) -> Tried:
        """Read the file in the request's body.

        Raises:
            Refusal: busy, too large, too slow, or nothing that can be read.
        """
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._max_bytes:
            raise self._too_large()
        if self._busy.locked():
            raise Refusal(429, "another file is being read", "try again when it is done", retry_after_s=5)
        async with self._busy:
            with tempfile.TemporaryDirectory(prefix="anpr-try-") as folder:
                return await self._try(request, Path(folder) / "upload")

    async def _try(self, request: Request, upload: Path) -> Tried:
        try:
            await asyncio.wait_for(self._receive(request, upload), self._timeout_s)
        except asyncio.TimeoutError as error:
            raise Refusal(408, "the upload took too long", "use a faster network or a smaller file") from error
        with upload.open("rb") as stored:
            kind, suffix = recognise(stored.read(SNIFFED))
        file = upload.rename(upload.with_suffix(suffix))
        output = await self._execute((*self._commands[kind], str(file)))
        for line in output.lines:
            line.pop("file", None)  # a place on this machine, which is nobody's business
        fault = next((str(line["error"]) for line in output.lines if "error" in line), "")
        if fault or (output.exit_code != 0 and output.complete and not output.lines):
            words = fault or output.last_words or f"exit code {output.exit_code}"
            words = words.replace(str(file), "the file").partition(". Fix: ")[0]
            raise Refusal(422, f"this {kind} cannot be read: {words}", f"use {KINDS}")
        return Tried(kind=kind, complete=output.complete, lines=output.lines)

    async def _receive(self, request: Request, upload: Path) -> None:
        size = 0
        with upload.open("wb") as out:
            async for chunk in request.stream():
                size += len(chunk)
                if size > self._max_bytes:
                    raise self._too_large()
                out.write(chunk)

    async def _execute(self, command: Sequence[str]) -> _Output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
            start_new_session=True,
        )
        _restrain(process.pid)
        output = _Output()
        try:
            await asyncio.wait_for(_collect(process, output), self._timeout_s)
        except asyncio.TimeoutError:
            output.complete = False
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            output.exit_code = await process.wait()
        return output

    def _too_large(self) -> Refusal:
        limit_mb = self._max_bytes / 1e6
        return Refusal(413, f"the file is larger than {limit_mb:g} MB", "cut the video, or raise web.upload_max_mb")


def recognise(start: bytes) -> tuple[Literal["picture", "video"], str]:
    """Return kind and suffix of a file by its first bytes; its name is not trusted.

    Raises:
        Refusal: it is nothing that can be read.
    """
    for offset, mark, suffix in PICTURES:
        if start[offset : offset + len(mark)] == mark:
            return "picture", suffix
    for offset, mark, suffix in VIDEOS:
        if start[offset : offset + len(mark)] == mark:
            return "video", suffix
    raise Refusal(415, "this is neither a picture nor a video", f"use {KINDS}")


def routes(trial: Trial, guard: Guard) -> APIRouter:
    """Return the route that takes files."""
    router = APIRouter(prefix="/api", tags=["try"])
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}

    @router.post(
        "/try",
        dependencies=[Depends(guard.at_least("operator"))],
        responses=answers(401, 403, 408, 413, 415, 422, 429),
        openapi_extra={"requestBody": {"content": content, "required": True}},
    )
    async def try_file(request: Request) -> Tried:
        """Read the plates in the picture or video that is the body of this request."""
        return await trial.run(request)

    return router


async def _collect(process: asyncio.subprocess.Process, output: _Output) -> None:
    assert process.stdout is not None and process.stderr is not None
    errors = asyncio.ensure_future(process.stderr.read(65_536))
    async for line in process.stdout:
        with suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and len(output.lines) < OUTPUT_LINES:
                output.lines.append(found)
    words = (await errors).decode("utf-8", "replace").strip().splitlines()
    output.last_words = words[-1][:300] if words else ""
    output.exit_code = await process.wait()


def _restrain(pid: int) -> None:
    """Give the process the lowest priority and a bound on memory; it may already have ended."""
    with suppress(ProcessLookupError, PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, LOWEST_PRIORITY)
        resource.prlimit(pid, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
