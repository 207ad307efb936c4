"""Which plates might be misreads of one: the same to the eye, or one character apart. Pure text."""

from __future__ import annotations

from edge.tracking.grammar import LOOKALIKES

_SHAPE = str.maketrans(dict(LOOKALIKES))


def is_near(plate: str, other: str) -> bool:
    """Tell whether `other` is not `plate`, but might be a misread of it: lookalikes, and one character beside."""
    return plate != other and _one_apart(plate.translate(_SHAPE), other.translate(_SHAPE))


def _one_apart(a: str, b: str) -> bool:
    """Tell whether one replacement, loss or addition, or nothing at all, makes one of the other."""
    short, long = sorted((a, b), key=len)
    if len(long) - len(short) > 1:
        return False
    same = next((k for k, (x, y) in enumerate(zip(short, long, strict=False)) if x != y), len(short))
    return short[same + (len(short) == len(long)) :] == long[same + 1 :]
