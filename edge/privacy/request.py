"""A person asks: what do you have about my plate, and erase it. Over all stores, beside a running daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge.privacy.near import is_near
from edge.protocols import PersonalData, Record, Subject

ROUNDS = 10  # of erasing beside a daemon; a second one finds what was between two stores during the first


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A plate that might be a misread of the one asked for, and where it is."""

    plate: str
    store: str
    passages: tuple[str, ...]


def whole(stores: Sequence[PersonalData], subject: Subject) -> Subject:
    """Return `subject` with every passage and event that any store knows to be of the same vehicle."""
    while True:
        wider = subject
        for store in stores:
            wider = store.widen(wider)
        if wider == subject:
            return subject
        subject = wider


def export(stores: Sequence[PersonalData], subject: Subject) -> Iterator[Record]:
    """Yield all that is stored about `subject`."""
    subject = whole(stores, subject)
    for store in stores:
        yield from store.export(subject)


def erase(
    stores: Sequence[PersonalData], subject: Subject, *, daemon_runs: bool, pause: Callable[[], None]
) -> Mapping[str, int]:
    """Erase `subject` everywhere and leave nothing in free space; return how many records changed, by store.

    Args:
        stores: in the order in which events travel.
        subject: whose data.
        daemon_runs: events may be on their way from one store to the next: look again until nothing is found.
        pause: waits until such an event has arrived.

    Raises:
        StorageError: a store could not be changed or compacted; erase again.
    """
    changed = dict.fromkeys((store.name for store in stores), 0)
    for _ in range(ROUNDS if daemon_runs else 1):
        subject = whole(stores, subject)
        found = {store.name: store.erase(subject) for store in stores}
        for name, count in found.items():
            changed[name] += count
        if not daemon_runs or not any(found.values()):
            break
        pause()
    for store in stores:
        store.compact()
    return changed


def neighbours(stores: Sequence[PersonalData], plate: str) -> tuple[Neighbour, ...]:
    """Return the stored plates that might be misreads of `plate`: a person decides about each."""
    found = []
    for store in stores:
        for other in sorted(store.plates()):
            if is_near(plate, other):
                passages = store.widen(Subject(frozenset({other}))).passages
                found.append(Neighbour(other, store.name, tuple(sorted(passages))))
    return tuple(found)
