"""The commands as a user types them; the models are oracles, everything else is real."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.errors import ConfigError
from edge.replay.player import EPOCH
from edge.replay.truth import load
from edge.sinks.history import History
from edge.tracking.account import Account, LookLine
from edge.types import EventType
from tests.replay.oracle import OraclePlayer
from tests.web.fake_gate import FakeGate

CLIPS = Path(__file__).parents[2] / "assets/clips"


@pytest.fixture(autouse=True)
def _oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.replay.player.Player", lambda video, settings, camera: OraclePlayer(video))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A folder of its own with the night clip and its truth."""
    for name in ("gate-exit-night.mp4", "gate-exit-night.truth.json"):
        shutil.copy(CLIPS / name, tmp_path / name)
    return tmp_path / "gate-exit-night.mp4"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, ConfigError):
        raise result.exception
    return result.exit_code, result.output


def test_scripted_triggers_are_answered_by_passages_or_end_unread(clip: Path) -> None:
    """The second call of the night is nobody whom the camera sees: the same at every run."""
    runs = [[e for s in OraclePlayer(clip, triggers=(0.5, 3.5)).play() for e in s.events] for _ in range(2)]
    unread = [e for e in runs[0] if e.type is EventType.UNREAD]
    assert runs[0] == runs[1]
    assert [(dict(e.details), (e.captured_at - EPOCH).total_seconds()) for e in unread] == [
        ({"trigger": "script"}, pytest.approx(3.5))
    ]


def test_evaluate_writes_what_it_was_asked_for(clip: Path, tmp_path: Path) -> None:
    out, page = tmp_path / "deep/result.json", tmp_path / "deep/page.html"

    code, text = run("evaluate", str(clip.parent), "--json", str(out), "--report", str(page))

    assert code == 0
    assert "MKX4821" in text and "exact" in text
    assert json.loads(out.read_text())["summary"]["exact"] == 1.0
    assert page.read_text().startswith("<!doctype html>")


def test_evaluate_fails_when_a_limit_does_not_hold(clip: Path, tmp_path: Path) -> None:
    limits = tmp_path / "limits.yaml"
    limits.write_text("recall: 1.0\nlatency_p50_s: -99\n")
    code, text = run("evaluate", str(clip), "--limits", str(limits))
    assert code == 1
    assert "latency_p50_s" in text and "at most -99" in text


def test_evaluate_says_what_changed(clip: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    run("evaluate", str(clip), "--json", str(old))
    document = json.loads(old.read_text())
    document["videos"][0]["passages"][0] |= {"outcome": "missed", "failed": True, "answer": None}
    old.write_text(json.dumps(document))

    code, text = run("evaluate", str(clip), "--compare", str(old))

    assert code == 0
    assert "missed" in text and "exact MKX4821 exit" in " ".join(text.split())


def test_evaluate_without_truth_says_how_to_get_one(clip: Path) -> None:
    clip.with_suffix(".truth.json").unlink()
    with pytest.raises(ConfigError, match="annotate"):
        run("evaluate", str(clip))


def test_annotate_proposes_once_and_never_overwrites(clip: Path) -> None:
    """The file may hold an hour of a person's work."""
    code, text = run("annotate", str(clip))
    assert code == 0 and "1 passages proposed" in text
    truth = clip.with_suffix(".truth.yaml")
    assert load(truth)[clip.name].passages[0].plate == "MKX4821"
    assert clip.with_suffix(".contact.jpg").stat().st_size > 5000

    truth.write_text("mine: {passages: []}\n")
    with pytest.raises(ConfigError, match="--force"):
        run("annotate", str(clip))
    assert truth.read_text().startswith("mine")
    run("annotate", str(clip), "--force")
    assert clip.name in truth.read_text()


def test_explain_shows_the_looks_of_that_moment(clip: Path, tmp_path: Path) -> None:
    code, text = run("explain", f"{clip}@3.0", "--pictures", str(tmp_path / "looks"))
    assert code == 0
    assert "MKX4821" in text and "passage.final exit" in text
    assert len(list((tmp_path / "looks").glob("*.jpg"))) >= 5
    assert run("explain", f"{clip}@0.1")[0] == 1, "nothing in view then"


def test_explain_refuses_a_moment_that_is_none(clip: Path) -> None:
    with pytest.raises(ConfigError, match="VIDEO@SECONDS"):
        run("explain", f"{clip}@noon")


def test_site_report_can_be_read_by_programs(clip: Path) -> None:
    code, text = run("site-report", str(clip), "--json")
    report = json.loads(text)
    assert report["light"] in ("green", "amber", "red")
    assert code == (1 if report["light"] == "red" else 0)
    assert {f["name"] for f in report["findings"]} == {
        "size",
        "legible looks",
        "sharpness",
        "tilt",
        "angle",
        "exposure",
    }


def test_replay_gives_the_same_site_report(clip: Path) -> None:
    assert run("replay", str(clip), "--site-report", "--json") == run("site-report", str(clip), "--json")


def test_an_event_of_the_gate_is_explained_from_its_history(tmp_path: Path) -> None:
    """The attendant has the id from the log or the receipt, not the video."""
    gate = FakeGate()
    event = gate.an_event(plate="AB12CDE")
    looks = (LookLine(5.0, (120.0, 28.0), 0.5, 0.9, 1.0, (("A", 0.99), ("B", 0.61)), 0.7, "counted", ""),)
    kept = {event.event_id: Account(9, 28.0, "AB12CDE", "", looks)}
    path = tmp_path / "history.db"
    History(path, gate.clock, keep_events=10, account_of=kept.get).write([event])
    config = tmp_path / "config.yaml"
    config.write_text(
        f"cameras: [{{name: a, lane: a, url: x.mp4}}]\nmqtt: {{enabled: false}}\nweb: {{history: {{path: {path}}}}}\n"
    )

    told, text = run("explain", event.event_id, "-c", str(config))
    unknown, _ = run("explain", "018f3c2e-7a10-7c3e-9f00-5d2c1b0a9e77", "-c", str(config))

    assert (told, unknown) == (0, 1)
    assert "AB12CDE, passage.final" in text
    assert "120x28" in text
    assert "B0.61" in text
