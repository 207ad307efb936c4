"""The detector learns from true labels, runs at any size, and its ONNX file answers as torch does."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from tests.training.labelled import WRITERS
from training.cli import app
from training.detector.calibration import Platt, apply_platt, fit_platt
from training.detector.camera import EFFECTS, through_camera
from training.detector.compose import donor_aspect, paste_quad, through
from training.detector.donors import CROP_EXACT, Donor, crop_donors, distractions, rendered_donors
from training.detector.export import export_detector, load_detector
from training.detector.finder import Network, find, letterbox, onnx_network, suppress
from training.detector.loss import detector_loss, giou, pairwise_iou
from training.detector.network import OUTPUTS, STRIDES, PlateDetector, decode
from training.detector.samples import Batch, Material, batches, collate, make_sample
from training.detector.scenes import Scene, corners_of_boxes
from training.detector.train import Training, TrainPlan, rate_at, train

MAX_GFLOP, MAX_BYTES = 1.0, 3_000_000  # the budget: a Jetson or two CPU cores
MODEL = Path(__file__).resolve().parents[2] / "models" / "plate-detector.onnx"


def a_scene(seed: int = 0, box: tuple[float, ...] = (90.0, 110.0, 170.0, 134.0)) -> Scene:
    rng = np.random.default_rng(seed)
    small = rng.integers(40, 200, (6, 8), np.uint8)
    grey = np.asarray(cv2.resize(small, (256, 192), interpolation=cv2.INTER_CUBIC), np.uint8)
    corners = corners_of_boxes(np.array([box], np.float32))
    return Scene(f"{seed}.png", "street", grey, corners, np.zeros(1, bool))


def test_a_cut_out_plate_with_corners_of_its_own_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turned plate in an upright crop teaches corners once somebody has marked them; others hardly do."""
    with zipfile.ZipFile(tmp_path / "crops.zip", "w") as archive:
        for name in ("marked.png", "loose.png"):
            archive.writestr(name, cv2.imencode(".png", np.full((60, 112), 200, np.uint8))[1].tobytes())
    rows = [f"{name},street,train,AB1,1,ok,112,60," for name in ("marked.png", "loose.png")]
    (tmp_path / "crops.csv").write_text("\n".join(["file,source,split,text,lines,status,width,height,scene", *rows]))
    quad = np.array([[10, 20], [100, 8], [102, 40], [12, 52]], np.float32)
    monkeypatch.setattr("training.detector.donors.true_corners", lambda of: {"marked.png": quad[None]})
    marked, loose = crop_donors(tmp_path)
    assert marked.corners is not None and np.array_equal(marked.corners, quad)
    assert (marked.exact, loose.exact) == (1.0, CROP_EXACT)
    assert donor_aspect(marked, np.random.default_rng(0)) == pytest.approx(90.8 / 32.1, rel=0.2)


@pytest.fixture(scope="module")
def material() -> Material:
    return Material([a_scene(i) for i in range(4)], rendered_donors(6, 3), distractions(4, 4))


@pytest.mark.parametrize("size", [(32, 32), (384, 640), (96, 256)])
def test_network_runs_at_any_multiple_of_32(size: tuple[int, int]) -> None:
    """One set of weights serves live frames, stills and tiles."""
    height, width = size
    with torch.inference_mode():
        plates = PlateDetector().eval()(torch.zeros(2, height, width, dtype=torch.uint8))
    assert plates.shape == (2, sum((height // s) * (width // s) for s in STRIDES), OUTPUTS)
    assert ((plates[..., 0] >= 0) & (plates[..., 0] <= 1)).all()
    assert (plates[..., 3] > plates[..., 1]).all() and (plates[..., 4] > plates[..., 2]).all()


def test_network_keeps_its_budget() -> None:
    """A gate has two CPU cores, and they do other things too."""
    with FlopCounterMode(display=False) as counter:
        PlateDetector().eval()(torch.zeros(1, 384, 640, dtype=torch.uint8))
    assert counter.get_total_flops() <= MAX_GFLOP * 1e9


def test_corner_offsets_of_zero_are_the_corners_of_the_box() -> None:
    """So what is learned from hand-drawn boxes is a start for the corners."""
    raw = torch.zeros(1, 1, OUTPUTS)
    raw[..., 1:5] = torch.tensor([0.2, -0.3, 0.1, 0.4])
    boxes, corners = decode(raw, torch.tensor([[100.0, 60.0]]), torch.tensor([[8.0]]))
    expected = corners_of_boxes(boxes[0].numpy())
    np.testing.assert_allclose(corners[0].numpy().reshape(1, 4, 2), expected, rtol=1e-6)
    np.testing.assert_allclose(boxes[0, 0, 0].item(), 100 - 16 * np.exp(0.2), rtol=1e-6)


def test_overlaps_are_as_worked_by_hand() -> None:
    a = torch.tensor([[[0.0, 0.0, 4.0, 2.0]]])
    b = torch.tensor([[[2.0, 0.0, 6.0, 2.0], [10.0, 10.0, 12.0, 12.0]]])
    torch.testing.assert_close(pairwise_iou(a, b)[0, 0], torch.tensor([1 / 3, 0.0]))
    # union 12, hull 12: GIoU is IoU; far apart: hull 12 x 12 = 144, union 12
    torch.testing.assert_close(giou(a[0].repeat(2, 1), b[0]), torch.tensor([1 / 3, -132 / 144]))


def a_batch(ignore: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)) -> Batch:
    box = torch.tensor([[[40.0, 48.0, 104.0, 72.0]]])
    corners = torch.tensor(corners_of_boxes(box[0].numpy()).reshape(1, 1, 8))
    one, images = torch.ones(1, 1), torch.zeros(1, 128, 160, dtype=torch.uint8)
    return Batch(images, box, corners, one, one.bool(), torch.tensor([[ignore]]))


def test_loss_falls_as_the_answer_gets_better() -> None:
    """The plate's own box and corners at the middle anchor are the best answer there is."""
    batch, network = a_batch(), PlateDetector().eval()
    with torch.no_grad():
        raw, points, strides = network.raw(batch.images)
    middle = int(((points - torch.tensor([72.0, 60.0])).abs().sum(1) + 1e4 * (strides[:, 0] != 8)).argmin())
    reach = (points[middle] - batch.boxes[0, 0, :2]).tolist() + (batch.boxes[0, 0, 2:] - points[middle]).tolist()
    right = torch.full_like(raw, 0.0)
    right[..., 0] = -8.0
    right[0, middle, 1:5] = (torch.tensor(reach) / 16).log()
    right[0, middle, 0] = 4.0
    wrong = right.clone()
    wrong[0, middle, 1:5] += 0.5
    good, bad = (detector_loss(r, points, strides, batch) for r in (right, wrong))
    assert good.total < bad.total and good.box < bad.box and good.corner < bad.corner


def test_nothing_is_learned_inside_an_ignore_zone() -> None:
    """Unlabelled plates stand in the background of many pictures; finding one is no mistake."""
    network = PlateDetector().eval()
    raw, points, strides = (t.detach() for t in network.raw(a_batch().images))
    far = int(((points - torch.tensor([140.0, 20.0])).abs().sum(1) + 1e4 * (strides[:, 0] != 8)).argmin())
    raw[0, far, 0] = 3.0
    for zone, learned in (((0.0, 0.0, 0.0, 0.0), True), ((125.0, 5.0, 155.0, 35.0), False)):
        answer = raw.clone().requires_grad_()
        detector_loss(answer, points, strides, a_batch(zone)).total.backward()  # type: ignore[no-untyped-call]
        assert answer.grad is not None
        assert bool(answer.grad[0, far, 0].abs() > 0) is learned


def test_a_pasted_plate_lies_exactly_where_its_label_says() -> None:
    """The corner regressor can only be as exact as this."""
    canvas = np.full((200, 300), 100, np.uint8)
    donor = Donor(np.full((60, 240), 235, np.uint8), corners_of_boxes(np.array([0, 0, 240, 60], np.float32))[0])
    quad = np.array([[80, 60], [200, 80], [196, 120], [84, 96]], np.float32)
    assert paste_quad(canvas, donor, quad, np.random.default_rng(1))
    seen = np.zeros_like(canvas)
    cv2.fillPoly(seen, [quad.astype(np.int32)], 255)
    changed = canvas != 100
    inside, outside = cv2.erode(seen, np.ones((5, 5))) > 0, cv2.dilate(seen, np.ones((5, 5))) == 0
    assert changed[inside].mean() > 0.99 and not changed[outside].any()


def test_mirrored_corners_still_start_at_the_top_left() -> None:
    """A mirrored picture holds mirrored plates, whose first corner is on the other side."""
    mirror = np.array([[-1, 0, 300], [0, 1, 0], [0, 0, 1]], np.float32)
    corners = corners_of_boxes(np.array([[40, 50, 120, 80]], np.float32))
    np.testing.assert_allclose(through(mirror, corners), corners_of_boxes(np.array([[180, 50, 260, 80]], np.float32)))


def test_samples_are_a_function_of_their_seed(material: Material) -> None:
    """A training run can be repeated; a bad sample can be looked at again."""
    odds = material.scene_odds()
    first, again = (make_sample(material, odds, (128, 160), np.random.default_rng(11)) for _ in range(2))
    other = make_sample(material, odds, (128, 160), np.random.default_rng(12))
    np.testing.assert_array_equal(first.grey, again.grey)
    np.testing.assert_array_equal(first.corners, again.corners)
    assert not np.array_equal(first.grey, other.grey)


@pytest.mark.parametrize("seed", range(12))
def test_labels_of_samples_are_usable(seed: int, material: Material) -> None:
    """Boxes inside the picture, none empty: an empty target breaks the loss hours later."""
    sample = make_sample(material, material.scene_odds(), (128, 192), np.random.default_rng(seed))
    assert sample.grey.shape == (128, 192) and sample.grey.dtype == np.uint8
    batch = collate([sample])
    boxes = batch.boxes[batch.valid]
    assert (boxes[:, 2] - boxes[:, 0] > 2).all() and (boxes[:, 3] - boxes[:, 1] > 1).all()
    assert (boxes >= 0).all() and (boxes[:, 2] <= 192).all() and (boxes[:, 3] <= 128).all()


@pytest.mark.parametrize("effect", [effect for effect, _ in EFFECTS])
def test_camera_effects_change_light_but_not_size(effect: object) -> None:
    grey = a_scene().grey
    changed = effect(grey.copy(), np.random.default_rng(5))  # type: ignore[operator]
    assert changed.shape == grey.shape and changed.dtype == np.uint8
    assert not np.array_equal(changed, grey)
    assert through_camera(grey, np.random.default_rng(1)).shape == grey.shape


def test_training_learns_and_resumes(tmp_path: Path, material: Material) -> None:
    """A few steps on the same pictures must help, and a stopped run goes on where it was."""
    torch.manual_seed(0)
    plan = TrainPlan(minutes=5, out=tmp_path / "a.pt", rate=3e-3, pixels=2 * 192 * 192, steps=2, workers=0)
    training = Training(plan)
    batch = collate([make_sample(material, material.scene_odds(), (96, 128), np.random.default_rng(s)) for s in (1, 2)])
    assert batch.valid.any()
    totals = [training.step(batch, 3e-3).total.item() for _ in range(25)]
    assert np.mean(totals[-3:]) < 0.8 * np.mean(totals[:3])
    assert len(list(train(plan, material, training))) == 2
    again = Training(plan)
    again.resume(plan.out)
    assert again.step_count == training.step_count == 27
    for name, value in training.average.state_dict().items():
        torch.testing.assert_close(again.average.state_dict()[name], value)


def test_learning_rate_warms_up_and_falls() -> None:
    plan = TrainPlan(minutes=1, out=Path("x"), rate=1e-3, final_rate=1e-5)
    assert rate_at(plan, 0, 0.0) < 1e-4
    assert rate_at(plan, 1000, 0.0) == pytest.approx(1e-3)
    assert rate_at(plan, 1000, 0.5) == pytest.approx(5.05e-4)
    assert rate_at(plan, 1000, 1.2) == pytest.approx(1e-5)


def test_batches_keep_to_their_number_of_pixels(material: Material) -> None:
    stream = batches(material, seed=1, pixels=300_000)
    for _ in range(3):
        batch = next(stream)
        assert 150_000 < batch.images.numel() <= 300_000


def test_exported_file_answers_as_torch_at_any_size(tmp_path: Path) -> None:
    """Decoding is in the graph; if it differs, every box at the gate is off."""
    torch.manual_seed(3)
    model = PlateDetector().eval()
    file = tmp_path / "detector.onnx"
    parity = export_detector(model, file, "0.0.1", "test", 3)
    assert parity.score < 1e-4 and parity.pixels < 0.01
    told = {prop.key: prop.value for prop in onnx.load(str(file)).metadata_props}
    assert told["contract"] == "anpr-corners-1" and told["version"] == "0.0.1" and told["seed"] == "3"
    assert file.stat().st_size <= MAX_BYTES
    assert onnx_network(file)(np.zeros((3, 64, 96), np.uint8)).shape[0] == 3


def test_calibration_finds_the_scale_and_shift_that_made_the_scores() -> None:
    """Scores that claim too much are pulled back to what is true."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20_000)
    hits = (rng.random(20_000) < 1 / (1 + np.exp(-(0.5 * logits - 1.0)))).astype(float)
    platt = fit_platt(logits, hits)
    assert platt.scale == pytest.approx(0.5, abs=0.03) and platt.shift == pytest.approx(-1.0, abs=0.06)
    with pytest.raises(ValueError, match="do not rise"):
        fit_platt(logits, 1 - hits)


def test_calibration_is_folded_into_the_weights() -> None:
    """Nothing but the score changes, and by exactly the two numbers."""
    torch.manual_seed(1)
    model, images = PlateDetector().eval(), torch.randint(0, 255, (1, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        before, _, _ = model.raw(images)
        apply_platt(model, Platt(2.5, -0.5))
        after, _, _ = model.raw(images)
    torch.testing.assert_close(after[..., 0], 2.5 * before[..., 0] - 0.5, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(after[..., 1:], before[..., 1:])


def test_letterbox_keeps_shapes_and_scale() -> None:
    canvas, scale = letterbox(np.full((100, 300), 7, np.uint8), 150)
    assert canvas.shape == (64, 160) and scale == 0.5
    assert (canvas[:50, :150] == 7).all() and (canvas[50:] == 114).all() and (canvas[:, 150:] == 114).all()


def test_doubles_are_suppressed_and_neighbours_kept() -> None:
    boxes = np.array([[0, 0, 100, 30], [4, 1, 102, 31], [10, 5, 60, 25], [110, 0, 210, 30]], np.float32)
    assert suppress(np.array([0.6, 0.9, 0.8, 0.7], np.float32), boxes) == [1, 3]


@pytest.mark.skipif(not MODEL.is_file(), reason="the model file is not checked out")
@pytest.mark.parametrize(("width_px", "least"), [(40, 0.3), (90, 0.75), (200, 0.85)])
def test_the_shipped_model_finds_plates_that_nobody_trained_on(width_px: int, least: float) -> None:
    """Whatever is committed must work: rendered plates on a smooth background, which no camera shows, three sizes."""
    network, background = onnx_network(MODEL), a_scene(77).grey
    found = [_found(network, background, donor, width_px) for donor in rendered_donors(100, 4242)]
    assert np.mean(found) >= least


def _found(network: Network, background: np.ndarray, donor: Donor, width_px: int) -> bool:
    """Paste the plate and tell whether it is found, with all four corners near their places."""
    canvas = np.asarray(cv2.resize(background, (640, 384), interpolation=cv2.INTER_CUBIC), np.uint8)
    corners = donor.corners
    assert corners is not None
    high = width_px * (corners[2, 1] - corners[0, 1]) / (corners[1, 0] - corners[0, 0])
    quad = corners_of_boxes(np.array([220, 160, 220 + width_px, 160 + high], np.float32))[0]
    assert paste_quad(canvas, donor, quad, np.random.default_rng(2))
    finds = find(network, canvas, 640, 0.3)
    return bool((np.abs(finds.corners - quad).max((1, 2)) < 0.12 * width_px + 2).any())


def test_smoke_run_trains_exports_and_is_judged(tmp_path: Path) -> None:
    """The whole way a user goes with pictures of their own, on two pictures."""
    data = WRITERS["csv"](tmp_path / "set")
    text = data.read_text().splitlines()
    data.write_text("\n".join([text[0] + ",split", text[1] + ",train", text[2] + ",val"]) + "\n")
    run, weights, models = CliRunner(), tmp_path / "w.pt", tmp_path / "models"
    trained = run.invoke(app, ["detector", "train", "--data", str(data), "--checkpoint", str(weights), "--smoke"])
    assert trained.exit_code == 0, trained.output
    assert load_detector(weights).training is False
    exported = run.invoke(app, ["export", "detector", "--checkpoint", str(weights), "--models", str(models)])
    assert exported.exit_code == 0, exported.output
    assert (models / "manifest.yaml").read_text().startswith("- name: plate-detector")
    options = [
        "--data",
        str(data),
        "--model",
        str(models / "plate-detector.onnx"),
        "--report",
        str(tmp_path / "r.html"),
    ]
    judged = run.invoke(app, ["evaluate", "detector", *options])
    assert judged.exit_code == 0, judged.output
    assert "1 missed" in (tmp_path / "r.html").read_text()  # three steps find nothing


def test_short_export_leaves_the_published_model_alone(tmp_path: Path) -> None:
    """A trial with fresh weights must not take the place of a model that works."""
    options = ["--checkpoint", str(tmp_path / "none.pt"), "--models", str(tmp_path), "--smoke"]
    done = CliRunner().invoke(app, ["export", "detector", *options])
    assert done.exit_code == 0, done.output
    assert "differs from torch by" in done.output and list(tmp_path.iterdir()) == []


def test_missing_weights_are_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", "detector", "--checkpoint", str(tmp_path / "none.pt")])
    assert done.exit_code == 1 and "none.pt" in done.output.replace("\n", "")
