"""What is packed is all that was labelled, in the layout that every training and evaluation reads."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.training.labelled import BOXES, SIZE, TEXTS, draw, write_csv
from training.cli import app
from training.datasets.load import load_dataset
from training.datasets.pack import pack, straighten
from training.datasets.table import CORNER_COLUMNS
from training.detector.donors import CROP_EXACT, crop_donors
from training.detector.scenes import load_scenes
from training.recogniser.crops import load_crops
from training.recogniser.placed import place_crops

SLANTED = ((50.0, 62.0), (118.0, 70.0), (116.0, 90.0), (48.0, 82.0))


def divided(folder: Path, **columns: list[str]) -> Path:
    """Write the labelled set with a.png in train and b.png in val, and further columns."""
    file = write_csv(folder)
    frame = pd.read_csv(file, dtype=str).assign(split=["train", "val"], **columns)
    frame.to_csv(file, index=False)
    return file


def test_packing_gives_scenes_and_straight_crops_in_our_own_layout(tmp_path: Path) -> None:
    """What a user labelled becomes what every training and evaluation here reads."""
    packed = pack(load_dataset(divided(tmp_path / "set")), tmp_path / "packed")
    assert (packed.scenes, packed.crops) == (2, 2)
    again = load_dataset(tmp_path / "packed").frame
    assert sorted(again.text) == sorted(TEXTS.values()) and set(again.split) == {"train", "val"}
    crops = pd.read_csv(tmp_path / "packed" / "crops.csv", keep_default_na=False)
    width, height = (v2 - v1 for v1, v2 in zip(BOXES["a.png"][:2], BOXES["a.png"][2:], strict=True))
    first = crops[crops.text == TEXTS["a.png"]].iloc[0]
    assert (first.width, first.height) == (round(width * 1.12), round(height * 1.24))


def test_corners_and_licences_are_packed_and_come_back(tmp_path: Path) -> None:
    """A person's time went into them; corners are what the detector learns slant from."""
    corners = {name: [f"{v:g}", ""] for name, v in zip(CORNER_COLUMNS, np.ravel(SLANTED), strict=True)}
    file = divided(tmp_path / "set", licence=["CC-BY-4.0", "own"], **corners)
    pack(load_dataset(file), tmp_path / "packed")
    again = load_dataset(tmp_path / "packed").frame.set_index("text")
    a, b = TEXTS["a.png"], TEXTS["b.png"]
    np.testing.assert_allclose(again.corners[a], SLANTED, atol=0.01)
    assert again.corners[b] is None
    assert dict(again.licence) == {a: "CC-BY-4.0", b: "own"}
    crops = pd.read_csv(tmp_path / "packed" / "crops.csv", keep_default_na=False).set_index("text")
    assert dict(crops.licence) == {a: "CC-BY-4.0", b: "own"} and crops.corners[b] == ""


def test_packed_corners_shrink_with_their_scene(tmp_path: Path) -> None:
    image = cv2.resize(draw("a.png", 1), (SIZE[0] * 8, SIZE[1] * 8))
    cv2.imwrite(str(tmp_path / "a.png"), image)
    values = [x * 8 for x in (*BOXES["a.png"], *np.ravel(SLANTED))]
    header = ["file", "x1", "y1", "x2", "y2", *CORNER_COLUMNS, "text", "split"]
    (tmp_path / "p.csv").write_text(f"{','.join(header)}\na.png,{','.join(map(str, values))},AB1,train\n")
    pack(load_dataset(tmp_path / "p.csv"), tmp_path / "packed")
    (row,) = load_dataset(tmp_path / "packed").frame.itertuples()
    assert row.width == 1280
    np.testing.assert_allclose(row.corners, np.array(SLANTED) * 4, atol=0.01)


def test_packed_corners_are_exact_for_detector_and_reader(tmp_path: Path) -> None:
    """A crop straightened by true corners shows its plate just inside the margins."""
    corners = {name: [f"{v:g}", ""] for name, v in zip(CORNER_COLUMNS, np.ravel(SLANTED), strict=True)}
    file = divided(tmp_path / "set", **corners)
    frame = pd.read_csv(file, dtype=str, keep_default_na=False).assign(split="train")
    frame.to_csv(file, index=False)
    packed = tmp_path / "packed"
    pack(load_dataset(file), packed)
    exact = {scene.file.split("_")[1]: bool(scene.exact[0]) for scene in load_scenes(packed, "train")}
    assert exact == {"a.webp": True, "b.webp": False}
    marked, loose = crop_donors(packed, min_width=10)
    assert (marked.exact, loose.exact) == (1.0, CROP_EXACT)
    height, width = marked.grey.shape
    inner = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (width / 1.12, height / 1.24) + (
        width * 0.06 / 1.12,
        height * 0.12 / 1.24,
    )
    assert marked.corners is not None
    np.testing.assert_allclose(marked.corners, inner, atol=0.6)
    crops = [*load_crops("train", folder=packed), *load_crops("slice", folder=packed)]
    placed = {one.crop.text: one.corners for one in place_crops(crops, None, None)}
    np.testing.assert_allclose(placed[TEXTS["a.png"]], inner, atol=0.6)
    assert placed[TEXTS["b.png"]] is None


def test_tables_without_the_new_columns_are_read_as_ever(tmp_path: Path) -> None:
    """Data packed or published before has neither corners nor licences nor lines."""
    pack(load_dataset(divided(tmp_path / "set")), tmp_path / "packed")
    for name in ("scenes", "crops"):
        file = tmp_path / "packed" / f"{name}.csv"
        table = pd.read_csv(file, keep_default_na=False)
        kept = [c for c in table if c not in ("corners", "licence") and (c != "lines" or name == "crops")]
        table[kept].to_csv(file, index=False)
    frame = load_dataset(tmp_path / "packed").frame
    assert frame.corners.isna().all() and set(frame.licence) == {""} and set(frame.lines) == {0}
    assert [donor.exact for donor in crop_donors(tmp_path / "packed", min_width=10)] == [CROP_EXACT]


@pytest.mark.parametrize(
    ("size", "stated", "lines"),
    [
        ((120, 60), "", 1),  # United States, 12 by 6 inches
        ((120, 75), "", 1),  # the same, hanging askew in its box
        ((120, 26), "", 1),  # European Union, 520 by 110 mm
        ((120, 86), "", 2),  # European motorcycle, 280 by 200 mm
        ((120, 88), "", 2),  # Vietnamese motorcycle, 190 by 140 mm
        ((120, 60), "2", 2),  # Indian motorcycle, 200 by 100 mm: only a person can tell
        ((120, 86), "1", 1),
    ],
)
def test_lines_are_those_of_the_label_and_else_guessed_with_care(
    size: tuple[int, int], stated: str, lines: int, tmp_path: Path
) -> None:
    """One line taken for two makes the reader's training paste strips of characters."""
    write_csv(tmp_path)
    header = "file,x1,y1,x2,y2,text,split,lines"
    (tmp_path / "p.csv").write_text(f"{header}\na.png,20,20,{20 + size[0]},{20 + size[1]},AB1,train,{stated}\n")
    pack(load_dataset(tmp_path / "p.csv"), tmp_path / "packed")
    assert list(pd.read_csv(tmp_path / "packed" / "crops.csv").lines) == [lines]
    scenes = pd.read_csv(tmp_path / "packed" / "scenes.csv")
    assert json.loads(scenes.lines[0]) == [int(stated or 0)]


def test_more_than_two_lines_are_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["dataset", "inspect", str(divided(tmp_path / "set", lines=["3", "1"]))])
    assert done.exit_code == 1 and "3 lines of text" in done.output


def test_packing_refuses_what_would_be_learned_and_judged_on(tmp_path: Path) -> None:
    """Every figure made from it would flatter, and nothing later would tell."""
    file = divided(tmp_path / "set", text=["AB12CDE", "AB12CDE"])
    arguments = ["dataset", "pack", str(file), "--out", str(tmp_path / "packed")]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 1 and "text AB12CDE: train, val" in refused.output
    assert not (tmp_path / "packed").exists()
    assert CliRunner().invoke(app, [*arguments, "--keep-leaks"]).exit_code == 0


def test_packing_refuses_nearly_the_same_picture_on_both_sides(tmp_path: Path) -> None:
    file = divided(tmp_path / "set", text=["", ""])
    cv2.imwrite(str(tmp_path / "set" / "b.png"), draw("a.png", 0)[:, ::-1])
    arguments = ["dataset", "pack", str(file), "--out", str(tmp_path / "packed")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1 and "nearly the same: a.png, b.png" in done.output
    assert CliRunner().invoke(app, [*arguments, "--no-twins"]).exit_code == 0


def test_packing_without_splits_is_refused(tmp_path: Path) -> None:
    """Otherwise the same car would be learned and judged."""
    done = CliRunner().invoke(app, ["dataset", "pack", str(write_csv(tmp_path / "s")), "--out", str(tmp_path / "p")])
    assert done.exit_code == 1 and "no split" in done.output


def test_a_slanted_plate_is_cut_out_straight() -> None:
    """Corners exist for this: the reader is used to level characters."""
    image = np.full((200, 300, 3), 40, np.uint8)
    quad = np.array([[60, 60], [220, 90], [214, 130], [54, 100]], np.float32)
    cv2.fillPoly(image, [quad.astype(np.int32)], (230, 230, 230))
    crop = straighten(image, quad)
    inner = crop[
        round(crop.shape[0] * 0.2) : round(crop.shape[0] * 0.8),
        round(crop.shape[1] * 0.12) : -round(crop.shape[1] * 0.12),
    ]
    assert inner.min() > 200 and crop[0, 0].max() < 80
