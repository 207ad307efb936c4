"""What users' folders really hold: several classes, equal names, files that are no labels, pictures without any."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from edge.config.service import EvidenceSettings
from edge.pipeline.evidence import EvidenceKeeper
from edge.pipeline.still import load_picture
from edge.sinks.history import Correction, Remembered
from edge.sinks.web.labels import Labels
from edge.types import Box, Detection, Frame, Track, TrackState, UInt8Array
from tests.sinks.events import START, a_gate_event
from tests.training.labelled import BOXES, SIZE, WRITERS, draw, voc_xml, write_coco, write_csv, write_voc
from training.cli import app
from training.datasets.classes import UnclearClasses
from training.datasets.frame import BrokenAnnotations
from training.datasets.load import load_dataset
from training.datasets.matching import match
from training.datasets.pictures import Pictures

YOLO_BOX = "0.25 0.3 0.25 0.1"


def yolo_set(folder: Path, labels: dict[str, str], pictures: list[str]) -> Path:
    """Write a YOLO set: label files with their text, and pictures, by relative path."""
    for seed, name in enumerate(pictures):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), draw("a.png", seed))
    for name, text in labels.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


# What a reader cannot read is one problem among the others


def spoil_voc(folder: Path) -> Path:
    write_voc(folder)
    for name in ("broken", "boxless", "outside"):
        cv2.imwrite(str(folder / f"{name}.png"), draw("a.png", 7))
    (folder / "broken.xml").write_text("<annotation><object></annotation>")
    both = voc_xml("boxless.png", BOXES["a.png"]).replace("</object>", "</object><object><name>plate</name></object>")
    (folder / "boxless.xml").write_text(both)
    (folder / "outside.xml").write_text(voc_xml("outside.png", (40.0, 60.0, 400.0, 84.0)))
    return folder


def spoil_yolo(folder: Path) -> Path:
    labels = WRITERS["yolo"](folder)
    (labels / "train" / "ghost.txt").write_text(f"0 {YOLO_BOX}\n")
    (labels / "train" / "a.txt").write_text(f"0 {YOLO_BOX}\n0 0.1 0.1\n0 0.95 0.5 0.3 0.1\n")
    return labels


def spoil_coco(folder: Path) -> Path:
    file = write_coco(folder)
    loaded = json.loads(file.read_text())
    box = {"image_id": 0, "category_id": 1}
    loaded["annotations"] += [
        {"id": 7, **box, "bbox": [1, 2, "x", 4]},
        {"id": 8, **box},
        {"id": 9, **box, "bbox": [9, 9, 900, 9], "attributes": None},
    ]
    file.write_text(json.dumps(loaded))
    return file


def spoil_csv(folder: Path) -> Path:
    file = write_csv(folder)
    file.write_text(file.read_text() + "a.png,1,one,50,20,AB1\na.png,50,50,10,10,\n")
    return file


@pytest.mark.parametrize(
    ("spoil", "words", "plates"),
    [
        (spoil_voc, ["broken.xml: cannot be read", "boxless.xml: object without <bndbox>", "outside.xml: box"], 3),
        (spoil_yolo, ["ghost.txt: no picture", "a.txt: line 2: 2 values", "a.txt:3: box"], 2),
        (spoil_coco, ["annotation 7: could not", "annotation 8: 'bbox' is missing", "annotation 9: box"], 2),
        (spoil_csv, ["plates.csv:4: could not convert", "plates.csv:5: box"], 2),
    ],
)
def test_unreadable_labels_are_named_beside_wrong_ones_and_can_be_skipped(
    spoil: object, words: list[str], plates: int, tmp_path: Path
) -> None:
    """One malformed line must neither hide the other faults nor make the rest of the set useless."""
    assert callable(spoil)
    place = spoil(tmp_path / "set")
    with pytest.raises(BrokenAnnotations) as caught:
        load_dataset(place)
    named = "\n".join(map(str, caught.value.problems))
    assert len(caught.value.problems) == len(words), named
    for word in words:
        assert word in named
    kept = load_dataset(place, skip_broken=True).frame
    assert (kept.x1.notna().sum(), len(kept.attrs["problems"])) == (plates, len(words))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [("plates.json", "[1, 2]", "not a COCO file"), ("plates.csv", "", "not a CSV table"), ("p.csv", "a,b\n", "x1, y1")],
)
def test_a_file_of_another_kind_is_refused_with_its_name(name: str, text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BrokenAnnotations, match=reason):
        load_dataset(tmp_path / name, skip_broken=True)


# Pictures without labels, labels without pictures, texts that are neither


@pytest.mark.parametrize("kind", ["voc", "yolo"])
def test_pictures_without_a_label_file_are_counted_and_taken_as_without_plates(kind: str, tmp_path: Path) -> None:
    """Labelling tools write no file where nothing was drawn; what is no plate has to be learned too."""
    place = WRITERS[kind](tmp_path / "set")
    where = tmp_path / "set" / ("images/train" if kind == "yolo" else "")
    for name in ("empty1.png", "empty2.png"):
        cv2.imwrite(str(where / name), draw("a.png", 9))
    frame = load_dataset(place).frame
    assert sorted(Path(f).name for f in frame[frame.x1.isna()].file) == ["empty1.png", "empty2.png"]
    assert len(frame) == 4
    assert any(note.startswith("2 pictures have no label file") for note in frame.attrs["notes"])


def test_a_picture_whose_label_is_broken_is_not_one_without_plates(tmp_path: Path) -> None:
    """Left out with its label, it teaches nothing; kept, it would teach that a plate is none."""
    kept = load_dataset(spoil_voc(tmp_path / "set"), skip_broken=True).frame
    assert "broken.png" not in set(kept.file) and kept.x1.notna().all()


def test_texts_that_are_no_labels_are_skipped_with_a_note(tmp_path: Path) -> None:
    """Roboflow and CVAT write such files into every export."""
    folder = yolo_set(
        tmp_path,
        {
            "train/labels/1.txt": f"0 {YOLO_BOX}\n",
            "README.roboflow.txt": "Roboflow exported 300 images\n",
            "train.txt": "data/obj_train_data/1.jpg\n",
            "classes.txt": "plate\n",
        },
        ["train/images/1.png"],
    )
    frame = load_dataset(folder).frame
    assert len(frame) == 1 and list(frame.split) == ["train"]
    assert {note.split(":")[0] for note in frame.attrs["notes"]} == {"README.roboflow.txt", "train.txt", "classes.txt"}
    done = CliRunner().invoke(app, ["dataset", "inspect", str(folder), "--sheet", str(tmp_path / "s.png")])
    assert done.exit_code == 0 and "train.txt: holds no labels, skipped" in done.output


def test_xml_that_is_no_annotation_is_skipped_with_a_note(tmp_path: Path) -> None:
    folder = write_voc(tmp_path)
    (folder / "project.xml").write_text("<settings/>")
    frame = load_dataset(folder).frame
    assert len(frame) == 2 and "project.xml: root element is <settings>" in frame.attrs["notes"][0]


def test_files_that_a_system_leaves_behind_are_no_pictures(tmp_path: Path) -> None:
    """They would be pictures without a label file, and broken ones at that."""
    folder = write_voc(tmp_path)
    (folder / "__MACOSX").mkdir()
    for name in ("._a.png", "__MACOSX/a.png"):
        (folder / name).write_bytes(b"Mac OS X")
    assert len(load_dataset(folder).frame) == 2


def test_a_project_file_among_yolo_labels_does_not_make_them_voc(tmp_path: Path) -> None:
    labels = WRITERS["yolo"](tmp_path)
    (labels / "workspace.xml").write_text('<?xml version="1.0"?>\n<project/>')
    assert load_dataset(labels).format == "yolo"


# Equal names


@pytest.mark.parametrize("layout", ["{kind}/{part}/{name}", "{part}/{kind}/{name}"])
def test_equal_names_in_train_and_val_keep_their_own_labels(layout: str, tmp_path: Path) -> None:
    """Both labels on one picture teach wrong twice, and nobody is told."""

    def at(kind: str, part: str, name: str) -> str:
        return layout.format(kind=kind, part=part, name=name)

    labels = {
        at("labels", "train", "0001.txt"): "0 0.25 0.3 0.2 0.1\n",
        at("labels", "valid", "0001.txt"): "0 0.75 0.3 0.2 0.1\n",
    }
    pictures = [at("images", "train", "0001.png"), at("images", "valid", "0001.png")]
    frame = load_dataset(yolo_set(tmp_path, labels, pictures)).frame
    boxes = {(row.split, round(row.x1)): row.file for row in frame.itertuples()}
    assert {key: "valid" in file for key, file in boxes.items()} == {("train", 48): False, ("val", 208): True}


def test_voc_labels_of_equal_names_keep_their_own_pictures(tmp_path: Path) -> None:
    for part, box in (("train", BOXES["a.png"]), ("val", BOXES["b.png"])):
        (tmp_path / part).mkdir()
        cv2.imwrite(str(tmp_path / part / "1.png"), draw("a.png", 3))
        (tmp_path / part / "1.xml").write_text(voc_xml("1.png", box))
    frame = load_dataset(tmp_path).frame
    assert dict(zip(frame.file, frame.x1, strict=True)) == {"train/1.png": 40.0, "val/1.png": 200.0}


def test_a_label_goes_to_another_folder_only_where_its_name_is_unmistakable() -> None:
    names = ["images/x/1.png", "images/y/1.png", "images/y/2.png", "images/y/3.jpg"]
    matched = match({one: one for one in ("labels/1.txt", "labels/2.txt", "labels/4.txt")}, names)
    assert matched.pictures == {"labels/2.txt": "images/y/2.png"}
    assert matched.reasons["labels/1.txt"].startswith("several pictures of that name")
    assert matched.reasons["labels/4.txt"] == "no picture of that name"
    assert matched.unlabelled == ["images/y/3.jpg"]


def test_two_label_files_for_one_picture_are_a_fault() -> None:
    matched = match({one: one for one in ("a/labels/1.txt", "b/labels/1.txt")}, ["images/1.png"])
    assert not matched.pictures and not matched.unlabelled
    assert all("2 label files for one picture" in reason for reason in matched.reasons.values())


def test_names_in_a_table_find_the_picture_of_the_same_folder_or_none(tmp_path: Path) -> None:
    """A table made on another machine names other folders; train/1 is not val/1 for all that."""
    yolo_set(tmp_path, {}, ["train/1.png", "val/1.png", "val/2.png"])
    pictures = Pictures(tmp_path)
    assert pictures.find("val/1.png") == "val/1.png"
    assert pictures.find("/home/me/set/train/1.png") == "train/1.png"
    assert pictures.find(r"C:\set\val\1.png") == "val/1.png"
    assert pictures.find("elsewhere/2.png") == "val/2.png"
    with pytest.raises(KeyError, match=r"1\.png may be train/1\.png or val/1\.png"):
        pictures.find("1.png")


def test_two_names_for_one_picture_are_a_fault(tmp_path: Path) -> None:
    """Otherwise one picture stands in the table twice, perhaps on both sides."""
    file = write_csv(tmp_path)
    file.write_text(file.read_text() + "val/a.png,1,1,50,20,AB1\n")
    with pytest.raises(BrokenAnnotations, match=r"val/a\.png and a\.png both lead to the picture a\.png"):
        load_dataset(file)


def test_pictures_beside_labels_of_one_split_belong_to_it(tmp_path: Path) -> None:
    """Whoever opens train/labels means train, with and without a label file."""
    labels = {"train/labels/1.txt": f"0 {YOLO_BOX}\n"}
    yolo_set(tmp_path, labels, ["train/images/1.png", "train/images/2.png"])
    assert list(load_dataset(tmp_path / "train" / "labels").frame.split) == ["train", "train"]


# Classes


def classes_voc(folder: Path) -> Path:
    write_voc(folder)
    (folder / "b.xml").write_text(voc_xml("b.png", BOXES["b.png"]).replace(">plate<", ">car<"))
    return folder


def classes_yolo(folder: Path) -> Path:
    labels = WRITERS["yolo"](folder)
    polygon = "1 " + "0.1 0.2 " * 9  # of a class that nobody asked for: no fault
    (labels / "train" / "b.txt").write_text(f"1 0.78 0.54 0.31 0.25\n{polygon}\n")
    (folder / "data.yaml").write_text("names: [plate, car]\n")
    return labels


def classes_coco(folder: Path) -> Path:
    file = write_coco(folder)
    loaded = json.loads(file.read_text())
    loaded["categories"] = [{"id": 1, "name": "plate"}, {"id": 2, "name": "car"}]
    loaded["annotations"][1]["category_id"] = 2
    file.write_text(json.dumps(loaded))
    return file


@pytest.mark.parametrize("write", [classes_voc, classes_yolo, classes_coco])
def test_of_several_classes_a_person_chooses_the_plates(write: object, tmp_path: Path) -> None:
    """A car labelled as plate ruins a detector, silently."""
    assert callable(write)
    place = write(tmp_path / "set")
    with pytest.raises(UnclearClasses, match=r"car \(\d\).*--class") as caught:
        load_dataset(place)
    assert "plate (1)" in str(caught.value)
    frame = load_dataset(place, classes=["plate"]).frame
    assert [Path(f).name for f in frame[frame.x1.notna()].file] == ["a.png"]
    assert [Path(f).name for f in frame[frame.x1.isna()].file] == ["b.png"]
    with pytest.raises(UnclearClasses, match="no class lorry"):
        load_dataset(place, classes=["lorry"])


def test_the_commands_say_which_classes_there_are(tmp_path: Path) -> None:
    arguments = ["dataset", "inspect", str(classes_voc(tmp_path / "set")), "--sheet", str(tmp_path / "sheet.png")]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 1 and "car (1)" in refused.output
    done = CliRunner().invoke(app, [*arguments, "--class", "plate"])
    assert done.exit_code == 0 and "2 pictures, 1 plates" in done.output
    both = CliRunner().invoke(app, [*arguments, "--class", "plate", "--class", "car"])
    assert "2 pictures, 2 plates" in both.output


def test_a_line_of_nonsense_is_a_fault_and_no_class(tmp_path: Path) -> None:
    """Else it would be said that classes are unclear, or it would vanish with those not chosen."""
    labels = WRITERS["yolo"](tmp_path)
    (labels / "train" / "a.txt").write_text("plate at 3 o'clock\n")
    (labels / "train" / "b.txt").write_text(f"\ufeff0 {YOLO_BOX}\n", encoding="utf-8")  # Windows' mark is no class
    for classes in ([], ["0"]):
        with pytest.raises(BrokenAnnotations, match=r"train/a\.txt: line 1: class 'plate' is no number") as caught:
            load_dataset(labels, classes=classes)
        assert len(caught.value.problems) == 1


# Pictures held upright


def test_a_portrait_picture_is_upright_as_labelling_tools_and_the_gate_show_it(tmp_path: Path) -> None:
    """Telephones store portraits lying and note how they were held; boxes are drawn on what is seen."""
    upright = draw("a.png", 3).transpose(1, 0, 2)  # 240 x 320
    lying = np.rot90(upright)  # 90 degrees to the left; orientation 6 turns it back
    note = Image.Exif()
    note[0x0112] = 6
    Image.fromarray(lying[..., ::-1].copy()).save(tmp_path / "a.jpg", quality=95, exif=note)
    (tmp_path / "a.xml").write_text(voc_xml("a.jpg", (60.0, 40.0, 84.0, 120.0), size=SIZE[::-1]))
    dataset = load_dataset(tmp_path)
    assert dataset.pictures.size("a.jpg") == SIZE[::-1]
    assert abs(dataset.pictures.colour("a.jpg").astype(int) - upright).mean() < 12
    assert np.array_equal(dataset.pictures.grey("a.jpg"), load_picture(tmp_path / "a.jpg"))
    (tmp_path / "a.xml").write_text(voc_xml("a.jpg", (40.0, 60.0, 120.0, 84.0)))
    with pytest.raises(BrokenAnnotations, match="once turned as its EXIF note says"):
        load_dataset(tmp_path)


# What people corrected at the gate


def corrected_at_the_gate(folder: Path, plate: Box, read: str | None, text: str) -> None:
    """Let a white plate drive past, and correct what was read, through the gate's own code."""
    luma = np.zeros((720, 1280), np.uint8)
    luma[int(plate.y1) : int(plate.y2), int(plate.x1) : int(plate.x2)] = 255

    def to_bgr(region: Box | None) -> UInt8Array:
        x1, y1, x2, y2 = (int(v) for v in (region or Box(0, 0, 1280, 720)).as_tuple())
        return np.repeat(luma[y1:y2, x1:x2, None], 3, 2)

    keeper = EvidenceKeeper(EvidenceSettings())
    track = Track(1, TrackState.CONFIRMED, plate, (0.0, 0.0), 0.0, 1.0, 9, Detection(plate, 0.9, None))
    keeper.see(Frame("gate", 0, 0.0, START, luma, to_bgr), [track], [])
    event = a_gate_event(read, evidence=keeper.of(1))
    Labels(folder).add(Remembered(event, Correction(text, "kim", START)))


def test_corrected_plates_of_the_gate_become_boxed_and_named_plates(tmp_path: Path) -> None:
    """Nobody should box by hand what the gate had found itself."""
    folder = tmp_path / "labels"
    corrected_at_the_gate(folder, Box(600, 400, 760, 438), "AB12CDF", "AB12CDE")
    corrected_at_the_gate(folder, Box(300, 200, 900, 350), "56T97108", "56T971085")
    corrected_at_the_gate(folder, Box(600, 400, 760, 438), None, "XY34ZZZ")
    dataset = load_dataset(folder)
    assert dataset.format == "gate" and load_dataset(folder / "labels.csv").format == "gate"
    assert sorted(dataset.frame.text) == ["56T971085", "AB12CDE"] and set(dataset.frame.source) == {"cam-1"}
    assert "1 pictures skipped in which the gate had read nothing" in dataset.frame.attrs["notes"][0]
    for row in dataset.frame.itertuples():
        grey = dataset.pictures.grey(str(row.file))
        x1, y1, x2, y2 = (round(float(v)) for v in (row.x1, row.y1, row.x2, row.y2))
        inside = grey[y1 : y2 + 1, x1 : x2 + 1]
        assert inside.mean() > 225 and int((grey > 128).sum()) <= 1.03 * int((inside > 128).sum())


def test_corrected_plates_of_the_gate_can_be_divided_and_packed(tmp_path: Path) -> None:
    """So they reach the training, as the pages promise."""
    for number in range(8):
        corrected_at_the_gate(tmp_path / "labels", Box(600, 400, 760, 438), "AB12CDF", f"AB1{number}CDE")
    table, packed = tmp_path / "gate.csv", tmp_path / "packed"
    for arguments in (
        ["split", str(tmp_path / "labels"), "--out", str(table), "--val-share", "0.5"],
        ["pack", str(table), "--pictures", str(tmp_path / "labels"), "--out", str(packed)],
    ):
        done = CliRunner().invoke(app, ["dataset", *arguments])
        assert done.exit_code == 0, done.output
    crops = pd.read_csv(packed / "crops.csv", keep_default_na=False)
    assert len(crops) == 8 and set(crops.split) == {"train", "val"} and set(crops.lines) == {1}


def test_a_gate_picture_that_is_gone_is_named(tmp_path: Path) -> None:
    corrected_at_the_gate(tmp_path, Box(600, 400, 760, 438), "AB12CDF", "AB12CDE")
    next(tmp_path.glob("*.jpg")).unlink()
    with pytest.raises(BrokenAnnotations, match=r"labels\.csv:2: picture cannot be read: no such picture"):
        load_dataset(tmp_path)
