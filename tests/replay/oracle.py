"""A player whose models know the truth of a rendered clip: tests of the replay need no trained model.

Everything else is the real pipeline: capture, motion gate, tracker, vote, gate, announcer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge import __version__
from edge.clock import VirtualClock, seeded_ids
from edge.config import Settings, parse
from edge.pipeline.capture_file import FileSource
from edge.pipeline.pipeline import Parts, Pipeline
from edge.protocols import RawRead
from edge.replay.player import EPOCH, Player
from edge.types import CHARSET, CLASSES, Box, Detection, Frame, UInt8Array

SLOTS = 12


class Oracle:
    """Detector and reader in one; `misreads` maps frame numbers to the texts it gives there instead."""

    name = "oracle 1"
    provider = "cpu"
    crop_size = (64, 128)
    keep_aspect = False
    margin = (0.06, 0.12)

    def __init__(self, truth: dict[str, Any], misreads: dict[int, str] | None = None) -> None:
        self._frames = truth["frames"]
        self._misreads = misreads or {}
        self.sequence = 0

    def _plates(self) -> list[dict[str, Any]]:
        return [p for p in self._frames[self.sequence] if p["visible"] > 0.5]

    def detect(self, luma: UInt8Array) -> tuple[Detection, ...]:
        return tuple(_detection(p["corners"]) for p in self._plates())

    def detect_in(self, luma: UInt8Array, region: Box, size: tuple[int, int] | None = None) -> tuple[Detection, ...]:
        def inside(d: Detection) -> bool:
            x, y = d.box.centre
            return region.x1 <= x <= region.x2 and region.y1 <= y <= region.y2

        return tuple(d for d in self.detect(luma) if inside(d))

    def read(self, crops: Sequence[UInt8Array]) -> tuple[RawRead, ...]:
        text = self._misreads.get(self.sequence, self._plates()[0]["text"] if self._plates() else "")
        return tuple(RawRead(_posterior(text), 0.97) for _ in crops)


def _detection(corners: list[list[float]]) -> Detection:
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    return Detection(Box(min(xs), min(ys), max(xs), max(ys)), 0.9, (a, b, c, d))


def _posterior(text: str) -> np.ndarray:
    rows = np.full((SLOTS, CLASSES), 0.04 / (CLASSES - 1), np.float32)
    for k in range(SLOTS):
        rows[k, CHARSET.index(text[k]) + 1 if k < len(text) else 0] = 0.96
    return rows


class OraclePlayer(Player):
    """`Player` with an oracle for models."""

    def __init__(
        self,
        video: Path,
        settings: Settings | None = None,
        misreads: dict[int, str] | None = None,
        triggers: Sequence[float] = (),
    ) -> None:
        settings = settings or parse({"cameras": [{"name": "r", "url": "r"}], "mqtt": {"enabled": False}})
        camera = settings.cameras[0]
        oracle = Oracle(json.loads(video.with_suffix(".truth.json").read_text()), misreads)
        self._video = video
        self._source = _Told(str(video), oracle)
        parts = Parts(
            camera,
            settings.models,
            settings.voting,
            settings.evidence,
            "site",
            __version__,
            oracle,
            oracle,
            seeded_ids(1),
        )
        self.pipeline = Pipeline(parts)
        self._triggers = sorted(triggers)
        self._sequence = 0
        self.frames = 0
        self.duration_s = 0.0


class _Told(FileSource):
    """A file that tells the oracle which frame it gives."""

    def __init__(self, path: str, oracle: Oracle) -> None:
        super().__init__(path, name="r", clock=VirtualClock(EPOCH), realtime=False)
        self._oracle = oracle

    def read(self) -> Frame | None:
        frame = super().read()
        if frame is not None:
            self._oracle.sequence = frame.sequence
        return frame
