"""A car park over days, in a form that takes seconds; `python -m tests.access.simulation` is the whole one."""

from __future__ import annotations

from pathlib import Path

from tests.access.simulation.play import play, play_with_kills

BAR_EXACT, BAR_COUNT = 0.99, 0.005


def test_stays_are_paired_and_cars_counted() -> None:
    """Misreads, unread plates, tailgaters, drivers that turn round, lost exits, a power cut."""
    figures = play(1, 1_500, 5.0).score
    assert figures.misread > 40 and figures.unread > 5 and figures.unseen > 2
    assert figures.exact_share >= BAR_EXACT, figures.lines()
    assert figures.wrong_well_read == 0
    assert figures.count_error <= BAR_COUNT, figures.lines()


def test_kills_make_no_difference(tmp_path: Path) -> None:
    """The same stays as without, each told once."""
    killed = play_with_kills(tmp_path, 4, 150, 1.0, every=15)
    assert killed.kills >= 4
    assert killed.told_twice == 0
    assert killed.score == play(4, 150, 1.0).score
    assert killed.told >= killed.score.exact - killed.score.cars
