"""Which of a dataset's classes are plates: a set may hold cars, people and plates, and says so by class alone.

Nobody guesses. One class is taken for plates; of several a person chooses, and what the others hold is no plate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from training.datasets.frame import Finding, Note, PlateRow


class UnclearClasses(ValueError):
    """It is not known which annotations are plates."""


def of_classes(findings: Iterable[Finding], chosen: Sequence[str] = ()) -> list[Finding]:
    """Return what concerns the chosen classes; a picture that shows only others stays, as one without plates.

    Args:
        findings: of a reader. Rows without a class are always kept.
        chosen: names of classes; none: the dataset has to have at most one.

    Raises:
        UnclearClasses: there are several classes and none is chosen, or a chosen one does not occur.
    """
    everything = list(findings)
    counts = Counter(one.label for one in everything if isinstance(one, PlateRow) and one.label)
    if not chosen:
        if len(counts) > 1:
            raise UnclearClasses(
                f"several classes: {_listed(counts)}. Fix: say which are plates with --class NAME, which may be given "
                "again; `dataset split` and `dataset pack` then keep what was chosen"
            )
        return everything
    if unknown := [name for name in chosen if name not in counts]:
        raise UnclearClasses(f"no class {', '.join(unknown)}. Fix: choose of {_listed(counts) or 'none: leave it out'}")
    kept = [one for one in everything if isinstance(one, Note) or not one.label or one.label in chosen]
    return kept + _emptied(everything, kept)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in counts.most_common())


def _emptied(everything: Sequence[Finding], kept: Sequence[Finding]) -> list[Finding]:
    """Return a row without a box for each picture that shows nothing of the chosen classes."""
    seen = {one.file if isinstance(one, PlateRow) else one.picture for one in kept if not isinstance(one, Note)}
    rows: list[Finding] = []
    for one in everything:
        if isinstance(one, PlateRow) and one.file not in seen:
            seen.add(one.file)
            rows.append(replace(one, box=None, corners=None, text="", lines=0, label=""))
    return rows
