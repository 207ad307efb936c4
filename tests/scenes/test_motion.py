"""Journeys: cars stop where they should, wait as long as they should, and never jump."""

from __future__ import annotations

import numpy as np
import pytest

from training.scenes.motion import journey
from training.scenes.spec import VehicleSpec


def positions(spec: VehicleSpec, until_s: float = 40.0) -> np.ndarray:
    way = journey(spec)
    return np.array([way.ahead_m(float(t)) for t in np.arange(0, until_s, 0.05)])


def test_car_drives_through_at_constant_speed() -> None:
    steps = np.diff(positions(VehicleSpec(speed_kmh=18, from_m=20), 5))
    assert steps == pytest.approx(-0.25)


def test_car_stops_at_the_line_and_goes_on_after_its_wait() -> None:
    spec = VehicleSpec(speed_kmh=18, from_m=20, waits_s=5.0, stops_at_m=0.5)
    way, ahead = journey(spec), positions(spec)
    standing = np.isclose(ahead, 0.5, atol=1e-6)
    assert standing.sum() * 0.05 == pytest.approx(5.0, abs=0.2)
    assert ahead[-1] < -5
    assert (np.diff(ahead) <= 1e-9).all()
    assert way.leaves_at_s - way.stops_at_s == pytest.approx(5.0)


def test_nobody_jumps() -> None:
    """Speed changes by braking and pulling away only."""
    for passage in ("entry", "reverse"):
        ahead = positions(VehicleSpec(passage=passage, speed_kmh=18, from_m=20, waits_s=2.0))
        acceleration = np.abs(np.diff(ahead, 2)) / 0.05**2
        assert acceleration.max() < 3.0


def test_reversing_car_goes_back_where_it_came_from() -> None:
    ahead = positions(VehicleSpec(passage="reverse", speed_kmh=18, from_m=20, waits_s=2.0))
    assert ahead.min() == pytest.approx(0.0, abs=1e-6)
    assert ahead[-1] > 15


def test_parked_car_stays() -> None:
    assert np.ptp(positions(VehicleSpec(passage="parked", stops_at_m=8))) == 0
