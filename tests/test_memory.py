"""Memory: the C library is asked for few arenas, and does as it is asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edge.clock import VirtualClock
from edge.memory import EVERY_S, Thrift
from edge.replay.player import EPOCH

# Each of 16 threads makes its first allocations; glibc would give most of them an arena of 64 MiB of addresses.
_MANY_THREADS = """
import re, sys, threading
from edge.memory import keep_few_arenas
if sys.argv[1] == "few" and not keep_few_arenas():
    sys.exit("no arenas here")
barrier = threading.Barrier(17)
def work():
    kept = [bytes(2000) for _ in range(2000)]
    barrier.wait()
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(16)]
[t.start() for t in threads]
barrier.wait()
sizes = [int(b, 16) - int(a, 16) for a, b in re.findall(r"^(\\w+)-(\\w+) ---p", open("/proc/self/maps").read(), re.M)]
print(sum(32 << 20 < s <= 64 << 20 for s in sizes))
barrier.wait()
"""


def _arenas(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", _MANY_THREADS, how], capture_output=True, text=True, check=False)
    if "no arenas here" in done.stderr:
        pytest.skip("this C library has no arenas")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_threads_share_few_arenas() -> None:
    """Two hundred reconnects of a camera must not leave two hundred threads' worth of memory behind."""
    assert _arenas("few") <= 2 < _arenas("many")


# Of forty thousand pieces every tenth stays, so that no end of the heap is free; glibc keeps all of it.
_FRAGMENTS = """
import sys
from edge.memory import give_back
pieces = [bytes(4000) for _ in range(40_000)]
kept = pieces[::10]
del pieces
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
before = resident()
if not give_back():
    sys.exit("nothing given back here")
print(before - resident())
"""


def test_memory_that_is_free_between_things_that_stay_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _FRAGMENTS], capture_output=True, text=True, check=False)
    if "nothing given back here" in done.stderr:
        pytest.skip("this C library cannot")
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 50  # of some 140 MiB that were freed


def test_it_is_given_back_once_a_minute() -> None:
    clock = VirtualClock(EPOCH)
    given: list[float] = []
    thrift = Thrift(clock, lambda: given.append(clock.monotonic_s()))
    for second in range(1, int(3 * EVERY_S) + 1):
        clock.advance_to(second)
        thrift()
    assert given == [EVERY_S, 2 * EVERY_S, 3 * EVERY_S]
