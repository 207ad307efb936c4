"""The vision stage: what it accepted is finished, what it decided is stored, whatever the disk or a model does."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from edge.board import Board
from edge.clock import SystemClock
from edge.config.camera import CameraSettings
from edge.errors import StorageError
from edge.mailbox import Mailbox
from edge.sinks.metrics import Metrics
from edge.sinks.outbox import Outbox
from edge.telemetry import CameraTelemetry
from edge.tracking.account import Account
from edge.types import EventType, Frame, GateEvent
from edge.vision import VisionStage
from tests.pipeline.world import Plate, World, approach, both, pipeline

CAMERA = CameraSettings.model_validate({"name": "gate", "lane": "lane-1", "url": "x.mp4"})


class FrameList(Mailbox[Frame]):
    """A mailbox that hands out every frame of a list and then is finished."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        super().__init__()
        self._left = list(frames)

    def take(self, timeout_s: float) -> Frame | None:
        return self._left.pop(0)

    @property
    def finished(self) -> bool:
        return not self._left


class StubbornOutbox:
    """An outbox on a disk that is full for the first `refusals` attempts."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.stored: list[GateEvent] = []

    def append(self, events: Sequence[GateEvent]) -> tuple[GateEvent, ...]:
        if self.refusals > 0:
            self.refusals -= 1
            raise StorageError("no space left")
        self.stored.extend(events)
        return tuple(events)


class LiveWorld(World):
    """A world whose frames can be listed first and looked at later."""

    def detect(self, luma):  # type: ignore[no-untyped-def]
        self._advance(luma)
        return super().detect(luma)

    def detect_in(self, luma, region, size=None):  # type: ignore[no-untyped-def]
        self._advance(luma)
        return super().detect_in(luma, region, size)

    def listed(self) -> list[Frame]:
        frames = list(self.frames())
        self._moments = {id(f.luma): f.monotonic_s for f in frames}
        return frames

    def _advance(self, luma) -> None:  # type: ignore[no-untyped-def]
        self._now_s = self._moments[id(luma)]


def stage(world: LiveWorld, outbox: object, **options: object) -> tuple[VisionStage, Metrics, Board]:
    board = Board(SystemClock(), "site-1", {"gate": "lane-1"}, "1.2.3")
    metrics = Metrics(board)
    telemetry = CameraTelemetry(CAMERA, metrics, board)
    mailbox = FrameList(world.listed())
    return VisionStage(pipeline(world), mailbox, outbox, telemetry, SystemClock(), **options), metrics, board  # type: ignore[arg-type]


def total(metrics: Metrics, name: str) -> float:
    return sum(metrics.totals().get(name, {}).values())


def test_events_are_in_the_outbox_with_a_number(tmp_path: Path) -> None:
    """From camera to disk: the whole left half of the daemon."""
    world = LiveWorld(approach("AB12CDE"))
    with Outbox(tmp_path / "outbox.db", SystemClock()) as outbox:
        outbox.register("mqtt")
        vision, metrics, board = stage(world, outbox)
        vision.run()
        stored = outbox.pending("mqtt")
    assert [(e.type, e.sequence) for e in stored] == [(EventType.PROVISIONAL, 1), (EventType.FINAL, 2)]
    assert total(metrics, "anpr_events_total") == 2
    assert board.snapshot().event_count == 2


def test_events_that_the_disk_refuses_are_stored_later() -> None:
    """A full disk is a matter of minutes; a passage is money."""
    world = LiveWorld(approach("AB12CDE"))
    outbox = StubbornOutbox(refusals=5)
    stage(world, outbox)[0].run()
    assert [e.type for e in outbox.stored] == [EventType.PROVISIONAL, EventType.FINAL]


def test_nobody_hears_of_an_event_before_it_is_stored() -> None:
    """A barrier that opens for an event that a crash then forgets is a hole in the books."""
    world = LiveWorld(approach("AB12CDE"))
    outbox = StubbornOutbox(refusals=5)
    heard: list[tuple[int, bool]] = []

    def announced(events: Sequence[GateEvent]) -> None:
        heard.extend((len(outbox.stored), e in outbox.stored) for e in events)

    stage(world, outbox, announced=announced)[0].run()
    assert heard == [(2, True), (2, True)] or heard == [(1, True), (2, True)]


def test_lost_events_are_said(caplog: pytest.LogCaptureFixture) -> None:
    """If the disk never comes back, the log must say how much is missing."""
    world = LiveWorld(approach("AB12CDE"))
    with caplog.at_level(logging.ERROR):
        stage(world, StubbornOutbox(refusals=10_000))[0].run()
    assert "2 events could not be stored" in caplog.text
    assert "AB12CDE" not in caplog.text


def test_failing_model_is_said_once_and_counted_every_time(caplog: pytest.LogCaptureFixture) -> None:
    """Fifteen lines a second help nobody; the metric shows the extent."""
    world = LiveWorld(approach("AB12CDE"))
    world.fails_from_s, world.fails_until_s = 1.0, 1.9
    outbox = StubbornOutbox(0)
    with caplog.at_level(logging.WARNING):
        vision, metrics, _ = stage(world, outbox)
        vision.run()
    assert sum("a model fails" in r.message for r in caplog.records) == 1
    assert sum("work again" in r.message for r in caplog.records) == 1
    lost = metrics.totals()["anpr_frames_dropped_total"]
    assert sum(v for labels, v in lost.items() if ("reason", "inference_error") in labels) >= 5
    assert [e.type for e in outbox.stored] == [EventType.PROVISIONAL, EventType.FINAL]


def test_decision_is_made_before_the_event_is_stored() -> None:
    """The record says what was decided, so it must be decided first."""
    from dataclasses import replace

    world = LiveWorld(approach("AB12CDE"))
    outbox = StubbornOutbox(0)
    stage(world, outbox, decide=lambda event: (replace(event, decision="open"),))[0].run()
    assert {e.decision for e in outbox.stored} == {"open"}


def test_funnel_is_counted_with_a_reason_for_every_loss() -> None:
    """Somebody must be able to answer: why was my car not read?"""
    world = LiveWorld(approach("AB12CDE"))
    vision, metrics, _ = stage(world, StubbornOutbox(0))
    vision.run()
    frames = total(metrics, "anpr_frames_detected_total") + total(metrics, "anpr_frames_gated_total")
    assert frames + total(metrics, "anpr_frames_dropped_total") == 8 * 15
    assert total(metrics, "anpr_plates_read_total") == world.read_crops
    assert total(metrics, "anpr_vehicles_total") == 1


def test_what_each_look_said_is_told_with_the_event() -> None:
    """The page explains an answer from this; it comes before anybody can hear of the event."""
    world = LiveWorld(approach("AB12CDE"))
    outbox = StubbornOutbox(0)
    accounts: dict[str, Account] = {}

    def explained(fresh: Mapping[str, Account]) -> None:
        assert {e.event_id for e in outbox.stored}.isdisjoint(fresh)
        accounts.update(fresh)

    stage(world, outbox, explained=explained)[0].run()
    final = accounts[outbox.stored[-1].event_id]
    assert set(accounts) == {e.event_id for e in outbox.stored}
    assert final.answer == "AB12CDE" and final.reason == ""
    assert final.detections >= len(final.looks) >= 3
    assert {"".join(c for c, _ in look.characters) for look in final.looks} == {"AB12CDE"}
    assert any(look.weight > 0 and look.verdict == "counted" for look in final.looks)


def test_vehicles_that_end_without_an_event_are_counted() -> None:
    """A car that never moved is parked, not lost: the funnel has to say so."""
    world = LiveWorld(lambda now_s: (Plate("AB12CDE", (320, 200)),) if now_s < 6 else (), duration_s=9)
    outbox = StubbornOutbox(0)
    vision, metrics, _ = stage(world, outbox)
    vision.run()
    assert outbox.stored == []
    ended = metrics.totals()["anpr_vehicles_total"]
    assert {dict(labels)["outcome"]: n for labels, n in ended.items() if n} == {"phantom": 1}  # parked: after 30 s


def test_storing_is_timed() -> None:
    """A dying SD card shows first in how long a commit takes."""
    world = LiveWorld(approach("AB12CDE"))
    vision, metrics, _ = stage(world, StubbornOutbox(0))
    vision.run()
    assert {row["stage"] for row in metrics.timings()} >= {"motion", "detect", "track", "read", "vote", "gate", "store"}


def test_what_a_technician_draws_is_used_without_a_restart() -> None:
    """Whoever draws wants to see at once whether it is right; a car in view must not count twice."""
    world = LiveWorld(both(approach("AB12CDE"), approach("WX67KLM", since_s=6, until_s=10)), duration_s=13)
    outbox = StubbornOutbox(0)
    elsewhere = CAMERA.model_copy(update={"region": ((0.0, 0.0), (0.05, 0.0), (0.05, 0.05))})
    vision, _, _ = stage(world, outbox)
    vision.aim(CAMERA)  # nothing in view yet: at once

    def announced(events: Sequence[GateEvent]) -> None:
        if events[0].type is EventType.PROVISIONAL:
            vision.aim(elsewhere)  # while the first car is in view

    vision._announced = announced
    vision.run()
    assert [e.type for e in outbox.stored] == [EventType.PROVISIONAL, EventType.FINAL]
    assert {e.plate.text for e in outbox.stored if e.plate} == {"AB12CDE"}  # the second one is outside the region
