"""The judge: one decision per passage, early, never twice, and with a record of why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import time, timezone
from pathlib import Path

from edge.access.audit import Audit
from edge.access.lists import Entry, ListKind, PlateLists
from edge.access.outputs import Command
from edge.access.site import Judge
from edge.clock import VirtualClock, seeded_ids
from edge.config.access import AccessLaneSettings
from edge.types import EventType, Evidence, GateEvent
from tests.access.test_barrier import CLOCK_START
from tests.access.test_decision import event, verdict

ALLOWED = PlateLists.of([Entry("AB12CDE", ListKind.ALLOW)], "v1")


class Counting:
    """A barrier that counts."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.left: list[str] = []
        self.told: list[tuple[str, float | None]] = []  # in order

    def ask(self, command: Command, decided_s: float | None) -> None:
        self.asked.append(command)
        self.told.append(("ask", decided_s))

    def gone(self, passage_id: str) -> None:
        self.left.append(passage_id)
        self.told.append(("gone", None))


def judge(folder: Path, lists: PlateLists = ALLOWED) -> tuple[Judge, Counting]:
    barrier = Counting()
    audit = Audit(folder / "audit.jsonl", VirtualClock(CLOCK_START))
    lanes = {"lane-1": AccessLaneSettings(lane="lane-1")}
    return Judge(lanes, {"lane-1": barrier}, lists, timezone.utc, audit, seeded_ids(1)), barrier  # type: ignore[dict-item]


def final(made: GateEvent) -> GateEvent:
    return replace(made, type=EventType.FINAL, event_id="e2")


def test_provisional_event_opens_and_the_final_one_repeats_the_decision(tmp_path: Path) -> None:
    """The barrier moves early; the books agree with what it did."""
    site, barrier = judge(tmp_path)
    early = event(verdict("AB12CDE", 0.995))
    told = [*site.decide(early), *site.decide(final(early))]
    site.act(told)
    assert [e.decision for e in told] == ["open", "open"]
    assert len(barrier.asked) == 1
    assert barrier.left == ["p1"]
    assert dict(told[0].details)["rule"] == "allow-list"


def test_events_that_waited_for_a_full_disk_do_not_open_for_a_car_that_has_left(tmp_path: Path) -> None:
    """The disk came back after ten minutes: the barrier learns first who is gone, and when it was decided."""
    barrier, clock = Counting(), VirtualClock(CLOCK_START)
    audit, lanes = Audit(tmp_path / "audit.jsonl", clock), {"lane-1": AccessLaneSettings(lane="lane-1")}
    site = Judge(lanes, {"lane-1": barrier}, ALLOWED, timezone.utc, audit, seeded_ids(1), now_s=clock.monotonic_s)  # type: ignore[dict-item]
    clock.advance_to(5)
    early = event(verdict("AB12CDE", 0.995))
    told = [*site.decide(early), *site.decide(final(early))]
    clock.advance_to(605)
    site.act(told)
    assert barrier.told == [("gone", None), ("ask", 5.0)]


def test_plate_that_became_sure_too_late_opens_nothing(tmp_path: Path) -> None:
    """The car has left; who stands there now is another one."""
    site, barrier = judge(tmp_path)
    (told,) = site.decide(final(event(verdict("AB12CDE", 0.999))))
    site.act([told])
    assert (told.decision, dict(told.details)["rule"]) == ("record_only", "too-late")
    assert barrier.asked == []


def test_better_read_of_the_same_passage_may_open_after_a_doubt(tmp_path: Path) -> None:
    """First look from afar, second from near."""
    site, barrier = judge(tmp_path)
    doubt = event(verdict("AB12CDE", 0.9))
    told = [*site.decide(doubt), *site.decide(replace(doubt, event_id="e3", plate=verdict("AB12CDE", 0.995)))]
    site.act(told)
    assert [e.decision for e in told] == ["manual_assist", "open"]
    assert len(barrier.asked) == 1


def test_watched_plate_gives_one_extra_event_per_passage(tmp_path: Path) -> None:
    """The police are called once."""
    site, _ = judge(tmp_path, PlateLists.of([Entry("AB12CDE", ListKind.WATCH)], "v1"))
    early = event(verdict("AB12CDE", 0.995), evidence=Evidence(b"a picture"))
    told = [*site.decide(early), *site.decide(final(early))]
    assert [e.type for e in told] == [EventType.PROVISIONAL, EventType.WATCH_HIT, EventType.FINAL]
    assert (told[1].evidence, told[1].captured_at) == (early.evidence, early.captured_at)  # early, and with its picture
    assert len({e.event_id for e in told}) == 3


def test_new_lists_count_from_the_next_decision_on(tmp_path: Path) -> None:
    """Swapped as a whole, without a restart."""
    site, _ = judge(tmp_path)
    site.replace_lists(PlateLists.of([], "v2"))
    (told,) = site.decide(event(verdict("AB12CDE", 0.995)))
    assert (told.decision, dict(told.details)["lists_version"]) == ("refuse", "v2")


def test_every_decision_is_audited_without_the_plate(tmp_path: Path) -> None:
    """Who was let in is in the event; why is in the audit."""
    site, _ = judge(tmp_path)
    site.decide(event(verdict("AB12CDE", 0.995)))
    text = (tmp_path / "audit.jsonl").read_text()
    line = json.loads(text)
    assert (line["what"], line["decision"], line["rule"], line["lists"]) == ("decision", "open", "allow-list", "v1")
    assert "AB12CDE" not in text


def test_barrier_that_did_not_open_calls_a_person_and_stays_shut(tmp_path: Path) -> None:
    """The driver waits: a new event says so at once, the final one again, and no later read opens by surprise."""
    site, barrier = judge(tmp_path)
    early = event(verdict("AB12CDE", 0.995))
    site.act(site.decide(early))
    (called,) = site.barrier_failed(barrier.asked[0], "no answer")
    later = [*site.decide(replace(early, event_id="e3")), *site.decide(final(early))]
    site.act(later)
    assert [e.decision for e in (called, *later)] == ["manual_assist"] * 3
    assert (called.type, dict(called.details)["rule"]) == (EventType.PROVISIONAL, "barrier")
    assert dict(called.details)["reason"] == "the barrier did not open: no answer"
    assert len({early.event_id, called.event_id}) == 2
    assert len(barrier.asked) == 1


def test_clock_that_is_not_set_makes_validity_a_matter_for_a_person(tmp_path: Path) -> None:
    """A gate computer that boots without network thinks it is 1970; the event says so too."""
    night = PlateLists.of([Entry("AB12CDE", ListKind.ALLOW, hours=(time(6), time(22)))], "v1")
    audit = Audit(tmp_path / "audit.jsonl", VirtualClock(CLOCK_START))
    lanes = {"lane-1": AccessLaneSettings(lane="lane-1")}
    site = Judge(lanes, {}, night, timezone.utc, audit, seeded_ids(1), clock_good=lambda: False)
    (told,) = site.decide(event(verdict("AB12CDE", 0.995)))
    assert (told.decision, dict(told.details)["rule"], told.clock_synchronised) == ("manual_assist", "clock", False)
