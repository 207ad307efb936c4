"""Reading figures: exact match, character accuracy, calibration, confusion. Pure functions on answers.

An answer is one plate's truth, what was read and how sure the reader was; where the answer came from, a
crop or a whole scene, does not matter here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

BINS = 10
HEIGHT_EDGES_PX = (0, 12, 16, 24, 32, 48, 72, 10000)
NIGHT_LUMA = 60.0  # mean grey of a picture below which it is called night
NOTHING = "-"  # in the confusion table: a character that was missed or invented


@dataclass(frozen=True)
class Answer:
    """One plate read, or missed (then `read` is '' and the probability 0)."""

    file: str
    source: str
    truth: str
    read: str
    probability: float  # that all of `read` is right
    height_px: float
    lines: int  # 0: unknown
    luma: float  # mean grey of the picture
    box: tuple[float, float, float, float] | None = None  # x1 y1 x2 y2 of the plate in its picture, px

    @property
    def right(self) -> bool:
        """Say whether every character is right."""
        return self.read == self.truth


GROUPS: Mapping[str, Callable[[Answer], str]] = {
    "source": lambda answer: answer.source,
    "lines": lambda answer: {1: "one line", 2: "two lines"}.get(answer.lines, "unknown"),
    "height": lambda answer: _height_bin(answer.height_px),
    "light": lambda answer: "night" if answer.luma < NIGHT_LUMA else "day",
}


def _height_bin(height_px: float) -> str:
    top = next(edge for edge in HEIGHT_EDGES_PX[1:] if height_px < edge)
    low = HEIGHT_EDGES_PX[HEIGHT_EDGES_PX.index(top) - 1]
    return f"{low}-{top} px" if top < HEIGHT_EDGES_PX[-1] else f"{low} px and more"


def exact_share(answers: Sequence[Answer]) -> float:
    """Return the share of plates read without a mistake, 0 where there are none."""
    return sum(answer.right for answer in answers) / len(answers) if answers else 0.0


def alignment(truth: str, read: str) -> list[tuple[str, str]]:
    """Return pairs (true, read) of the cheapest edits from one text to the other; NOTHING marks a gap."""
    cost = [[i + j if i * j == 0 else 0 for j in range(len(read) + 1)] for i in range(len(truth) + 1)]
    for i in range(1, len(truth) + 1):
        for j in range(1, len(read) + 1):
            change = cost[i - 1][j - 1] + (truth[i - 1] != read[j - 1])
            cost[i][j] = min(change, cost[i - 1][j] + 1, cost[i][j - 1] + 1)
    pairs, i, j = [], len(truth), len(read)
    while i or j:
        if i and j and cost[i][j] == cost[i - 1][j - 1] + (truth[i - 1] != read[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((truth[i], read[j]))
        elif i and cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
            pairs.append((truth[i], NOTHING))
        else:
            j -= 1
            pairs.append((NOTHING, read[j]))
    return pairs[::-1]


def character_accuracy(answers: Sequence[Answer]) -> float:
    """Return 1 - edits / true characters over all answers, never below 0."""
    total = sum(len(answer.truth) for answer in answers)
    edits = sum(a != b for answer in answers for a, b in alignment(answer.truth, answer.read))
    return max(0.0, 1.0 - edits / total) if total else 0.0


def character_pairs(answers: Sequence[Answer]) -> Counter[tuple[str, str]]:
    """Return how often each true character was read as which, right ones too; NOTHING stands for a gap."""
    return Counter(pair for answer in answers for pair in alignment(answer.truth, answer.read))


def confusions(answers: Sequence[Answer]) -> Counter[tuple[str, str]]:
    """Return how often each true character was read as another, most frequent first when asked for."""
    pairs = character_pairs(answers)
    return Counter({pair: times for pair, times in pairs.items() if pair[0] != pair[1]})


@dataclass(frozen=True)
class Reliability:
    """One bin of the reliability plot."""

    low: float
    high: float
    count: int
    probability: float  # mean that was stated
    right: float  # share that was right


def reliability(answers: Sequence[Answer]) -> list[Reliability]:
    """Return the bins of equal width that hold any answer; missed plates stated nothing and are left out."""
    stated = [answer for answer in answers if answer.read]
    bins = []
    for index in range(BINS):
        low, high = index / BINS, (index + 1) / BINS
        inside = [a for a in stated if low <= a.probability < high or (index == BINS - 1 and a.probability >= 1.0)]
        if inside:
            mean = sum(a.probability for a in inside) / len(inside)
            bins.append(Reliability(low, high, len(inside), mean, exact_share(inside)))
    return bins


def calibration_error(answers: Sequence[Answer]) -> float:
    """Return the expected calibration error (ECE) of the whole-text probability, Guo et al. 2017.

    Plates of which nothing was read stated no probability and are left out; they count against the exact share.
    """
    bins = reliability(answers)
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.probability - one.right) for one in bins) / total if total else 0.0


def by_group(answers: Sequence[Answer]) -> dict[str, dict[str, tuple[float, float, int]]]:
    """Return for each of GROUPS and its values: exact share, character accuracy, number of plates.

    The group of lines is left out where nobody knows the lines of any plate.
    """
    table: dict[str, dict[str, tuple[float, float, int]]] = {}
    for group, value_of in GROUPS.items():
        if group == "lines" and not any(answer.lines for answer in answers):
            continue
        members: dict[str, list[Answer]] = {}
        for answer in answers:
            members.setdefault(value_of(answer), []).append(answer)
        table[group] = {
            name: (exact_share(some), character_accuracy(some), len(some)) for name, some in sorted(members.items())
        }
    return table
