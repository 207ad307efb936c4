"""Training samples: a crop as the gate's camera and detector would hand it over, and its truth.

Rendered plates go through the whole way: posed in space, photographed small, degraded, found by
an imperfect detector, rectified by corners or cut out loosely. Photographs get a lighter version.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.recogniser.cache import PlateCache
from training.recogniser.crops import LabelledCrop
from training.recogniser.network import INPUT_HEIGHT_PX, INPUT_WIDTH_PX, MARGIN_X_RATIO, MARGIN_Y_RATIO, SLOTS
from training.synth.camera import UNIT_SQUARE, degrade, project_plate
from training.synth.fonts import CHARSET

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
INDEX = {character: index + 1 for index, character in enumerate(CHARSET)}
LINE_HEIGHT_PX = (9.0, 52.0)  # of a plate's line in the camera's picture; below it, nobody can read
ILLEGIBLE_LINE_PX = (2.5, 5.5)
USUAL_DEG, STEEP_DEG = (45.0, 28.0, 9.0), (65.0, 40.0, 40.0)  # limits of yaw, pitch and roll
INPUT_SIZE = (INPUT_WIDTH_PX, INPUT_HEIGHT_PX)
SQUARISH, MIDDLE_ALONE = 3.5, 0.35  # one-line plates narrower than this many heights: how often their middle is shown
FRAMED_BY_CORNERS = 0.5  # of the photographs whose corners are known; the rest by their loose boxes


@dataclass(frozen=True, slots=True)
class Sample:
    """One crop and what is true about it."""

    crop: Image  # (64, 128)
    target: NDArray[np.int64]  # (SLOTS,) class of every slot, 0 is blank
    text_weight: float  # 0 where the text must not be learned
    legible: float  # 1 or 0; negative where unknown
    places: Floats  # (SLOTS, 4) x1 y1 x2 y2 of the characters in shares of the crop; zero where unknown


def encode(text: str) -> NDArray[np.int64]:
    """Return the class of every slot for a text: characters left-packed, then blanks."""
    target = np.zeros(SLOTS, np.int64)
    target[: len(text)] = [INDEX[character] for character in text]
    return target


def margin_quad(quad: Floats, margin_x: float = MARGIN_X_RATIO, margin_y: float = MARGIN_Y_RATIO) -> Floats:
    """Return the quadrilateral grown by shares of its own width and height on each side."""
    low, high = (-margin_x, -margin_y), (1 + margin_x, 1 + margin_y)
    grown = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]], np.float32)
    matrix = cv2.getPerspectiveTransform(UNIT_SQUARE, quad.astype(np.float32))
    return np.asarray(cv2.perspectiveTransform(grown[None], matrix)[0], np.float32)


def rectify(image: Image, quad: Floats, size: tuple[int, int] = INPUT_SIZE) -> tuple[Image, Floats]:
    """Return the quadrilateral of the image as a straight picture of this size, and the 3x3 matrix used.

    Shrinks with area averaging first, so that a close plate does not alias.
    """
    width = max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[3]))
    shrink = min(1.0, 1.3 * size[0] / max(1.0, float(width)))
    if shrink < 0.7:
        image = np.asarray(cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA))
    else:
        shrink = 1.0
    target = UNIT_SQUARE * (size[0], size[1])
    matrix = cv2.getPerspectiveTransform((quad * shrink).astype(np.float32), target.astype(np.float32))
    warped = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped), (matrix @ np.diag([shrink, shrink, 1.0])).astype(np.float32)


def axis_quad(quad: Floats) -> Floats:
    """Return the axis-aligned box around a quadrilateral, as a quadrilateral."""
    (x1, y1), (x2, y2) = quad.min(0), quad.max(0)
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)


def found_quad(rng: np.random.Generator, quad: Floats) -> Floats:
    """Return what a detector reports for a plate at `quad`: noisy corners, or a loose upright box."""
    size = np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])
    if rng.random() < 0.4:
        quad = axis_quad(quad)
        loose = margin_quad(quad, float(rng.uniform(-0.02, 0.05)), float(rng.uniform(-0.04, 0.1)))
        return np.asarray(loose + rng.normal(0, 0.01, 2) * size, np.float32)
    noise = float(rng.choice((0.3, 1.0, 1.0, 2.0)))
    shaken = quad + rng.normal(0, 1, (4, 2)) * (0.011 * size[0] * noise, 0.035 * size[1] * noise)
    return margin_quad(shaken.astype(np.float32), float(rng.normal(0.005, 0.015)), float(rng.normal(0.02, 0.04)))


def _photograph(
    rng: np.random.Generator, canvas: Image, box: Floats, *, line_px: float, lines: int, strength: float
) -> tuple[Image, Floats, Floats]:
    """Return a camera's picture of a cached plate, the plate's corners in it, and the canvas' matrix."""
    width, height = box[2] - box[0], box[3] - box[1]
    tall = line_px * (1.35 if lines == 1 else 2.3)
    wide = min(tall * width / height, 260.0)
    seen = project_plate(rng, float(width / height), wide, STEEP_DEG if rng.random() < 0.15 else USUAL_DEG)
    low, high = seen.min(0), seen.max(0)
    pad = (high - low) * (0.2, 0.3)
    seen -= low - pad
    size = np.ceil(high - low + 2 * pad).astype(int)
    shrink = min(1.0, 1.4 * wide / width)
    if shrink < 0.75:
        canvas = np.asarray(cv2.resize(canvas, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA))
    else:
        shrink = 1.0
    x1, y1, x2, y2 = box * shrink
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, seen)
    picture = cv2.warpPerspective(canvas, matrix, (int(size[0]), int(size[1])), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.06:
        picture = 255 - picture
    picture = degrade(rng, np.asarray(picture), tall, strength)
    return picture, seen, (matrix @ np.diag([shrink, shrink, 1.0])).astype(np.float32)


def rendered_sample(rng: np.random.Generator, cache: PlateCache, index: int) -> Sample:
    """Return cached plate `index` as some camera saw it."""
    text, lines = str(cache.texts[index]), int(cache.lines[index])
    fate = rng.random()
    low, high = np.log(LINE_HEIGHT_PX if fate > 0.04 else ILLEGIBLE_LINE_PX)
    line_px = float(np.exp(rng.uniform(low, high)))
    strength = float(rng.uniform(0.05, 0.75))
    box = cache.plates[index]
    picture, quad, to_picture = _photograph(
        rng, cache.pictures[index], box, line_px=line_px, lines=lines, strength=strength
    )
    found = found_quad(rng, quad)
    if text and lines == 1 and rng.random() < MIDDLE_ALONE:
        y1, y2, boxes = box[1], box[3], cache.boxes[index][: len(text)]
        beside = min(boxes[:, 1].min() - y1, y2 - boxes[:, 3].max()) / (y2 - y1)  # of the height, free of characters
        found = middle_alone(rng, found, max(0.0, float(beside) + MARGIN_Y_RATIO / 2))
    cut = text and fate > 0.985
    if cut:  # the plate leaves the picture: nobody can know what is missing
        found = found + (found[1] - found[0]) * float(rng.choice((-1, 1)) * rng.uniform(0.25, 0.6))
    crop, to_crop = rectify(picture, margin_quad(found))
    readable = bool(text) and fate > 0.04 and not cut
    places = np.zeros((SLOTS, 4), np.float32)
    if readable:
        places = _carry(cache.boxes[index], to_crop @ to_picture, len(text))
    return Sample(crop, encode(text), float(readable), float(readable), places)


def _carry(boxes: Floats, matrix: Floats, count: int) -> Floats:
    """Return boxes of characters carried through a homography, in shares of the crop."""
    places = np.zeros((SLOTS, 4), np.float32)
    corners = boxes[:count][:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 1, 2)
    moved = cv2.perspectiveTransform(corners, matrix.astype(np.float64)).reshape(count, 4, 2)
    places[:count] = np.concatenate([moved.min(1), moved.max(1)], 1) / np.tile(np.array(INPUT_SIZE, np.float32), 2)
    return places


def photographed_sample(rng: np.random.Generator, crop: LabelledCrop, corners: Floats | None = None) -> Sample:
    """Return a labelled photograph, moved, turned and degraded a little, as another camera might have taken it.

    Args:
        rng: chance.
        crop: the photograph.
        corners: of the plate in it, pixels (4, 2), where they are known: half of the samples are framed by them.
    """
    picture = crop.picture
    height, width = picture.shape
    quad = margin_quad(UNIT_SQUARE * (width, height), *(m / (1 + 2 * m) * -1 for m in crop.margins))
    if corners is not None and rng.random() < FRAMED_BY_CORNERS:
        quad = corners
    if rng.random() < 0.4:
        scale = float(rng.uniform(max(0.35, 45 / width), 1.0)) if width > 50 else 1.0
        picture = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        quad = quad * (picture.shape[1] / width, picture.shape[0] / height)
        height = picture.shape[0]
    if rng.random() < 0.75:
        picture = degrade(rng, picture, height * 0.8, float(rng.uniform(0.0, 0.9)))
    if rng.random() < 0.05:
        picture = 255 - picture
    quad = shaken(rng, np.asarray(quad, np.float32))
    if crop.lines == 1 and rng.random() < MIDDLE_ALONE:
        quad = middle_alone(rng, quad)
    readable = crop.status in ("ok", "unsure")
    weight = {"ok": 1.0, "unsure": 0.3}.get(crop.status, 0.0)
    legible = {"ok": 1.0, "unsure": -1.0, "notplate": 0.0, "illegible": 0.0}.get(crop.status, -1.0)
    target = encode(crop.text) if readable else encode("")
    return Sample(rectify(picture, margin_quad(quad))[0], target, weight, legible, np.zeros((SLOTS, 4), np.float32))


def middle_alone(rng: np.random.Generator, quad: Floats, room: float = 0.2) -> Floats:
    """Return a squarish plate's quadrilateral without its upper and lower part, as `edge.pipeline.views` shows it.

    At most `room` of the height is left out on each side.
    """
    width, height = np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])
    share = min(room, float(rng.uniform(0.08, 0.2)))
    return margin_quad(quad, 0.0, -share) if width < SQUARISH * height else quad


def shaken(rng: np.random.Generator, quad: Floats) -> Floats:
    """Return the quadrilateral as a worse or better detector might have found it: turned, moved, too large, skewed."""
    size = np.array([np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])], np.float32)
    angle = np.radians(rng.normal(0, 2.5 if rng.random() < 0.75 else 9.0))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    centre = quad.mean(0)
    noise = np.array([0.012, 0.03]) * float(rng.choice((0.4, 1.0, 1.0, 2.0)))
    moved = (quad - centre) @ turn.T + centre + rng.normal(0, 1, (4, 2)) * noise * size
    moved += rng.normal(0, 1, 2) * (0.014, 0.035) * size
    loose = np.array([0.01, 0.02]) + rng.normal(0, 1, 2) * (0.03, 0.06)
    return margin_quad(moved.astype(np.float32), *(float(share) for share in loose))


def patch_sample(rng: np.random.Generator, patch: Image) -> Sample:
    """Return a patch of a scene without a plate."""
    height, width = patch.shape
    picture = degrade(rng, patch, height * 0.8, float(rng.uniform(0, 0.7)))
    crop = rectify(picture, found_quad(rng, UNIT_SQUARE * (width, height)))[0]
    return Sample(crop, encode(""), 0.0, 0.0, np.zeros((SLOTS, 4), np.float32))


def evaluation_quad(crop: LabelledCrop) -> Floats:
    """Return what of a labelled photograph the network sees in evaluation: its box with the usual margins."""
    height, width = crop.picture.shape
    quad = UNIT_SQUARE * (width, height)
    return margin_quad(quad) if crop.margins == (0.0, 0.0) else quad


def plain_crop(crop: LabelledCrop) -> Image:
    """Return a labelled photograph as the network sees it in evaluation, nothing changed."""
    return rectify(crop.picture, evaluation_quad(crop))[0]
