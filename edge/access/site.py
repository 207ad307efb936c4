"""The site's judge: gives each event its decision, and has the barrier act once the event is stored.

Decided once per passage, as early as the provisional event; later events of the
passage repeat the decision. A passage that is over never opens the barrier.
Vision threads share it; the lists are swapped as a whole.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo

from edge.access.audit import Audit
from edge.access.barrier import Barrier
from edge.access.decision import Decision, Ruling, rule
from edge.access.lists import PlateLists
from edge.access.outputs import Command
from edge.clock import EventIds
from edge.config.access import AccessLaneSettings
from edge.errors import StorageError
from edge.privacy.keeping import LISTED
from edge.types import EventType, Evidence, GateEvent

log = logging.getLogger(__name__)

PASSAGES_REMEMBERED = 1_000
BARRIER = "barrier"  # rule of a passage that was to be opened for, and could not be
_PASSAGES = (EventType.PROVISIONAL, EventType.FINAL, EventType.UNREAD)


class Judge:
    """Decides for all lanes of one site.

    Args:
        lanes: rules by lane.
        barriers: by lane; a lane without one is only decided.
        lists: in force at the start.
        zone: of the site's clock.
        audit: gets a line per decision.
        ids: names the events that are added.
        clock_good: tells whether UTC is right: without it no validity can be checked.
        now_s: monotonic, the clock of the barriers.
    """

    def __init__(
        self,
        lanes: Mapping[str, AccessLaneSettings],
        barriers: Mapping[str, Barrier],
        lists: PlateLists,
        zone: tzinfo,
        audit: Audit,
        ids: EventIds,
        clock_good: Callable[[], bool] = lambda: True,
        now_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._lanes = dict(lanes)
        self._barriers = dict(barriers)
        self._lists = lists
        self._zone = zone
        self._audit = audit
        self._ids = ids
        self._clock_good, self._now_s = clock_good, now_s
        self._decided_s: OrderedDict[str, float] = OrderedDict()  # when a passage was to be opened for
        self._lock = threading.Lock()
        self._rulings: OrderedDict[str, Ruling] = OrderedDict()  # by passage, oldest first
        self._opened: OrderedDict[str, GateEvent] = OrderedDict()  # what the barrier was asked for, without pictures

    @property
    def lists(self) -> PlateLists:
        """Return the lists in force."""
        return self._lists

    def replace_lists(self, lists: PlateLists) -> None:
        """Put other lists in force from the next decision on."""
        self._lists = lists
        log.info("lists: %d entries, version %s", len(lists.entries), lists.version[:12] or "none")

    def decide(self, event: GateEvent) -> tuple[GateEvent, ...]:
        """Return `event` with its decision, and a watch.hit event behind it where a watch list matches."""
        if event.type not in _PASSAGES:
            return (event,)
        event = replace(event, clock_synchronised=event.clock_synchronised and self._clock_good())
        with self._lock:
            known = self._rulings.get(event.passage_id)
            ruling = known if known is not None and not self._reopened(known, event) else self._rule(event)
            self._rulings[event.passage_id] = ruling
            if ruling.decision is Decision.OPEN:
                self._decided_s.setdefault(event.passage_id, self._now_s())
            for memory in (self._rulings, self._decided_s):
                while len(memory) > PASSAGES_REMEMBERED:
                    memory.popitem(last=False)
        decided = replace(event, decision=ruling.decision.value, details=(*event.details, *_facts(ruling)))
        new_hit = ruling.watched and not (known is not None and known.watched)
        return (decided, self._watch_hit(decided)) if new_hit else (decided,)

    def act(self, events: Sequence[GateEvent]) -> None:
        """Have barriers opened for stored events that say so, and no longer for vehicles that have left.

        Events that had to wait for the disk come late, and several at once: what has ended among them comes first.
        """
        watched = [(event, barrier) for event in events if (barrier := self._barriers.get(event.lane)) is not None]
        for event, barrier in watched:
            if event.type in (EventType.FINAL, EventType.UNREAD):
                barrier.gone(event.passage_id)
        for event, barrier in watched:
            if event.type is EventType.PROVISIONAL and event.decision == Decision.OPEN.value:
                self._remember(event)
                command = Command(event.site, event.lane, event.passage_id, event.event_id)
                barrier.ask(command, self._decided_s.get(event.passage_id))

    def barrier_failed(self, command: Command, reason: str) -> tuple[GateEvent, ...]:
        """Return the event that calls a person for a vehicle whose barrier did not open; its final one repeats it."""
        with self._lock:
            event, known = self._opened.get(command.passage_id), self._rulings.get(command.passage_id)
            if event is None or known is None:
                return ()
            said = f"the barrier did not open: {reason}"
            ruling = replace(known, decision=Decision.MANUAL_ASSIST, rule=BARRIER, reason=said)
            self._rulings[command.passage_id] = ruling
        self._note(event, ruling)
        called = replace(event, event_id=self._ids.new(event.captured_at), decision=ruling.decision.value)
        return (replace(called, details=_facts(ruling)),)

    def _remember(self, event: GateEvent) -> None:
        with self._lock:
            plate = replace(event.plate, basis=None) if event.plate else None
            self._opened[event.passage_id] = replace(event, plate=plate, evidence=Evidence(), sequence=None)
            while len(self._opened) > PASSAGES_REMEMBERED:
                self._opened.popitem(last=False)

    def _rule(self, event: GateEvent) -> Ruling:
        ruling = rule(event, self._lanes.get(event.lane), self._lists, self._zone)
        if event.type is not EventType.PROVISIONAL and ruling.decision is Decision.OPEN:
            reason = "the plate was sure only when the vehicle had gone"
            ruling = replace(ruling, decision=Decision.RECORD_ONLY, rule="too-late", reason=reason)
        self._note(event, ruling)
        return ruling

    @staticmethod
    def _reopened(known: Ruling, event: GateEvent) -> bool:
        """Tell whether a doubtful case may be judged again: the plate was read better, and nothing opened yet."""
        settled = known.decision is Decision.OPEN or known.rule == BARRIER
        return event.type is EventType.PROVISIONAL and not settled

    def _note(self, event: GateEvent, ruling: Ruling) -> None:
        try:
            self._audit.note(
                "decision",
                on_disk=False,
                lane=event.lane,
                passage_id=event.passage_id,
                event_id=event.event_id,
                decision=ruling.decision.value,
                rule=ruling.rule,
                reason=ruling.reason,
                probability=round(ruling.probability, 4),
                lists=ruling.lists_version,
            )
        except StorageError as error:
            log.error("audit: %s", error)

    def _watch_hit(self, event: GateEvent) -> GateEvent:
        return replace(event, event_id=self._ids.new(event.captured_at), type=EventType.WATCH_HIT)


def _facts(ruling: Ruling) -> tuple[tuple[str, str | int | float | bool | None], ...]:
    return (
        ("rule", ruling.rule),
        ("reason", ruling.reason),
        ("listed_probability", round(ruling.probability, 4)),
        ("lists_version", ruling.lists_version),
        (LISTED, ruling.listed),
    )
