"""`anpr-train detector` spares what is there, goes on where it was, and says in one line what it cannot do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import Result
from typer.testing import CliRunner

from tests.training.labelled import WRITERS
from training.cli import app
from training.detector.commands import CHECKPOINT
from training.detector.donors import distractions, rendered_donors
from training.detector.samples import Material
from training.detector.scenes import load_scenes
from training.detector.train import Training, TrainPlan, train

MODELS = Path(__file__).resolve().parents[2] / "models"
SMALL_PX = 2 * 384 * 384


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two labelled pictures, one to learn from and one to judge by."""
    table = WRITERS["csv"](tmp_path / "set")
    head, first, second = table.read_text().splitlines()
    table.write_text("\n".join([head + ",split,source", first + ",train,street", second + ",val,yard"]) + "\n")
    return table


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def refused(done: Result) -> str:
    """Return what a command said that left with 1 and no traceback, on one line."""
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), done.output
    return " ".join(done.output.split())


def test_a_trial_spares_the_checkpoint_of_a_real_training(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hours of work lie there; whoever only tries the command must not lose them."""
    monkeypatch.chdir(tmp_path)
    CHECKPOINT.parent.mkdir(parents=True)
    CHECKPOINT.write_bytes(b"hours of work")
    done = run("detector", "train", "--smoke", "--data", str(data))
    assert done.exit_code == 0, done.output
    assert CHECKPOINT.read_bytes() == b"hours of work"


def material_of(data: Path) -> Material:
    return Material(load_scenes(data, "train"), rendered_donors(2, 3), distractions(3, 4))


def test_a_resumed_training_goes_on_in_time_and_rate(data: Path, tmp_path: Path) -> None:
    """Otherwise a run that broke off after an hour takes its full time again, at the full rate."""
    plan = TrainPlan(20.0, tmp_path / "w.pt", pixels=SMALL_PX, steps=1, workers=0)
    first = Training(plan)
    first.elapsed_s = 15 * 60.0
    first.save()
    second = Training(plan)
    second.resume(plan.out)
    ((_, share, _),) = list(train(plan, material_of(data), second))
    assert 0.75 <= share < 0.8
    assert torch.load(plan.out, weights_only=True)["elapsed_s"] >= 15 * 60.0


def test_a_checkpoint_without_its_time_is_still_read(tmp_path: Path) -> None:
    """Those of earlier versions do not tell how long they took."""
    plan = TrainPlan(20.0, tmp_path / "w.pt")
    Training(plan).save()
    state = torch.load(plan.out, weights_only=True)
    del state["elapsed_s"]
    torch.save(state, plan.out)
    resumed = Training(plan)
    resumed.resume(plan.out)
    assert resumed.elapsed_s == 0.0


def test_a_misspelt_source_to_leave_out_is_refused(data: Path) -> None:
    """It would be trained on, and the test on it would flatter."""
    told = refused(run("detector", "train", "--smoke", "--data", str(data), "--leave-out", "stret"))
    assert "stret: no such source" in told and "Fix: choose of street, yard" in told
    assert "no scene of split train" in refused(
        run("detector", "train", "--smoke", "--data", str(data), "--leave-out", "street")
    )


def test_what_is_missing_is_one_line_and_exit_code_1(data: Path, tmp_path: Path) -> None:
    absent, weights = str(tmp_path / "absent"), str(MODELS / "plate-detector.weights.pt")
    trial = ("detector", "train", "--smoke", "--data")
    assert "absent: no such" in refused(run(*trial, absent))
    assert "absent: no such checkpoint. Fix:" in refused(run(*trial, str(data), "--resume", absent))
    assert "absent: no such checkpoint. Fix:" in refused(run(*trial, str(data), "--start", absent))
    export = ("export", "detector", "--smoke", "--checkpoint", absent)
    assert "absent: no such file. Fix:" in refused(run(*export, "--figures", absent))
    assert "weights alone are for --start" in refused(run(*trial, str(data), "--resume", weights))
    data.write_text(data.read_text().replace("AB12CDE", "AB*2"))
    assert "1 broken annotations. Fix:" in refused(run(*trial, str(data)))


@pytest.mark.parametrize("words", [("evaluate", "detector"), ("evaluate", "corners"), ("detector", "variants")])
def test_a_model_that_is_not_there_is_named(words: tuple[str, ...], data: Path, tmp_path: Path) -> None:
    told = refused(run(*words, "--data", str(data), "--model", str(tmp_path / "nope.onnx"), "--smoke"))
    assert "nope.onnx: no such model file. Fix:" in told


def test_a_file_that_is_no_model_is_named(data: Path) -> None:
    told = refused(run("evaluate", "detector", "--data", str(data), "--model", str(data), "--smoke"))
    assert "plates.csv: not a model that can be run" in told


@pytest.mark.parametrize(
    ("words", "model", "kind"),
    [
        (("evaluate", "detector"), "plate-reader.onnx", "takes plates instead of image"),
        (("recogniser", "score"), "plate-detector.onnx", "takes image instead of plates"),
    ],
)
def test_a_model_of_the_other_kind_is_named(words: tuple[str, ...], model: str, kind: str, data: Path) -> None:
    """Both lie side by side and differ in half a name."""
    assert kind in refused(run(*words, "--data", str(data), "--model", str(MODELS / model), "--smoke"))
