"""Triggers: a vehicle that called is read, or a person is called with a picture; never both, never twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from edge.pipeline.pipeline import Pipeline
from edge.types import Direction, EventType, GateEvent, Trigger
from tests.pipeline.world import START, Plate, Script, World, approach, pipeline

UNREADABLE = 0.05


def muddy(script: Script) -> Script:
    """Return the same vehicles with plates that nobody can read."""
    return lambda now_s: [Plate(p.text, p.centre, p.width_px, UNREADABLE) for p in script(now_s)]


def at(moment_s: float) -> Trigger:
    return Trigger(moment_s, START + timedelta(seconds=moment_s), "gpio")


def run(world: World, vision: Pipeline, *moments_s: float) -> list[GateEvent]:
    """Play the world; each trigger comes with the first frame that is not older."""
    left = sorted(moments_s)
    events: list[GateEvent] = []
    for frame in world.frames():
        due = [m for m in left if m <= frame.monotonic_s]
        left = left[len(due) :]
        events += vision.step(frame, [at(m) for m in due]).events
    return [*events, *vision.settle()]


def kinds(events: Sequence[GateEvent]) -> list[EventType]:
    return [e.type for e in events]


def test_vehicle_that_nobody_can_see_is_reported_with_a_picture_of_its_call() -> None:
    """No plate at all: the loop knows, the camera does not, the attendant must come."""
    world = World(lambda now_s: (), duration_s=12)
    (missed,) = run(world, pipeline(world, trigger={"window_s": 5}), 2.0)
    assert (missed.type, missed.plate, missed.captured_at) == (EventType.UNREAD, None, START + timedelta(seconds=2))
    assert dict(missed.details) == {"trigger": "gpio"}
    assert missed.evidence.crop_jpeg is not None and len(missed.evidence.crop_jpeg) <= 20_000


def test_it_is_reported_as_soon_as_its_window_is_over() -> None:
    """The driver waits."""
    world = World(lambda now_s: (), duration_s=12)
    vision = pipeline(world, trigger={"window_s": 3})
    moments = [
        frame.monotonic_s
        for frame in world.frames()
        if vision.step(frame, [at(0.0)] if frame.sequence == 0 else []).events
    ]
    assert len(moments) == 1
    assert 3.0 <= moments[0] <= 3.2


def test_vehicle_that_is_read_before_or_after_its_call_is_no_alarm() -> None:
    """The loop lies before or behind the place where plates are read."""
    for moment_s in (0.2, 2.0, 5.5):
        world = World(approach("AB12CDE"), duration_s=14)
        assert kinds(run(world, pipeline(world), moment_s)) == [EventType.PROVISIONAL, EventType.FINAL]


def test_second_vehicle_behind_a_read_one_is_not_forgotten() -> None:
    """Each passage answers one call: the motorcycle behind the van still gets its person."""
    world = World(approach("AB12CDE"), duration_s=20)
    assert kinds(run(world, pipeline(world), 2.0, 6.0)) == [
        EventType.PROVISIONAL,
        EventType.FINAL,
        EventType.UNREAD,
    ]


def test_second_axle_is_the_same_vehicle() -> None:
    """And so is a relay that bounces."""
    world = World(lambda now_s: (), duration_s=14)
    assert kinds(run(world, pipeline(world), 2.0, 2.1, 3.5)) == [EventType.UNREAD]


def test_unreadable_plate_is_told_once_and_under_one_passage() -> None:
    """The gate's own passage.unread comes when the vehicle is gone; the one of its call came first."""
    world = World(muddy(approach("AB12CDE", until_s=7.0)), duration_s=14)
    (missed,) = run(world, pipeline(world, trigger={"window_s": 2}), 1.0)
    assert missed.type is EventType.UNREAD
    assert (missed.captured_at - START).total_seconds() == 1.0


def test_plate_that_becomes_legible_after_all_goes_on_with_the_same_passage() -> None:
    """The attendant was called, then the driver rolled forward: one vehicle, one identifier."""

    def late(now_s: float) -> Sequence[Plate]:
        legible = UNREADABLE if now_s < 4.0 else 0.99
        return [Plate(p.text, p.centre, p.width_px, legible) for p in approach("AB12CDE", until_s=8.0)(now_s)]

    world = World(late, duration_s=14)
    events = run(world, pipeline(world, trigger={"window_s": 2}), 1.0)
    assert kinds(events) == [EventType.UNREAD, EventType.PROVISIONAL, EventType.FINAL]
    assert len({e.passage_id for e in events}) == 1


def test_camera_that_gives_no_picture_is_no_excuse() -> None:
    """The cable is cut and a car waits."""
    world = World(lambda now_s: ())
    vision = pipeline(world, gate={"direction": "entry"}, trigger={"window_s": 5})
    assert vision.wait(10.0, [at(10.0)]) == ()
    (missed,) = vision.wait(15.0)
    assert (missed.type, missed.evidence.crop_jpeg, missed.direction) == (EventType.UNREAD, None, Direction.ENTRY)
    assert vision.wait(30.0) == ()


def test_call_wakes_a_camera_that_sees_nothing_move() -> None:
    """A car that stands since before the start does not move; it must be looked at nevertheless."""
    world = World(lambda now_s: (), duration_s=10)
    run(world, pipeline(world), 2.0)
    woken = world.full_looks
    world = World(lambda now_s: (), duration_s=10)
    run(world, pipeline(world))
    assert woken > 3 * world.full_looks


def test_two_runs_with_the_same_triggers_give_identical_events() -> None:
    """A replay may script them."""
    worlds = [World(muddy(approach("AB12CDE")), duration_s=14) for _ in range(2)]
    first, second = (run(w, pipeline(w), 1.0, 9.0) for w in worlds)
    assert first == second
    assert len(first) == 2
