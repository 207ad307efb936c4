"""The regression gate: the whole scene suite through the real pipeline with the real models, against stored limits."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from edge.commands.options import camera_of, settings_for_files
from edge.replay.evaluate import as_document, evaluated, videos_in
from edge.replay.player import Player
from edge.replay.report import html
from edge.replay.summary import breaches, load_thresholds
from edge.replay.truth import truth_for
from training.scenes.suite import load_suite, render_suite

ROOT = Path(__file__).parents[2]


SMOKE = ("day-entry", "day-exit", "rain", "night-infrared", "motorcycle", "tailgating", "parked-in-view", "no-plate")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_scene_suite_holds_its_limits() -> None:
    """A change that makes the product read worse fails here; out/replay-suite.html shows where.

    One clip of eight conditions; the whole suite where ANPR_SUITE=ci (scripts/replay-gate): some minutes of two cores.
    """
    suite = load_suite(ROOT / "tests/scenes/suite.yaml")
    whole = os.environ.get("ANPR_SUITE") == "ci"
    if not whole:
        few = [c.model_copy(update={"clips": 1}) for c in suite.conditions if c.name in SMOKE]
        suite = suite.model_copy(update={"name": "smoke", "conditions": tuple(few)})
    folder = render_suite(suite, "ci", ROOT / ".cache/scenes")
    settings = settings_for_files(None)
    camera = camera_of(settings, None)
    jobs = [(video, truth_for(video, None)) for video in videos_in([folder])]

    results = list(evaluated(jobs, lambda v: Player(v, settings, camera), time.perf_counter))

    document = as_document(results)
    limits = load_thresholds(ROOT / "tests/replay" / ("limits.yaml" if whole else "limits-smoke.yaml"))
    broken = breaches(document["summary"], limits)
    out = ROOT / "out"
    out.mkdir(exist_ok=True)
    (out / "replay-suite.json").write_text(json.dumps(document, indent=1))
    (out / "replay-suite.html").write_text(html(results, "Scene suite", broken=broken))
    assert document["summary"]["passages"] >= (60 if whole else 8)
    assert broken == []


def test_bundled_clip_is_read_by_the_bundled_models() -> None:
    """What the demonstration shows: one car, one entry, the right plate."""
    clip = ROOT / "assets/clips/gate-entry.mp4"
    settings = settings_for_files(None)
    camera = camera_of(settings, None)

    (result,) = evaluated([(clip, truth_for(clip, None))], lambda v: Player(v, settings, camera), time.perf_counter)

    (passage,) = result.score.passages
    assert passage.reported is not None
    assert (passage.reported.text, passage.direction_right, len(passage.duplicates)) == ("AB12CDE", True, 0)
    assert result.score.false_events == ()
