"""Figures are as worked by hand, and the report shows what went wrong."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from tests.training.labelled import WRITERS
from training.cli import app
from training.datasets.frame import BrokenAnnotations
from training.datasets.reviewed import CROP, true_corners
from training.detector.finder import Network
from training.evaluate.benchmarks import folders_of, read_folder
from training.evaluate.chain import open_chain, read_crops_as_pictures
from training.evaluate.corners import CornerErrors, real_corner_errors, rows_of
from training.evaluate.detection import Picture, curve, iou, match, mean_average_precision, recall_by_width
from training.evaluate.reading import (
    NOTHING,
    Answer,
    alignment,
    by_group,
    calibration_error,
    character_accuracy,
    confusions,
    exact_share,
    reliability,
)
from training.evaluate.report import Failure, reading_section, write_report
from training.places import data_folder
from training.recogniser.crops import LabelledCrop, load_crops
from training.synth.plates import render_plate

NONE = np.zeros((0, 4), np.float32)
MODELS = Path(__file__).resolve().parents[2] / "models"
needs_models = pytest.mark.skipif(
    not all((MODELS / f"plate-{kind}.onnx").is_file() for kind in ("detector", "reader")), reason="no models here"
)


needs_data = pytest.mark.skipif(not (data_folder() / "crops.csv").exists(), reason="needs the data folder (ANPR_DATA)")


def a_picture(labels: list[list[float]], finds: list[tuple[float, list[float]]], ignore: np.ndarray = NONE) -> Picture:
    boxes = np.array([box for _, box in finds], np.float32).reshape(-1, 4)
    return Picture(
        np.array(labels, np.float32).reshape(-1, 4), np.array([s for s, _ in finds], np.float32), boxes, ignore
    )


def test_iou_by_hand() -> None:
    a, b = np.array([[0, 0, 4, 2]], np.float32), np.array([[2, 0, 6, 2], [9, 9, 10, 10]], np.float32)
    np.testing.assert_allclose(iou(a, b), [[1 / 3, 0]], rtol=1e-6)


def test_a_plate_is_found_once() -> None:
    """Two finds on one plate are one find and one false alarm, the better-scored one right."""
    picture = a_picture([[0, 0, 100, 30]], [(0.4, [0, 0, 100, 30]), (0.9, [2, 0, 102, 30])])
    taken, counts = match(picture, 0.5)
    assert list(taken) == [-1, 0] and counts.all()


def test_a_find_on_a_plate_that_the_labels_miss_counts_neither_way() -> None:
    unlisted = np.array([[200, 0, 300, 30]], np.float32)
    picture = a_picture([[0, 0, 100, 30]], [(0.9, [0, 0, 100, 30]), (0.8, [201, 0, 299, 30])], unlisted)
    assert curve([picture]).at_score(0.1) == (1.0, 1.0)
    assert curve([Picture(picture.labels, picture.scores, picture.boxes, NONE)]).at_score(0.1) == (0.5, 1.0)


def test_average_precision_by_hand() -> None:
    """Right, wrong, right with 2 plates: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1: area 1/2 + 1/2 * 2/3."""
    finds = [(0.9, [0.0, 0, 100, 30]), (0.8, [500.0, 0, 600, 30]), (0.7, [200.0, 0, 300, 30])]
    points = curve([a_picture([[0, 0, 100, 30], [200, 0, 300, 30]], finds)])
    assert points.average_precision == pytest.approx(1 / 2 + 1 / 3)
    assert points.at_precision(0.97) == pytest.approx((0.5, 0.9))
    assert points.at_score(0.75) == pytest.approx((0.5, 0.5))


def test_map_falls_with_looser_boxes() -> None:
    exact = a_picture([[0, 0, 100, 30]], [(0.9, [0, 0, 100, 30])])
    loose = a_picture([[0, 0, 100, 30]], [(0.9, [0, 0, 100, 22])])  # IoU 0.733: counts at 0.5 to 0.7
    assert mean_average_precision([exact]) == pytest.approx(1.0)
    assert mean_average_precision([loose]) == pytest.approx(0.5)


def test_recall_by_width_asks_each_plate_once() -> None:
    picture = a_picture([[0, 0, 20, 6], [100, 0, 180, 20]], [(0.9, [100, 0, 180, 20]), (0.1, [0, 0, 20, 6])])
    table = recall_by_width([picture], 0.3)
    assert table["16-24"] == (0, 1) and table["64-96"] == (1, 1)


def test_a_picture_without_finds_or_labels_breaks_nothing() -> None:
    assert curve([a_picture([], [])]).average_precision == 0.0


def an_answer(truth: str, read: str, probability: float = 0.9, **facts: object) -> Answer:
    values = {"file": "a.jpg", "source": "gate", "height_px": 30.0, "lines": 1, "luma": 100.0} | facts
    return Answer(truth=truth, read=read, probability=probability, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("truth", "read", "pairs"),
    [
        ("AB1", "A81", [("A", "A"), ("B", "8"), ("1", "1")]),
        ("AB1", "AB", [("A", "A"), ("B", "B"), ("1", NOTHING)]),
        ("B1", "AB1", [(NOTHING, "A"), ("B", "B"), ("1", "1")]),
        ("AB", "", [("A", NOTHING), ("B", NOTHING)]),
    ],
)
def test_alignment_takes_the_fewest_edits(truth: str, read: str, pairs: list[tuple[str, str]]) -> None:
    assert alignment(truth, read) == pairs


def test_reading_figures_by_hand() -> None:
    answers = [an_answer("AB12", "AB12"), an_answer("AB12", "A812"), an_answer("AB12", "")]
    assert exact_share(answers) == pytest.approx(1 / 3)
    assert character_accuracy(answers) == pytest.approx(1 - 5 / 12)
    assert confusions(answers)[("B", "8")] == 1


def test_calibration_error_by_hand() -> None:
    """Three at 0.95, two of them right: off by 0.2833; one at 0.25, wrong: off by 0.25. Weighted: 0.275."""
    answers = [
        an_answer("A", "A", 0.95),
        an_answer("A", "A", 0.95),
        an_answer("A", "B", 0.95),
        an_answer("A", "B", 0.25),
    ]
    assert calibration_error(answers) == pytest.approx((3 * (0.95 - 2 / 3) + 0.25) / 4)
    assert [(one.low, one.count) for one in reliability(answers)] == [(0.2, 1), (0.9, 3)]


def test_missed_plates_count_against_reading_but_state_no_probability() -> None:
    answers = [an_answer("A", "A", 1.0), an_answer("A", "", 0.0)]
    assert exact_share(answers) == 0.5 and calibration_error(answers) == pytest.approx(0.0)


def test_groups_are_by_source_lines_height_and_light() -> None:
    answers = [an_answer("A", "A"), an_answer("A", "B", lines=2, height_px=14.0, luma=20.0, source="road")]
    groups = by_group(answers)
    assert groups["light"] == {"day": (1.0, 1.0, 1), "night": (0.0, 0.0, 1)}
    assert groups["lines"]["two lines"][0] == 0.0 and groups["source"]["gate"][0] == 1.0
    assert set(groups["height"]) == {"12-16 px", "24-32 px"}


def test_median_corner_error_is_per_width() -> None:
    result = CornerErrors(np.array([0.01, 0.02, 0.2]), np.array([100.0, 120.0, 20.0]), np.array([1.0, 12.0, 2.0]), 4)
    assert result.median() == 0.02 and result.median(90, 200) == pytest.approx(0.015)
    assert np.isnan(result.median(500, 600))
    rows = {name: (value, count) for name, value, count in rows_of(result)}
    assert rows["all"] == ("0.0200", "3 of 4") and rows["96-160 px wide"] == ("0.0150", "2")
    assert rows["turned by 0-5 degrees"] == ("0.1050", "2") and rows["turned by 10 degrees and more"] == ("0.0200", "1")


def test_report_shows_every_failure_and_escapes_what_it_is_told(tmp_path: Path) -> None:
    """A file name must not become a script in a page that is mailed around."""
    answers = [an_answer("AB1", "AB1"), an_answer("AB1", "A81", file="<script>.jpg"), an_answer("AB1", "")]
    section = reading_section(
        "Chain", "", answers, lambda a: Failure(f"{a.file} {a.read}", np.zeros((9, 20), np.uint8))
    )
    write_report(tmp_path / "r.html", "Report", [section])
    page = (tmp_path / "r.html").read_text()
    assert page.count("<figure>") == 2 and page.count("data:image/jpeg;base64,") == 2
    assert "<script>" not in page and "&lt;script&gt;.jpg" in page
    assert "33.3 %" in page and "<td>B</td><td>8</td><td>1</td>" in page


def write_benchmark(root: Path) -> Path:
    """Write two folders in the layout of openalpr/benchmarks, three rendered plates on plain ground."""
    rng = np.random.default_rng(9)
    for folder, count in (("eu", 2), ("us", 1)):
        (root / folder).mkdir(parents=True)
        for index in range(count):
            plate = render_plate(rng)
            high = round(160 * plate.image.shape[0] / plate.image.shape[1])
            scene = np.full((360, 480, 3), 90, np.uint8)
            scene[150 : 150 + high, 120:280] = cv2.resize(plate.image, (160, high), interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(root / folder / f"car{index}.jpg"), scene)
            line = f"car{index}.jpg\t120\t150\t160\t{high}\t{plate.text}\n"
            (root / folder / f"car{index}.txt").write_text(line)
    return root


@needs_models
def test_benchmark_folder_is_run_end_to_end(tmp_path: Path) -> None:
    """The layout of openalpr/benchmarks: exact match per folder, every plate asked once."""
    root, out = write_benchmark(tmp_path / "endtoend"), tmp_path / "figures.json"
    options = ["--json", str(out), "--report", str(tmp_path / "r.html")]
    done = CliRunner().invoke(app, ["evaluate", "benchmark", str(root), *options])
    assert done.exit_code == 0, done.output
    figures = json.loads(out.read_text())
    assert figures["plates"] == 3
    assert {name: count for name, (_, _, count) in figures["groups"]["source"].items()} == {"eu": 2, "us": 1}
    failures = (tmp_path / "r.html").read_text().count("<figure>")
    assert failures == round((1 - figures["exact"]) * 3)


@needs_models
def test_crops_are_read_as_pictures_are(tmp_path: Path) -> None:
    """The detector frames the plate; where it sees none the answer is empty, and stays in the count."""
    plate = render_plate(np.random.default_rng(3)).image
    grey = np.asarray(cv2.cvtColor(plate, cv2.COLOR_BGR2GRAY), np.uint8)
    crops = [
        LabelledCrop(picture, "AB12CDE", 1, "own", "ok", (0.0, 0.0), name)
        for name, picture in (("plate.png", grey), ("wall.png", np.full((40, 160), 128, np.uint8)))
    ]
    seen, wall = read_crops_as_pictures(open_chain(None, None, 640, 384), crops)
    assert (seen.file, seen.truth) == ("plate.png", "AB12CDE")
    assert seen.read != ""
    assert (wall.read, wall.probability, wall.right) == ("", 0.0, False)


@needs_models
def test_what_is_reported_is_judged_in_a_few_pictures(tmp_path: Path) -> None:
    """Detector and reader together: precision and recall of what `anpr-edge read` prints."""
    data, out = WRITERS["csv"](tmp_path / "set"), tmp_path / "figures.json"
    options = ["--data", str(data), "--split", "all", "--json", str(out), "--smoke"]
    done = CliRunner().invoke(app, ["evaluate", "finds", *options])
    assert done.exit_code == 0, done.output
    figures = json.loads(out.read_text())
    assert set(figures) == {"precision", "recall", "reported"}
    assert 0 <= figures["recall"] <= 1


@needs_models
@pytest.mark.parametrize(
    "arguments", [["synth", "fonts"], ["synth", "sheet", "--out", "sheet.png"], ["evaluate", "benchmark", "marks"]]
)
def test_short_forms_show_that_all_parts_work(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_benchmark(tmp_path / "marks")
    done = CliRunner().invoke(app, [*arguments, "--smoke"])
    assert done.exit_code == 0, done.output


def test_corners_and_variants_have_a_short_form(tmp_path: Path) -> None:
    data = WRITERS["csv"](tmp_path / "set")
    text = data.read_text().splitlines()
    data.write_text("\n".join([text[0] + ",split", text[1] + ",train", text[2] + ",val"]) + "\n")
    figures, folder = tmp_path / "corners.json", tmp_path / "variants"
    done = CliRunner().invoke(app, ["evaluate", "corners", "--data", str(data), "--json", str(figures), "--smoke"])
    assert done.exit_code == 0, done.output
    assert json.loads(figures.read_text())["asked"] >= 0
    done = CliRunner().invoke(app, ["detector", "variants", "--data", str(data), "--out", str(folder), "--smoke"])
    assert done.exit_code == 0, done.output
    assert {file.name for file in folder.iterdir()} == {"fp16.onnx", "int8.onnx"}


def test_benchmark_labels_are_read_as_written(tmp_path: Path) -> None:
    root = write_benchmark(tmp_path)
    assert [folder.name for folder in folders_of(root)] == ["eu", "us"]
    plates = read_folder(root / "eu")
    assert plates[0].box[:3] == (120.0, 150.0, 280.0) and plates[0].text.isalnum()


@pytest.mark.parametrize(
    ("line", "reason"), [("car0.jpg\t1\t2\t3", "4 fields"), ("ghost.jpg\t1\t2\t3\t4\tAB1", "no picture ghost.jpg")]
)
def test_broken_benchmark_labels_are_refused(line: str, reason: str, tmp_path: Path) -> None:
    root = write_benchmark(tmp_path)
    (root / "eu" / "car1.txt").write_text(line + "\n")
    with pytest.raises(BrokenAnnotations, match=f"car1.txt: .*{reason}"):
        read_folder(root / "eu")


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", "benchmark", str(tmp_path)])
    assert done.exit_code == 1 and "no folder with" in " ".join(done.output.split())  # the console breaks long lines


def a_network(corners: np.ndarray, at_side: int) -> Network:
    """Return a network that sees one plate, wherever it looks: its corners at the input size `at_side`, scaled."""

    def run(images: np.ndarray) -> np.ndarray:
        points = corners * (max(images.shape[1:]) / at_side)
        return np.concatenate(([0.9], points.min(0), points.max(0), points.ravel())).astype(np.float32)[None, None]

    return run


def test_corner_error_of_a_real_plate_by_hand() -> None:
    """A find two pixels beside a plate 80 px wide is off by 2.5 % of its width, at whatever size it is looked at."""
    crop = LabelledCrop(np.full((100, 100), 90, np.uint8), "AB1", 1, "street", "ok", (0.06, 0.12), "a.webp")
    truth = np.array([[[10, 30], [90, 30], [90, 60], [10, 60]]], np.float32)
    beside = (truth[0] + 35 + (2, 0)).astype(np.float32)  # 35 px are put around the crop: 170 px
    other = LabelledCrop(crop.picture, "AB2", 1, "street", "ok", (0.06, 0.12), "unknown.webp")
    result = real_corner_errors(a_network(beside, 170), [crop, other], {"a.webp": truth})
    assert (result.asked, len(result.errors)) == (2, 2)
    assert result.median() == pytest.approx(0.025, rel=0.02)  # the picture is padded to multiples of 32


@needs_models
@needs_data
def test_real_corners_stand_beside_rendered_ones_and_say_where_their_labels_come_from(tmp_path: Path) -> None:
    """A figure on labels that began as the detector's own finds must not be believed blindly."""
    out = tmp_path / "corners.json"
    done = CliRunner().invoke(app, ["evaluate", "corners", "--json", str(out), "--smoke"])
    assert done.exit_code == 0, done.output
    said, figures = " ".join(done.output.split()), json.loads(out.read_text())
    assert "on rendered plates" in said and "on real plates" in said and "small errors flatter" in said
    assert figures["real_asked"] > 0 and 0 < figures["real_median"] < 0.15


def test_every_hand_made_corner_can_be_one() -> None:
    """Clockwise from the top-left as read, no edge missing: a slip of the pen would teach wrong for ever."""
    known = true_corners(CROP)
    assert len(known) > 200
    for file, quads in known.items():
        edges = np.roll(quads[0], -1, 0) - quads[0]
        after = np.roll(edges, -1, 0)
        assert len(quads) == 1 and (edges[:, 0] * after[:, 1] - edges[:, 1] * after[:, 0] > 0).all(), file
        assert edges[0, 0] > abs(edges[0, 1]) and min(np.hypot(*edges.T)) > 8, file


@needs_data
def test_hand_made_corners_lie_on_the_plates_of_their_crops() -> None:
    """A crop is a loose box around its plate with a margin; the corners lie in it, and a turned one fills a part."""
    known, asked = true_corners(CROP), {"train": 0, "val": 0}
    for split in ("train", "slice", "val"):
        for crop in load_crops(split):
            if crop.file in known:
                high, wide = crop.picture.shape
                quad = known[crop.file][0]
                assert (quad > -6).all() and (quad < (wide + 6, high + 6)).all(), crop.file
                assert crop.source != "china" and cv2.contourArea(quad) > 0.2 * high * wide, crop.file
                asked["val" if split == "val" else "train"] += 1
    assert sum(asked.values()) == len(known) and asked["val"] > 120 and asked["train"] > 80
