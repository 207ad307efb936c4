"""`anpr-train recogniser` spares what is there, works without photographs, and never mixes the same weights twice."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from tests.training.labelled import write_crops
from training.cli import app
from training.recogniser.cache import CANVAS_PX, open_cache, render_cache
from training.recogniser.commands import CHECKPOINT, PLATES
from training.recogniser.export import USUAL_TEMPERATURE, read_metadata
from training.recogniser.network import SLOTS, PlateReader
from training.recogniser.training import Plan, Trainer

READER = Path(__file__).resolve().parents[2] / "models" / "plate-reader.onnx"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def done_well(*words: str) -> str:
    done = run(*words)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def refused(*words: str) -> str:
    """Return what a command said that left with 1 and no traceback, on one line."""
    done = run(*words)
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), done.output
    return " ".join(done.output.split())


def a_checkpoint(folder: Path, temperature: float | None = None) -> Path:
    """Write what a training that has just begun keeps."""
    trainer = Trainer(Plan(60.0, folder / "reader.pt"))
    trainer.temperature = temperature
    trainer.save()
    return folder / "reader.pt"


@pytest.fixture
def no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without photographs."""
    monkeypatch.setenv("ANPR_DATA", str(tmp_path / "nothing"))


@pytest.mark.usefixtures("no_data")
def test_a_trial_spares_real_plates_and_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty plates would stay in the place of five hundred, and a few seconds' weights in that of hours."""
    monkeypatch.chdir(tmp_path)
    CHECKPOINT.parent.mkdir(parents=True)
    CHECKPOINT.write_bytes(b"hours of work")
    done_well("recogniser", "render", "--smoke")
    assert "rendered plates alone" in done_well("recogniser", "train", "--smoke")
    assert CHECKPOINT.read_bytes() == b"hours of work" and not PLATES.exists()


def test_a_chunk_with_too_few_plates_is_rendered_again(tmp_path: Path) -> None:
    """What a shorter run left behind must not stay short for ever; a larger chunk loses nothing to a smaller run."""
    for count, there in ((2, 2), (4, 4), (3, 4)):
        render_cache(tmp_path, count, seed=5, processes=1)
        assert len(open_cache(tmp_path)) == there


def write_chunks(folder: Path, chunks: int, plates: int) -> None:
    width, height = CANVAS_PX
    for chunk in range(chunks):
        np.savez(
            folder / f"chunk-1-{chunk:05d}.npz",
            pictures=np.full((plates, height, width), chunk, np.uint8),
            plates=np.full((plates, 4), chunk, np.float32),
            boxes=np.zeros((plates, SLOTS, 4), np.float32),
            texts=np.array([f"AB{chunk}"] * plates, f"U{SLOTS}"),
            lines=np.ones(plates, np.uint8),
        )


def test_plates_are_in_memory_once(tmp_path: Path) -> None:
    """Sixty thousand are 2.7 GB; twice that is more than the machines have that train here."""
    write_chunks(tmp_path, chunks=20, plates=10)
    tracemalloc.start()
    cache = open_cache(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.3 * cache.pictures.nbytes
    assert cache.pictures[:, 0, 0].tolist() == [chunk for chunk in range(20) for _ in range(10)]
    assert (cache.texts[199], cache.plates[199, 0], len(cache)) == ("AB19", 19.0, 200)


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize(
    ("told", "used"), [(0.9, "the one of the reader it went on from"), (None, "the usual one")], ids=["kept", "usual"]
)
def test_a_reader_is_exported_without_photographs(told: float | None, used: str, tmp_path: Path) -> None:
    """A stranger has none of ours; the model is his all the same, without figures that nobody measured."""
    checkpoint = a_checkpoint(tmp_path, told)
    said = done_well("export", "recogniser", "--checkpoint", str(checkpoint), "--models", str(tmp_path / "mine"))
    assert f"too few to fit it; {used} is used" in said and "no figures are written" in said
    (entry,) = yaml.safe_load((tmp_path / "mine" / "manifest.yaml").read_text())
    assert entry["accuracy"] == {}
    stated = float(read_metadata(tmp_path / "mine" / "plate-reader.onnx")["temperature"])
    assert stated == pytest.approx(told or USUAL_TEMPERATURE)


def test_a_training_keeps_the_temperature_of_the_reader_it_goes_on_from(tmp_path: Path) -> None:
    network = PlateReader()
    first = Trainer(Plan(60.0, tmp_path / "reader.pt"))
    first.start_from(network, 0.87)
    first.save()
    second = Trainer(Plan(60.0, tmp_path / "other.pt"))
    second.resume(tmp_path / "reader.pt")
    assert second.temperature == 0.87


def test_figures_are_measured_on_the_data_that_was_named(tmp_path: Path) -> None:
    data = write_crops(tmp_path / "data", [("own", "train", "AB1"), ("own", "val", "AB2"), ("own", "val", "AB3")])
    models = tmp_path / "mine"
    words = ("--checkpoint", str(a_checkpoint(tmp_path)), "--models", str(models), "--data", str(data))
    done_well("export", "recogniser", *words)
    (entry,) = yaml.safe_load((models / "manifest.yaml").read_text())
    assert entry["accuracy"]["crops"] == {"all": 2, "one-line": 2, "own": 2}
    assert entry["accuracy"]["command"].endswith(f"--data {data}")
    said = done_well("recogniser", "score", "--data", str(data), "--model", str(models / "plate-reader.onnx"))
    assert "val own: " in said and "of 2" in said


def test_data_that_is_named_and_absent_is_refused(tmp_path: Path) -> None:
    """Whoever names a folder wants it used; going on without would be calibrated on other pictures, or on none."""
    absent, weights = str(tmp_path / "absent"), str(a_checkpoint(tmp_path))
    for words in (
        ("recogniser", "train", "--smoke"),
        ("recogniser", "score", "--model", str(READER)),
        ("recogniser", "int8", "--smoke"),
        ("export", "recogniser", "--checkpoint", weights, "--models", str(tmp_path / "mine")),
    ):
        assert "crops.csv: no such file. Fix: give a data folder" in refused(*words, "--data", absent), words


@pytest.mark.usefixtures("no_data")
def test_the_same_weights_are_not_mixed_in_twice(tmp_path: Path) -> None:
    """Exporting over the reader that is mixed with is fine once; again, it would be a mix with a mix."""
    models, checkpoint = tmp_path / "models", a_checkpoint(tmp_path)
    models.mkdir()
    reader = models / "plate-reader.onnx"
    reader.write_bytes(READER.read_bytes())
    words = (
        "export",
        "recogniser",
        "--checkpoint",
        str(checkpoint),
        "--models",
        str(models),
        "--mix-with",
        str(reader),
    )
    done_well(*words)
    once = reader.read_bytes()
    assert "are in it already" in refused(*words) and reader.read_bytes() == once


@pytest.mark.usefixtures("no_data")
def test_an_int8_variant_of_the_reader_before_is_no_longer_listed(tmp_path: Path) -> None:
    """Two readers of one version that answer differently would lie side by side in the manifest."""
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump([{"name": "plate-detector"}, {"name": "plate-reader-int8"}]))
    said = done_well("export", "recogniser", "--checkpoint", str(a_checkpoint(tmp_path)), "--models", str(tmp_path))
    names = [entry["name"] for entry in yaml.safe_load((tmp_path / "manifest.yaml").read_text())]
    assert names == ["plate-detector", "plate-reader"] and "anpr-train recogniser int8" in said


@pytest.mark.usefixtures("no_data")
def test_what_cannot_go_on_says_so_in_one_line(tmp_path: Path) -> None:
    plates = tmp_path / "plates"
    plates.mkdir()
    write_chunks(plates, 1, 4)
    trial = ("recogniser", "train", "--plates-folder", str(plates), "--checkpoint", str(tmp_path / "w.pt"))
    absent = str(tmp_path / "absent.onnx")
    assert "absent.onnx: no such model file" in refused(*trial, "--resume", absent)
    assert "absent.pt: no such checkpoint" in refused(*trial, "--resume", str(tmp_path / "absent.pt"))
    assert "no such model file" in refused("recogniser", "score", "--model", absent)
    weights = str(READER.with_name("plate-detector.weights.pt"))
    assert "not the weights of a PlateReader" in refused(
        "export", "recogniser", "--checkpoint", weights, "--models", str(tmp_path)
    )
    assert "no such part of the crops" in refused(
        "recogniser", "score", "--model", str(READER), "--split", "vall", "--data", str(tmp_path)
    )
    spent = Trainer(Plan(60.0, tmp_path / "spent.pt"))
    spent.progress.elapsed_s = 3600.0
    spent.save()
    said = refused(*trial, "--resume", str(tmp_path / "spent.pt"), "--minutes", "60")
    assert "60 of 60 minutes are used. Fix: give more --minutes" in said
