"""A scene, frame by frame: place, vehicles, weather, lens; and what is true in each frame.

Deterministic from the spec; the only file written is what `render_scene` is asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from training.scenes import motion, optics, shading, shadows, truth, world
from training.scenes.actors import Actor, Barrier, build, openings
from training.scenes.camera import Array, Camera
from training.scenes.encode import Encoder
from training.scenes.raster import Cell, Part, Picture, bounds, draw, laid_over, mark, visible_cells
from training.scenes.spec import SceneSpec

LIGHTS = {
    "day": shading.DAY, "overcast": shading.OVERCAST, "low-sun": shading.LOW_SUN,
    "dusk": shading.DUSK, "night": shading.LAMP, "night-ir": shading.INFRARED,
}  # fmt: skip
IR_FULL_AT_M = 8.0
OSD_PX = 22


@dataclass(eq=False)
class _Layer:
    """A drawn actor, kept while it stands still."""

    key: tuple[float, ...]
    cells: list[Cell]
    picture: Picture | None
    place: tuple[int, int]


class Scene:
    """A scene ready to be drawn at any moment."""

    def __init__(self, spec: SceneSpec) -> None:
        self.spec = spec
        width, height = spec.size
        c = spec.camera
        focal = c.focal_px * width / 1280
        self.camera = Camera(
            (spec.lanes[0] + c.side_m, 0.0, c.height_m), c.yaw_deg, c.pitch_deg, c.roll_deg, focal, width, height
        )
        self._light = LIGHTS[spec.light]
        rng = np.random.default_rng(spec.seed)
        self._dark = spec.light in ("night", "night-ir", "dusk")
        self._casts = spec.light != "night-ir" and spec.rain == 0  # infra-red hides its shadows behind what it lights
        self._background = self._lit_background(rng)
        self.actors: list[Actor] = []
        for index, vehicle in enumerate(spec.vehicles):
            actor = build(spec, index, self.camera, self._light)
            if vehicle.follows_m is not None and self.actors:
                actor.leader = self.actors[-1]
            self.actors.append(actor)
        self._barriers = self._build_barriers()
        self._sensor = optics.Sensor(spec)
        self._layers: dict[int, _Layer] = {}

    def _lit_background(self, rng: np.random.Generator) -> Picture:
        spec = self.spec
        wet = spec.rain > 0
        image = world.background(
            self.camera, list(spec.lanes), spec.stop_m, self._light, wet, spec.light == "night", rng, casts=self._casts
        )
        if spec.light == "night-ir":
            rows = np.arange(image.shape[0], dtype=np.float32)
            horizon = float(self.camera.project(np.array([self.camera.position[0], 1e5, 0.0]))[1])
            distance = self.camera.position[2] * self.camera.focal_px / np.maximum(rows - horizon, 1.0)
            fall = np.clip((IR_FULL_AT_M / np.maximum(distance, 1.0)) ** 1.2, 0.04, 1.0)
            image = np.asarray(image * fall[:, None, None], np.uint8)
        return image

    def _build_barriers(self) -> list[Barrier]:
        if not self.spec.barrier:
            return []
        barriers = []
        for number, x in enumerate(self.spec.lanes):
            own = [a for a in self.actors if a.spec.lane == number]
            side = 1.0 if x >= self.spec.lanes[0] else -1.0
            barriers.append(
                Barrier(
                    x + side * 2.35,
                    self.spec.stop_m - self.spec.boom_m,
                    side,
                    self.spec.boom_stripes,
                    self._light,
                    openings(own),
                )
            )
        return barriers

    def frame(self, number: int) -> tuple[Picture, list[truth.PlateTruth]]:
        """Return the picture and the plates of frame `number`."""
        at_s = number / self.spec.fps
        image = self._background.copy()
        mask = np.zeros(image.shape[:2], np.uint8)
        self._shadows(image, at_s)
        things: list[tuple[float, Actor | Barrier]] = [(float(a.nose(at_s)[1]), a) for a in self.actors]
        things += [(float(b.pivot[1]), b) for b in self._barriers]
        for _, thing in sorted(things, key=lambda pair: -pair[0]):
            self._draw(thing, at_s, image, mask)
        self._lamps(image, mask, at_s)
        if self.spec.rain > 0:
            optics.rain(image, self.spec.rain, np.random.default_rng((self.spec.seed, 5, number)))
        shake = self._shake(at_s)
        if shake is not None:
            image = np.asarray(
                cv2.warpPerspective(image, shake, self.spec.size, borderMode=cv2.BORDER_REPLICATE), np.uint8
            )
        image = self._sensor.expose(image, number)
        if self.spec.camera.osd:
            _osd(image, at_s)
        return image, self._truth(at_s, mask, shake)

    def _shadows(self, image: Picture, at_s: float) -> None:
        if self._casts:
            solids = [s for actor in self.actors for s in actor.solids_at(at_s)]
            shadows.cast(image, solids, self.camera, self._light)
        for actor in self.actors:
            if actor.spec.kind != "pedestrian":
                shadows.lay(
                    image, shadows.under(actor.footprint(at_s, 0.35), self.camera, 0.35 if self._dark else 0.62)
                )

    def _draw(self, thing: Actor | Barrier, at_s: float, image: Picture, mask: Picture) -> None:
        key = (thing.angle(at_s),) if isinstance(thing, Barrier) else tuple(np.round(thing.nose(at_s), 4))
        layer = self._layers.get(id(thing))
        if layer is None or layer.key != key:
            layer = self._layers[id(thing)] = self._rendered(thing, at_s, key)
        if layer.picture is not None:
            mark(layer.cells, layer.picture, layer.place, mask)
            laid_over(image, layer.picture, *layer.place)

    def _rendered(self, thing: Actor | Barrier, at_s: float, key: tuple[float, ...]) -> _Layer:
        parts: list[Part] = thing.parts_at(at_s)
        cells = visible_cells(parts, self.camera)
        area = bounds(cells, *self.spec.size, margin=12)
        if area is None:
            return _Layer(key, cells, None, (0, 0))
        x, y, w, h = area
        picture = np.zeros((h, w, 4), np.uint8)
        draw(cells, picture, (x, y))
        if isinstance(thing, Actor):
            dx, dy = self._smear(thing, at_s)
            picture = optics.motion_blurred(picture, dx, dy)
            if self.spec.light == "night-ir":
                distance = max(1.0, float(np.linalg.norm(thing.nose(at_s) - np.asarray(self.camera.position))))
                gain = float(np.clip((IR_FULL_AT_M / distance) ** 0.9, 0.08, 1.6))
                picture[..., :3] = np.clip(picture[..., :3].astype(np.float32) * gain, 0, 255)
        return _Layer(key, cells, picture, (x, y))

    def _smear(self, actor: Actor, at_s: float) -> tuple[float, float]:
        """Return how far the middle of the face towards the camera moves in the picture while the shutter is open."""
        s = 0.0 if actor.heading.ahead[1] < 0 else actor.length
        own = np.array([[0.0, s, 0.6]])
        shutter = self.spec.camera.shutter_s
        before, after = (
            self.camera.project(actor.heading.to_world(own, actor.nose(t)))[0] for t in (at_s, at_s + shutter)
        )
        return float(after[0] - before[0]), float(after[1] - before[1])

    def _lamps(self, image: Picture, mask: Picture, at_s: float) -> None:
        """Add the glare of head and tail lamps that shine into the lens."""
        for actor in self.actors:
            nose = actor.nose(at_s)
            for own, tail in actor.lamps:
                point = actor.heading.to_world(own[None], nose)[0]
                facing = actor.heading.ahead[1] < 0
                depth = float(self.camera.depth(point))
                if depth < 1.0 or facing == tail:
                    continue
                x, y = self.camera.project(point)
                radius = (0.045 if tail else 0.09) * self.camera.focal_px / depth + (0.0 if tail else 4.0)
                strength = 130.0 if tail else 255.0
                tint = (0.15, 0.1, 1.0) if tail else (0.95, 1.0, 1.0)
                if self.spec.light == "night-ir":
                    tint = (1.0, 1.0, 1.0)
                colour = (strength * tint[0], strength * tint[1], strength * tint[2])
                optics.glow(image, float(x), float(y), radius, colour)
                if self.spec.rain > 0:
                    self._reflect(image, point, radius, colour)

    def _reflect(self, image: Picture, point: Array, radius: float, colour: tuple[float, float, float]) -> None:
        """Add the image of a lamp on the wet road, drawn out towards the camera."""
        for share, weight in ((1.0, 0.22), (1.25, 0.15), (1.5, 0.08)):
            x, y = self.camera.project(point * np.array([1.0, 1.0, -share]))
            optics.glow(
                image, float(x), float(y), radius * 0.9, (colour[0] * weight, colour[1] * weight, colour[2] * weight)
            )

    def _shake(self, at_s: float) -> Array | None:
        amplitude = self.spec.camera.shake_px
        if amplitude <= 0:
            return None
        degrees = np.degrees(amplitude / self.camera.focal_px)
        yaw, pitch, roll = motion.sway(self.spec.seed, at_s, float(degrees))
        return self.camera.turned(yaw, pitch, roll * 0.5)

    def _truth(self, at_s: float, mask: Picture, shake: Array | None) -> list[truth.PlateTruth]:
        plates = []
        for actor in self.actors:
            nose = actor.nose(at_s)
            for plate in actor.plates:
                world_corners = actor.heading.to_world(plate.corners, nose)
                if self.camera.depth(world_corners).min() < 0.5:
                    continue
                corners = self.camera.project(world_corners)
                share = truth.visible_share(mask, plate.mark, corners)
                if share < 0.05 or np.ptp(corners[:, 0]) < truth.MIN_PLATE_PX:
                    continue
                if shake is not None:
                    corners = cv2.perspectiveTransform(corners[None].astype(np.float64), shake)[0]
                height = truth.character_px(plate, np.asarray(corners, np.float64))
                plates.append(truth.plate_truth(actor, plate, np.asarray(corners, np.float64), share, height))
        return plates

    def frames(self) -> Iterator[tuple[Picture, list[truth.PlateTruth]]]:
        """Return every frame in order."""
        return (self.frame(number) for number in range(round(self.spec.seconds * self.spec.fps)))


def _osd(image: Picture, at_s: float) -> None:
    """Burn in the clock of the recorder."""
    text = f"2026-03-14 08:{int(at_s) // 60 + 12:02d}:{int(at_s) % 60:02d}  CAM 01"
    cv2.rectangle(image, (0, 0), (360, OSD_PX + 8), (0, 0, 0), -1)
    cv2.putText(image, text, (6, OSD_PX), cv2.FONT_HERSHEY_SIMPLEX, 0.62, (255, 255, 255), 1, cv2.LINE_AA)


def render_scene(spec: SceneSpec, folder: Path) -> tuple[Path, Path]:
    """Render a scene to `<name>.mp4` and `<name>.truth.json` in `folder`; return both paths.

    The files appear complete or not at all, also when two processes render the same scene.
    """
    folder.mkdir(parents=True, exist_ok=True)
    video, answer = folder / f"{spec.name}.mp4", folder / f"{spec.name}.truth.json"
    scene = Scene(spec)
    frames = []
    with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
        film, words = Path(partial) / video.name, Path(partial) / answer.name
        with Encoder(film, spec.size, spec.fps, spec.bitrate_kbps, grey=spec.light == "night-ir") as encoder:
            for picture, plates in scene.frames():
                encoder.write(picture)
                frames.append(plates)
        truth.write(words, truth.summary(spec, frames))
        film.replace(video)
        words.replace(answer)
    return video, answer
