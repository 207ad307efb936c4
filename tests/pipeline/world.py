"""A lane whose plates are known: a detector and a recogniser that see exactly what the script says."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import numpy as np

from edge.clock import seeded_ids
from edge.config.camera import CameraSettings
from edge.config.models import ModelSettings, VotingSettings
from edge.config.service import EvidenceSettings
from edge.errors import InferenceError
from edge.pipeline.pipeline import Parts, Pipeline
from edge.protocols import RawRead
from edge.types import CHARSET, CLASSES, Box, Detection, Frame, UInt8Array

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
WIDTH, HEIGHT = 640, 360
SLOTS = 12


@dataclass(frozen=True)
class Plate:
    """One plate at one moment."""

    text: str
    centre: tuple[float, float]
    width_px: float = 80.0
    legible: float = 0.99

    @property
    def box(self) -> Box:
        (x, y), w, h = self.centre, self.width_px, self.width_px / 4.5
        return Box(x - w / 2, y - h / 2, x + w / 2, y + h / 2)


Script = Callable[[float], Sequence[Plate]]


def approach(text: str, *, since_s: float = 0.0, until_s: float = 4.0, x: float = 320.0) -> Script:
    """Return a vehicle that comes towards the camera: its plate grows and sinks."""

    def at(now_s: float) -> Sequence[Plate]:
        if not since_s <= now_s < until_s:
            return ()
        share = (now_s - since_s) / (until_s - since_s)
        return (Plate(text, (x, 120 + 200 * share), 50 + 70 * share),)

    return at


def both(*scripts: Script) -> Script:
    """Return all vehicles of several scripts."""
    return lambda now_s: [plate for script in scripts for plate in script(now_s)]


class World:
    """What the camera, the detector and the recogniser agree on. Detector and recogniser in one."""

    name = "scripted 1"
    provider = "cpu"
    crop_size = (64, 128)
    keep_aspect = False
    margin = (0.06, 0.12)

    def __init__(self, script: Script, *, fps: float = 15.0, duration_s: float = 8.0) -> None:
        self._script = script
        self._fps = fps
        self._duration_s = duration_s
        self._now_s = 0.0
        self.full_looks = 0
        self.near_looks = 0
        self.read_crops = 0
        self.fails_from_s = float("inf")
        self.fails_until_s = float("inf")

    def frames(self, camera: str = "gate") -> Iterator[Frame]:
        """Yield the frames of the whole script."""
        for index in range(int(self._duration_s * self._fps)):
            self._now_s = index / self._fps
            luma = self._picture(index)
            at = START + timedelta(seconds=self._now_s)
            yield Frame(camera, index, self._now_s, at, luma, self._to_bgr(luma))

    def detect(self, luma: UInt8Array) -> tuple[Detection, ...]:
        self.full_looks += 1
        return self._detections(None)

    def detect_in(self, luma: UInt8Array, region: Box, size: tuple[int, int] | None = None) -> tuple[Detection, ...]:
        self.near_looks += 1
        return self._detections(region)

    def read(self, crops: Sequence[UInt8Array]) -> tuple[RawRead, ...]:
        """Read each crop: which plate it shows is told by its brightness."""
        self.read_crops += len(crops)
        assert all(c.shape == self.crop_size for c in crops)
        plates = self._script(self._now_s)
        shown = [min(plates, key=lambda p: abs(_brightness(p) - float(c[16:48, 32:96].mean()))) for c in crops]
        return tuple(RawRead(posterior(p.text), p.legible) for p in shown)

    def _detections(self, region: Box | None) -> tuple[Detection, ...]:
        if self.fails_from_s <= self._now_s < self.fails_until_s:
            raise InferenceError("scripted: the device is lost")
        found = [Detection(p.box, 0.9) for p in self._script(self._now_s)]
        return tuple(d for d in found if region is None or _holds(region, d.box))

    def _picture(self, index: int) -> UInt8Array:
        luma: UInt8Array = np.full((HEIGHT, WIDTH), 90, np.uint8)
        for plate in self._script(self._now_s):
            x1, y1, x2, y2 = (round(v) for v in plate.box.as_tuple())
            body = max(0, y1 - 120), min(HEIGHT, y2 + 20), max(0, x1 - 60), min(WIDTH, x2 + 60)
            luma[body[0] : body[1], body[2] : body[3]] = 160
            stripes = (np.arange(max(0, x1), min(WIDTH, x2)) // 4 % 2 * 80 - 40 + _brightness(plate)).astype(np.uint8)
            luma[max(0, y1) : min(HEIGHT, y2), max(0, x1) : min(WIDTH, x2)] = stripes
        return luma

    @staticmethod
    def _to_bgr(luma: UInt8Array) -> Callable[[Box | None], UInt8Array]:
        def bgr(region: Box | None) -> UInt8Array:
            part = luma
            if region is not None:
                x1, y1, x2, y2 = (max(0, round(v)) for v in region.as_tuple())
                part = luma[y1:y2, x1:x2]
            return np.dstack([part] * 3)

        return bgr


def posterior(text: str, sure: float = 0.97) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return a posterior (12, 37) that reads `text`."""
    rows = np.full((SLOTS, CLASSES), (1 - sure) / (CLASSES - 1), np.float32)
    for slot in range(SLOTS):
        rows[slot, CHARSET.index(text[slot]) + 1 if slot < len(text) else 0] = sure
    return rows


def pipeline(world: World, **camera: object) -> Pipeline:
    """Return the pipeline of a camera that watches `world`."""
    settings = CameraSettings.model_validate({"name": "gate", "lane": "lane-1", "url": "x.mp4", **camera})
    parts = Parts(
        camera=settings,
        models=ModelSettings(),
        voting=VotingSettings(),
        evidence=EvidenceSettings(),
        site="site-1",
        version="1.2.3",
        detector=world,
        recogniser=world,
        ids=seeded_ids(7),
    )
    return Pipeline(parts)


def _brightness(plate: Plate) -> int:
    return 60 + zlib.crc32(plate.text.encode()) % 140


def _holds(region: Box, box: Box) -> bool:
    return region.x1 <= box.x1 and region.y1 <= box.y1 and box.x2 <= region.x2 and box.y2 <= region.y2
