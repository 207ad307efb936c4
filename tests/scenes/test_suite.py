"""The suite: enough passages, the same ones every time, rendered only when needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigError
from training.scenes.spec import SceneSpec
from training.scenes.suite import FORMATS, Suite, drawn_plate, is_rendered, load_suite, render_suite, scenes

ROOT = Path(__file__).parents[2]


def readable_passages(specs: list[SceneSpec]) -> int:
    return sum(
        v.readable and bool(v.plate) and v.passage not in ("parked", "cross") for spec in specs for v in spec.vehicles
    )


@pytest.mark.parametrize(("form", "least"), [("ci", 60), ("nightly", 1000)])
def test_suite_is_large_enough(form: str, least: int) -> None:
    specs = scenes(load_suite(ROOT / "tests/scenes/suite.yaml"), form)
    assert readable_passages(specs) >= least
    assert len({s.condition for s in specs}) >= 20
    assert len({s.name for s in specs}) == len(specs)


def test_suite_is_the_same_every_time() -> None:
    suite = load_suite(ROOT / "tests/scenes/suite.yaml")
    assert [s.digest for s in scenes(suite, "ci")] == [s.digest for s in scenes(suite, "ci")]


def test_nightly_form_begins_with_the_small_one() -> None:
    """A failure seen at night can be repeated with the small form's tools, and the other way round."""
    suite = load_suite(ROOT / "tests/scenes/suite.yaml")
    nightly = {s.digest for s in scenes(suite, "nightly")}
    assert {s.digest for s in scenes(suite, "ci")} <= nightly


def test_every_style_can_be_drawn() -> None:
    import numpy as np

    for style in FORMATS:
        text = drawn_plate(style, np.random.default_rng(1))
        assert any(c.isdigit() for c in text) and any(c.isalpha() for c in text)


def test_a_sample_leaves_the_whole_suite_alone(tmp_path: Path) -> None:
    """Whoever tries each 36th clip of the night must not lose an hour of rendered ones."""
    tiny = {"size": [160, 90], "fps": 5, "seconds": 0.2, "barrier": False}
    conditions = [{"name": n} for n in ("a", "b", "c", "d", "e", "f")]
    suite = Suite.model_validate({"name": "tiny", "forms": {"ci": 1}, "defaults": tiny, "conditions": conditions})
    whole = render_suite(suite, "ci", tmp_path)

    sample = render_suite(suite, "ci", tmp_path, every=3)

    assert sorted(p.stem for p in sample.glob("*.mp4")) == ["b-001", "e-001"]
    assert len(list(whole.glob("*.mp4"))) == 6


def test_only_what_changed_is_rendered_again(tmp_path: Path) -> None:
    tiny = {"size": [160, 90], "fps": 5, "seconds": 0.4, "barrier": False}
    suite = Suite.model_validate(
        {"name": "tiny", "forms": {"ci": 1}, "defaults": tiny, "conditions": [{"name": "a"}, {"name": "b"}]}
    )
    rendered: list[str] = []

    def tell(name: str, new: bool) -> None:
        if new:
            rendered.append(name)

    folder = render_suite(suite, "ci", tmp_path, tell)
    assert rendered == ["a-001", "b-001"]
    (folder / "b-001.truth.json").write_text('{"digest": "old"}')
    (folder / "stray.mp4").write_text("left from another suite")
    rendered.clear()
    render_suite(suite, "ci", tmp_path, tell)

    assert rendered == ["b-001"]
    assert sorted(p.name for p in folder.iterdir()) == [
        "a-001.mp4",
        "a-001.truth.json",
        "b-001.mp4",
        "b-001.truth.json",
    ]
    assert all(is_rendered(s, folder) for s in scenes(suite, "ci"))


def test_unknown_form_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="ci, nightly"):
        scenes(load_suite(ROOT / "tests/scenes/suite.yaml"), "weekly")
