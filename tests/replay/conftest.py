"""The bundled clip, watched once with models that know the truth."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge.replay.evaluate import Evaluated, evaluated
from edge.replay.truth import truth_for
from tests.replay.oracle import OraclePlayer

CLIP = Path(__file__).parents[2] / "assets/clips/gate-entry.mp4"


@pytest.fixture(scope="session")
def watched_entry() -> Evaluated:
    """The clip as it should be read, but for one frame that is misread."""
    (result,) = evaluated(
        [(CLIP, truth_for(CLIP, None))], lambda v: OraclePlayer(v, misreads={60: "AB12C0E"}), time.perf_counter
    )
    return result
