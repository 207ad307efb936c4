"""Train or validation: decided per vehicle and sequence, never by frame.

One car filmed for ten frames must not be learned from and judged on. What has a name in common, a text, a group or
a picture, is one group and goes to one side: to the side that one of its rows has already, else by the hash of the
group's leading name. So more pictures of known vehicles, and new vehicles, move nobody. A group can change its side
only when a new picture ties it to another group, and then at most one of the two moves; a division given as
`earlier` binds even then.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

FRAME_NUMBER = re.compile(r"[_-]?\d+$")
GROUP, TEXT, FILE = "group", "text", "file"
RANK = {GROUP: 0, TEXT: 1, FILE: 2}  # who leads: a sequence gets new vehicles more often than a vehicle new sequences

Name = tuple[str, str]  # kind and name


def sequence_of(file: str) -> str:
    """Return a video frame's sequence: its name without folder, suffix and running number."""
    stem = file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return FRAME_NUMBER.sub("", stem) or stem


def by_sequence(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Return the frame with sequences as groups where nobody named one, and the pairs of files that belong together."""
    sequences = [sequence_of(str(file)) for file in frame.file]
    first: dict[str, str] = {}
    pairs = [(first.setdefault(one, str(file)), str(file)) for one, file in zip(sequences, frame.file, strict=True)]
    groups = [_own_group(row) or one for row, one in zip(frame.itertuples(), sequences, strict=True)]
    return frame.assign(group=groups), pairs


def assign_splits(
    frame: pd.DataFrame, val_share: float = 0.15, salt: str = "", same: Iterable[tuple[str, str]] = ()
) -> pd.DataFrame:
    """Return the frame with every empty `split` filled, whole groups on one side.

    Args:
        frame: see `training.datasets.frame`; splits that are set stay and bind their group. Where they disagree,
            the rest of the group is learned from, not judged on.
        val_share: of groups, in [0, 1].
        salt: another word gives another division.
        same: further pairs of files that must stand on one side: of a sequence, or nearly equal.
    """
    leaders = _leaders(frame, same)
    sides: dict[Name, set[str]] = {}
    for row in frame.itertuples():
        if row.split:
            sides.setdefault(leaders[FILE, str(row.file)], set()).add(str(row.split))
    splits = [
        str(row.split) or _side(leaders[FILE, str(row.file)], sides, val_share, salt) for row in frame.itertuples()
    ]
    divided: pd.DataFrame = frame.assign(split=splits)
    return divided


def keep_earlier(frame: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with every empty `split` that an earlier table knows, by file, as it was there."""
    known = dict(zip(earlier.file, earlier.split, strict=True))
    kept: pd.DataFrame = frame.assign(split=[str(row.split or known.get(row.file, "")) for row in frame.itertuples()])
    return kept


def on_both_sides(frame: pd.DataFrame) -> list[str]:
    """Return every text, group and picture that stands in more than one split, in words."""
    sides: dict[Name, set[str]] = {}
    for row in frame.itertuples():
        for name in (*_names(row), (FILE, str(row.file))):
            sides.setdefault(name, set()).add(str(row.split))
    return [
        f"{kind} {name}: {', '.join(sorted(found))}"
        for (kind, name), found in sorted(sides.items())
        if len(found - {""}) > 1
    ]


def largest_share(frame: pd.DataFrame, same: Iterable[tuple[str, str]] = ()) -> float:
    """Return the share of all pictures that the largest group holds; above a half, no division is fair."""
    leaders = _leaders(frame, same)
    counts = frame.file.drop_duplicates().map(lambda file: leaders[FILE, str(file)]).value_counts()
    return float(counts.iloc[0] / counts.sum())


def _names(row: Any) -> list[Name]:
    """Return what a row has in common with others."""
    text, group = str(row.text), _own_group(row)
    return [*([(TEXT, text)] if text else []), *([(GROUP, group)] if group else [])]


def _own_group(row: Any) -> str:
    """Return the group that somebody named; '' for one that is only the row's text or its file's name."""
    return "" if row.group in (row.text, PurePosixPath(str(row.file)).stem) else str(row.group)


def _leaders(frame: pd.DataFrame, same: Iterable[tuple[str, str]]) -> Mapping[Name, Name]:
    """Return for each picture the name that leads its group, whatever the order of rows."""
    parent: dict[Name, Name] = {}

    def root(name: Name) -> Name:
        while parent.setdefault(name, name) != name:
            parent[name] = name = parent[parent[name]]
        return name

    def tie(first: Name, second: Name) -> None:
        ahead, behind = sorted((root(first), root(second)), key=_order)
        parent[behind] = ahead

    for row in frame.itertuples():  # a picture ties the groups of all its plates together
        for name in (*_names(row), (FILE, str(row.file))):
            tie((FILE, str(row.file)), name)
    for first, second in same:
        tie((FILE, first), (FILE, second))
    return {name: root(name) for name in list(parent)}


def _order(name: Name) -> tuple[int, bytes]:
    """Return who leads: by hash among equals, so that a new name seldom takes over, whatever it is called."""
    return RANK[name[0]], hashlib.sha256(f"leads {name[0]} {name[1]}".encode()).digest()


def _side(leader: Name, sides: Mapping[Name, set[str]], val_share: float, salt: str) -> str:
    bound = sides.get(leader)
    if bound:
        return "train" if len(bound) > 1 else next(iter(bound))
    digest = hashlib.sha256(f"{salt}{leader[0]} {leader[1]}".encode()).digest()
    return "val" if int.from_bytes(digest[:4], "big") / 2**32 < val_share else "train"
