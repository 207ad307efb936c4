"""Whatever happens in whatever order, each consumer can account for every number of every lane."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clock import VirtualClock
from edge.sinks.outbox import Limits, Outbox
from edge.sinks.outbox_retention import DAY_S
from edge.types import EventType, GateEvent
from tests.sinks.events import START, gate_events

SINKS = ("mqtt", "webhook")
LANES = ("entry", "exit")

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from(LANES), st.integers(1, 4)),
        st.tuples(st.just("deliver"), st.sampled_from(SINKS), st.integers(1, 6)),
        st.tuples(st.just("reject"), st.sampled_from(SINKS), st.just(1)),
        st.tuples(st.just("days"), st.just(""), st.integers(1, 4)),
        st.tuples(st.just("restart"), st.just(""), st.just(0)),
    ),
    max_size=40,
)


class Consumer:
    """Keeps the books of one sink's far end: which numbers came, which were explained, in which order."""

    def __init__(self) -> None:
        self.came: dict[str, list[int]] = defaultdict(list)
        self.explained: dict[str, set[int]] = defaultdict(set)

    def take(self, event: GateEvent) -> None:
        assert event.sequence is not None
        if event.type is EventType.GAP:
            details = dict(event.details)
            first, last = details["first_sequence"], details["last_sequence"]
            assert isinstance(first, int)
            assert isinstance(last, int)
            self.explained[event.lane] |= set(range(first, last + 1))
            return
        if self.came[event.lane]:
            assert event.sequence > self.came[event.lane][-1], "out of order"
        self.came[event.lane].append(event.sequence)


def _run(operations: list[tuple[str, str, int]], path: Path) -> None:
    clock, now_s = VirtualClock(START), 0.0
    consumers = {sink: Consumer() for sink in SINKS}
    dead: dict[str, dict[str, set[int]]] = {sink: defaultdict(set) for sink in SINKS}
    last: dict[str, int] = defaultdict(int)

    def opened() -> Outbox:
        outbox = Outbox(path, clock, limits=Limits(max_age_s=2 * DAY_S)).__enter__()
        outbox.register(*SINKS)
        return outbox

    def deliver(sink: str, count: int) -> None:
        batch = outbox.pending(sink, count)
        for event in batch:
            consumers[sink].take(event)
        outbox.acknowledge(sink, [event.event_id for event in batch])

    outbox = opened()
    for what, who, count in operations:
        if what == "append":
            for event in outbox.append(gate_events(count, lane=who)):
                assert event.sequence == last[who] + 1
                last[who] += 1
        elif what == "deliver":
            deliver(who, count)
        elif what == "reject":
            for event in outbox.pending(who, 1):
                if event.type is not EventType.GAP:
                    dead[who][event.lane].add(event.sequence or 0)
                    outbox.reject(who, event.event_id, "refused")
        elif what == "days":
            now_s += count * DAY_S
            clock.advance_to(now_s)
        else:
            outbox.__exit__(None, None, None)
            outbox = opened()
    for sink in SINKS:
        deliver(sink, 10_000)
    outbox.__exit__(None, None, None)
    for sink, books in consumers.items():
        for lane, highest in last.items():
            accounted = set(books.came[lane]) | books.explained[lane] | dead[sink][lane]
            assert accounted >= set(range(1, highest + 1)), f"{sink} cannot account for all of {lane}"
            assert max(accounted, default=0) == highest


@settings(max_examples=40, deadline=None)
@given(OPERATIONS)
def test_every_number_is_delivered_explained_or_a_dead_letter(operations: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _run(operations, Path(folder) / "outbox.db")
