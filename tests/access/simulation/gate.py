"""A gate without cameras: the real outbox, car park and sink, fed with simulated passages, killed at will."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from random import Random

from edge.access.operations import Operation
from edge.access.parking import Parking
from edge.access.parking_sink import NAME, ParkingSink
from edge.clock import VirtualClock
from edge.config.parking import ParkingSettings
from edge.sinks.outbox import Outbox
from edge.types import EventType, GateEvent, Software
from tests.access.simulation.car_park import START, Simulation

BROKER = "mqtt"
LANES = {"north-in": "cam-1", "north-out": "cam-2", "south-in": "cam-3", "south-out": "cam-4"}


class Killed(Exception):
    """The power went, in a test that cannot afford a process for each time."""


def event_of(op: Operation) -> GateEvent:
    """Return the event from which the car park makes `op`."""
    return GateEvent(
        event_id=op.event_id,
        type=EventType.UNREAD if op.plate is None else EventType.FINAL,
        site="site-1",
        lane=op.lane,
        camera=LANES[op.lane],
        passage_id=op.op_id,
        direction=op.direction,
        captured_at=op.at,
        plate=op.plate,
        software=Software("0.1.0", "plates-1", "reader-1"),
        decision=op.decision,
    )


class Gate:
    """One life of a gate, from start to kill; a context manager.

    Args:
        folder: with its files.
        settings: section `parking`.
        random: decides where it is killed.
        until_kill: turns to live; None: it lives on.
    """

    def __init__(
        self, folder: Path, settings: ParkingSettings, random: Random | None = None, until_kill: int | None = None
    ) -> None:
        self._clock = VirtualClock(START + timedelta(days=1))
        self._random, self._left = random or Random(0), until_kill
        self.outbox = Outbox(folder / "outbox.db", self._clock)
        self._settings = settings.model_copy(update={"path": folder / "parking.db"})
        self.received: list[GateEvent] = []  # what the broker got

    def __enter__(self) -> Gate:
        self.outbox.__enter__()
        self.outbox.register(NAME, BROKER)
        self.parking = Parking(self._settings, self._clock.utc())
        self._sink = ParkingSink(self.parking, LANES, "site-1", self._append, self._clock)
        return self

    def __exit__(self, *_: object) -> None:
        self.outbox.__exit__(None, None, None)

    def passes(self, op: Operation) -> None:
        """A vehicle passes; everything that follows from it happens, or the gate is killed on the way."""
        self._may_die()
        self.outbox.append([event_of(op)])
        self.turn()

    def turn(self) -> None:
        """Do what the publish stages would do, until nothing waits."""
        while True:
            batch = self.outbox.pending(NAME, 20)
            self._may_die()
            self._sink.write(batch)
            self._may_die()
            self.outbox.acknowledge(NAME, [e.event_id for e in batch])
            sent = self.outbox.pending(BROKER, 20)
            self.received += sent
            self._may_die()
            self.outbox.acknowledge(BROKER, [e.event_id for e in sent])
            if not batch and not sent:
                return

    def _append(self, events: Iterable[GateEvent]) -> object:
        self._may_die()
        stored = self.outbox.append(events)
        self._may_die()
        return stored

    def _may_die(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left <= 0 and self._random.random() < 0.2:
                raise Killed


def live(folder: Path, seed: int, passages: int, first: int, stored: Path) -> None:
    """Be a process that is killed: feed passages from number `first` on, noting each that was promised."""
    park = Simulation(seed, passages, 3.0).run()
    note = os.open(stored, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    received = os.open(folder / "received", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with Gate(folder, ParkingSettings()) as gate:
        gate.turn()
        for number, op in enumerate(park.seen[first:], first):
            os.write(note, f"begin {number}\n".encode())
            gate.outbox.append([event_of(op)])
            os.write(note, f"stored {number}\n".encode())
            gate.turn()
            os.write(received, b"".join(f"{e.event_id} {e.lane} {e.sequence}\n".encode() for e in gate.received))
            gate.received.clear()
