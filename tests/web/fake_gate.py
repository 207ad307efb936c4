"""A gate without cameras: feeds a board and metrics with plausible facts, deterministic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import cv2
import numpy as np

from edge.board import Board, DiskStatus, ModelStatus, OutboxStatus, ParkingStatus, Vehicle, ZoneStatus
from edge.clock import VirtualClock, seeded_ids
from edge.protocols import SourceState
from edge.sinks.metrics import Metrics
from edge.tracking.account import Account, account
from edge.tracking.looks import LookVerdict, LookWeight
from edge.types import (
    BLANK,
    CHARSET,
    CLASSES,
    Box,
    Direction,
    EventType,
    Evidence,
    Frame,
    GateEvent,
    PlateRead,
    Software,
    Track,
    TrackState,
    UInt8Array,
    Verdict,
)

START = datetime(2026, 3, 14, 7, 30, tzinfo=timezone.utc)
LANES = {"entry-cam": "lane-in", "exit-cam": "lane-out"}
SOFTWARE = Software("0.1.0", "plate-detector 1.0.0", "plate-reader 1.0.0")


class FakeGate:
    """Board and metrics of one process, on a clock that the test moves."""

    def __init__(self, lanes: Mapping[str, str] = LANES) -> None:
        self.clock = VirtualClock(START)
        self.board = Board(self.clock, "north-gate", lanes, "0.1.0")
        self.metrics = Metrics(self.board)
        self._ids = seeded_ids(7)
        self._sequence = 0
        self.accounts: dict[str, Account] = {}  # by event id

    def come_up(self) -> None:
        """Everything connected, loaded and with room on disk."""
        for camera in self.board.lanes:
            self.board.camera_changed(camera, SourceState.UP)
            for k in range(30):
                self.board.frame_received(camera, self.clock.monotonic_s() + k / 15, 1920, 1080)
            self.board.beat(f"vision-{camera}")
        self.clock.advance_to(self.clock.monotonic_s() + 2.0)
        for camera in self.board.lanes:
            self.board.beat(f"vision-{camera}")
        self.board.model_loaded(ModelStatus("detector", "plate-detector 1.0.0", "cpu", "auto"))
        self.board.model_loaded(ModelStatus("recogniser", "plate-reader 1.0.0", "cpu", "auto"))
        self.board.sink_changed("mqtt", connected=True)
        self.board.outbox_measured(OutboxStatus(0, 0.0, 0, 40_960))
        zones = (ZoneStatus("yard", 33, 40, 7, ""), ZoneStatus("street", 4, None, None, ""))
        self.board.parking_measured(ParkingStatus(zones, 36, 1, 2))
        self.board.disk_measured(DiskStatus("outbox", 40_000_000_000, 64_000_000_000))

    def drive_by(self, camera: str, plate: str = "AB12CDE", probability: float = 0.98) -> GateEvent:
        """One car passes: 60 frames, 20 with a plate, 12 looks, one event, acknowledged."""
        m = self.metrics
        for k in range(60):
            m.frame_received(camera)
            m.stage_took(camera, "step", 0.012 + 0.0001 * k)
            if k < 35:
                m.frame_gated(camera)
            else:
                m.frame_detected(camera, 1 if k < 55 else 0)
                m.stage_took(camera, "detect", 0.009)
        m.frame_dropped(camera, "newest_wins", 2)
        m.plate_lost(camera, "too_small", 6)
        m.plate_lost(camera, "surplus", 2)
        for k in range(12):
            m.plate_legible(camera, 18.0 + k, 0.12 + 0.01 * k)
            m.plate_read(camera)
            m.stage_took(camera, "read", 0.004)
        event = self.an_event(camera, plate, probability)
        m.vehicle_ended(camera, "voted", event.plate)
        m.event_stored(event.lane, event.type, event.direction)
        m.decided(event.lane, 0.28)
        m.event_published("mqtt")
        m.event_acknowledged("mqtt", 0.03)
        self.board.event_stored(event)
        return event

    def an_event(
        self,
        camera: str = "entry-cam",
        plate: str | None = "AB12CDE",
        probability: float = 0.98,
        *,
        minutes: float = 0.0,
        type_: EventType = EventType.FINAL,
    ) -> GateEvent:
        """An event as the outbox hands it to sinks."""
        at = self.clock.utc() + timedelta(minutes=minutes)
        self._sequence += 1
        verdict = None if plate is None else a_verdict(plate, probability)
        event = GateEvent(
            event_id=self._ids.new(at),
            type=type_ if plate is not None else EventType.UNREAD,
            site="north-gate",
            lane=self.board.lanes[camera],
            camera=camera,
            passage_id=self._ids.new(at),
            direction=Direction.ENTRY if camera.startswith("entry") else Direction.EXIT,
            captured_at=at,
            plate=verdict,
            software=SOFTWARE,
            evidence=Evidence(crop_jpeg=a_crop(plate or "?")),
            sequence=self._sequence,
        )
        self.accounts[event.event_id] = an_account(plate)
        return event

    def show(self, camera: str, sequence: int, plate: str = "AB12CDE", width_px: float = 150.0) -> None:
        """Vision has finished with a frame that holds one car with its plate."""
        at_s = self.clock.monotonic_s()
        box = Box(880, 640, 880 + width_px, 640 + width_px / 4.7)
        track = Track(3, TrackState.CONFIRMED, box, (4.0, 30.0), at_s - 1.4, at_s, 18, None)
        vehicle = Vehicle(track, "approaching", a_verdict(plate, 0.91), a_read(plate, box))
        self.board.frame_received(camera, at_s, 1920, 1080)
        self.board.frame_seen(a_frame(camera, sequence, at_s, plate, box), (vehicle,))
        self.board.beat(f"vision-{camera}")


def a_verdict(plate: str, probability: float) -> Verdict:
    """A vote whose second choice differs in the last character."""
    other = plate[:-1] + ("F" if plate[-1] != "F" else "E")
    return Verdict(plate, probability, ((plate, probability), (other, (1 - probability) * 0.7)), plate, 12, "GB", 31.0)


def a_read(plate: str, box: Box, sharpness: float = 0.24) -> PlateRead:
    """One sharp look at `plate`."""
    posterior = np.full((12, CLASSES), 0.01 / (CLASSES - 1), np.float32)
    for slot in range(12):
        posterior[slot, CHARSET.index(plate[slot]) + 1 if slot < len(plate) else BLANK] = 0.99
    return PlateRead(3, 1, 0.0, plate, posterior, 0.99, box.height, box.width, sharpness, 0.93)


def an_account(plate: str | None) -> Account:
    """Twelve looks at `plate`, one of them blurred and one that reads another last character; or none."""
    if plate is None:
        return account((), "", detections=9, best_height_px=22, min_height_px=8, answered=False)
    other = plate[:-1] + ("B" if plate[-1] != "B" else "8")
    looks = [LookWeight(_look(plate, k), 0.05 + 0.02 * k, 0.8, LookVerdict.COUNTED, "") for k in range(10)]
    blurred = LookWeight(_look(plate, 10, legible=0.3), 0.0, 0.1, LookVerdict.BLURRED, "sharpness 0.04, 0.25 would do")
    differs = LookWeight(_look(other, 11), 0.1, 0.5, LookVerdict.CONTRADICTS, "reads another text than the vote")
    return account((*looks, blurred, differs), plate, detections=20, best_height_px=31, min_height_px=8, answered=True)


def _look(plate: str, k: int, legible: float = 0.93) -> PlateRead:
    read = a_read(plate, Box(0, 0, 90 + 5 * k, 18 + k), 0.12 + 0.02 * k)
    posterior = read.posterior.copy()
    posterior[len(plate) - 1, CHARSET.index(plate[-1]) + 1] = 0.4 if k % 4 == 3 else 0.99
    return replace(read, at_s=k / 7, posterior=posterior, legible=legible)


def a_frame(
    camera: str, sequence: int, at_s: float, plate: str, box: Box, size: tuple[int, int] = (1080, 1920)
) -> Frame:
    """A drawn street with one car; the colours move a little with `sequence`."""
    height, width = size
    picture = np.full((height, width, 3), (96, 104, 100), np.uint8)
    cv2.rectangle(picture, (0, 0), (width, height // 3), (178, 160, 138), -1)
    cv2.rectangle(picture, (620, 300), (1320, 900), (70, 54, 44 + sequence % 20), -1)
    cv2.rectangle(picture, (720, 330), (1220, 520), (150, 140, 120), -1)
    for x in (640, 1190):
        cv2.circle(picture, (x + 60, 600), 42, (210, 230, 235), -1)
    draw_plate(picture, plate, box)
    luma = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)

    def to_bgr(region: Box | None) -> UInt8Array:
        if region is None:
            return picture
        return picture[int(region.y1) : int(region.y2), int(region.x1) : int(region.x2)]

    return Frame(camera, sequence, at_s, START + timedelta(seconds=at_s), luma, to_bgr)


def draw_plate(picture: UInt8Array, plate: str, box: Box) -> None:
    """Draw `plate` in black on white into `box` of `picture`."""
    cv2.rectangle(picture, (int(box.x1), int(box.y1)), (int(box.x2), int(box.y2)), (236, 240, 240), -1)
    (width, height), _ = cv2.getTextSize(plate, cv2.FONT_HERSHEY_DUPLEX, 1.0, 2)
    scale = 0.86 * min(box.width / width, box.height / height)
    origin = (int(box.centre[0] - width * scale / 2), int(box.centre[1] + height * scale / 2))
    cv2.putText(
        picture, plate, origin, cv2.FONT_HERSHEY_DUPLEX, scale, (20, 20, 20), max(1, int(2 * scale)), cv2.LINE_AA
    )


def a_crop(plate: str) -> bytes:
    """A JPEG of `plate` as events carry it."""
    picture = np.full((48, 200, 3), 240, np.uint8)
    draw_plate(picture, plate, Box(0, 0, 200, 48))
    return bytes(cv2.imencode(".jpg", picture)[1])
