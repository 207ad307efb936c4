"""Evaluation end to end on the bundled clip: real capture, tracker, vote and gate; only the models are oracles."""

from __future__ import annotations

import json
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.replay.evaluate import Evaluated, as_document, compared, evaluated, fingerprint, videos_in
from edge.replay.report import html
from edge.replay.scoring import Outcome, score
from edge.replay.truth import Passage, VideoTruth, truth_for
from edge.replay.watch import watch
from tests.replay.conftest import CLIP
from tests.replay.oracle import OraclePlayer

VOID = {"meta", "img", "br", "link"}


class Outline(HTMLParser):
    """Tags that were opened and never closed, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in ("script", "link") or any(k in ("src", "href") and v and v.startswith("http") for k, v in attrs):
            raise AssertionError(f"the page must need nothing else, but has {tag} {attrs}")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_car_of_the_clip_is_found_once_and_read(watched_entry: Evaluated) -> None:
    (passage,) = watched_entry.score.passages
    assert passage.outcome is Outcome.EXACT
    assert passage.direction_right is True
    assert not passage.failed
    assert watched_entry.score.false_events == ()


def test_two_runs_give_identical_events(watched_entry: Evaluated) -> None:
    again = watch(OraclePlayer(CLIP, misreads={60: "AB12C0E"}), CLIP)
    assert fingerprint(again) == watched_entry.events_sha256


def test_other_reads_give_another_fingerprint(watched_entry: Evaluated) -> None:
    """The fingerprint is no constant."""
    (other,) = evaluated(
        [(CLIP, truth_for(CLIP, None))],
        lambda v: OraclePlayer(v, misreads=dict.fromkeys(range(400), "AB12C0E")),
        time.perf_counter,
    )
    assert other.events_sha256 != watched_entry.events_sha256
    assert other.score.passages[0].outcome is Outcome.ONE_OFF
    document = as_document([other])
    assert document["voting"] == {
        "passages": 1, "single_best_wrong": 1, "vote_wrong": 1, "early_single_best_wrong": 1,
        "early_vote_wrong": 1, "early_looks": 5,
        "looks": document["voting"]["looks"], "looks_wrong": document["voting"]["looks"],
    }  # fmt: skip


def test_comparison_names_what_got_worse(watched_entry: Evaluated) -> None:
    good = json.loads(json.dumps(as_document([watched_entry])))
    bad = json.loads(json.dumps(good))
    bad["videos"][0]["passages"][0] |= {"outcome": "missed", "failed": True, "answer": None}
    bad["summary"]["recall"] = 0.0

    changes = compared(good, bad)

    assert [(c.what, c.better) for c in changes] == [("recall", False), ("gate-entry.mp4 #0 AB12CDE", False)]
    assert all(c.better for c in compared(bad, good))
    assert compared(good, good) == []


def test_comparison_refuses_another_file(watched_entry: Evaluated) -> None:
    with pytest.raises(ConfigError, match="--json"):
        compared({"schema": "something else"}, as_document([watched_entry]))


def test_report_needs_nothing_else_and_shows_failures_first(watched_entry: Evaluated) -> None:
    missed = VideoTruth("other.mp4", (Passage("ZZ99ZZZ", from_s=0, to_s=3),), "night <b>")
    failed = Evaluated(CLIP, score(missed, [], 10.0), watched_entry.watched, 1.0, "")
    page = html([watched_entry, failed], "Evaluation")

    outline = Outline()
    outline.feed(page)
    assert outline.text.index("ZZ99ZZZ") < outline.text.index("AB12CDE")
    assert "night <b>" in outline.text, "names are escaped"
    assert page.count("data:image/jpeg;base64,") >= 8
    assert outline.tags.count("article") == 2


def test_report_shows_what_each_look_said(watched_entry: Evaluated) -> None:
    outline = Outline()
    outline.feed(html([watched_entry], "Evaluation"))
    assert "Vote of" in outline.text
    assert "counted" in outline.text


def test_folders_are_searched_for_videos(tmp_path: Path) -> None:
    (tmp_path / "b.mp4").touch()
    (tmp_path / "a.MKV").touch()
    (tmp_path / "notes.txt").touch()
    assert [p.name for p in videos_in([tmp_path])] == ["a.MKV", "b.mp4"]
    with pytest.raises(ConfigError, match="no such file"):
        videos_in([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="holds no video"):
        videos_in([tmp_path / "empty"])
