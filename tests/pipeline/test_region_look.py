"""A camera's region is looked at alone, so that its plates are larger in the network's input."""

from __future__ import annotations

from edge.types import Box, Detection, EventType, UInt8Array
from tests.pipeline.world import HEIGHT, WIDTH, World, approach, pipeline

FULL_SIZE = (384, 640)


class Watching(World):
    """Notes the parts that are looked at with the network's full input."""

    def __init__(self) -> None:
        super().__init__(approach("AB12CDE", x=160))
        self.asked: list[tuple[Box, tuple[int, int] | None]] = []

    def detect_in(self, luma: UInt8Array, region: Box, size: tuple[int, int] | None = None) -> tuple[Detection, ...]:
        if size == FULL_SIZE:
            self.asked.append((region, size))
        return super().detect_in(luma, region, size)


def test_the_full_look_takes_in_the_region_and_nothing_else() -> None:
    """A lane that fills half the picture shows its plates twice as large for the same time."""
    world = Watching()
    vision = pipeline(world, region=[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)])
    events = [e for frame in world.frames() for e in vision.step(frame).events] + list(vision.settle())
    assert world.asked == []  # as high as the picture: looking at the region alone shows nothing larger
    assert world.full_looks > 0
    assert [e.type for e in events] == [EventType.PROVISIONAL, EventType.FINAL]


def test_a_small_region_replaces_the_full_look() -> None:
    world = Watching()
    vision = pipeline(world, region=[(0.1, 0.2), (0.6, 0.2), (0.6, 0.7), (0.1, 0.7)])
    for frame in world.frames():
        vision.step(frame)
    assert world.full_looks == 0
    regions = {region.as_tuple() for region, _ in world.asked}
    (box,) = regions
    assert box[0] < 0.1 * WIDTH
    assert 0.6 * WIDTH < box[2] < 0.75 * WIDTH
    assert box[1] < 0.2 * HEIGHT
