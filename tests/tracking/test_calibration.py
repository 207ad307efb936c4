"""Calibration: a fitted curve says how often the vote is right."""

from __future__ import annotations

import numpy as np
import pytest

from edge.tracking.calibration import CEILING, DEFAULT, Calibration, expected_calibration_error, fit, log_odds


def test_fitting_finds_the_curve_that_made_the_data() -> None:
    """Draw right and wrong from a known curve and get it back."""
    rng = np.random.default_rng(3)
    truth = Calibration(bias=-0.7, slope=0.6, looks=0.4)
    raw = (1 / (1 + np.exp(-rng.uniform(-2, 8, 6000)))).tolist()
    looks = rng.uniform(1, 12, 6000).tolist()
    right = [bool(rng.random() < truth.probability(p, n)) for p, n in zip(raw, looks, strict=True)]

    found = fit(raw, looks, right)

    assert (found.bias, found.slope, found.looks) == pytest.approx((-0.7, 0.6, 0.4), abs=0.15)


def test_a_fit_with_nothing_wrong_stays_finite_and_below_the_ceiling() -> None:
    """A good evening of replay may have no error at all."""
    found = fit([0.99] * 20, [3.0] * 20, [True] * 20)

    assert found.probability(0.99, 3.0) <= CEILING


def test_more_belief_never_means_less_probability() -> None:
    """The built-in curve is monotone in the vote's own probability, and never certain."""
    values = [DEFAULT.probability(p, 4.0) for p in (0.0, 0.3, 0.9, 0.99, 0.999999, 1.0)]

    assert values == sorted(values)
    assert values[0] > 0.0 and values[-1] <= CEILING


def test_calibration_error_of_hand_worked_bins() -> None:
    """Two bins: said 0.2 was 0.5, said 0.9 was 1.0: the mean gap is 0.2."""
    assert expected_calibration_error([0.2, 0.2, 0.9, 0.9], [True, False, True, True], bins=2) == pytest.approx(0.2)


def test_unequal_columns_are_refused() -> None:
    """A shifted column would calibrate nonsense."""
    with pytest.raises(ValueError, match="equally many"):
        fit([0.5, 0.6], [1.0], [True])


def test_log_odds_are_bounded() -> None:
    """A probability of one must not become infinite evidence."""
    assert log_odds(1.0) == 12.0 and log_odds(0.0) == -12.0 and log_odds(0.5) == 0.0
