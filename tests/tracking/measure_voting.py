"""Measures the vote against the single best read, and fits its calibration, on simulated passages.

    python -m tests.tracking.measure_voting 2000        # print error rates, reliability, and the fitted numbers

The reader's faults are those of tests/tracking/reader.py, drawn anew for every passage: from nearly perfect
plates to dirty ones. Odd passages fit the calibration, even ones judge it.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.config.models import VotingSettings
from edge.tracking.calibration import Calibration, expected_calibration_error, fit
from edge.tracking.looks import quality, votes
from edge.tracking.voting import Ballot
from edge.types import PlateRead
from tests.tracking.reader import Ability, Reader

LETTERS, DIGITS = "ABCDEFGHJKLMNPRSTUVWXYZ", "0123456789"
FORMS = ("LLDDLLL", "LLDDDLL", "LLDLLLD", "LLLDDDD", "LDDDLLDD", "DDLDDDDD")
AS_IS = Calibration(bias=0.0, slope=1.0, looks=0.0)  # shows the vote's own belief
STOPPED_SHARE = 0.3  # of the vehicles stop in view and are read again and again at one size
EDGES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)


@dataclass(frozen=True)
class Outcome:
    """One simulated passage."""

    best_right: bool  # the read of the best look
    right: bool
    probability: float
    raw: float
    independent: float


def passage(seed: int) -> tuple[str, list[PlateRead]]:
    """Return a plate and the reads of one vehicle that comes nearer, maybe stopping for a while."""
    rng = np.random.default_rng(seed)
    form = FORMS[int(rng.integers(len(FORMS)))]
    text = "".join(str(rng.choice(list(LETTERS if c == "L" else DIGITS))) for c in form)
    reader = Reader(text, rng, _ability(rng))
    nearest = float(rng.uniform(12, 50))
    heights = np.sort(nearest * rng.uniform(0.3, 1.0, int(rng.integers(3, 30))))
    if rng.random() < STOPPED_SHARE:
        heights = np.concatenate([heights, np.full(20, heights[-1])])
    return text, [reader.read(1, i, i / 15, float(max(h, 8.0))) for i, h in enumerate(heights)]


def outcome(seed: int, settings: VotingSettings | None = None) -> Outcome:
    """Return what the vote made of one passage."""
    text, reads = passage(seed)
    ballot, belief = Ballot(settings), Ballot(settings, curve=AS_IS)
    for read in reads:
        ballot.add(read)
        belief.add(read)
    best = max(reads, key=quality)
    verdict, own = ballot.verdict(), belief.verdict()
    if verdict is None or own is None:
        return Outcome(best.text == text, False, 0.0, 0.0, 1.0)
    kept = [look.read for look in ballot.explain() if look.weight > 0]
    return Outcome(
        best.text == text, verdict.text == text, verdict.probability, own.probability, float(votes(kept).sum())
    )


def first_sure(seed: int, threshold: float, quorum: int = 3) -> tuple[float, bool] | None:
    """Return what was said, and whether it was right, when the vote first passed `threshold`: a provisional event.

    Looking after every read and stopping at the first success flatters whoever is not calibrated for it.
    """
    text, reads = passage(seed)
    ballot = Ballot()
    for read in reads:
        ballot.add(read)
        verdict = ballot.verdict()
        if verdict is not None and verdict.reads >= quorum and verdict.probability >= threshold:
            return verdict.probability, verdict.text == text
    return None


def _ability(rng: np.random.Generator) -> Ability:
    return Ability(
        clear=rng.uniform(7, 13),
        half_height_px=rng.uniform(8, 14),
        dirt=rng.uniform(0.1, 1.4),
        pose=rng.uniform(0.4, 1.4),
        fresh=rng.uniform(1, 2.5),
        lost=rng.uniform(0, 0.05),
        extra=rng.uniform(0, 0.02),
    )


def report(outcomes: Sequence[Outcome]) -> None:
    """Print error rates, calibration and a reliability table."""
    best, vote = (np.mean([getattr(o, name) for o in outcomes]) for name in ("best_right", "right"))
    print(f"{len(outcomes)} passages: best single read right {best:.3f}, vote right {vote:.3f}")
    print(f"errors of the vote / errors of the best read: {(1 - vote) / (1 - best):.2f}")
    judged = outcomes[::2]
    fitted = fit(*_columns(outcomes[1::2]))
    for name, predicted in (
        ("built in", [o.probability for o in judged]),
        ("refitted", [fitted.probability(o.raw, o.independent) for o in judged]),
    ):
        right = [o.right for o in judged]
        print(f"calibration error, {name}: {expected_calibration_error(predicted, right):.4f}")
        for low, high in itertools.pairwise(EDGES):
            inside = [i for i, p in enumerate(predicted) if low <= p < high]
            if inside:
                said, was = np.mean([predicted[i] for i in inside]), np.mean([right[i] for i in inside])
                print(f"  {low:5.3f} to {high:5.3f}: {len(inside):5d} said {said:.4f} was {was:.4f}")
    for threshold in (0.9, 0.95, 0.99, 0.995):
        told = [t for seed in range(len(outcomes) // 2) if (t := first_sure(seed, threshold)) is not None]
        said, was = np.mean([p for p, _ in told]), np.mean([right for _, right in told])
        print(f"first above {threshold:5.3f}: {len(told):5d} said {said:.4f} was {was:.4f}")
    print(f"fitted on all: {fit(*_columns(outcomes))}")


def _columns(outcomes: Sequence[Outcome]) -> tuple[list[float], list[float], list[bool]]:
    return [o.raw for o in outcomes], [o.independent for o in outcomes], [o.right for o in outcomes]


if __name__ == "__main__":
    report([outcome(seed) for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 500)])
