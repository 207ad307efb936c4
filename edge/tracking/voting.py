"""Plate voting: many noisy reads of one vehicle become one answer.

Looks are aligned, their log-probabilities added by weight, and the grammar is a prior inside the sum. A look is
one frame's opinion: how many had a say is part of the verdict, and the gate asks for a quorum. The result does
not depend on the order of the looks. Pure logic: no clock, no I/O.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edge.config.models import VotingSettings
from edge.tracking import calibration
from edge.tracking.alignment import Profile
from edge.tracking.calibration import Calibration
from edge.tracking.contradiction import contradiction, defecting
from edge.tracking.grammar import Grammar
from edge.tracking.iou import Float64Array
from edge.tracking.likelihood import log_likelihoods, rows_of
from edge.tracking.looks import (
    MIN_WEIGHT,
    LookStore,
    LookVerdict,
    LookWeight,
    line_height_px,
    quality,
    rank,
    shortcoming,
    votes,
)
from edge.types import Basis, PlateRead, Verdict

HYPOTHESES = 32  # texts weighed against one another
OWN_TEXTS = 8  # best looks whose own text is always among them
PRIOR_WEIGHT = 0.6  # of the grammar: a trained reader knows part of it already; best of 0.3, 0.6, 1 on real crops
RUBBISH = 0.02  # probability that a perfect look shows something else than the plate
RUBBISH_BLURRED = 0.2  # and how much more a useless one
SURE_SLOT = 0.9  # a slot less sure than this is masked by "?"
FAR_LINE_PX, FAR_CEILING = 12.0, 0.94  # a plate only seen smaller: S and 5 are one sign there, in every look the same
ALTERNATIVES = 3
REMEMBERED_REFUSALS = 64  # looks without a say that `explain` can still show
RECENT = 6  # newest looks examined for another vehicle's plate
CONTRADICTS_FROM = 0.25  # share of differing characters from which `explain` says that a look contradicts


class Ballot:
    """The vote over one track's reads. Its memory is bounded by `max_reads`, however long the vehicle stays."""

    def __init__(
        self,
        settings: VotingSettings | None = None,
        *,
        min_legible: float = 0.5,
        curve: Calibration = calibration.DEFAULT,
    ) -> None:
        settings = settings or VotingSettings()
        self._grammar = Grammar.load(settings.countries, settings.country_prior)
        self._min_legible = min_legible
        self._curve = curve
        self._store = LookStore(settings.max_reads)
        self._refused: deque[LookWeight] = deque(maxlen=REMEMBERED_REFUSALS)
        self._recent: deque[PlateRead] = deque(maxlen=RECENT)
        self._counted = 0
        self._total = 0
        self._verdict: Verdict | None = None
        self._stale = False

    @property
    def total(self) -> int:
        """Return how many looks were added, those without a say included."""
        return self._total

    def add(self, read: PlateRead) -> None:
        """Count one look, or refuse it with a reason that `explain` gives."""
        self._total += 1
        if not read.text or read.legible < self._min_legible or quality(read) < MIN_WEIGHT:
            self._refuse(read, *shortcoming(read))
            return
        self._counted += 1
        self._recent.append(read)
        gone = self._store.add(read)
        for old in gone:
            self._refuse(old, LookVerdict.DISCARDED, "better looks of the same size were kept")
        self._stale = True

    def verdict(self) -> Verdict | None:
        """Return the answer so far, or None while no look had a say. Calling it again costs nothing."""
        if self._stale:
            self._verdict = self._decide()
            self._stale = False
        return self._verdict

    def explain(self) -> tuple[LookWeight, ...]:
        """Return what each look said and how much it counted, oldest first; see `REMEMBERED_REFUSALS`."""
        reads = self._store.reads
        verdict = self.verdict()
        counted = [
            self._explained(read, float(weight), "" if verdict is None else verdict.text)
            for read, weight in zip(reads, votes(reads), strict=True)
        ]
        return tuple(sorted([*counted, *self._refused], key=lambda look: (look.read.at_s, rank(look.read))))

    def defectors(self) -> tuple[PlateRead, ...]:
        """Return the newest looks if they agree on another plate than all looks before them, else nothing.

        At least two are needed, so that one blurred look never splits a vehicle. When there are some, call
        `Tracker.split(track_id, defectors[0].at_s)` and give them to the new track's ballot by `secede`.
        """
        return defecting(tuple(self._recent), self._store.reads)

    def secede(self, new_track_id: int) -> tuple[PlateRead, ...]:
        """Take the defectors out of this vote and return them as looks at the track `new_track_id`."""
        leaving = self.defectors()
        self._store.remove(leaving)
        self._counted -= len(leaving)
        self._total -= len(leaving)
        self._recent.clear()
        self._stale = True
        return tuple(replace(read, track_id=new_track_id) for read in leaving)

    def _decide(self) -> Verdict | None:
        reads = self._store.reads
        if not reads:
            return None
        basis = self._basis(reads)
        texts, shares = self._weighed(reads, basis)
        probability = self._curve.probability(float(shares[0]), float(basis.weights.sum()))
        if max(line_height_px(r) for r in reads) < FAR_LINE_PX:
            probability = min(probability, FAR_CEILING)
        return Verdict(
            text=texts[0],
            probability=probability,
            alternatives=_alternatives(texts, shares, probability, self._curve.slope),
            masked=_masked(texts, shares),
            reads=self._counted,
            region=self._grammar.region(texts[0]),
            height_px=max(r.height_px for r in reads),
            basis=basis,
        )

    def _basis(self, reads: Sequence[PlateRead]) -> Basis:
        rubbish = np.array([RUBBISH + (1 - RUBBISH) * (1 - quality(r)) * RUBBISH_BLURRED for r in reads])
        return Basis(tuple(rows_of(r.posterior) for r in reads), votes(reads), rubbish, self._curve.slope)

    def _weighed(self, reads: Sequence[PlateRead], basis: Basis) -> tuple[list[str], Float64Array]:
        """Return the likeliest texts, best first, and their shares of one."""
        profile = Profile()
        for rows, weight in zip(basis.looks, basis.weights, strict=True):
            profile.join(rows, float(weight))
        texts = sorted({*profile.texts(HYPOTHESES), *(r.text for r in reads[:OWN_TEXTS])})
        fits = basis.weights @ log_likelihoods(basis.looks, texts, basis.rubbish)
        scores = fits + PRIOR_WEIGHT * self._grammar.log_prior(texts)
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        order = np.argsort(-shares, kind="stable")
        return [texts[i] for i in order], shares[order]

    def _explained(self, read: PlateRead, weight: float, answer: str) -> LookWeight:
        differs = contradiction(answer, read.text) if answer else 0.0
        if differs >= CONTRADICTS_FROM:
            return LookWeight(read, weight, quality(read), LookVerdict.CONTRADICTS, "reads another text than the vote")
        return LookWeight(read, weight, quality(read), LookVerdict.COUNTED, "")

    def _refuse(self, read: PlateRead, verdict: LookVerdict, reason: str) -> None:
        self._refused.append(LookWeight(read, 0.0, quality(read), verdict, reason))


def probabilities(verdict: Verdict, texts: Sequence[str]) -> Float64Array:
    """Return how probable each text is that the vote itself may not have thought of, e.g. a listed plate, (N,).

    By the reads alone: the grammar says nothing against a plate that is known to exist. None is likelier than the
    answer, and all are zero where the verdict does not say what it was counted from.
    """
    basis = verdict.basis
    if basis is None or not texts:
        return np.zeros(len(texts))
    scores = basis.weights @ log_likelihoods(basis.looks, [verdict.text, *texts], basis.rubbish)
    return np.asarray(verdict.probability * np.exp(basis.slope * np.minimum(0.0, scores[1:] - scores[0])))


def _alternatives(
    texts: list[str], shares: Float64Array, probability: float, slope: float
) -> tuple[tuple[str, float], ...]:
    """Return the best texts with calibrated probabilities: the rest shares what the first leaves."""
    others = (shares[1:ALTERNATIVES] / shares[0]) ** slope * probability
    excess = max(1.0, float(others.sum()) / max(1 - probability, 1e-12))
    return (
        (texts[0], probability),
        *((t, float(p) / excess) for t, p in zip(texts[1:ALTERNATIVES], others, strict=True)),
    )


def _masked(texts: list[str], shares: Float64Array) -> str:
    """Return the best text with "?" in each slot on which the equally long texts do not agree well enough."""
    best = texts[0]
    rivals = [(t, float(s)) for t, s in zip(texts, shares, strict=True) if len(t) == len(best)]
    total = sum(s for _, s in rivals)
    sure = [sum(s for t, s in rivals if t[i] == c) / total >= SURE_SLOT for i, c in enumerate(best)]
    return "".join(c if ok else "?" for c, ok in zip(best, sure, strict=True))
