"""The reader's training in miniature: it learns, resumes, exports what it learned, and the gate can load it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import yaml
from typer.testing import CliRunner

from edge.pipeline.onnx import OnnxModel
from edge.pipeline.recogniser import SlotRecogniser
from training.cli import app
from training.places import data_folder
from training.recogniser.cache import open_cache
from training.recogniser.export import (
    MAX_DIFFERENCE,
    USUAL_TEMPERATURE,
    export_reader,
    fit_temperature,
    load_reader,
    manifest_entry,
    measure_parity,
    onnx_reader,
    torch_reader,
)
from training.recogniser.making import render
from training.recogniser.network import CLASSES, GRID, SLOTS, PlateReader, Reading
from training.recogniser.scoring import score
from training.recogniser.training import Plan, Trainer, attention_loss, losses_of
from training.recogniser.weights import mixed, network_from_onnx

needs_data = pytest.mark.skipif(not (data_folder() / "crops.csv").exists(), reason="needs the data folder (ANPR_DATA)")
MODELS = Path(__file__).resolve().parents[2] / "models"


def run(*arguments: str) -> None:
    """Run `anpr-train` with these words; it must go well."""
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one smoke run: rendered plates and a checkpoint."""
    folder = tmp_path_factory.mktemp("reader")
    plates = ["--plates-folder", str(folder / "plates")]
    run("recogniser", "render", "--smoke", *plates)
    run("recogniser", "train", "--smoke", *plates, "--checkpoint", str(folder / "a.pt"))
    return folder


def a_reading(n: int = 2) -> Reading:
    torch.manual_seed(0)
    return PlateReader().eval()(torch.randint(0, 255, (n, 64, 128), dtype=torch.uint8))


def test_smoke_run_leaves_a_checkpoint_that_resumes(trained: Path) -> None:
    """A long run will be interrupted; then it goes on where it was."""
    first = torch.load(trained / "a.pt", weights_only=True)
    assert first["step"] > 0
    trainer = Trainer(Plan(1000.0, trained / "b.pt"))
    trainer.resume(trained / "a.pt")
    assert trainer.progress.step == first["step"]
    for name, weight in trainer.network.state_dict().items():
        assert torch.equal(weight, first["network"][name])


def test_restarted_clock_starts_from_the_average(trained: Path) -> None:
    """Fine-tuning on a user's own plates starts from the best weights with a fresh budget."""
    trainer = Trainer(Plan(1000.0, trained / "b.pt"))
    trainer.resume(trained / "a.pt", restart_clock=True)
    assert trainer.progress.step == 0
    average = load_reader(trained / "a.pt")
    assert torch.equal(trainer.network.classify.weight, average.classify.weight)


def test_published_model_gives_its_weights_back(trained: Path) -> None:
    """A user fine-tunes what is in models/; no checkpoint is published."""
    network = load_reader(trained / "a.pt")
    file = trained / "published.onnx"
    export_reader(network, 1.0, file, version="0", command="", seed=0)
    crops = torch.randint(0, 255, (2, 64, 128), dtype=torch.uint8)
    assert torch.allclose(network_from_onnx(file)(crops).logits, network(crops).logits, atol=1e-5)


def test_foreign_model_is_refused_by_name(trained: Path) -> None:
    """Weights of another network must not be half loaded."""
    network = load_reader(trained / "a.pt")
    file = trained / "foreign.onnx"
    export_reader(network, 1.0, file, version="0", command="", seed=0)
    model = onnx.load(str(file))
    for item in model.graph.initializer:
        item.name = item.name.replace("network.classify", "network.other")
    for node in model.graph.node:
        node.input[:] = [name.replace("network.classify", "network.other") for name in node.input]
    onnx.save(model, str(file))
    with pytest.raises(ValueError, match=r"foreign\.onnx.*classify"):
        network_from_onnx(file)


def test_few_own_crops_do_not_decide_the_calibration() -> None:
    """A temperature fitted on a handful of plates would be chance; a user may have no held-back crop at all."""
    assert fit_temperature(PlateReader().eval(), []) == USUAL_TEMPERATURE
    assert score(torch_reader(PlateReader()), []).count == {}


def test_training_lowers_the_loss_on_what_it_sees(tmp_path: Path) -> None:
    """The whole chain of loss, optimiser and average points downhill."""
    torch.manual_seed(0)
    trainer = Trainer(Plan(1000.0, tmp_path / "a.pt", rate=1e-3, warm_up_steps=1, workers=0))
    crops = torch.randint(0, 255, (8, 64, 128), dtype=torch.uint8)
    targets = torch.randint(1, CLASSES, (8, SLOTS))
    batch = (crops, targets, torch.ones(8), torch.ones(8), torch.zeros(8, SLOTS, 4))
    for _ in range(25):
        trainer._step(batch)
    trainer.network.eval()
    with torch.inference_mode():
        after = losses_of(trainer.network.train()(crops), *batch[1:])["text"]
    assert float(after) < 3.3  # chance is ln 37 = 3.61


def test_text_that_must_not_be_learned_has_no_loss() -> None:
    """Illegible plates count for the legible head only."""
    zeros = torch.zeros(2)
    losses = losses_of(a_reading(), torch.ones(2, SLOTS, dtype=torch.long), zeros, zeros - 1, torch.zeros(2, SLOTS, 4))
    assert {name: loss.item() for name, loss in losses.items()} == {"text": 0, "attention": 0, "legible": 0}


def test_attention_on_the_character_costs_nothing() -> None:
    """And attention elsewhere does."""
    cells = GRID[0] * GRID[1]
    attention = torch.zeros(1, SLOTS, cells + 1)
    attention[0, 0, 0] = 1.0  # the top-left cell
    places = torch.zeros(1, SLOTS, 4)
    places[0, 0] = torch.tensor([0.0, 0.0, 1 / GRID[1], 1 / GRID[0]])
    assert float(attention_loss(attention, places)) == pytest.approx(0.0, abs=1e-6)
    places[0, 0] = torch.tensor([0.5, 0.5, 0.6, 0.7])
    assert float(attention_loss(attention, places)) > 5


def test_onnxruntime_answers_as_torch_does(trained: Path) -> None:
    """The file at the gate must be the network that was measured."""
    network = load_reader(trained / "a.pt")
    file = trained / "reader.onnx"
    told = export_reader(network, 1.3, file, version="9.9.9", command="test", seed=4)
    assert told == measure_parity(network, 1.3, file) <= MAX_DIFFERENCE
    crops = np.random.default_rng(1).integers(0, 256, (3, 64, 128), dtype=np.uint8)
    (a, la), (b, lb) = torch_reader(network, 1.3)(crops), onnx_reader(file)(crops)
    assert np.abs(a - b).max() < MAX_DIFFERENCE and np.abs(la - lb).max() < MAX_DIFFERENCE


def test_wrong_export_is_refused(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Better no file than one that answers otherwise."""
    monkeypatch.setattr("training.recogniser.export.measure_parity", lambda *_: 0.5)
    file = trained / "wrong.onnx"
    with pytest.raises(ValueError, match="differs from torch"):
        export_reader(load_reader(trained / "a.pt"), 1.0, file, version="0", command="", seed=0)
    assert not file.exists()


def test_exported_file_fulfils_the_contract(trained: Path) -> None:
    """Shapes, metadata, size and cost as models/ promises; the daemon's own loader accepts it."""
    file = trained / "contract.onnx"
    export_reader(load_reader(trained / "a.pt"), 1.0, file, version="1.2.3", command="train", seed=4)
    told = {p.key: p.value for p in onnx.load(str(file)).metadata_props}
    assert told["contract"] == "anpr-slots-1" and told["version"] == "1.2.3" and told["margin"] == "0.06,0.12"
    assert len(told["charset"]) + 1 == CLASSES and file.stat().st_size < 4_000_000
    reader = SlotRecogniser(OnnxModel(file), name="test")
    (read,) = reader.read([np.full((64, 128), 90, np.uint8)])
    assert read.posterior.shape == (SLOTS, CLASSES)


def test_manifest_entry_names_contract_and_seed() -> None:
    """The manifest is what the daemon and a reader of the model card go by."""
    entry = manifest_entry("1.0.0", "the command", 7, {"all": 0.9}).as_mapping("00")
    assert entry["contract"] == "anpr-slots-1" and entry["training"] == {"command": "the command", "seed": 7}
    assert yaml.safe_load(yaml.safe_dump(entry)) == entry


def test_smoke_cache_is_small_and_usable(tmp_path: Path) -> None:
    """The short form shows that rendering works, in seconds."""
    render(tmp_path, 60_000, seed=1, processes=2, smoke=True)
    assert 10 < len(open_cache(tmp_path)) < 100


@needs_data
def test_export_command_writes_model_and_manifest(trained: Path, tmp_path: Path) -> None:
    """One command from checkpoint to a folder that the daemon can use."""
    (tmp_path / "manifest.yaml").write_text("[]")
    run("export", "recogniser", "--checkpoint", str(trained / "a.pt"), "--models", str(tmp_path), "--version", "0.0.1")
    (entry,) = yaml.safe_load((tmp_path / "manifest.yaml").read_text())
    assert entry["accuracy"]["crops"]["all"] == 362 and entry["name"] == "plate-reader"


@pytest.mark.parametrize("data", ["", pytest.param("the data folder", marks=needs_data)])
def test_short_export_leaves_the_published_models_alone(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial with fresh weights must not take the place of a model that works; it needs neither weights nor data."""
    if not data:
        monkeypatch.setenv("ANPR_DATA", str(tmp_path))
    run("export", "recogniser", "--smoke", "--checkpoint", str(tmp_path / "none.pt"), "--models", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@needs_data
def test_score_and_int8_have_a_short_form(tmp_path: Path) -> None:
    (tmp_path / "plate-reader.onnx").write_bytes((MODELS / "plate-reader.onnx").read_bytes())
    run("recogniser", "score", "--smoke", "--model", str(tmp_path / "plate-reader.onnx"), "--errors")
    run("recogniser", "int8", "--smoke", "--models", str(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["plate-reader.onnx"]


def test_missing_plates_are_one_line_and_exit_code_1(tmp_path: Path) -> None:
    """The first thing that a new user meets is what to run before, and no traceback."""
    done = CliRunner().invoke(app, ["recogniser", "train", "--smoke", "--plates-folder", str(tmp_path)])
    assert done.exit_code == 1 and "Fix: run anpr-train recogniser render" in done.output


def test_a_mix_of_two_readers_lies_between_them() -> None:
    """Share 0 is the old one, 1 the new one, 0.25 a quarter of the way."""
    torch.manual_seed(3)
    old, new = PlateReader().eval(), PlateReader().eval()
    for share in (0.0, 0.25, 1.0):
        between = mixed(old, new, share)
        for a, b, c in zip(old.parameters(), new.parameters(), between.parameters(), strict=True):
            assert torch.allclose(c, a + share * (b - a), atol=1e-6)
