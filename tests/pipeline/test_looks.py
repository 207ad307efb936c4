"""Which looks are read: all while they may change the answer, few when they cannot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import numpy as np
import pytest

from edge.config.models import RecogniserSettings
from edge.pipeline.looks import Looks
from edge.protocols import RawRead
from edge.types import CLASSES, Box, Detection, Frame, PlateRead, Track, TrackState, UInt8Array, Verdict

FPS = 15.0


class Reader:
    """A recogniser that says how legible the plate is from which read on."""

    name, provider = "reader", "cpu"
    crop_size, margin, keep_aspect = (32, 128), (0.05, 0.1), False

    def __init__(self, illegible: int = 0) -> None:
        self._illegible = illegible

    def read(self, crops: Sequence[UInt8Array]) -> tuple[RawRead, ...]:
        self._illegible -= 1
        posterior = np.full((1, CLASSES), 1 / CLASSES, np.float32)
        return tuple(RawRead(posterior, 0.1 if self._illegible >= 0 else 1.0) for _ in crops)


def plate(at_s: float, width_px: float = 100.0) -> tuple[Frame, Track]:
    luma = np.random.default_rng(1).integers(0, 255, (480, 640), dtype=np.uint8)
    box = Box(200, 200, 200 + width_px, 200 + width_px / 4.6)
    frame = Frame("gate", round(at_s * FPS), at_s, datetime(2026, 1, 1, tzinfo=timezone.utc), luma, lambda _: luma)
    return frame, Track(1, TrackState.CONFIRMED, box, (0.0, 0.0), 0.0, at_s, 9, Detection(box, 0.9))


def moments(looks: Looks, seconds: float, *, grows: float = 0.0, probability: float = 0.5) -> list[float]:
    """Return when a plate in view for `seconds` was read; `grows` is its growth per second."""
    read: list[float] = []
    for index in range(int(seconds * FPS)):
        at_s = index / FPS
        frame, track = plate(at_s, 100.0 * (1 + grows) ** at_s)
        sure = {1: verdict(probability)} if read else {}
        read += [r.at_s for r in looks.read(frame, [track], sure).reads]
    return read


def verdict(probability: float) -> Verdict:
    return Verdict("AB12CDE", probability, (("AB12CDE", probability),), "AB12CDE", 3, None, 20.0)


def test_a_young_vote_hears_every_look() -> None:
    """The first tenths of a second decide how soon the gate opens."""
    read = moments(Looks(Reader(), RecogniserSettings()), 0.5)
    assert len(read) == int(0.5 * FPS)


def test_a_vote_that_has_heard_enough_hears_less() -> None:
    """A car that waits at the barrier shows the same picture for minutes."""
    unsure = moments(Looks(Reader(), RecogniserSettings()), 10.0)
    sure = moments(Looks(Reader(), RecogniserSettings()), 10.0, probability=0.9999)
    assert len(sure) < 20 < len(unsure) < 80


def test_a_plate_that_becomes_legible_is_heard_at_once() -> None:
    """Ten looks from afar say nothing; they must not use up the attention that the first good ones deserve."""
    read = moments(Looks(Reader(illegible=10), RecogniserSettings()), 3.0)
    assert read[:8] == pytest.approx([i / FPS for i in range(8)])
    assert 0.5 < read[9] - read[8] < 0.7
    first_legible = read[10]
    assert read[10:18] == pytest.approx([first_legible + i / FPS for i in range(8)])


def test_a_plate_that_grows_is_read_again_at_new_sizes() -> None:
    """A view at another size is what the vote learns from; a vote that is sure waits for a much larger one."""
    known, sure = 0.98, 0.9999
    for probability in (known, sure):
        still = moments(Looks(Reader(), RecogniserSettings()), 4.0, probability=probability)
        assert len(moments(Looks(Reader(), RecogniserSettings()), 4.0, grows=0.5, probability=probability)) > len(still)
    growing = [moments(Looks(Reader(), RecogniserSettings()), 4.0, grows=0.5, probability=p) for p in (known, sure)]
    assert len(growing[1]) < 0.75 * len(growing[0])


def test_a_wall_taken_for_a_plate_is_not_read_for_ever() -> None:
    """Nothing on it will ever be legible."""
    read: list[PlateRead] = []
    looks = Looks(Reader(illegible=10_000), RecogniserSettings())
    for index in range(int(10 * FPS)):
        frame, track = plate(index / FPS)
        read += looks.read(frame, [track], {}).reads
    assert len(read) < 26
