"""Measures the vote on rendered vehicles that drive up, and fits its calibration on them and on real crops together.

    python -m tests.tracking.measure_on_approaches             # 84 vehicles, rendered once into .cache/approaches
    python -m tests.tracking.measure_on_approaches --crops     # and the held-out crops of ANPR_DATA with them

The pipeline chooses its looks; the vote is asked after each. What counts is the first vote above the threshold:
how long after the first legible frame it comes, and whether it is right.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.config import parse
from edge.replay.player import Player
from edge.tracking.calibration import DEFAULT, Calibration, expected_calibration_error, fit
from edge.tracking.voting import Ballot
from edge.types import PlateRead
from tests.tracking import measure_on_crops
from tests.tracking.measure_voting import AS_IS
from training.scenes.plate import LAYOUTS
from training.scenes.render import render_scene
from training.scenes.shapes import SHAPES
from training.scenes.spec import CameraSpec, SceneSpec, VehicleSpec
from training.scenes.suite import FORMATS, drawn_plate

CLIPS = Path(__file__).parents[2] / ".cache" / "approaches"
LIGHTS = ("day", "overcast", "low-sun", "dusk", "night", "night-ir")
SPEEDS_KMH = (8, 11, 14, 18, 22)
STYLES = tuple(style for style in LAYOUTS if style in FORMATS)
SHARE_OF_EXITS = 0.3
QUORUM = 3
STEPS_PER_VEHICLE = 8  # for the fit: a vehicle that waits must not outweigh the others
NEVER_S = 9.0


@dataclass(frozen=True)
class Vote:
    """The vote after one more look."""

    after_legible_s: float
    raw: float
    independent: float
    right: bool
    reads: int


def specs(count: int, seed: int = 77) -> Iterator[SceneSpec]:
    """Yield scenes of one vehicle each: all styles and lights, cameras as technicians hang them."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        style, light, speed = STYLES[i % len(STYLES)], LIGHTS[i % len(LIGHTS)], float(rng.choice(SPEEDS_KMH))
        side = float(rng.choice((-1, 1)))
        camera = CameraSpec(
            height_m=float(rng.uniform(1.2, 3.2)),
            side_m=side * float(rng.uniform(0.8, 2.2)),
            yaw_deg=-side * float(rng.uniform(1, 4)),
            pitch_deg=float(rng.uniform(4, 9)),
            noise=float(rng.uniform(1.5, 5)),
            defocus_px=float(rng.uniform(0.3, 0.9)),
            shutter_s=1 / float(rng.choice((250, 500, 1000))),
        )
        vehicle = VehicleSpec(
            plate=drawn_plate(style, rng),
            style=style,
            kind=tuple(SHAPES)[int(rng.integers(len(SHAPES)))],
            speed_kmh=speed,
            from_m=18,
            passage="exit" if rng.random() < SHARE_OF_EXITS else "entry",
        )
        yield SceneSpec(
            name=f"approach-{i:02d}-{style}-{light}",
            seed=100 + i,
            size=(1280, 720) if i % 3 else (1920, 1080),
            seconds=min(8.0, 18 / (speed / 3.6)),
            light=light,
            bitrate_kbps=2500 if i % 3 else 4000,
            camera=camera,
            vehicles=(vehicle,),
        )


def votes_of(spec: SceneSpec) -> list[Vote]:
    """Return the vote after every look at the vehicle of a scene."""
    clip = CLIPS / f"{spec.name}.mp4"
    if not clip.exists():
        render_scene(spec, CLIPS)
    (passage,) = json.loads(clip.with_suffix(".truth.json").read_text())["passages"]
    if passage["first_legible_s"] is None:
        return []
    reads = _reads(clip)
    ballot, found = Ballot(curve=AS_IS), []
    for at_s, read in reads:
        ballot.add(read)
        verdict = ballot.verdict()
        if verdict is not None and verdict.basis is not None:
            right = verdict.text == passage["plate"]
            weight = float(verdict.basis.weights.sum())
            found.append(Vote(at_s - passage["first_legible_s"], verdict.probability, weight, right, verdict.reads))
    return found


def _reads(clip: Path) -> list[tuple[float, PlateRead]]:
    """Return when and how the plate was read that was legible most often."""
    settings = parse({"cameras": [{"name": "gate", "url": str(clip)}], "mqtt": {"enabled": False}})
    player = Player(clip, settings, settings.cameras[0])
    by_track: dict[int, list[tuple[float, PlateRead]]] = defaultdict(list)
    for step in player.play():
        for read in step.reads:
            by_track[read.track_id].append((player.duration_s, read))
    return max(by_track.values(), key=lambda reads: sum(r.legible >= 0.5 for _, r in reads), default=[])


def of_crops() -> list[list[Vote]]:
    """Return the votes of the held-out real crops, whose looks have no moment."""
    return [
        [Vote(0.0, s.raw, s.independent, s.right, s.reads) for s in vehicle.steps]
        for vehicle in measure_on_crops.vehicles()
    ]


def joint_fit(vehicles: Sequence[Sequence[Vote]]) -> Calibration:
    """Return the curve that explains the votes best, every vehicle counting alike."""
    votes: list[Vote] = []
    for vehicle in vehicles:
        voted = [v for v in vehicle if v.reads >= QUORUM]
        places = np.unique(np.linspace(0, len(voted) - 1, min(STEPS_PER_VEHICLE, len(voted))).astype(int))
        votes += [voted[i] for i in places]
    return fit([v.raw for v in votes], [v.independent for v in votes], [v.right for v in votes])


def report(name: str, vehicles: Sequence[Sequence[Vote]], curve: Calibration) -> None:
    """Print calibration and, by threshold, when the first vote above it comes and how often it is wrong."""
    votes = [v for vehicle in vehicles for v in vehicle if v.reads >= QUORUM]
    said = [curve.probability(v.raw, v.independent) for v in votes]
    error = expected_calibration_error(said, [v.right for v in votes])
    print(f"{name}: {len(vehicles)} vehicles, {len(votes)} votes, calibration error {error:.4f}")
    for threshold in (0.9, 0.93, 0.95, 0.97, 0.98, 0.99):
        first = [next((v for v in vehicle if v.reads >= QUORUM and _told(curve, v) >= threshold), None)
                 for vehicle in vehicles]  # fmt: skip
        waits = [NEVER_S if v is None else v.after_legible_s for v in first]
        told = [v for v in first if v is not None]
        median, p90, p95 = np.percentile(waits, (50, 90, 95))
        print(f"  first above {threshold:.2f}: {len(told)} told, {sum(not v.right for v in told)} wrong; "
              f"after {median:.2f} s, p90 {p90:.2f} s, p95 {p95:.2f} s")  # fmt: skip


def _told(curve: Calibration, vote: Vote) -> float:
    return curve.probability(vote.raw, vote.independent)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vehicles", type=int, default=84)
    parser.add_argument("--crops", action="store_true", help="fit on the held-out real crops as well")
    options = parser.parse_args()
    approaches = [votes for spec in specs(options.vehicles) if (votes := votes_of(spec))]
    report("rendered, curve in use", approaches, DEFAULT)
    crops = of_crops() if options.crops else []
    if crops:
        report("real crops, curve in use", crops, DEFAULT)
    curve = joint_fit([*approaches, *crops])
    print(f"best curve for all of them: {curve}")
    report("rendered, best curve", approaches, curve)


if __name__ == "__main__":
    main()
