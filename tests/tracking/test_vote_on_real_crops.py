"""The vote on real pictures with the package's own reader: see measure_on_crops.py for all figures."""

from __future__ import annotations

import pytest

from tests.tracking.measure_on_crops import DATA, first_above, vehicles


@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "crops.zip").exists(), reason="needs the crops of ANPR_DATA")
def test_answers_above_095_are_right_and_the_vote_beats_the_surest_look() -> None:
    """Looks made from one picture share its mistakes; the vote may gain little, but it must know it."""
    found = vehicles(limit=120)
    told = first_above(found, 0.95)

    assert len(told) >= 30
    assert sum(right for _, right in told) >= 0.9 * len(told)
    assert sum(bool(v.steps) and v.steps[-1].right for v in found) >= sum(v.surest_right for v in found) - 3
