"""Everything that moves in a scene: where it is at a moment, its faces, its plates and lamps.

An actor is built once (painting and light are costly) and then only moved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from training.scenes import motion, riders
from training.scenes.body import Heading, Surroundings, car_parts, car_solids, plate_part
from training.scenes.camera import Array, Camera
from training.scenes.paint import Face
from training.scenes.plate import LAYOUTS, plate_grid, plate_texture, worn
from training.scenes.raster import Part, Picture, opaque, quad
from training.scenes.shading import Light, lit, normals
from training.scenes.shadows import box
from training.scenes.shapes import COLOURS, SHAPES
from training.scenes.spec import SceneSpec, VehicleSpec

MARKS_PER_ACTOR = 2  # front plate, rear plate
RETRO_GAIN = {"night-ir": 1.6, "night": 0.42, "dusk": 0.5}
STEPS = 8  # pictures of one stride


@dataclass(eq=False)
class Plate:
    """One plate of a vehicle: its four corners in own coordinates and what is printed on it."""

    mark: int
    text: str
    corners: Array  # (4, 3): top-left, top-right, bottom-right, bottom-left as read
    char_share: float  # height of a character as a share of the plate's height
    lines: int


@dataclass(eq=False)
class Actor:
    """One vehicle or walker."""

    index: int
    spec: VehicleSpec
    heading: Heading
    stop: Array  # (3,), where its nose is when ahead_m is 0
    journey: motion.Journey
    parts: list[Part]
    plates: list[Plate]
    length: float
    width: float
    lamps: list[tuple[Array, bool]] = field(default_factory=list)  # own coordinates, is it a tail lamp
    strides: list[list[Part]] = field(default_factory=list)
    solids: list[Array] = field(default_factory=list)  # (N, 3) own coordinates, convex: what casts its shadow
    leader: Actor | None = None

    def ahead_m(self, at_s: float) -> float:
        """Return the distance of the nose before the stop, held back by the vehicle in front."""
        own = self.journey.ahead_m(at_s)
        if self.leader is None or self.spec.follows_m is None:
            return own
        return max(own, self.leader.ahead_m(at_s) + self.leader.length + self.spec.follows_m)

    def nose(self, at_s: float) -> Array:
        """Return where the nose is on the ground."""
        ahead = np.array([*self.heading.ahead, 0.0])
        return np.asarray(self.stop - ahead * self.ahead_m(at_s))

    def parts_at(self, at_s: float) -> list[Part]:
        """Return the faces in the world."""
        parts, nose = self.parts, self.nose(at_s)
        if self.strides:
            walked = -self.ahead_m(at_s) / riders.STRIDE_M
            parts = self.strides[int(walked * STEPS) % STEPS]
        return [part.moved(self.heading.to_world(part.grid, nose)) for part in parts]

    def solids_at(self, at_s: float) -> list[Array]:
        """Return what casts the actor's shadow, in the world."""
        nose = self.nose(at_s)
        return [self.heading.to_world(solid, nose) for solid in self.solids]

    def footprint(self, at_s: float, margin: float) -> Array:
        """Return the four ground points under it, (4, 3)."""
        w, s0, s1 = self.width / 2 + margin, -margin, self.length + margin
        own = np.array([[-w, s0, 0.01], [w, s0, 0.01], [w, s1, 0.01], [-w, s1, 0.01]])
        return self.heading.to_world(own, self.nose(at_s))


def build(spec: SceneSpec, index: int, camera: Camera, light: Light) -> Actor:
    """Return the actor of the vehicle `index` of a scene."""
    vehicle = spec.vehicles[index]
    rng = np.random.default_rng((spec.seed, index))
    heading, stop, journey = _path(spec, vehicle)
    towards = np.asarray(camera.position) - (stop - np.array([*heading.ahead, 0.0]) * 5.0 + np.array([0, 0, 0.8]))
    around = Surroundings(light, heading, np.asarray(towards / np.linalg.norm(towards)))
    dark = spec.light in ("night", "night-ir", "dusk") if spec.headlights is None else spec.headlights
    actor = Actor(index, vehicle, heading, stop, journey, [], [], 0.5, 0.5)
    colour = COLOURS[vehicle.colour]
    if vehicle.kind == "pedestrian":
        actor.solids = [box((-0.22, -0.15, 0.0), (0.22, 0.15, 1.75))]
        actor.strides = [riders.walker_parts(colour, around, k / STEPS) for k in range(STEPS)]
        return actor
    if vehicle.kind == "motorcycle":
        actor.parts = riders.motorcycle_parts(colour, around, COLOURS["black"], dark)
        actor.length, actor.width = riders.MOTORCYCLE_LENGTH_M, 0.7
        actor.solids = [
            box((-0.15, 0.0, 0.0), (0.15, actor.length, 0.9)),
            box((-0.25, 0.7, 0.8), (0.25, 1.3, 1.6)),
        ]
        places = [(-0.02, riders.PLATE_FRONT_M, False), (riders.MOTORCYCLE_LENGTH_M - 0.16, riders.PLATE_REAR_M, True)][
            1:
        ]
        spots = [(0.0, 0.1, 0.85)]
    else:
        shape = SHAPES[vehicle.kind]
        actor.parts = car_parts(shape, colour, around, rng, dark, vehicle.lettering)
        actor.length, actor.width = shape.length, shape.width
        actor.solids = car_solids(shape)
        places = [(-0.05, shape.plate_front, False), (shape.length + 0.035, shape.plate_rear, True)]
        spots = [(sign * (shape.width / 2 - 0.2), 0.02, shape.bonnet_front * 0.86) for sign in (1, -1)]
    if dark:
        actor.lamps = [(np.array(p), False) for p in spots]
        actor.lamps += [(np.array([u, actor.length, z + 0.1]), True) for u, _, z in spots]
    if vehicle.plate:
        for number, (s, z, rear) in enumerate(places):
            _add_plate(actor, spec, light, rng, s, z, rear, 1 + index * MARKS_PER_ACTOR + number)
    return actor


def _path(spec: SceneSpec, vehicle: VehicleSpec) -> tuple[Heading, Array, motion.Journey]:
    """Return heading, stop point of the nose and timetable."""
    journey = motion.journey(vehicle)
    x = spec.lanes[min(max(vehicle.lane, 0), len(spec.lanes) - 1)] + vehicle.offset_m
    turn = np.radians(vehicle.angle_deg)
    if vehicle.passage == "cross":
        ahead = (float(np.cos(turn)), float(np.sin(turn)))
        return (
            Heading(ahead),
            np.array([x, spec.stop_m + vehicle.stops_at_m, 0.0]),
            motion.Journey(vehicle.from_m, vehicle.speed_kmh / 3.6, vehicle.starts_s, None, 0.0, False),
        )
    if vehicle.passage == "exit":
        length = SHAPES[vehicle.kind].length if vehicle.kind in SHAPES else riders.MOTORCYCLE_LENGTH_M
        ahead = (float(np.sin(turn)), float(np.cos(turn)))
        start = min(vehicle.from_m, spec.stop_m + 0.6)
        return (
            Heading(ahead),
            np.array([x, spec.stop_m + length, 0.0]),
            motion.Journey(start, journey.speed_m_s, journey.starts_s, journey.stop_m, journey.waits_s, False),
        )
    return Heading((float(np.sin(turn)), float(-np.cos(turn)))), np.array([x, spec.stop_m, 0.0]), journey


def _add_plate(
    actor: Actor, spec: SceneSpec, light: Light, rng: np.random.Generator, s: float, z: float, rear: bool, mark: int
) -> None:
    vehicle = actor.spec
    style = (vehicle.rear_style or vehicle.style) if rear else vehicle.style
    layout = LAYOUTS[style]
    turn = np.radians(vehicle.tilt_deg)
    sign = -1.0 if rear else 1.0
    half_w, half_h = layout.width_mm / 2000, layout.height_mm / 2000
    across = half_w * np.array([sign * np.cos(turn), 0.0, -np.sin(turn)])
    up = half_h * np.array([sign * np.sin(turn), 0.0, np.cos(turn)])
    outward = np.array([0.0, -sign, 0.0])
    centre = np.array([0.0, s, z])
    texture = worn(plate_texture(vehicle.plate, style), vehicle.dirt, rng)
    grid = plate_grid(centre, across, up, vehicle.bend_m, outward)
    actor.parts.append(plate_part(texture, grid, light, RETRO_GAIN.get(spec.light, 0.0), mark))
    corners = np.array([centre + up - across, centre + up + across, centre - up + across, centre - up - across])
    lines = vehicle.plate.count("/") + 1
    actor.plates.append(Plate(mark, vehicle.text, corners, layout.char_mm / layout.height_mm, lines))
    if vehicle.hidden > 0:
        actor.parts.append(_bar(centre, across, up, outward, vehicle.hidden, light))


def _bar(centre: Array, across: Array, up: Array, outward: Array, share: float, light: Light) -> Part:
    """Return something dark in front of the right part of a plate: a tow bar, a strap, a bicycle rack."""
    face = Face.blank(0.3, 0.3, (38, 40, 42), 0.1)
    face.line([(0.2, 0.0), (0.2, 1.0)], (90, 90, 92), 6)
    middle = centre + outward * 0.05 + across * (1.0 - share)
    grid = quad(*(middle + a * across * share + b * up * 1.7 for a, b in ((-1, 1), (1, 1), (1, -1), (-1, -1))))
    part = Part(grid, opaque(np.asarray(face.colour * np.clip(np.asarray(light.sky) + 0.2, 0, 1), np.uint8)))
    part.two_sided, part.bias_m = True, 0.8
    return part


class Barrier:
    """A boom across the lane: a striped arm on a post, that opens for who may pass."""

    LENGTH_M, HEIGHT_M, OPENS_S = 3.5, 0.95, 1.1

    def __init__(
        self, x: float, y: float, side: float, stripes: int, light: Light, opens: list[tuple[float, float]]
    ) -> None:
        self.pivot = np.array([x, y, self.HEIGHT_M])
        self._side = side  # 1: stands at the right, its arm points to the left
        self._opens = opens
        towards = np.array([0.0, -0.95, 0.3])
        arm = Face.blank(self.LENGTH_M, 0.1, (232, 232, 232), 0.12)
        for k in range(0, stripes, 2):
            start, end = k / stripes, (k + 1) / stripes
            arm.fill([(start, 0), (end, 0), (end, 1), (start, 1)], (34, 28, 196), 0.12)
        arm.shade(1.05, 0.8)
        self._arm = self._texture(arm, light, towards)
        post = Face.blank(0.32, 1.1, (40, 150, 220), 0.12)
        post.fill([(0, 0), (1, 0), (1, 0.1), (0, 0.1)], (40, 40, 40), 0.1)
        post.fill([(0.2, 0.35), (0.8, 0.35), (0.8, 0.5), (0.2, 0.5)], (225, 225, 225), 0.1)
        self._post = self._texture(post, light, towards)

    @staticmethod
    def _texture(face: Face, light: Light, towards: Array) -> Picture:
        flat = quad((0, 0, 1), (1, 0, 1), (1, 0, 0), (0, 0, 0))
        return opaque(
            lit(face.colour, face.gloss, normals(flat, face.alpha.shape[1], face.alpha.shape[0]), towards, light)
        )

    def angle(self, at_s: float) -> float:
        """Return how far the boom is up, radians."""
        lifted = 0.0
        for start, end in self._opens:
            lifted = max(
                lifted,
                min(np.clip((at_s - start) / self.OPENS_S, 0, 1), 1 - np.clip((at_s - end) / self.OPENS_S, 0, 1)),
            )
        return float(np.radians(84) * (3 * lifted**2 - 2 * lifted**3))

    def parts_at(self, at_s: float) -> list[Part]:
        """Return the post and the arm."""
        a = self.angle(at_s)
        along = np.array([-self._side * np.cos(a), 0.0, np.sin(a)])
        up = np.array([self._side * np.sin(a), 0.0, np.cos(a)]) * 0.05
        start, end = self.pivot - along * 0.25, self.pivot + along * (self.LENGTH_M - 0.25)
        arm = Part(quad(end + up, start + up, start - up, end - up), self._arm, two_sided=True)
        x, y, _ = self.pivot
        post = [
            Part(
                quad(
                    (x - 0.16, y - 0.1, 1.1), (x + 0.16, y - 0.1, 1.1), (x + 0.16, y - 0.1, 0), (x - 0.16, y - 0.1, 0)
                ),
                self._post,
                two_sided=True,
            )
        ]
        return [*post, arm]


def openings(actors: list[Actor]) -> list[tuple[float, float]]:
    """Return when the boom is up: for every vehicle that goes through towards the camera."""
    spans = []
    for actor in actors:
        if actor.spec.passage != "entry" or actor.spec.kind == "pedestrian":
            continue
        moments = np.arange(-10.0, 600.0, 0.1)
        ahead = np.array([actor.ahead_m(float(t)) for t in moments])
        gone = moments[ahead < -actor.length - 0.5]
        near = moments[ahead < 7.0]
        if actor.journey.stop_m is not None:
            start = max(actor.journey.leaves_at_s - 1.2, 0.0)
        else:
            start = float(near[0]) if len(near) else 1e9
        spans.append((start, float(gone[0]) if len(gone) else 1e9))
    return spans
