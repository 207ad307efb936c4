"""Explanations, proposals and site reports from a watched clip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.replay.annotate import contact_sheet, proposals, yaml_text
from edge.replay.evaluate import Evaluated
from edge.replay.explain import explained
from edge.replay.site_report import Light, site_report
from edge.replay.truth import load
from edge.replay.watch import Placed, Story, Watched
from edge.tracking.account import characters
from edge.types import Direction
from tests.replay.oracle import _posterior


def test_every_look_has_a_row_with_its_characters(watched_entry: Evaluated) -> None:
    (plate,) = explained(watched_entry.watched)
    assert plate.answer == "AB12CDE"
    assert plate.event == "passage.final entry"
    assert plate.reason == ""
    texts = {"".join(c for c, _ in row.characters) for row in plate.rows}
    assert "AB12CDE" in texts
    assert all(0.9 < p < 1 for row in plate.rows for _, p in row.characters)
    assert [row.at_s for row in plate.rows] == sorted(row.at_s for row in plate.rows)


def test_only_what_was_in_view_is_explained(watched_entry: Evaluated) -> None:
    assert len(explained(watched_entry.watched, at_s=3.0)) == 1
    assert explained(watched_entry.watched, at_s=60.0) == ()


def test_event_leads_to_its_plate(watched_entry: Evaluated) -> None:
    event = watched_entry.watched.events[-1].event
    assert len(explained(watched_entry.watched, event_id=event.event_id)) == 1
    assert explained(watched_entry.watched, event_id="unknown") == ()


def test_plate_that_was_never_read_has_a_reason(watched_entry: Evaluated) -> None:
    """The question of every installer: why was that car not read?"""
    small = Story(9, 1.0, 2.0, detections=12, best_height_px=5.4)
    watched = replace(watched_entry.watched, stories={9: small}, tracks_of={}, events=())
    (plate,) = explained(watched)
    assert plate.reason == "too small: at most 5 px high, reading starts at 8 px"


@pytest.mark.parametrize(
    ("probability", "reason"),
    [
        (0.43, "the vote is right with probability 0.43 only, and a text is told from 0.50"),
        (0.99, "the vehicle never moved: what stands is parked, and no passage"),
    ],
)
def test_an_unsure_plate_is_told_from_a_parked_one(watched_entry: Evaluated, probability: float, reason: str) -> None:
    """One asks for a better view, the other for another setting."""
    story = replace(next(iter(watched_entry.watched.stories.values())), probability=probability)
    watched = replace(watched_entry.watched, stories={story.track_id: story}, tracks_of={}, events=())

    assert explained(watched)[0].reason == reason


def test_characters_of_a_posterior_leave_blanks_out(watched_entry: Evaluated) -> None:
    read = watched_entry.watched.stories[next(iter(watched_entry.watched.stories))].looks[0].read
    shown = characters(replace(read, posterior=_posterior("AB1")))
    assert [c for c, _ in shown] == ["A", "B", "1"]
    assert shown[0][1] == pytest.approx(0.96)


def test_proposed_truth_is_a_truth_file(watched_entry: Evaluated, tmp_path: Path) -> None:
    """What annotate writes, evaluate reads."""
    found = proposals(watched_entry.watched)
    path = tmp_path / "truth.yaml"
    path.write_text(yaml_text(watched_entry.watched, found))

    (passage,) = load(path)["gate-entry.mp4"].passages

    assert passage.plate == "AB12CDE"
    assert passage.direction is Direction.ENTRY
    assert passage.from_s is not None and passage.to_s is not None and passage.from_s < passage.to_s


def test_contact_sheet_shows_a_tile_per_passage(watched_entry: Evaluated) -> None:
    found = proposals(watched_entry.watched)
    one, four = contact_sheet(found), contact_sheet(found * 4)
    assert four.shape[0] == 2 * one.shape[0]
    assert one[50:250, 20:400].std() > 20, "the scene is in it"
    assert contact_sheet(()).std() > 0, "says that there is nothing"


def test_good_site_is_not_red(watched_entry: Evaluated) -> None:
    report = site_report(watched_entry.watched)
    size = next(f for f in report.findings if f.name == "size")
    assert size.light is Light.GREEN
    assert report.plates == 1
    assert report.light is not Light.RED


def _site(watched: Watched, **place: float) -> dict[str, tuple[Light, str]]:
    """Return the findings on one plate that always lay like this."""
    usual = {"width_px": 120.0, "height_px": 25.0, "tilt_deg": 1.0, "shear_deg": 2.0, "brightness": 130.0, "burnt": 0.0}
    places = [Placed(at_s=k / 10, **{**usual, **place}) for k in range(20)]
    story = Story(1, 0.0, 2.0, detections=20, best_height_px=25, places=places)
    return {
        f.name: (f.light, f.advice)
        for f in site_report(replace(watched, stories={1: story}, tracks_of={"p": (1,)})).findings
    }


def test_each_shortcoming_has_its_advice(watched_entry: Evaluated) -> None:
    watched = watched_entry.watched
    assert _site(watched)["exposure"] == (Light.GREEN, "")
    light, advice = _site(watched, width_px=46.0, height_px=11.0)["size"]
    assert light is Light.RED and "zoom in by 2" in advice
    light, advice = _site(watched, burnt=0.8)["exposure"]
    assert light is Light.RED and "infra-red" in advice
    assert _site(watched, brightness=20.0)["exposure"][0] is Light.RED
    assert _site(watched, tilt_deg=-15.0)["tilt"][0] is Light.AMBER
    assert _site(watched, shear_deg=40.0)["angle"][0] is Light.RED


def test_empty_recording_is_red_and_says_why(watched_entry: Evaluated) -> None:
    report = site_report(replace(watched_entry.watched, stories={}))
    assert report.light is Light.RED
    assert "aim" in report.findings[0].advice


def test_geometry_of_a_leaning_plate() -> None:
    from edge.replay.watch import placed
    from edge.types import Box, Detection

    corners = ((10.0, 20.0), (110.0, 30.0), (115.0, 60.0), (15.0, 50.0))
    lying = placed(np.full((100, 200), 255, np.uint8), Detection(Box(10, 20, 115, 60), 0.9, corners), 0.0)
    assert lying.tilt_deg == pytest.approx(5.71, abs=0.01)
    assert lying.burnt == 1.0
    assert lying.width_px == pytest.approx(100.5, abs=0.1)
