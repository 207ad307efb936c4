"""`python -m tests.access.simulation`: the whole form, 10,000 passages over 30 days; prints the figures.

With --kill-every 100 the passages go through a real outbox and car park, killed about that often.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.access.simulation.play import play, play_with_kills

MEMORY = Path("/dev/shm")


def main() -> None:
    """Print the figures of some seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--days", type=float, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kill-every", type=int, default=0)
    asked = parser.parse_args()
    for seed in range(asked.seeds):
        began_s = time.perf_counter()
        with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
            kill = asked.kill_every
            played = (
                play_with_kills(Path(folder), seed, asked.passages, asked.days, kill)
                if kill
                else play(seed, asked.passages, asked.days)
            )
        print(f"seed {seed}, {time.perf_counter() - began_s:.0f} s", *played.score.lines(), sep="\n  ")
        if kill:
            print(f"  killed {played.kills} times; {played.told} stays told, {played.told_twice} of them twice")


if __name__ == "__main__":
    main()
