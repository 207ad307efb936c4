"""A progress bar on the terminal for whatever takes longer than seconds.

It goes to the error stream and vanishes when done, so figures can be piped away; where nobody watches there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def shown(items: Iterable[Item], what: str, total: float | None = None) -> Iterator[Item]:
    """Yield the items one by one behind a bar that says `what`; `total` where the items do not know how many."""
    console = Console(stderr=True)
    yield from track(items, what, total, console=console, transient=True, disable=not console.is_terminal)
