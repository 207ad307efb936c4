"""Writes a video with everything the pipeline saw drawn on it.

Remembers what a single frame does not tell: where plates came from, and which events are still on show.
The video is H.264 in MP4, playable everywhere; FFmpeg's errors leave as `StorageError`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from typing_extensions import Self

from edge.errors import StorageError
from edge.replay.overlay import Banner, View, draw
from edge.types import GateEvent, Point, TrackState, UInt8Array, Verdict

if TYPE_CHECKING:
    from edge.pipeline.pipeline import Step

BANNER_S = 3.5
BANNERS = 3
TRAIL_POINTS = 90
QUALITY = "23"  # constant rate factor of x264: visually good
WHOLE_STEP = "step"
TIMINGS_SMOOTHING = 0.85  # share of the old value: numbers that a person can read


class Annotator:
    """Turns the steps of one video into annotated pictures; feed it every step, in order."""

    def __init__(self, line: tuple[Point, Point] | None = None, caption: str = "") -> None:
        self._line = line
        self._caption = caption
        self._trails: dict[int, deque[Point]] = {}
        self._shown: list[tuple[GateEvent, float]] = []
        self._timings: dict[str, float] = {}
        self._verdicts: Mapping[int, Verdict] = {}

    def picture(self, step: Step, states: Mapping[int, str]) -> UInt8Array:
        """Return the frame of `step` with everything drawn on it; `states` is the gate's view of live tracks."""
        now_s = step.frame.monotonic_s
        self._remember(step, now_s)
        banners = [Banner(event, now_s - since) for event, since in self._shown]
        view = View(self._verdicts, states, self._trails, banners, self._timings or None, self._line, self._caption)
        return draw(step.frame.bgr(), step.tracks, view)

    def _remember(self, step: Step, now_s: float) -> None:
        alive = {t.id for t in step.tracks if t.state is not TrackState.ENDED}
        for track in step.tracks:
            if track.detection is not None and track.id in alive:
                trail = self._trails.setdefault(track.id, deque(maxlen=TRAIL_POINTS))
                trail.append(track.box.centre)
        for gone in self._trails.keys() - alive:
            del self._trails[gone]
        if step.verdicts or not alive:
            self._verdicts = dict(step.verdicts)
        for event in step.events:
            self._shown = [(e, s) for e, s in self._shown if e.passage_id != event.passage_id]
            self._shown.append((event, now_s))
        self._shown = [(e, s) for e, s in self._shown if now_s - s <= BANNER_S][-BANNERS:]
        for stage, seconds in step.timings_s.items():
            if stage == WHOLE_STEP:
                continue  # the picture adds the stages up itself
            old = self._timings.get(stage, seconds)
            self._timings[stage] = TIMINGS_SMOOTHING * old + (1 - TIMINGS_SMOOTHING) * seconds


class AnnotatedWriter:
    """An MP4 that takes annotated pictures with their moments. Use as a context manager.

    Raises:
        StorageError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container: Any = None
        self._stream: Any = None
        self._last_tick = -1

    def write(self, picture: UInt8Array, at_s: float) -> None:
        """Append a BGR picture that is shown from `at_s` seconds after the start of the video."""
        even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]  # H.264 halves the colour planes
        try:
            if self._container is None:
                self._open(even.shape[1], even.shape[0])
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="bgr24")
            tick = max(self._last_tick + 1, round(at_s * 1000))
            frame.pts, self._last_tick = tick, tick
            frame.time_base = Fraction(1, 1000)
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (OSError, av.FFmpegError) as error:
            raise StorageError(f"{self._path}: cannot write the annotated video ({error})") from error

    def _open(self, width: int, height: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(self._path), "w", options={"movflags": "+faststart"})
        self._stream = self._container.add_stream("libx264", rate=25)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, 1000)
        self._stream.options = {"preset": "veryfast", "crf": QUALITY}

    def close(self) -> None:
        """Finish the file; may be called twice."""
        container, self._container = self._container, None
        if container is None:
            return
        try:
            for packet in self._stream.encode():
                container.mux(packet)
            container.close()
        except (OSError, av.FFmpegError) as error:
            raise StorageError(f"{self._path}: cannot finish the annotated video ({error})") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AnnotatedVideo:
    """The annotated form of one replayed video: `add` every step. Use as a context manager.

    Args:
        path: the MP4 to write.
        line: the virtual line, as shares of width and height.
        states: returns what the gate makes of each live track.

    Raises:
        StorageError: the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        line: tuple[Point, Point] | None,
        states: Callable[[], Mapping[int, str]],
        caption: str = "",
    ) -> None:
        self._annotator = Annotator(line, caption)
        self._writer = AnnotatedWriter(path)
        self._states = states
        self._start_s: float | None = None

    def add(self, step: Step) -> None:
        """Append the frame of `step`; the last step of a replay repeats its frame and only brings events."""
        now_s = step.frame.monotonic_s
        self._start_s = now_s if self._start_s is None else self._start_s
        self._writer.write(self._annotator.picture(step, self._states()), now_s - self._start_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
