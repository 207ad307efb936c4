"""Writes a video with everything the pipeline saw drawn on it.

Remembers what a single frame does not tell: where plates came from, and which events are still on show.
The video is H.264 in MP4, playable everywhere; FFmpeg's errors leave as `StorageError`. It stands under its name
when it is whole: an interrupted replay leaves nothing there, or what was there before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from typing_extensions import Self

from edge import output_files
from edge.errors import ConfigError
from edge.replay.overlay import Banner, View, draw
from edge.types import GateEvent, Point, TrackState, UInt8Array, Verdict

if TYPE_CHECKING:
    from edge.pipeline.pipeline import Step

BANNER_S = 3.5
BANNERS = 3
TRAIL_POINTS = 90
QUALITY = "23"  # constant rate factor of x264: visually good
WHOLE_STEP = "step"
SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")  # of containers that keep the moments of the frames
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


def check_target(option: str, path: Path, videos: Iterable[Path]) -> None:
    """Make sure, before anything is played, that an annotated video may go to `path`.

    Raises:
        ConfigError: `path`, given with `option`, is one of `videos`, or has the suffix of no video.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(option, f"{path} is no name of a video", f"give one that ends in {' or '.join(SUFFIXES)}")
    output_files.refuse_inputs(option, path, videos)


class AnnotatedWriter:
    """An MP4 that takes annotated pictures with their moments. Use as a context manager.

    Raises:
        StorageError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path  # what is written to; beside it while it is not whole
        self._cleanup = ExitStack()
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
            raise output_files.unwritten(self._path, error) from error

    def _open(self, width: int, height: int) -> None:
        options = {} if self._part.suffix.lower() == ".mkv" else {"movflags": "+faststart"}
        self._container = av.open(str(self._part), "w", options=options)
        self._stream = self._container.add_stream("libx264", rate=25)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, 1000)
        self._stream.options = {"preset": "veryfast", "crf": QUALITY}

    def _finish(self) -> None:
        container, self._container = self._container, None
        if container is None:
            return
        try:
            for packet in self._stream.encode():
                container.mux(packet)
            container.close()
        except (OSError, av.FFmpegError) as error:
            raise output_files.unwritten(self._path, error) from error

    def __enter__(self) -> Self:
        self._part = self._cleanup.enter_context(output_files.replacing(self._path))
        self._cleanup.callback(self._finish)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.__exit__(kind, value, trace)


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
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, value, trace)
