"""The place: asphalt with its wear, kerbs, a gate house, bollards, hedge, houses and sky. Nothing here moves.

Everything is drawn once into the background of a scene; the barrier's boom is in `barrier`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.scenes import shadows
from training.scenes.camera import Array, Camera
from training.scenes.paint import Face
from training.scenes.raster import Part, Picture, draw, opaque, quad, visible_cells
from training.scenes.shading import Light, lit, normals

GROUND_PX_PER_M = 60
ROAD_LENGTH_M, NEAR_M, SIDE_M = 46.0, 1.2, 9.0
KERB_M = 0.13
HOUSES_SHARE, HALL_SHARE = 0.45, 0.25  # of the places; the others have trees behind them


def noise(
    rng: np.random.Generator, height: int, width: int, cells: tuple[tuple[int, float], ...]
) -> NDArray[np.float32]:
    """Return cloudy noise around 0: sums of smooth noise, each (pixels per cell, weight)."""
    total = np.zeros((height, width), np.float32)
    for pixels, weight in cells:
        coarse = rng.standard_normal((height // pixels + 2, width // pixels + 2)).astype(np.float32)
        total += weight * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return total


def asphalt(rng: np.random.Generator, width_m: float, length_m: float, lanes: list[float], wet: bool) -> Picture:
    """Return the road seen from above, far end on top: grain, tyre tracks, oil, cracks, patches, markings."""
    height, width = round(length_m * GROUND_PX_PER_M), round(width_m * GROUND_PX_PER_M)
    tone = 104 + noise(rng, height, width, ((1, 9.0), (3, 5.0), (24, 4.0), (160, 6.0)))
    across = (np.arange(width, dtype=np.float32) / GROUND_PX_PER_M - width_m / 2)[None]
    for lane in lanes:
        for track in (-0.75, 0.75):
            tone -= 9.0 * np.exp(-(((across - lane - track) / 0.28) ** 2))
        tone -= (
            7.0 * np.exp(-(((across - lane) / 0.22) ** 2)) * np.clip(noise(rng, height, width, ((40, 1.0),)), 0, 1.5)
        )
    image = np.clip(tone, 20, 220).astype(np.uint8)
    for _ in range(3):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        steps = np.array([x, y]) + rng.normal([3.0, 14.0], [8, 5], (50, 2)).cumsum(0)
        cv2.polylines(image, [steps.astype(np.int32)], False, 74, int(rng.integers(1, 3)), cv2.LINE_AA)
    for _ in range(2):
        x, y, w, h = (
            rng.uniform(0, width - 90),
            rng.uniform(0, height - 200),
            rng.uniform(50, 140),
            rng.uniform(60, 200),
        )
        patch = image[int(y) : int(y + h), int(x) : int(x + w)]
        patch[:] = np.clip(patch.astype(np.int16) + int(rng.choice([-16, 12])), 0, 255)
    if wet:
        image = np.asarray(image * 0.62, np.uint8)
    return np.asarray(cv2.cvtColor(np.asarray(image, np.uint8), cv2.COLOR_GRAY2BGR), np.uint8)


def _markings(
    image: Picture, width_m: float, length_m: float, lanes: list[float], stop_y: float, rng: np.random.Generator
) -> None:
    """Paint lane edges and the stop line onto the asphalt, worn."""
    paint = np.zeros(image.shape[:2], np.uint8)

    def px(x: float, y: float) -> tuple[int, int]:
        return round((x + width_m / 2) * GROUND_PX_PER_M), round((NEAR_M + length_m - y) * GROUND_PX_PER_M)

    edges = sorted({round(lane + s, 2) for lane in lanes for s in (-1.62, 1.62)})
    for x in edges:
        cv2.rectangle(paint, px(x - 0.06, NEAR_M + length_m), px(x + 0.06, NEAR_M), 255, -1)
    for lane in lanes:
        cv2.rectangle(paint, px(lane - 1.45, stop_y + 0.3), px(lane + 1.45, stop_y), 255, -1)
    height, width, _ = image.shape
    wear = np.clip(0.75 + noise(rng, height, width, ((2, 0.15), (12, 0.2), (60, 0.15))), 0, 1)
    share = (paint / np.float32(255) * wear)[..., None] * 0.8
    image[:] = np.round(image * (1 - share) + np.array([205, 212, 214], np.float32) * share)


def road_part(rng: np.random.Generator, lanes: list[float], stop_y: float, light: Light, wet: bool) -> Part:
    """Return the ground between the kerbs."""
    low, high = min(lanes) - 2.1, max(lanes) + 2.1
    centre = (low + high) / 2
    image = asphalt(rng, high - low, ROAD_LENGTH_M, [lane - centre for lane in lanes], wet)
    _markings(image, high - low, ROAD_LENGTH_M, [lane - centre for lane in lanes], stop_y, rng)
    return Part(_ground_grid(low, high), opaque(_lit_flat(image, light, 0.25 if wet else 0.03)))


def _lit_flat(image: Picture, light: Light, gloss: float) -> Picture:
    level = np.asarray(light.sky, np.float32) + np.asarray(light.sun, np.float32) * max(0.0, light.sun_from[2])
    lifted = image.astype(np.float32) * level + 255 * gloss * np.asarray(light.sky, np.float32) * 0.5
    return np.asarray(np.clip(lifted, 0, 255), np.uint8)


def _ground_grid(low: float, high: float, near: float = NEAR_M, length: float = ROAD_LENGTH_M, rows: int = 10) -> Array:
    """Return a strip of ground, rows closer together near the camera."""
    ys = near + length * np.linspace(1, 0, rows + 1) ** 2
    return np.array([[[low, y, 0.0], [high, y, 0.0]] for y in ys])


def verges(rng: np.random.Generator, lanes: list[float], light: Light, wet: bool) -> list[Part]:
    """Return pavement and kerb on both sides of the road."""
    parts = []
    left, right = min(lanes) - 2.1, max(lanes) + 2.1
    for low, high, face_x in ((left - SIDE_M, left, left), (right, right + SIDE_M, right)):
        height, width = 1400, 380
        tone = 138 + noise(rng, height, width, ((1, 7.0), (4, 4.0), (60, 6.0)))
        tone[:: height // 70] -= 26
        tone[:, :: width // 18] -= 22
        grey = np.clip(tone * (0.72 if wet else 1.0), 0, 255).astype(np.uint8)
        stone = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
        grid = _ground_grid(low, high)
        grid[..., 2] = KERB_M
        parts.append(Part(grid, opaque(_lit_flat(stone, light, 0.03))))
        edge = np.full((24, 1600, 3), 168, np.uint8)
        edge[:, ::40] = 110
        near, far = NEAR_M, NEAR_M + ROAD_LENGTH_M
        parts.append(
            Part(
                np.array([[[face_x, y, z] for y in np.linspace(near, far, 8)] for z in (KERB_M, 0.0)]),
                opaque(_lit_flat(edge, light, 0.0)),
                two_sided=True,
            )
        )
    return parts


def wall(
    corner: tuple[float, float],
    along: tuple[float, float],
    height: float,
    face: Face,
    light: Light,
    to_camera: Array,
    base: float = 0.0,
) -> Part:
    """Return an upright wall from `corner` along a ground vector, seen with `along` to the right."""
    x, y = corner
    dx, dy = along
    grid = quad((x, y, base + height), (x + dx, y + dy, base + height), (x + dx, y + dy, base), (x, y, base))
    rows, columns = face.alpha.shape
    normal = normals(grid, columns, rows)
    part = Part(grid, opaque(lit(face.colour, face.gloss, normal, to_camera, light)))
    part.two_sided = True
    return part


def gate_house(corner: tuple[float, float], light: Light, to_camera: Array, rng: np.random.Generator) -> list[Part]:
    """Return the attendant's box: two walls with windows, and a roof edge."""
    tint = [(176, 110, 40), (120, 126, 130), (60, 110, 70)][int(rng.integers(3))]
    x, y = corner
    parts = []
    for start, along, door in (((x, y), (1.7, 0.0), True), ((x + 1.7, y), (0.0, 2.2), False)):
        length = abs(along[0]) + abs(along[1])
        face = Face.blank(length, 2.4, tint, 0.06)
        face.fill([(0.12, 0.14), (0.88, 0.14), (0.88, 0.5), (0.12, 0.5)], (64, 60, 54), 0.5)
        face.line([(0.12, 0.14), (0.88, 0.14), (0.88, 0.5), (0.12, 0.5)], (225, 225, 225), 10, 0.1, closed=True)
        face.line([(0.5, 0.14), (0.5, 0.5)], (225, 225, 225), 8, 0.1)
        for seam in (0.33, 0.66) if door else (0.5,):
            face.line(
                [(seam, 0.54), (seam, 1.0)], (int(tint[0] * 0.7), int(tint[1] * 0.7), int(tint[2] * 0.7)), 3, 0.05
            )
        face.fill([(0, 0), (1, 0), (1, 0.06), (0, 0.06)], (230, 230, 230), 0.1)
        face.shade(1.0, 0.85)
        parts.append(wall(start, along, 2.4, face, light, to_camera))
    return parts


def bollard(x: float, y: float, light: Light, to_camera: Array, height: float = 0.95) -> list[Part]:
    """Return a striped post, as a half cylinder facing the camera's side."""
    face = Face.blank(0.16, height, (30, 190, 235), 0.15)
    for k in range(0, 7, 2):
        face.fill([(0, k / 7), (1, k / 7), (1, (k + 1) / 7), (0, (k + 1) / 7)], (28, 28, 28), 0.1)
    angles = np.linspace(np.pi, 2 * np.pi, 6)
    grid = np.array([[[x + 0.08 * np.cos(a), y + 0.08 * np.sin(a), z] for a in angles] for z in (height, 0.0)])
    rows, columns = face.alpha.shape
    return [Part(grid, opaque(lit(face.colour, face.gloss, normals(grid, columns, rows), to_camera, light)))]


def backdrop(camera: Camera, light: Light, rng: np.random.Generator, night: bool) -> Picture:
    """Return the picture behind everything: sky, rows of houses, a hedge, distant ground."""
    height, width = camera.height, camera.width
    image = np.empty((height, width, 3), np.float32)
    horizon = float(camera.project(np.array([camera.position[0], 1e5, 0.0]))[1])
    rows = np.arange(height, dtype=np.float32)[:, None]
    climb = np.clip((horizon - rows) / max(horizon, 1.0), 0, 1)[..., None]
    zenith = np.asarray(light.sky, np.float32) * np.array([300, 285, 265], np.float32) * (0.25 if night else 1.0)
    image[:] = np.clip(zenith * (1.12 - 0.25 * climb), 0, 250)
    image += noise(rng, height, width, ((90, 5.0), (220, 8.0)))[..., None] * (0.1 if night else 1.0)
    ground = np.array([84, 90, 92], np.float32) * np.asarray(light.sky, np.float32) * 1.4
    image[rows[:, 0] > horizon] = ground
    out = np.clip(image, 0, 255).astype(np.uint8)
    kind = rng.random()
    if kind < HOUSES_SHARE:
        _houses(out, horizon, camera.focal_px, light, rng, night)
    elif kind < HOUSES_SHARE + HALL_SHARE:
        _hall(out, horizon, camera.focal_px, light, rng)
    else:
        _trees(out, horizon, camera.focal_px, light, rng)
    _hedge(out, horizon, camera.focal_px, light, rng)
    return out


def _houses(
    image: Picture, horizon: float, focal_px: float, light: Light, rng: np.random.Generator, night: bool
) -> None:
    width = image.shape[1]
    x = -40.0
    level = np.asarray(light.sky, np.float32) + 0.5 * np.asarray(light.sun, np.float32)
    while x < width:
        w, tall = rng.uniform(0.12, 0.3) * width, rng.uniform(5, 11) * focal_px / 75
        wall_colour = np.array([rng.uniform(110, 190)] * 3) * rng.uniform(0.94, 1.05, 3) * level
        top, bottom = round(horizon - tall), round(horizon + focal_px * 0.02)
        cv2.rectangle(image, (round(x), top), (round(x + w), bottom), tuple(float(c) for c in wall_colour), -1)
        step = max(6, round(focal_px / 45))
        for wx in np.arange(x + step, x + w - step, step * 1.9):
            for wy in np.arange(top + step * 0.7, bottom - step * 1.2, step * 1.9):
                lamp = night and rng.random() < 0.2
                pane = (60.0, 130.0, 170.0) if lamp else tuple(float(c) for c in np.array([52, 50, 46]) * level)
                cv2.rectangle(image, (round(wx), round(wy)), (round(wx + step), round(wy + step * 1.15)), pane, -1)
        x += w + rng.uniform(-5, 0.06 * width)


def _hall(image: Picture, horizon: float, focal_px: float, light: Light, rng: np.random.Generator) -> None:
    """Draw a long hall of corrugated metal with a band of glass and a roller door."""
    height, width = image.shape[:2]
    level = np.asarray(light.sky, np.float32) + 0.5 * np.asarray(light.sun, np.float32)
    top = max(0, round(horizon - rng.uniform(4.5, 7.5) * focal_px / 75))
    bottom = min(height, round(horizon + focal_px * 0.02))
    tone = np.array([1.0, 0.98, 0.95], np.float32) * rng.uniform(110, 190) * level
    ridge = 1 + 0.07 * np.sign(np.sin(np.arange(width) * 2 * np.pi / max(4.0, focal_px / 180)))
    image[top:bottom] = np.clip(tone * ridge[None, :, None], 0, 255)
    glass, door = np.array([60, 58, 52], np.float32) * level, tone * 0.7
    depth = max(1, bottom - top)
    image[top + depth // 6 : top + depth // 4] = np.clip(glass, 0, 255)
    left = round(rng.uniform(0.1, 0.7) * width)
    image[top + depth // 3 : bottom, left : left + round(0.14 * width)] = np.clip(door, 0, 255)
    image[top : top + 3] = np.clip(tone * 1.2, 0, 255)


def _trees(image: Picture, horizon: float, focal_px: float, light: Light, rng: np.random.Generator) -> None:
    """Draw two rows of crowns, the farther one paler."""
    height, width = image.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    level = np.asarray(light.sky, np.float32) + 0.6 * np.asarray(light.sun, np.float32)
    for tall_m, pale in ((9.0, 0.45), (6.0, 0.1)):
        crown = 1 + noise(rng, 1, width, ((round(width / 9), 0.25), (40, 0.12), (9, 0.05)))[0]
        edge = horizon - tall_m * crown * focal_px / 75
        leaf = 1 + noise(rng, height, width, ((2, 0.12), (6, 0.2), (18, 0.18)))
        share = (np.clip((rows - edge[None]) / 3, 0, 1) * (rows < horizon + focal_px * 0.02))[..., None]
        green = np.array([46, 74, 58], np.float32) * np.clip(leaf, 0.3, 1.9)[..., None] * (1 - pale)
        green = (green + pale * np.array([170, 168, 160], np.float32)) * level
        image[:] = np.clip(image * (1 - share) + green * share, 0, 255).astype(np.uint8)


def _hedge(image: Picture, horizon: float, focal_px: float, light: Light, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    base = horizon + focal_px * 0.045
    edge = base - focal_px * 0.035 * (1 + 0.3 * noise(rng, 1, width, ((6, 0.3), (40, 0.6), (150, 0.6)))[0])
    leaf = 1 + noise(rng, height, width, ((1, 0.12), (3, 0.2), (10, 0.2)))
    rows = np.arange(height, dtype=np.float32)[:, None]
    share = np.clip(rows - edge[None] + 0.5, 0, 1) * np.clip(base - rows + 0.5, 0, 1)
    level = np.asarray(light.sky, np.float32) + 0.6 * np.asarray(light.sun, np.float32)
    green = np.array([44, 78, 56], np.float32) * level * np.clip(leaf, 0.3, 1.8)[..., None]
    image[:] = np.clip(image * (1 - share[..., None]) + green * share[..., None], 0, 255).astype(np.uint8)


def background(
    camera: Camera,
    lanes: list[float],
    stop_y: float,
    light: Light,
    wet: bool,
    night: bool,
    rng: np.random.Generator,
    *,
    casts: bool,
) -> Picture:
    """Return the empty place as this camera sees it, BGR; `casts`: the light is one that throws shadows."""
    image = backdrop(camera, light, rng, night)
    to_camera = np.array([0.0, -0.97, 0.24])
    ground = [road_part(rng, lanes, stop_y, light, wet), *verges(rng, lanes, light, wet)]
    draw(visible_cells(ground[:1], camera), image, (0, 0))
    draw(visible_cells(ground[1:], camera), image, (0, 0))
    left, right = min(lanes) - 2.1, max(lanes) + 2.1
    house_x, house_y = left - 3.4, stop_y + 4.5
    things = gate_house((house_x, house_y), light, to_camera, rng)
    solids = [shadows.box((house_x, house_y, 0.0), (house_x + 1.7, house_y + 2.2, 2.4))]
    for y in (stop_y + 1.5, stop_y + 4.0, stop_y + 8.0, stop_y + 14.0):
        for x in (right + 0.45, left - 0.4):
            things += bollard(x, y, light, to_camera)
            solids.append(shadows.box((x - 0.07, y - 0.07, 0.0), (x + 0.07, y + 0.07, 0.95)))
    if casts:
        shadows.cast(image, solids, camera, light)
    draw(visible_cells(things, camera), image, (0, 0))
    return image
