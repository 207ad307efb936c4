"""Tables whose changes can be taken back: what makes a late fact cheap.

A journal notes every change of its tables, so that state can return to any
mark and go on from there. Values must be frozen; the tables change by `put`
and `drop` only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar, cast

V = TypeVar("V")
_ABSENT = object()


class Journal:
    """The changes of all tables made with it, oldest first."""

    def __init__(self) -> None:
        self._changes: list[tuple[dict[str, object], str, object]] = []
        self._forgotten = 0

    def mark(self) -> int:
        """Return where the journal stands now."""
        return self._forgotten + len(self._changes)

    def note(self, rows: dict[str, object], key: str) -> None:
        """Remember what `rows` holds under `key` before it changes."""
        self._changes.append((rows, key, rows.get(key, _ABSENT)))

    def touched(self, rows: dict[str, object], mark: int) -> set[str]:
        """Return the keys of `rows` that changed since `mark`."""
        return {key for table, key, _ in self._changes[max(0, mark - self._forgotten) :] if table is rows}

    def back_to(self, mark: int) -> None:
        """Undo everything since `mark`."""
        while self.mark() > mark:
            rows, key, old = self._changes.pop()
            if old is _ABSENT:
                rows.pop(key, None)
            else:
                rows[key] = old

    def forget_before(self, mark: int) -> None:
        """Drop what lies before `mark`: it can never be undone any more."""
        del self._changes[: max(0, mark - self._forgotten)]
        self._forgotten = max(self._forgotten, mark)


class Table(Generic[V]):
    """A mapping of names to frozen values."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: dict[str, V] = {}

    def put(self, key: str, value: V) -> None:
        """Set or replace."""
        self._journal.note(cast("dict[str, object]", self._rows), key)
        self._rows[key] = value

    def drop(self, key: str) -> None:
        """Remove, if there."""
        if key in self._rows:
            self._journal.note(cast("dict[str, object]", self._rows), key)
            del self._rows[key]

    def forget(self, key: str) -> None:
        """Remove for good; only what lies before the journal may be forgotten."""
        self._rows.pop(key, None)

    def changed_since(self, mark: int) -> set[str]:
        """Return the keys that changed since `mark`."""
        return self._journal.touched(cast("dict[str, object]", self._rows), mark)

    def get(self, key: str) -> V | None:
        """Return the value, or None."""
        return self._rows.get(key)

    def values(self) -> Iterator[V]:
        """Give all values; their order means nothing."""
        return iter(self._rows.values())

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)
