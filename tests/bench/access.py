"""Decisions in numbers, on this machine: 100,000 entries loaded, looked up, matched, decided.

    python -m tests.bench.access

Bars: load <= 2 s, look-up p99 <= 1 ms, decision p99 <= 5 ms. The decision is timed as the vision thread waits for
it, the audit line included; every verdict comes from a vote of 25 looks. Beside the time by the clock stands the
processor's, which does not depend on what else the machine does.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timezone
from pathlib import Path

import numpy as np

from edge.access import files
from edge.access.audit import Audit
from edge.access.lists import PlateLists
from edge.access.matching import matches
from edge.access.site import Judge
from edge.access.spelling import Spelling
from edge.clock import EventIds, SystemClock
from edge.config.access import AccessLaneSettings
from edge.tracking.voting import Ballot
from edge.types import GateEvent, Verdict
from tests.access.test_decision import event
from tests.tracking.reader import Ability, Reader

ENTRIES = 100_000
VEHICLES = 300
LOOKS = 25
UTC = timezone.utc


def main() -> None:
    """Print each figure on a line of its own."""
    rng = np.random.default_rng(1)
    plates = _plates(rng)
    spelling = Spelling(("GB", "DE"))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "lists.csv"
        path.write_text("plate,list,holder,hours\n" + "".join(f"{p},allow,Holder {p},06:00-22:00\n" for p in plates))
        began_s, began_cpu_s = time.perf_counter(), time.thread_time()
        lists = files.load(path, UTC, spelling)
        took_s, took_cpu_s = time.perf_counter() - began_s, time.thread_time() - began_cpu_s
        print(f"{'load of 100,000':18} {took_s:8.2f} s  ({took_cpu_s:.2f} s of the processor)")
        _show("look-up", [_timed(lambda plate=plate: lists.find(plate)) for plate in plates[:5_000]])  # type: ignore[misc]
        seen = [_vehicle(plates[k] if k % 2 else _neighbour(plates[k], rng), rng) for k in range(VEHICLES)]
        _show("match", [_timed(lambda v=v: matches(lists, v)) for v in seen])  # type: ignore[misc]
        _show("decision", _decisions(Path(name), lists, seen))


def _plates(rng: np.random.Generator) -> list[str]:
    letters, digits = np.array(list("ABCDEFGHJKLMNOPRSTUVWXYZ")), np.array(list("0123456789"))
    columns = [rng.choice(letters if c == "L" else digits, 2 * ENTRIES) for c in "LLDDLLL"]
    found = dict.fromkeys("".join(row) for row in np.array(columns).T)
    return list(found)[:ENTRIES]


def _neighbour(plate: str, rng: np.random.Generator) -> str:
    return plate[:3] + str(rng.integers(10)) + plate[4:]


def _vehicle(plate: str, rng: np.random.Generator) -> Verdict:
    reader, ballot = Reader(plate, rng, Ability(dirt=1.0)), Ballot()
    for k in range(LOOKS):
        ballot.add(reader.read(1, k, k / 15, 15.0 + 2.5 * k))
    verdict = ballot.verdict()
    assert verdict is not None
    return verdict


def _decisions(folder: Path, lists: PlateLists, seen: Sequence[Verdict]) -> list[tuple[float, float]]:
    lane = AccessLaneSettings(lane="lane-1")
    judge = Judge({"lane-1": lane}, {}, lists, UTC, Audit(folder / "audit.jsonl", SystemClock()), EventIds())
    asked: list[GateEvent] = [replace(event(v), passage_id=f"p{k}") for k, v in enumerate(seen)]
    return [_timed(lambda e=e: judge.decide(e)) for e in asked]  # type: ignore[misc]


def _timed(action: Callable[[], object]) -> tuple[float, float]:
    """Return how long it took by the clock and by the processor, s."""
    began_s, began_cpu_s = time.perf_counter(), time.thread_time()
    action()
    return time.perf_counter() - began_s, time.thread_time() - began_cpu_s


def _show(name: str, taken: Sequence[tuple[float, float]]) -> None:
    wall_s, cpu_s = (sorted(column) for column in zip(*taken, strict=True))
    shares = [int(len(taken) * share) for share in (0.5, 0.99)]
    (p50, p99), (cpu50, cpu99) = ([1000 * c[k] for k in shares] for c in (wall_s, cpu_s))
    print(f"{name:18} {p50:7.3f} ms p50 {p99:7.3f} ms p99  (processor {cpu50:.3f} and {cpu99:.3f}), {len(taken)} times")


if __name__ == "__main__":
    main()
