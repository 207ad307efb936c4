"""The few settings that may change while the daemon runs: each camera's threshold for a provisional event.

Set from afar (device shadow), read by the vision threads before each frame.
Holds no history: after a restart the settings file is in force again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from edge.errors import ConfigError


class Tuning:
    """Thread-safe; every method returns at once.

    Args:
        thresholds: camera -> threshold, from the settings.
    """

    def __init__(self, thresholds: Mapping[str, float]) -> None:
        self._lock = threading.Lock()
        self._thresholds = dict(thresholds)

    def set_thresholds(self, wanted: Mapping[str, float]) -> None:
        """Put `wanted` into force, all or none.

        Raises:
            ConfigError: a camera does not exist, or a value is not a probability.
        """
        with self._lock:
            for camera, value in wanted.items():
                if camera not in self._thresholds:
                    names = ", ".join(sorted(self._thresholds))
                    raise ConfigError(f"thresholds.{camera}", "there is no such camera", f"name one of: {names}")
                if not 0.0 <= value <= 1.0:
                    raise ConfigError(f"thresholds.{camera}", f"{value} is no probability", "give 0 to 1")
            self._thresholds.update(wanted)

    def threshold(self, camera: str) -> float:
        """Return the threshold of `camera` now."""
        with self._lock:
            return self._thresholds[camera]

    def thresholds(self) -> dict[str, float]:
        """Return all thresholds now."""
        with self._lock:
            return dict(self._thresholds)
