"""A vehicle, a sequence and nearly equal pictures stand on one side, and stay there."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.training.labelled import BOXES, draw, write_voc
from training.cli import app
from training.datasets.load import load_dataset
from training.datasets.pictures import Pictures
from training.datasets.splitting import (
    assign_splits,
    by_sequence,
    keep_earlier,
    largest_share,
    on_both_sides,
    sequence_of,
)
from training.datasets.twins import between_splits, find_twins


def table(rows: list[tuple[str, str]], group: str | None = None, split: str = "") -> pd.DataFrame:
    """Return pictures with the text of a plate each; the group is the text where none is given, as readers fill it."""
    records = [{"file": f, "text": t, "group": group or t or Path(f).stem, "split": split, "x1": 1.0} for f, t in rows]
    made: pd.DataFrame = pd.DataFrame(records)
    return made


def sides(frame: pd.DataFrame) -> dict[str, str]:
    return dict(zip(frame.file, frame.split, strict=True))


def test_one_vehicle_is_never_on_both_sides() -> None:
    """Ten frames of one car, nine learned: the tenth is no test."""
    frame = assign_splits(table([(f"frame{i}.jpg", f"CAR{i % 40}") for i in range(400)]), 0.3)
    assert (frame.groupby("text").split.nunique() == 1).all()
    assert 0.1 < (frame.split == "val").mean() < 0.55


def test_a_picture_with_two_vehicles_ties_them_together() -> None:
    """Otherwise the picture itself would be on both sides."""
    rows = [(f"{i}.jpg", f"CAR{i}") for i in range(60)] + [(f"{i}.jpg", f"CAR{i + 1}") for i in range(0, 60, 2)]
    split = assign_splits(table(rows), 0.5)
    assert (split.groupby("file").split.nunique() == 1).all()
    assert (split.groupby("text").split.nunique() == 1).all()


def test_more_pictures_of_a_known_vehicle_move_nobody() -> None:
    """Figures of last month stay comparable; names that come first in the alphabet are no exception."""
    few = table([(f"m{i}.jpg", f"CAR{i}") for i in range(100)])
    many = pd.concat([table([(f"a{i}.jpg", f"CAR{i}") for i in range(100)]), few, table([("n.jpg", "NEW")])])
    before, after = sides(assign_splits(few, 0.5)), sides(assign_splits(many, 0.5))
    assert {file: after[file] for file in before} == before
    assert len(set(before.values())) == 2


def test_more_frames_and_more_cars_of_a_known_sequence_move_nobody() -> None:
    few = pd.concat([table([(f"seq{s}/{i}.jpg", f"C{s}A{i}") for i in range(3)], group=f"seq{s}") for s in range(60)])
    more = pd.concat([table([(f"seq{s}/x.jpg", f"C{s}X")], group=f"seq{s}") for s in range(60)])
    before, after = sides(assign_splits(few, 0.5)), sides(assign_splits(pd.concat([more, few]), 0.5))
    assert {file: after[file] for file in before} == before


def test_a_picture_that_ties_two_groups_moves_at_most_one_of_them() -> None:
    """What cannot be avoided stays as small as it can be."""
    few = table([(f"m{i}.jpg", f"CAR{i}") for i in range(100)])
    ties = [(f"both{i}.jpg", f"CAR{i + k}") for i in range(0, 100, 2) for k in (0, 1)]
    before, after = sides(assign_splits(few, 0.5)), sides(assign_splits(pd.concat([few, table(ties)]), 0.5))
    moved = [[before[f"m{i + k}.jpg"] != after[f"m{i + k}.jpg"] for k in (0, 1)] for i in range(0, 100, 2)]
    assert max(map(sum, moved)) == 1 and any(map(any, moved))


def test_an_earlier_division_binds_even_where_groups_are_tied() -> None:
    few = table([(f"m{i}.jpg", f"CAR{i}") for i in range(100)])
    before = assign_splits(few, 0.5)
    ties = table([(f"both{i}.jpg", f"CAR{i + k}") for i in range(0, 100, 2) for k in (0, 1)])
    after = sides(assign_splits(keep_earlier(pd.concat([few, ties]), before), 0.5))
    assert {file: after[file] for file in sides(before)} == sides(before)


def test_a_split_that_is_set_binds_its_whole_group() -> None:
    """One labelled frame in val and the rest by chance put a car on both sides."""
    for side in ("train", "val", "test"):
        frame = pd.concat([table([(f"{i}.jpg", "CAR1") for i in range(20)]), table([("x.jpg", "CAR1")], split=side)])
        assert set(assign_splits(frame, 0.5).split) == {side}


def test_where_set_splits_disagree_the_rest_is_learned_from_and_told() -> None:
    """What a person set stays; what is on both sides anyway shall not be judged on still more."""
    frame = pd.concat([table([("a.jpg", "CAR1")], split="val"), table([("b.jpg", "CAR1")], split="train"),
                       table([("c.jpg", "CAR1"), ("d.jpg", "CAR2")])])  # fmt: skip
    divided = assign_splits(frame, 0.9)
    assert [sides(divided)[f"{name}.jpg"] for name in "abc"] == ["val", "train", "train"]
    assert on_both_sides(divided) == ["text CAR1: train, val"]


def test_a_sequence_does_not_replace_the_vehicle() -> None:
    """The same car on Monday and on Tuesday is one car."""
    monday = table([(f"monday_{i}.jpg", f"CAR{i % 5}") for i in range(20)], group="monday")
    tuesday = table([(f"tuesday_{i}.jpg", "CAR1") for i in range(20)], group="tuesday")
    for salt in "abcdefgh":
        assert assign_splits(pd.concat([monday, tuesday]), 0.5, salt).split.nunique() == 1


def test_a_group_that_somebody_named_stays_beside_the_sequence() -> None:
    """Night is night, whatever its files are called; and a video stays whole though its nights differ."""
    frame = table([("a_1.jpg", ""), ("b_1.jpg", "")], group="night")
    frame = pd.concat([frame, table([("b_2.jpg", ""), ("c_1.jpg", "")]), table([("c_2.jpg", "")], group="day")])
    grouped, pairs = by_sequence(frame)
    assert list(grouped.group) == ["night", "night", "b", "c", "day"]
    for salt in "abcdefgh":
        found = sides(assign_splits(grouped, 0.5, salt, pairs))
        assert found["a_1.jpg"] == found["b_1.jpg"] == found["b_2.jpg"]
        assert found["c_1.jpg"] == found["c_2.jpg"]


def test_equal_file_names_in_several_folders_are_no_group() -> None:
    """Exports number each part from 1 again."""
    frame = pd.concat([table([("train/1.jpg", "")], split="train"), table([("val/1.jpg", "")], split="val")])
    assert on_both_sides(frame) == [] and largest_share(frame) == 0.5


def test_nearly_equal_pictures_stay_together() -> None:
    frame = table([(f"{i}.jpg", "") for i in range(40)])
    pairs = [(f"{i}.jpg", f"{i + 20}.jpg") for i in range(20)]
    found = sides(assign_splits(frame, 0.5, same=pairs))
    assert all(found[a] == found[b] for a, b in pairs) and len(set(found.values())) == 2
    assert largest_share(frame, pairs) == 2 / 40


def test_frames_of_a_video_are_one_sequence() -> None:
    assert sequence_of("night/gate_000123.jpg") == sequence_of("night/gate_7.png") == "gate"


# Twins


def write_twins(folder: Path) -> None:
    image = draw("a.png", 5)
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "first.jpg"), image)
    cv2.imwrite(str(folder / "small.jpg"), cv2.resize(image, (200, 150)), [cv2.IMWRITE_JPEG_QUALITY, 40])
    cv2.imwrite(str(folder / "mirror.jpg"), image[:, ::-1])
    cv2.imwrite(str(folder / "other.jpg"), draw("b.png", 6))


def test_recompressed_and_mirrored_copies_are_found(tmp_path: Path) -> None:
    """Web sets hold the same photograph twice; then validation measures memory."""
    write_twins(tmp_path)
    frame = table([(f"{name}.jpg", "") for name in ("first", "small", "mirror", "other")])
    frame["split"] = ["train", "train", "val", "val"]
    twins = find_twins(frame, Pictures(tmp_path))
    pairs = {(twin.first, twin.second) for twin in twins}
    assert {("first.jpg", "small.jpg"), ("first.jpg", "mirror.jpg")} <= pairs
    assert not any("other.jpg" in pair for pair in pairs)
    across = {(twin.first, twin.second) for twin in between_splits(frame, twins)}
    assert ("first.jpg", "mirror.jpg") in across and ("first.jpg", "small.jpg") not in across


def test_different_vehicles_before_one_camera_are_no_twins(tmp_path: Path) -> None:
    """A gate's pictures differ in little but the plate; tied together they could not be divided at all."""
    write_twins(tmp_path)
    for second, expected in (("CAR2", 0), ("CAR1", 1), ("", 1)):
        frame = table([("first.jpg", "CAR1"), ("small.jpg", second)])
        assert len(find_twins(frame, Pictures(tmp_path))) == expected


def test_pictures_are_hashed_one_by_one(tmp_path: Path) -> None:
    """Ten thousand pictures of a telephone do not fit into memory."""

    class Watched(Pictures):
        given: ClassVar[list[weakref.ref[np.ndarray]]] = []
        most = 0

        def grey(self, name: str) -> np.ndarray:
            picture = super().grey(name)
            self.given.append(weakref.ref(picture))
            Watched.most = max(Watched.most, sum(one() is not None for one in self.given))
            return picture

    write_twins(tmp_path)
    frame = table([(f"{name}.jpg", "") for name in ("first", "small", "mirror", "other")])
    find_twins(frame, Watched(tmp_path))
    assert len(Watched.given) == 4 and Watched.most <= 2  # the one before is let go once the next is there


# The command


def test_split_writes_a_table_that_can_be_read_back(tmp_path: Path) -> None:
    """Splitting is done once and kept; training reads the table."""
    folder, out = write_voc(tmp_path / "set"), tmp_path / "split.csv"
    done = CliRunner().invoke(app, ["dataset", "split", str(folder), "--out", str(out), "--val-share", "0.5"])
    assert done.exit_code == 0, done.output
    again = load_dataset(out, pictures=folder).frame
    assert set(again.split) <= {"train", "val"} and len(again) == 2


def test_split_keeps_copies_on_one_side_and_says_so(tmp_path: Path) -> None:
    write_twins(tmp_path / "set")
    box = ",".join(map(str, BOXES["a.png"]))
    rows = [f"first.jpg,{box},AB1,train", f"mirror.jpg,{box},,", "small.jpg,20,30,60,50,,", f"other.jpg,{box},XY2,"]
    (tmp_path / "set" / "p.csv").write_text("\n".join(["file,x1,y1,x2,y2,text,split", *rows]) + "\n")
    out = tmp_path / "split.csv"
    arguments = ["dataset", "split", str(tmp_path / "set" / "p.csv"), "--out", str(out), "--val-share", "0.9"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    found = sides(pd.read_csv(out))
    assert {found[name] for name in ("first.jpg", "mirror.jpg", "small.jpg")} == {"train"}
    assert "pairs of nearly the same picture kept together" in done.output
    assert "75% of the pictures are one group" in " ".join(done.output.split())


@pytest.mark.parametrize(("text", "problem"), [("", "No columns"), ("no,table\n", "no columns file and split")])
def test_split_refuses_an_earlier_division_that_is_none(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(text)
    arguments = ["dataset", "split", str(write_voc(tmp_path / "set")), "--out", str(tmp_path / "o.csv")]
    done = CliRunner().invoke(app, [*arguments, "--earlier", str(tmp_path / "e.csv")])
    assert done.exit_code == 1 and problem in " ".join(done.output.split())
    assert not (tmp_path / "o.csv").exists()


def test_split_by_sequence_keeps_vehicles_and_sequences_together(tmp_path: Path) -> None:
    write_twins(tmp_path / "set")
    names = {"a_1": "CAR1", "a_2": "CAR2", "b_1": "CAR2", "b_2": "CAR3", "c_1": "CAR4"}
    lines = ["file,x1,y1,x2,y2,text"]
    for seed, (name, text) in enumerate(names.items()):
        cv2.imwrite(str(tmp_path / "set" / f"{name}.png"), draw("a.png", seed))
        lines.append(f"{name}.png,{','.join(map(str, BOXES['a.png']))},{text}")
    (tmp_path / "set" / "p.csv").write_text("\n".join(lines) + "\n")
    for salt in "abcd":
        arguments = ["dataset", "split", str(tmp_path / "set" / "p.csv"), "--out", str(tmp_path / "o.csv")]
        done = CliRunner().invoke(app, [*arguments, "--by-sequence", "--val-share", "0.5", "--salt", salt])
        assert done.exit_code == 0, done.output
        frame = load_dataset(tmp_path / "o.csv", pictures=tmp_path / "set").frame
        assert set(frame.group) == {"a", "b", "c"}
        assert frame[frame.group != "c"].split.nunique() == 1
