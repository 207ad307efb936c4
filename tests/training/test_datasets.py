"""Labels of any format become one table, and nothing broken or leaking gets past it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.training.labelled import BOXES, SIZE, TEXTS, WRITERS, voc_xml, write_csv, write_pictures, write_voc
from training.cli import app
from training.datasets.frame import BrokenAnnotations
from training.datasets.labels import clean_text, tidy_corners
from training.datasets.load import load_dataset
from training.datasets.sheet import BOX_COLOUR, contact_sheet


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_every_format_gives_the_same_table(kind: str, tmp_path: Path) -> None:
    """A user's tool decides the format, not what is learned from it."""
    dataset = load_dataset(WRITERS[kind](tmp_path / "set"))
    assert dataset.format == kind
    frame = dataset.frame.sort_values("file").reset_index(drop=True)
    assert [Path(file).name for file in frame.file] == sorted(BOXES)
    np.testing.assert_allclose(frame[["x1", "y1", "x2", "y2"]], [BOXES[name] for name in sorted(BOXES)], atol=0.01)
    assert list(zip(frame.width, frame.height, strict=True)) == [SIZE] * len(BOXES)
    if kind != "yolo":  # which has no place for a text
        assert list(frame.text) == [TEXTS[name] for name in sorted(BOXES)]


def test_our_own_layout_reads_pictures_from_the_zip_beside_the_table(tmp_path: Path) -> None:
    """Two files travel better than thousands."""
    write_pictures(tmp_path)
    with zipfile.ZipFile(tmp_path / "scenes.zip", "w") as archive:
        for name in BOXES:
            archive.write(tmp_path / name, name)
    rows = [
        {"file": n, "source": "street", "split": "val", "width": SIZE[0], "height": SIZE[1],
         "boxes": json.dumps([BOXES[n]]), "texts": json.dumps([TEXTS[n]])} for n in BOXES
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "scenes.csv", index=False)
    frame = load_dataset(tmp_path).frame
    assert set(frame.split) == {"val"} and set(frame.source) == {"street"}
    assert sorted(frame.text) == sorted(TEXTS.values())


@pytest.mark.parametrize(
    ("box", "size", "reason"),
    [
        ((120.0, 60.0, 40.0, 84.0), SIZE, "inside out"),
        ((40.0, 60.0, 40.4, 84.0), SIZE, "empty"),
        ((40.0, 60.0, 400.0, 84.0), SIZE, "leaves the picture"),
        ((40.0, 60.0, 120.0, float("nan")), SIZE, "not finite"),
        ((40.0, 60.0, 120.0, 84.0), (640, 480), "the picture has 320 x 240"),
    ],
)
def test_a_broken_label_is_refused_with_file_and_reason(
    box: tuple[float, ...], size: tuple[int, int], reason: str, tmp_path: Path
) -> None:
    """One turned-over box among thousands teaches wrong for ever, silently."""
    folder = write_voc(tmp_path)
    (folder / "a.xml").write_text(voc_xml("a.png", box, size=size))
    with pytest.raises(BrokenAnnotations, match=reason) as caught:
        load_dataset(folder)
    assert [problem.file for problem in caught.value.problems] == ["a.xml"]


def test_all_faults_of_a_dataset_are_reported_at_once(tmp_path: Path) -> None:
    """Repairing labels one run per fault takes a day."""
    file = write_csv(tmp_path)
    file.write_text(file.read_text() + "missing.png,1,1,50,20,AB1\na.png,50,50,10,10,\nb.png,1,1,90,20,ab-ü\n")
    with pytest.raises(BrokenAnnotations) as caught:
        load_dataset(file)
    reasons = " | ".join(map(str, caught.value.problems))
    assert len(caught.value.problems) == 3
    for words in ("plates.csv:4", "cannot be read", "plates.csv:5", "inside out", "plates.csv:6", "A-Z"):
        assert words in reasons
    kept = load_dataset(file, skip_broken=True).frame
    assert len(kept) == len(BOXES) and len(kept.attrs["problems"]) == 3


def test_a_file_that_is_no_picture_is_a_fault_of_its_label(tmp_path: Path) -> None:
    """Downloads end half-way."""
    folder = write_voc(tmp_path)
    (folder / "a.png").write_bytes(b"not a picture")
    with pytest.raises(BrokenAnnotations, match=r"a.xml: .*not a picture"):
        load_dataset(folder)


@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("reverse", [False, True])
def test_polygons_drawn_in_any_order_start_at_the_top_left_as_read(shift: int, reverse: bool) -> None:
    """The reader would otherwise see plates upside down or mirrored."""
    true = [(50.0, 40.0), (150.0, 60.0), (148.0, 90.0), (48.0, 68.0)]
    drawn = list(np.roll(np.array(true[::-1] if reverse else true), shift, 0))
    assert tidy_corners([(x, y) for x, y in drawn]) == tuple(true)


def test_yolo_corners_and_boxes_are_told_apart_by_their_number_of_values(tmp_path: Path) -> None:
    """Detect, oriented and pose labels all end in .txt."""
    write_pictures(tmp_path / "images")
    quad = ((32, 24), (160, 48), (160, 96), (32, 72))
    shares = " ".join(f"{x / SIZE[0]:.6f} {y / SIZE[1]:.6f}" for x, y in quad)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text(f"0 {shares}\n")
    (tmp_path / "labels" / "b.txt").write_text(f"0 0.3 0.25 0.4 0.3 {shares}\n")
    frame = load_dataset(tmp_path / "labels").frame.sort_values("file")
    for corners in frame.corners:
        np.testing.assert_allclose(corners, quad, atol=0.01)
    assert tuple(frame.iloc[0][["x1", "y1", "x2", "y2"]]) == pytest.approx((32, 24, 160, 96), abs=0.01)


def test_yolo_label_without_picture_and_pixel_values_are_refused(tmp_path: Path) -> None:
    """The two commonest mistakes of converting scripts."""
    labels = WRITERS["yolo"](tmp_path / "set")
    (labels / "train" / "ghost.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (labels / "train" / "a.txt").write_text("0 160 120 40 20\n")
    with pytest.raises(BrokenAnnotations) as caught:
        load_dataset(labels)
    text = str(caught.value)
    assert "ghost.txt: no picture" in text and "a.txt: line 1" in text and "pixels" in text


def test_a_picture_without_plates_stays_in_the_table(tmp_path: Path) -> None:
    """What is no plate has to be learned too."""
    folder = write_voc(tmp_path)
    (folder / "a.xml").write_text("<annotation><filename>a.png</filename></annotation>")
    frame = load_dataset(folder).frame
    assert frame[frame.file == "a.png"].x1.isna().all() and len(frame) == 2


def test_registrations_are_written_one_way() -> None:
    """'B-MW 12 34' and 'BMW1234' are one vehicle."""
    assert clean_text("b-mw 12·34") == "BMW1234"


def test_contact_sheet_draws_the_labels(tmp_path: Path) -> None:
    """A box on the wrong car is seen at once by eye, and by nothing else."""
    dataset = load_dataset(write_voc(tmp_path))
    sheet = contact_sheet(dataset.frame, dataset.pictures, count=2, columns=2)
    assert sheet.shape == (220, 440, 3)
    assert (sheet == BOX_COLOUR).all(2).sum() > 100


def test_inspect_prints_figures_and_writes_the_sheet(tmp_path: Path) -> None:
    folder, sheet = write_voc(tmp_path / "set"), tmp_path / "out" / "sheet.png"
    done = CliRunner().invoke(app, ["dataset", "inspect", str(folder), "--sheet", str(sheet)])
    assert done.exit_code == 0, done.output
    assert "2 pictures, 2 plates" in done.output and sheet.is_file()


def test_inspect_refuses_broken_labels_with_exit_code_1(tmp_path: Path) -> None:
    folder = write_voc(tmp_path)
    (folder / "a.xml").write_text("<annotation><object></annotation>")
    done = CliRunner().invoke(app, ["dataset", "inspect", str(folder)])
    assert done.exit_code == 1 and "a.xml" in done.output and "mismatched tag" in done.output


def many_pictures(folder: Path) -> Path:
    """Write a divided table of nine pictures, whose last line is broken."""
    file = write_csv(folder)
    (header, first, second) = file.read_text().splitlines()
    lines = [header + ",split"]
    for number in range(9):
        side, line = ("train", first) if number % 2 else ("val", second)
        name = line.split(",")[0]
        (folder / f"{number}.png").write_bytes((folder / name).read_bytes())
        lines.append(line.replace(name, f"{number}.png") + f",{side}")
    file.write_text("\n".join([*lines, "missing.png,1,1,50,20,AB1,val"]) + "\n")
    return file


@pytest.mark.parametrize(
    ("command", "written"), [("inspect --sheet", "s.png"), ("split --out", "s.csv"), ("pack --out", "packed")]
)
def test_short_forms_look_at_the_first_pictures_only(command: str, written: str, tmp_path: Path) -> None:
    """They show in seconds that all parts work; whether every label is right is for the whole run to say."""
    name, option = command.split()
    arguments = ["dataset", name, str(many_pictures(tmp_path / "set")), option, str(tmp_path / written)]
    whole, short = (CliRunner().invoke(app, [*arguments, *more]) for more in ([], ["--smoke"]))
    assert whole.exit_code == 1 and "plates.csv:11" in whole.output
    assert short.exit_code == 0, short.output
    said = " ".join(short.output.split())  # the console breaks long lines
    assert (tmp_path / written).exists() and ("6 " in said or "3 train, 3 val" in said)
