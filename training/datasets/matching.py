"""Which picture a label file speaks of: that of the same place in the tree, never an equal name elsewhere.

Tools lay out pictures and labels as images/train/1.jpg beside labels/train/1.txt, or train/images/1.jpg beside
train/labels/1.txt; names like 1 come again in every part. What has a picture in another folder only is matched
by its name alone, if that is unmistakable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

# Folders that say what lies in them and not which part of the data it is; lower case
KINDS = frozenset({"images", "labels", "annotations", "jpegimages", "xml", "xmls", "txt"})
SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "test": "test"}
# What a person should know where pictures are left over; a picture that nobody boxed teaches what is no plate
WITHOUT_LABEL = "{} pictures have no label file and count as pictures without plates: label or remove what shows one"

Place = tuple[str, ...]


@dataclass(frozen=True)
class Matched:
    """What belongs to what."""

    pictures: Mapping[str, str]  # label file -> picture
    reasons: Mapping[str, str]  # label file -> why it has no picture
    unlabelled: Sequence[str]  # pictures that no label file speaks of


def match(labels: Mapping[str, str], names: Sequence[str]) -> Matched:
    """Return the picture of each label file.

    Args:
        labels: label file -> path of the picture it wants, its own path if it names none; the suffix counts only
            where pictures differ in nothing else.
        names: of all pictures, with their folders.
    """
    by_place: dict[Place, list[str]] = {}
    for name in names:
        by_place.setdefault(_place(name), []).append(name)
    likely = {label: by_place.get(_place(wanted), []) for label, wanted in labels.items()}
    found, reasons = _decided(labels, likely)
    by_stem: dict[str, list[str]] = {}
    for name in sorted(set(names) - {name for candidates in likely.values() for name in candidates}):
        by_stem.setdefault(PurePosixPath(name).stem, []).append(name)
    left = {label: wanted for label, wanted in labels.items() if not likely[label]}
    likely |= {label: by_stem.get(PurePosixPath(wanted).stem, []) for label, wanted in left.items()}
    more, worse = _decided(left, likely)
    missing = {label: "no picture of that name" for label in left if not likely[label]}
    # What labels quarrel about is not a picture without plates
    claimed = {name for candidates in likely.values() for name in candidates}
    return Matched(found | more, reasons | worse | missing, [name for name in names if name not in claimed])


def split_of(parts: Sequence[str]) -> str:
    """Return the split that the nearest folder is named after, '' if none is."""
    return next((SPLIT_NAMES[part.lower()] for part in parts[::-1] if part.lower() in SPLIT_NAMES), "")


def _place(path: str) -> Place:
    """Return where a picture or its label stands, without what tells the two apart."""
    parts = PurePosixPath(path)
    return (*(part for part in parts.parts[:-1] if part.lower() not in KINDS), parts.stem)


def _decided(labels: Mapping[str, str], likely: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], dict[str, str]]:
    """Return label -> picture and label -> why not, for those labels that have a likely picture at all."""
    found: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for label, wanted in labels.items():
        candidates = list(_narrowed(likely[label], PurePosixPath(wanted).name))
        if len(candidates) == 1:
            found[label] = candidates[0]
        elif candidates:
            reasons[label] = f"several pictures of that name: {', '.join(candidates[:3])}"
    wanted_by = Counter(found.values())
    for label, picture in list(found.items()):
        if wanted_by[picture] > 1:
            reasons[label] = f"{wanted_by[picture]} label files for one picture, {picture}"
            del found[label]
    return found, reasons


def _narrowed(candidates: Sequence[str], name: str) -> Iterator[str]:
    exact = [one for one in candidates if PurePosixPath(one).name == name]
    yield from exact if len(exact) == 1 else candidates
