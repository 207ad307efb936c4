"""Memory: the C library is asked for few arenas, and does as it is asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
