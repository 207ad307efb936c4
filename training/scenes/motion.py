"""Where a vehicle is at a moment: approach, stop at the line, wait, go on, or back out.

One number is enough: `ahead_m`, the distance of the nose before the stop line along the path
(negative beyond it). Gates are driven gently: constant deceleration and acceleration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.scenes.spec import VehicleSpec

BRAKES_M_S2 = 1.8
PULLS_AWAY_M_S2 = 1.4


@dataclass(frozen=True)
class Journey:
    """The timetable of one vehicle along its path."""

    start_m: float  # before the stop, positive
    speed_m_s: float
    starts_s: float
    stop_m: float | None  # where it stands, None drives through
    waits_s: float
    backs_out: bool

    @property
    def stops_at_s(self) -> float:
        """When it comes to rest (or would pass the line, when it does not stop)."""
        distance = self.start_m - (self.stop_m or 0.0)
        if self.stop_m is None:
            return self.starts_s + distance / self.speed_m_s
        braking = min(distance, self.speed_m_s**2 / (2 * BRAKES_M_S2))
        return self.starts_s + (distance - braking) / self.speed_m_s + (2 * braking / self.speed_m_s)

    @property
    def leaves_at_s(self) -> float:
        """When it moves again."""
        return self.stops_at_s + self.waits_s

    def ahead_m(self, at_s: float) -> float:
        """Return the distance of the nose before the stop line."""
        since = max(0.0, at_s - self.starts_s)
        if self.stop_m is None:
            return self.start_m - self.speed_m_s * since
        if at_s >= self.leaves_at_s:
            gone = self._pulled_away(at_s - self.leaves_at_s)
            return self.stop_m + gone if self.backs_out else self.stop_m - gone
        if at_s >= self.stops_at_s:
            return self.stop_m
        distance = self.start_m - self.stop_m
        braking = min(distance, self.speed_m_s**2 / (2 * BRAKES_M_S2))
        cruise_s = (distance - braking) / self.speed_m_s
        if since <= cruise_s:
            return self.start_m - self.speed_m_s * since
        left = self.stops_at_s - at_s
        return self.stop_m + braking * (left / (2 * braking / self.speed_m_s)) ** 2

    def _pulled_away(self, since: float) -> float:
        ramp = self.speed_m_s / PULLS_AWAY_M_S2
        if since < ramp:
            return 0.5 * PULLS_AWAY_M_S2 * since**2
        return 0.5 * PULLS_AWAY_M_S2 * ramp**2 + self.speed_m_s * (since - ramp)


def journey(spec: VehicleSpec) -> Journey:
    """Return the timetable a vehicle's spec asks for."""
    stops = spec.waits_s > 0 or spec.passage == "reverse"
    if spec.passage == "parked":
        return Journey(spec.stops_at_m, 1.0, 0.0, spec.stops_at_m, 1e9, False)
    return Journey(
        spec.from_m,
        spec.speed_kmh / 3.6,
        spec.starts_s,
        spec.stops_at_m if stops else None,
        max(spec.waits_s, 0.0),
        spec.passage == "reverse",
    )


def sway(seed: int, at_s: float, amplitude: float) -> tuple[float, float, float]:
    """Return three smooth values within +-amplitude: a mast in the wind, a hand-held camera."""
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, 6)
    fast, slow = 2 * np.pi * 2.3 * at_s, 2 * np.pi * 0.7 * at_s
    values = 0.6 * np.sin(slow + phases[:3]) + 0.4 * np.sin(fast * np.array([1.0, 1.3, 0.8]) + phases[3:])
    x, y, turn = (float(v) * amplitude for v in values)
    return x, y, turn
