"""Scenes: the truth is where the picture shows it, and equal specs give equal films."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.errors import ConfigError
from training.scenes.render import Scene, render_scene
from training.scenes.spec import CameraSpec, SceneSpec, VehicleSpec, load_spec

SMALL = {"size": (640, 360), "fps": 10.0, "seconds": 1.2, "barrier": False}


def a_scene(*vehicles: VehicleSpec, **other: object) -> SceneSpec:
    return SceneSpec.model_validate({"name": "test", **SMALL, "vehicles": vehicles, **other})


CAR = VehicleSpec(kind="hatchback", colour="red", plate="AB12 CDE", style="gb", from_m=6.0, speed_kmh=7)


def test_same_spec_gives_the_same_bytes(tmp_path: Path) -> None:
    """A replay can only be repeated when its film can."""
    first, truth = render_scene(a_scene(CAR), tmp_path / "a")
    again, truth_again = render_scene(a_scene(CAR), tmp_path / "b")

    assert first.read_bytes() == again.read_bytes()
    assert truth.read_bytes() == truth_again.read_bytes()


def test_interrupted_rendering_leaves_the_old_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A half written film would be scored as a failure of the reader."""
    video, truth = render_scene(a_scene(CAR), tmp_path)
    before = video.read_bytes(), truth.read_bytes()

    def power_cut(scene: Scene, number: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Scene, "frame", power_cut)
    with pytest.raises(KeyboardInterrupt):
        render_scene(a_scene(CAR), tmp_path)

    assert (video.read_bytes(), truth.read_bytes()) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [video.name, truth.name]


def test_other_seed_gives_other_noise() -> None:
    one, _ = Scene(a_scene(CAR)).frame(0)
    other, _ = Scene(a_scene(CAR, seed=2)).frame(0)
    assert not np.array_equal(one, other)


def test_corners_enclose_the_plate() -> None:
    """Rectified by its true corners, the picture shows the printed plate: white ground, black characters."""
    scene = Scene(a_scene(CAR, size=(1280, 720)))
    picture, (plate,) = scene.frame(4)

    source = np.array(plate.corners, np.float32)
    target = np.array([[0, 0], [260, 0], [260, 55], [0, 55]], np.float32)
    flat = cv2.warpPerspective(picture, cv2.getPerspectiveTransform(source, target), (260, 55))
    grey = cv2.cvtColor(flat, cv2.COLOR_BGR2GRAY)
    left, right = int(source[:, 0].min()), int(source[:, 0].max())
    above = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)[int(source[:, 1].min()) - 12, left:right]

    assert grey[8:47, 8:30].mean() > 130  # the ground left of the first character
    columns = grey[12:43, 28:236].min(axis=0)
    strokes = np.diff((columns < 95).astype(int))
    assert (strokes == 1).sum() >= 7  # seven characters, at least seven groups of dark columns
    assert ((above[:, 1] > 60) | (above[:, 2] < 130)).mean() > 0.8  # above it is red paint or the grille, not plate


def test_plate_grows_as_the_car_comes() -> None:
    scene = Scene(a_scene(CAR))
    widths = [np.ptp(np.array(plates[0].corners)[:, 0]) for _, plates in (scene.frame(n) for n in (0, 5, 10))]
    assert widths[0] < widths[1] < widths[2]


def test_two_line_plate_of_a_motorcycle_is_at_the_rear() -> None:
    bike = VehicleSpec(kind="motorcycle", plate="59F1/342.17", style="vn-moto", passage="exit", speed_kmh=12)
    frames = [plates for _, plates in Scene(a_scene(bike, seconds=3.0)).frames()]
    seen = [p for plates in frames for p in plates]
    assert seen and {p.text for p in seen} == {"59F134217"}


def test_covered_plate_is_not_legible() -> None:
    """What stands before a plate counts as hidden, by its outline."""
    parked = VehicleSpec(kind="sedan", plate="AB12 CDE", passage="parked", stops_at_m=3.0)
    walker = VehicleSpec(kind="pedestrian", passage="cross", stops_at_m=1.5, from_m=0.01, speed_kmh=0.1)
    alone = Scene(a_scene(parked)).frame(0)[1]
    crossed = Scene(a_scene(parked, walker)).frame(0)[1]
    assert alone[0].visible == 1.0
    assert crossed[0].visible < 0.9
    assert not crossed[0].legible


def test_muddy_plate_is_declared_unreadable() -> None:
    muddy = CAR.model_copy(update={"dirt": 1.0, "readable": False})
    assert not any(p.legible for _, plates in Scene(a_scene(muddy)).frames() for p in plates)


def test_shaking_mast_moves_truth_and_picture_together() -> None:
    camera = CameraSpec(shake_px=8, noise=0)
    parked = VehicleSpec(kind="hatchback", colour="black", plate="AB12 CDE", passage="parked", stops_at_m=1.0)
    scene = Scene(a_scene(parked, camera=camera, size=(1280, 720)))
    centres, found = [], []
    for number in (0, 3, 7):
        picture, (plate,) = scene.frame(number)
        corners = np.array(plate.corners)
        centres.append(corners.mean(0))
        low, high = corners.min(0).astype(int) - 20, corners.max(0).astype(int) + 20
        bright = cv2.cvtColor(picture[low[1] : high[1], low[0] : high[0]], cv2.COLOR_BGR2GRAY) > 150
        found.append(low + np.argwhere(bright).mean(0)[::-1])
    assert np.ptp(np.array(centres), axis=0).max() > 2.0
    assert np.abs(np.diff(np.array(centres) - np.array(found), axis=0)).max() < 1.5


def test_film_and_truth_have_the_same_frames(tmp_path: Path) -> None:
    video, truth = render_scene(a_scene(CAR), tmp_path)
    document = json.loads(truth.read_text())
    with av.open(str(video)) as container:
        shapes = [(f.width, f.height) for f in container.decode(video=0)]
    assert len(shapes) == len(document["frames"]) == 12
    assert set(shapes) == {(640, 360)}
    (passage,) = document["passages"]
    assert passage["plate"] == "AB12CDE"
    assert passage["direction"] == "entry"


@pytest.mark.parametrize("light", ["day", "overcast", "low-sun", "dusk", "night", "night-ir"])
def test_every_light_shows_the_car(light: str) -> None:
    """Neither black nor burnt out: the plate stands out from the road in any light."""
    scene = Scene(a_scene(CAR, light=light, size=(1280, 720)))
    picture, (plate,) = scene.frame(8)
    corners = np.array(plate.corners).astype(int)
    crop = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[
        corners[:, 1].min() : corners[:, 1].max(), corners[:, 0].min() : corners[:, 0].max()
    ]
    assert np.percentile(crop, 90) - np.percentile(crop, 10) > 40


def test_every_mistake_in_a_spec_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("name: bad\nfpss: 3\nlight: moon\nvehicles:\n  - {kind: tank}\n  - {colour: pink, dirt: 3}\n")
    with pytest.raises(ConfigError) as caught:
        load_spec(path)
    where = " ".join(p.at for p in caught.value.problems)
    for name in ("fpss", "light", "vehicles.0", "vehicles.1"):
        assert name in where


@pytest.mark.parametrize("name", ["gate-entry", "gate-exit-night"])
def test_bundled_clip_was_made_from_its_spec(name: str) -> None:
    """Whoever changes the renderer renders the clips again."""
    root = Path(__file__).parents[2]
    spec = load_spec(root / f"tests/scenes/specs/{name}.yaml")
    truth = json.loads((root / f"assets/clips/{name}.truth.json").read_text())
    assert truth["digest"] == spec.digest
    assert sum(f.stat().st_size for f in (root / "assets/clips").iterdir()) < 3_000_000


def test_infrared_film_has_no_colour(tmp_path: Path) -> None:
    video, _ = render_scene(a_scene(CAR, light="night-ir"), tmp_path)
    with av.open(str(video)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="yuv420p")
    assert set(np.unique(picture[360:])) <= {127, 128, 129}
