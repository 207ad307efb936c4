"""`anpr-train evaluate` judges what it was asked to judge, and tells all of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.training.labelled import SIZE, TEXTS, WRITERS, write_crops
from tests.training.test_evaluate import an_answer, needs_models, write_benchmark
from training.cli import app
from training.datasets.load import load_dataset
from training.evaluate.chain import open_chain, read_scenes
from training.evaluate.confusion import SIGNS, confusion_matrix, matrix_html
from training.evaluate.reading import Answer, by_group
from training.evaluate.report import Failure, reading_section, write_report
from training.evaluate.telling import marked
from training.recogniser.crops import held_back, lines_in_scenes, load_crops

HELD_BACK = next(text for text in map("AA{:03d}".format, range(999)) if held_back(text))
LEARNED = next(text for text in map("AA{:03d}".format, range(999)) if not held_back(text))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a crop of each part."""
    rows = [("own", "train", LEARNED), ("own", "train", HELD_BACK), ("own", "val", "VAL1"), ("own", "test", "TEST1")]
    return write_crops(tmp_path / "data", rows)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.mark.parametrize(
    ("split", "texts"),
    [
        ("train", [LEARNED]),
        ("slice", [HELD_BACK]),
        ("val", ["VAL1"]),
        ("test", ["TEST1"]),
        ("all", [LEARNED, HELD_BACK, "VAL1", "TEST1"]),
    ],
)
def test_each_part_of_the_crops_is_what_it_is_called(split: str, texts: list[str], data: Path) -> None:
    """A figure on `test` that was measured on the training crops looks splendid and says nothing."""
    assert [crop.text for crop in load_crops(split, folder=data)] == texts


def test_a_misspelt_split_is_refused(data: Path) -> None:
    with pytest.raises(ValueError, match=r"'vall'.*Fix: choose of train, slice, val, test, all"):
        load_crops("vall", folder=data)
    done = run("evaluate", "reader", "--data", str(data), "--split", "vall")
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit) and "'vall'" in done.output


@needs_models
def test_reader_is_judged_on_every_crop_when_asked(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done = run("evaluate", "reader", "--data", str(data), "--split", "all", "--json", str(out))
    assert done.exit_code == 0, done.output
    figures = json.loads(out.read_text())
    assert figures["plates"] == 4
    assert sum(one["count"] for one in figures["reliability"]) <= 4
    assert all(set(one) == {"true", "read", "times"} for one in figures["confusions"])
    none = run("evaluate", "reader", "--data", str(data), "--source", "elsewhere")
    assert none.exit_code == 1 and "no certain crop" in none.output


def page_of(answers: list[Answer], path: Path) -> str:
    section = reading_section("Chain", "", answers, lambda a: Failure(a.file, np.zeros((9, 20), np.uint8)))
    write_report(path, "Report", [section])
    return path.read_text()


def test_no_failure_is_left_out_of_the_report(tmp_path: Path) -> None:
    """The one that is missing is the one that somebody looks for; the surest mistake comes first."""
    answers = [an_answer("AB1", "A81", 0.3, file=f"f{i}") for i in range(450)]
    page = page_of([*answers, an_answer("AB1", "A81", 0.99, file="surest")], tmp_path / "r.html")
    assert page.count("<figure>") == 451 and "Failures (451)" in page
    assert page.index("surest") < page.index("f449")


def test_confusion_matrix_by_hand() -> None:
    """Rows true, columns read; one B of two is read as 8, one 1 is missed, one A invented."""
    answers = [an_answer("B2", "82"), an_answer("B", "AB"), an_answer("12", "2")]
    matrix = confusion_matrix(answers)
    told = {(SIGNS[i], SIGNS[j]): int(matrix[i, j]) for i, j in zip(*np.nonzero(matrix), strict=True)}
    assert matrix.shape == (37, 37)
    assert told == {("B", "8"): 1, ("1", "-"): 1, ("B", "B"): 1, ("2", "2"): 2, ("-", "A"): 1}
    assert "title='B read as 8: 1, 50.0 % of its row'" in matrix_html(answers)


def test_a_character_outside_the_alphabet_breaks_no_matrix() -> None:
    """Labels of foreign benchmarks hold what the reader never reads."""
    assert confusion_matrix([an_answer("Ö1", "O1")]).sum() == 1


def test_lines_that_nobody_knows_are_no_group() -> None:
    assert "lines" not in by_group([an_answer("A", "A", lines=0)])
    assert set(by_group([an_answer("A", "A", lines=0), an_answer("A", "A", lines=2)])["lines"]) == {
        "unknown",
        "two lines",
    }


@needs_models
def test_chain_knows_lines_and_place_of_a_plate_whose_crop_is_listed(tmp_path: Path) -> None:
    table = WRITERS["csv"](tmp_path / "set")
    write_crops(table.parent, [("own", "train", TEXTS["a.png"])], lines=2, scene="a.png")
    lines = lines_in_scenes(table.parent)
    answers = {a.file: a for a in read_scenes(open_chain(None, None), load_dataset(table), "", lines)}
    assert (answers["a.png"].lines, answers["b.png"].lines) == (2, 0)
    assert answers["a.png"].box == (40.0, 60.0, 120.0, 84.0)


@needs_models
def test_benchmark_has_no_group_of_lines(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done = run("evaluate", "benchmark", str(write_benchmark(tmp_path / "marks")), "--smoke", "--json", str(out))
    assert done.exit_code == 0, done.output
    assert "lines" not in json.loads(out.read_text())["groups"]


def test_the_plate_is_marked_in_its_scene() -> None:
    """Among five cars somebody has to know which plate was misread."""
    grey = np.full((SIZE[1], SIZE[0]), 90, np.uint8)
    plain, framed = marked(grey, None), marked(grey, (100, 100, 150, 120))
    rows, columns = np.nonzero((plain != framed).any(2))
    scale = plain.shape[1] / SIZE[0]
    assert abs(columns.min() - 100 * scale) < 5 and abs(rows.max() - 120 * scale) < 5


@needs_models
def test_json_of_the_detector_speaks_as_the_manifest_does(tmp_path: Path) -> None:
    """Its file goes into the manifest with --figures."""
    data, out = WRITERS["csv"](tmp_path / "set"), tmp_path / "figures.json"
    sizes = ["--size", "640", "--size", "960", "--as-read"]
    done = run("evaluate", "detector", "--data", str(data), "--split", "all", *sizes, "--json", str(out))
    assert done.exit_code == 0, done.output
    assert list(json.loads(out.read_text())) == ["640", "960", "as_read"]
