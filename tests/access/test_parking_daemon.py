"""The car park in the real daemon: a recorded car through vision and outbox into a stay, and onto the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = """\
site: {{name: north}}
cameras:
  - {{name: cam-1, lane: entry, url: {clip}, gate: {{direction: growth, approaching: entry}}}}
mqtt: {{enabled: false}}
metrics: {{enabled: false}}
web: {{enabled: false}}
outbox: {{path: {folder}/outbox.db}}
parking: {{enabled: true, path: {folder}/parking.db, zones: [{{name: yard, capacity: 5, lanes: [entry, exit]}}]}}
"""


def anpr(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "edge", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_car_of_a_recording_becomes_a_stay(tmp_path: Path) -> None:
    """Everything between the camera and the attendant's question, as it is shipped."""
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(clip=ROOT / "assets/clips/gate-entry.mp4", folder=tmp_path))
    anpr("run", "-c", str(config))  # ends with the recording
    park = json.loads(anpr("sessions", "list", "--json", "-c", str(config)))
    (stay,) = park["open"]
    assert (stay["zone"], stay["entry"]["lane"], park["unmatched"]) == ("yard", "entry", [])
    assert stay["entry"]["probability"] > 0.9
    assert anpr("occupancy", "show", "-c", str(config)) == "yard: 1 cars, 4 of 5 spaces free\n"
