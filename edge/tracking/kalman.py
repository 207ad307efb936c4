"""Motion of one plate: a constant-velocity Kalman filter whose time is in seconds.

A gate skips frames, so each step says how much time passed. State: centre x, y (px), log width, log
aspect, and the rates of the first three per second; logs keep sizes positive and make the growth of an
approaching plate nearly linear. Width, not height: detectors find the ends of a small plate far better than
its upper and lower edge. Every noise is a multiple of the plate's own height, as its width tells it (a plate
is about 11 cm high, so this is a law of cars, not of pixels). The only module that knows filterpy.
"""

from __future__ import annotations

import math

import numpy as np
from filterpy.kalman import KalmanFilter

from edge.tracking.iou import Float64Array
from edge.types import Box

MEASURED = 4  # cx, cy, ln w, ln(w / h)
STATES = 7
MIN_SIDE_PX = 1.0  # thinner boxes are rounded up: their logarithm must exist

CENTRE_NOISE_HEIGHTS = 0.15  # detector jitter of the centre, loose boxes included
LOG_WIDTH_NOISE = 0.08
LOG_ASPECT_NOISE = 0.30  # a full look and a look from near differ by a third in height
ASPECT = 4.6  # width of a one-line plate by its height
WEAK_NOISE_FACTOR = 2.0  # a weak detection is about half as precise

START_SPEED_HEIGHTS_S = 20.0  # unknown: a car at 8 km/h across the view moves its plate 20 heights a second
START_GROWTH_PER_S = 1.0
ACCELERATION_HEIGHTS = 20.0  # power of the white-noise acceleration, heights / s^1.5: braking, perspective
GROWTH_DRIFT = 0.6  # likewise for the growth of the log width
ASPECT_DRIFT = 0.1  # of the log aspect per square root of a second: a car that turns


def plate_height_px(box: Box) -> float:
    """Return how high the plate in `box` is: by its width, or, where it has two lines, by half its height."""
    return max(box.width / ASPECT, box.height / 2, MIN_SIDE_PX)


def measure(box: Box) -> Float64Array:
    """Return what the filter observes of `box`: centre x, centre y, log width, log aspect."""
    width, height = max(box.width, MIN_SIDE_PX), max(box.height, MIN_SIDE_PX)
    cx, cy = box.centre
    return np.array([cx, cy, math.log(width), math.log(width / height)])


def measurement_noise(height_px: float, factor: float = 1.0) -> Float64Array:
    """Return the covariance (4, 4) of one measurement of a plate `height_px` high; `factor` scales the deviations."""
    centre = CENTRE_NOISE_HEIGHTS * height_px
    return np.diag(np.square(np.array([centre, centre, LOG_WIDTH_NOISE, LOG_ASPECT_NOISE]) * factor))


class PlateFilter:
    """Where one plate is, how fast it moves, and how sure that is."""

    def __init__(self, box: Box) -> None:
        start = measure(box)
        height = plate_height_px(box)
        self._filter = KalmanFilter(dim_x=STATES, dim_z=MEASURED)
        self._filter.H = np.eye(MEASURED, STATES)
        self._filter.x[:MEASURED, 0] = start
        speed = START_SPEED_HEIGHTS_S * height
        self._filter.P = np.zeros((STATES, STATES))
        self._filter.P[:MEASURED, :MEASURED] = measurement_noise(height)
        self._filter.P[MEASURED:, MEASURED:] = np.diag(np.square([speed, speed, START_GROWTH_PER_S]))

    @property
    def box(self) -> Box:
        """Return the estimated box."""
        return _box_of(self._filter.x[:, 0])

    @property
    def velocity_px_s(self) -> tuple[float, float]:
        """Return the speed of the centre."""
        return float(self._filter.x[4, 0]), float(self._filter.x[5, 0])

    def advance(self, elapsed_s: float) -> None:
        """Move the estimate `elapsed_s` seconds ahead and grow its uncertainty."""
        self._filter.predict(F=_transition(elapsed_s), Q=_process_noise(elapsed_s, self._height_px))

    def observe(self, box: Box, *, weak: bool = False) -> None:
        """Correct the estimate by a detection at the current moment."""
        noise = measurement_noise(plate_height_px(box), WEAK_NOISE_FACTOR if weak else 1.0)
        self._filter.update(measure(box).reshape(MEASURED, 1), R=noise)

    def expectation(self) -> tuple[Float64Array, Float64Array]:
        """Return the expected measurement (4,) and its covariance (4, 4), detector noise included."""
        spread = self._filter.P[:MEASURED, :MEASURED] + measurement_noise(self._height_px)
        return self._filter.x[:MEASURED, 0].copy(), spread

    def ahead(self, elapsed_s: float) -> Box:
        """Return the box in `elapsed_s` seconds; changes nothing."""
        return _box_of(_transition(elapsed_s) @ self._filter.x[:, 0])

    @property
    def _height_px(self) -> float:
        return plate_height_px(self.box)


def _box_of(state: Float64Array) -> Box:
    width = math.exp(min(float(state[2]), 12.0))  # e^12 px: far beyond any picture, far below overflow
    height = width / math.exp(min(max(float(state[3]), -5.0), 5.0))
    cx, cy = float(state[0]), float(state[1])
    return Box(cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)


def _transition(elapsed_s: float) -> Float64Array:
    transition = np.eye(STATES)
    transition[0, 4] = transition[1, 5] = transition[2, 6] = elapsed_s
    return transition


def _process_noise(elapsed_s: float, height_px: float) -> Float64Array:
    """Return the continuous white-noise-acceleration model integrated over the step, so two half steps equal one.

    Source: Bar-Shalom, Li, Kirubarajan, Estimation with Applications to Tracking, 2001, section 6.2.2.
    """
    noise = np.zeros((STATES, STATES))
    centre = (ACCELERATION_HEIGHTS * height_px) ** 2
    for place, rate, power in ((0, 4, centre), (1, 5, centre), (2, 6, GROWTH_DRIFT**2)):
        noise[place, place] = power * elapsed_s**3 / 3
        noise[place, rate] = noise[rate, place] = power * elapsed_s**2 / 2
        noise[rate, rate] = power * elapsed_s
    noise[3, 3] = ASPECT_DRIFT**2 * elapsed_s
    return noise
