"""The live view: server-sent events to everybody who looks, and no work while nobody does.

One pump makes each picture once, however many people watch, and hands it to
every viewer; a slow viewer misses pictures (newest wins) before events.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from typing import Any

from edge.board import Board, Sight, Snapshot
from edge.config.web import WebSettings
from edge.errors import EdgeError
from edge.health import alive, all_ok, ready
from edge.privacy.disguise import Disguise
from edge.sinks.web.picture import message
from edge.sinks.web.refusal import Refusal
from edge.sinks.web.rows import row

KEEP_ALIVE_S = 15.0
STATE_EVERY_S = 1.0
STATE = "/state"  # key of the state message; no camera can be called so
EVENTS_QUEUED = 100  # a viewer that is further behind reloads the list anyway


@dataclass(slots=True, eq=False)
class _Viewer:
    cameras: frozenset[str]
    newest: dict[str, bytes] = field(default_factory=dict)  # at most one message per camera, and one state
    events: list[bytes] = field(default_factory=list)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, key: str) -> bool:
        return key == STATE or key in self.cameras


class Live:
    """Belongs to the web server's event loop; only the board is shared with other threads."""

    def __init__(self, board: Board, settings: WebSettings, disguise: Disguise) -> None:
        self._board = board
        self._settings = settings
        self._disguise = disguise
        self._viewers: set[_Viewer] = set()
        self._pump: asyncio.Task[None] | None = None
        self._closing = False
        self._newest: dict[str, bytes] = {}  # for those who come later
        self.encoded = 0  # pictures made so far

    @property
    def viewers(self) -> int:
        """Return how many people look now."""
        return len(self._viewers)

    async def stream(self, cameras: Collection[str]) -> AsyncIterator[bytes]:
        """Yield messages for one viewer until he leaves.

        Raises:
            Refusal: too many look already, before the first message.
        """
        viewer = self._join(frozenset(cameras))
        try:
            yield b"retry: 2000\n\n"
            while not self._closing:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(viewer.wake.wait(), KEEP_ALIVE_S)
                viewer.wake.clear()
                ready_now = [*viewer.events, *viewer.newest.values()]
                viewer.events.clear()
                viewer.newest.clear()
                yield b"".join(ready_now) or b": still here\n\n"
        finally:
            self._viewers.discard(viewer)

    def check_room(self) -> None:
        """Refuse when no further viewer fits."""
        if len(self._viewers) >= self._settings.max_viewers:
            raise Refusal(
                503, f"{len(self._viewers)} people look already", "close other windows, or raise web.max_viewers"
            )

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        self._closing = True
        for viewer in self._viewers:
            viewer.wake.set()
        if self._pump is not None:
            self._pump.cancel()

    def _join(self, cameras: frozenset[str]) -> _Viewer:
        viewer = _Viewer(cameras)
        self._viewers.add(viewer)
        viewer.newest = {k: text for k, text in self._newest.items() if viewer.wants(k)}
        viewer.wake.set()
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._run())
        return viewer

    async def _run(self) -> None:
        """Look at the board as often as pictures are wanted, while somebody watches."""
        shown: dict[str, Sight] = {}
        count = self._board.snapshot().event_count
        state_at = 0.0
        clock = asyncio.get_running_loop()
        while self._viewers and not self._closing:
            began = clock.time()
            with contextlib.suppress(EdgeError):  # the key of the pseudonyms is gone: nothing is shown until it is back
                for camera in frozenset().union(*(v.cameras for v in self._viewers)):
                    await self._show(camera, shown)
                count = self._send_events(count)
            if began - state_at >= STATE_EVERY_S:
                state_at = began
                self._send_newest(STATE, _sse("state", state(self._board.snapshot())))
            await asyncio.sleep(max(0.01, 1.0 / self._settings.live_fps - (clock.time() - began)))
        self._newest.clear()

    async def _show(self, camera: str, shown: dict[str, Sight]) -> None:
        sight = self._board.sight(camera)
        if sight is None or shown.get(camera) is sight:
            return
        shown[camera] = sight
        text = await asyncio.to_thread(message, sight, self._settings.live_width_px, self._disguise)
        self.encoded += 1
        self._send_newest(camera, b"event: frame\ndata: " + text + b"\n\n")

    def _send_newest(self, key: str, text: bytes) -> None:
        self._newest[key] = text
        for viewer in self._viewers:
            if viewer.wants(key):
                viewer.newest[key] = text
                viewer.wake.set()

    def _send_events(self, seen: int) -> int:
        now = self._board.snapshot()
        fresh = now.events[: max(0, now.event_count - seen)]
        for event in reversed(fresh):
            text = _sse("event", row(self._disguise.event(event), None))
            for viewer in self._viewers:
                if len(viewer.events) < EVENTS_QUEUED:
                    viewer.events.append(text)
                    viewer.wake.set()
        return now.event_count


def state(now: Snapshot) -> dict[str, Any]:
    """Return what the header and the camera cards show: small, sent every second."""
    checks = (*alive(now), *ready(now))
    return {
        "site": now.site,
        "ok": all_ok(checks),
        "problems": [{"name": c.name, "reason": c.reason} for c in checks if not c.ok],
        "cameras": {
            c.camera: {
                "lane": c.lane,
                "state": c.state.value,
                "reason": c.reason,
                "fps": round(c.fps, 1),
                "width": c.width,
                "height": c.height,
                "age_s": None if c.frame_s is None else round(now.at_s - c.frame_s, 1),
            }
            for c in now.cameras.values()
        },
        "outbox": now.outbox.depth,
    }


def _sse(kind: str, value: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(value, separators=(',', ':'), ensure_ascii=False)}\n\n".encode()
