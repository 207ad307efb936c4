"""Pipeline: frames in, one passage's events out; deterministic, bounded, and cheap when nothing happens."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import InferenceError
from edge.pipeline.attention import Look
from edge.pipeline.pipeline import Pipeline, Step
from edge.types import Direction, EventType, GateEvent
from tests.pipeline.world import START, Plate, World, approach, both, pipeline


def run(world: World, vision: Pipeline) -> tuple[list[Step], list[GateEvent]]:
    steps = [vision.step(frame) for frame in world.frames()]
    events = [event for step in steps for event in step.events]
    return steps, [*events, *vision.settle()]


def test_a_vehicle_gives_one_provisional_and_one_final_event() -> None:
    """The product in one line: one passage, told early and told once."""
    world = World(approach("AB12CDE"))
    _, events = run(world, pipeline(world))
    assert [e.type for e in events] == [EventType.PROVISIONAL, EventType.FINAL]
    assert {e.passage_id for e in events} == {events[0].passage_id}
    assert len({e.event_id for e in events}) == 2
    final = events[-1]
    assert final.plate is not None
    assert (final.plate.text, final.direction) == ("AB12CDE", Direction.ENTRY)
    assert (final.site, final.lane, final.camera) == ("site-1", "lane-1", "gate")
    assert (final.software.version, final.software.detector) == ("1.2.3", "scripted 1")


def test_provisional_comes_while_the_vehicle_still_approaches() -> None:
    """The barrier should be open when the car gets there."""
    world = World(approach("AB12CDE"))
    _, events = run(world, pipeline(world))
    assert (events[0].captured_at - START).total_seconds() < 1.5


def test_event_carries_the_moment_of_capture_and_a_picture_within_the_limit() -> None:
    """Time of capture, not of processing; the picture must fit the broker."""
    world = World(approach("AB12CDE", since_s=1.0))
    _, events = run(world, pipeline(world))
    final = events[-1]
    assert 1.0 <= (final.captured_at - START).total_seconds() <= 4.0
    jpeg = final.evidence.crop_jpeg
    assert jpeg is not None
    assert jpeg.startswith(b"\xff\xd8")
    assert len(jpeg) <= 20_000


def test_two_runs_give_identical_events() -> None:
    """A replay that differs from run to run proves nothing."""
    scripts = both(approach("AB12CDE", x=200), approach("XYZ987", since_s=1.0, until_s=5.0, x=450))
    worlds = [World(scripts), World(scripts)]
    assert run(worlds[0], pipeline(worlds[0]))[1] == run(worlds[1], pipeline(worlds[1]))[1]


def test_two_vehicles_side_by_side_are_two_passages() -> None:
    """Neither may take the other's plate."""
    world = World(both(approach("AB12CDE", x=160), approach("XYZ987", since_s=0.5, until_s=4.5, x=480)))
    _, events = run(world, pipeline(world))
    finals = [e.plate.text for e in events if e.type is EventType.FINAL and e.plate]
    assert sorted(finals) == ["AB12CDE", "XYZ987"]


def test_empty_lane_is_hardly_looked_at() -> None:
    """99 % of the day; the detector must rest."""
    world = World(lambda now_s: (), duration_s=20)
    steps, events = run(world, pipeline(world))
    assert events == []
    assert sum(s.look is Look.NONE for s in steps) > 0.9 * len(steps)
    assert world.full_looks <= 0.1 * len(steps)


def test_plate_outside_the_region_is_no_vehicle_but_counted() -> None:
    """The neighbour's lane is none of our business, and the technician should see that it was cut off on purpose."""
    world = World(approach("AB12CDE", x=500))
    left_half = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
    steps, events = run(world, pipeline(world, region=left_half))
    assert events == []
    assert any("outside_region" in s.losses for s in steps)


def test_plate_that_cannot_be_read_ends_as_unread() -> None:
    """A vehicle without an answer is a fact too: the attendant is needed."""

    def muddy(now_s: float) -> list[Plate]:
        return [Plate(p.text, p.centre, p.width_px, legible=0.05) for p in approach("AB12CDE")(now_s)]

    world = World(muddy)
    _, events = run(world, pipeline(world))
    assert [e.type for e in events] == [EventType.UNREAD]
    assert events[0].evidence.crop_jpeg is not None


def test_other_vehicle_in_the_same_place_becomes_a_passage_of_its_own() -> None:
    """Bumper to bumper: the second plate appears where the first one vanished, in the same track."""

    def tailgating(now_s: float) -> list[Plate]:
        text = "AB12CDE" if now_s < 2.0 else "KL55QRS"
        return [Plate(text, (320, 120 + 40 * now_s), 60 + 10 * now_s)] if now_s < 4.5 else []

    world = World(tailgating)
    _, events = run(world, pipeline(world))
    assert [e.plate.text for e in events if e.type is EventType.FINAL and e.plate] == ["AB12CDE", "KL55QRS"]


def test_waiting_vehicle_is_read_seldom() -> None:
    """Nothing is re-read until the picture changes: a car at the barrier must not heat the box."""

    def waits(now_s: float) -> list[Plate]:
        y = 120 + 80 * min(now_s, 2.0)
        return [Plate("AB12CDE", (320, y), 60 + 15 * min(now_s, 2.0))]

    world = World(waits, duration_s=32)
    run(world, pipeline(world))
    assert world.read_crops < 80


def test_model_failure_is_an_error_and_the_next_frame_works() -> None:
    """A lost device is the stage's decision, not a crash; the passage in progress survives a short one."""
    world = World(approach("AB12CDE"))
    world.fails_from_s, world.fails_until_s = 1.0, 1.3
    vision = pipeline(world)
    failures, events = 0, []
    for frame in world.frames():
        try:
            events += vision.step(frame).events
        except InferenceError:
            failures += 1
    events += vision.settle()
    assert failures >= 2
    assert [e.type for e in events] == [EventType.PROVISIONAL, EventType.FINAL]


def test_memory_does_not_grow_with_the_number_of_vehicles() -> None:
    """Every map keyed by track has an owner that deletes."""
    passing = [approach(f"AB{i:02d}CDE", since_s=6.0 * i, until_s=6.0 * i + 3.0) for i in range(12)]
    world = World(both(*passing), duration_s=90, fps=10)
    vision = pipeline(world)
    _, events = run(world, vision)
    assert sum(e.type is EventType.FINAL for e in events) == 12
    assert vision.ballots() == {}
    assert vision.states() == {}


@pytest.mark.parametrize("fps", [5.0, 15.0, 25.0])
def test_frame_rate_does_not_change_the_answer(fps: float) -> None:
    """Cameras come with all kinds of settings."""
    world = World(approach("AB12CDE"), fps=fps)
    _, events = run(world, pipeline(world, max_fps=25))
    assert [e.type for e in events] == [EventType.PROVISIONAL, EventType.FINAL]
    assert events[-1].plate is not None
    assert events[-1].plate.text == "AB12CDE"


def test_timings_are_those_of_the_given_stopwatch() -> None:
    """Without a stopwatch a step holds nothing of the machine's speed, so replays compare bit for bit."""
    world = World(approach("AB12CDE"))
    steps, _ = run(world, pipeline(world))
    assert not np.any([list(s.timings_s.values()) for s in steps if s.look is Look.FULL])
