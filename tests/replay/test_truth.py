"""Truth files: both forms are read, every mistake is named at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.replay.truth import Expects, load, truth_for
from edge.types import Direction

ROOT = Path(__file__).parents[2]


def test_file_written_by_a_person(tmp_path: Path) -> None:
    path = tmp_path / "truth.yaml"
    path.write_text(
        "gate.mp4:\n  condition: rain\n  passages:\n"
        "    - {plate: ab 12 cde, direction: exit, from: 1, to: 4.5}\n"
        "    - {plate: PK11ABC, expects: nothing}\n"
    )

    truth = load(path)["gate.mp4"]

    assert truth.condition == "rain"
    assert truth.passages[0].plate == "AB12CDE"
    assert truth.passages[0].direction is Direction.EXIT
    assert truth.passages[0].to_s == 4.5
    assert truth.passages[1].expects is Expects.NOTHING


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "truth.yaml"
    path.write_text(
        "a.mp4:\n  passages:\n    - {plate: AB12CDE, from: 5, to: 2}\n    - {plat: X}\n    - {plate: A, from: soon}\n"
        "b.mp4: []\nc.mp4:\n  weather: fine\n  passages:\n    - {plate: 'Ö1'}\n    - {plate: A1, direction: sideways}\n"
    )

    with pytest.raises(ConfigError) as caught:
        load(path)

    where = [p.at.removeprefix(f"{path}: ") for p in caught.value.problems]
    assert where == [
        "a.mp4.passages[0]", "a.mp4.passages[1].plat", "a.mp4.passages[1]", "a.mp4.passages[2].from",
        "b.mp4", "c.mp4.weather", "c.mp4.passages[0]", "c.mp4.passages[1]",
    ]  # fmt: skip


def test_truth_of_the_bundled_clip_lies_beside_it() -> None:
    truth = truth_for(ROOT / "assets/clips/gate-entry.mp4", None)

    (passage,) = truth.passages
    assert passage.plate == "AB12CDE"
    assert passage.direction is Direction.ENTRY
    assert passage.expects is Expects.READ
    assert passage.first_legible_s is not None


def test_missing_truth_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"truth\.yaml"):
        truth_for(tmp_path / "gate.mp4", None)


@pytest.mark.real_data
def test_truth_of_the_real_videos_is_read() -> None:
    """The format is the one the recordings were annotated in."""
    path = Path(os.environ.get("ANPR_DATA", ROOT.parent / "shared/data")) / "videos/truth.yaml"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    truth = load(path)
    assert [p.plate for p in truth["toll_booth.mp4"].passages] == ["34A36837", "34A23126", "89C20339"]
    assert truth["carpark_unreadable.mp4"].passages == ()
