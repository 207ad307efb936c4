"""Draws what the pipeline sees onto a picture: plates, trails, votes, events, the line, the time it took.

One pure function, `draw`, and its pieces; all sizes follow the height of the picture, so a 4K frame and a
small one read alike. Who remembers trails and banners is `edge.replay.annotated`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge.types import Box, Direction, EventType, GateEvent, Point, Track, TrackState, UInt8Array, Verdict

Colour = tuple[int, int, int]  # BGR
INK: Colour = (245, 245, 245)
DIM: Colour = (165, 168, 172)
PANEL: Colour = (34, 27, 22)
LOOKING: Colour = (235, 190, 60)  # a plate that is followed
SURE: Colour = (120, 214, 76)  # a vote above the threshold
LOST: Colour = (150, 150, 155)
UNREAD: Colour = (66, 150, 245)
LINE: Colour = (70, 200, 250)
PANEL_ALPHA = 0.82
REFERENCE_HEIGHT_PX = 720
SURE_FROM = 0.95
FONT = cv2.FONT_HERSHEY_SIMPLEX
TEXT_PX = 15.0  # height of a capital at the reference height
STAGES_S = 0.040  # the full bar of the timings: one frame at 25 a second


@dataclass(frozen=True, slots=True)
class Banner:
    """An event that is on show, and how long it has been."""

    event: GateEvent
    age_s: float


@dataclass(frozen=True, slots=True)
class View:
    """What is known besides the tracks themselves."""

    verdicts: Mapping[int, Verdict]
    states: Mapping[int, str]  # approaching, waiting, passed, reversed, parked
    trails: Mapping[int, Sequence[Point]]
    banners: Sequence[Banner] = ()
    timings_s: Mapping[str, float] | None = None
    line: tuple[Point, Point] | None = None  # shares of width and height
    caption: str = ""


def draw(frame: UInt8Array, tracks: Sequence[Track], view: View) -> UInt8Array:
    """Return a copy of `frame`, BGR uint8 (H, W, 3), with everything in `view` drawn on it."""
    image: UInt8Array = frame.copy()
    scale = image.shape[0] / REFERENCE_HEIGHT_PX
    if view.line is not None:
        _line(image, view.line, scale)
    alive = [t for t in tracks if t.state is not TrackState.ENDED]
    for track in alive:
        trail = _outside(view.trails.get(track.id, ()), track.box)
        _trail(image, trail, _colour(track, view.verdicts.get(track.id)), scale)
    if view.timings_s:
        _timings(image, view.timings_s, [t.box for t in alive if t.detection is not None], scale)
    for track in alive:
        _plate(image, track, view, scale)
    for row, banner in enumerate(view.banners):
        _banner(image, banner, row, scale)
    if view.caption:
        x = image.shape[1] - _text_width(view.caption, 0.8 * scale) - round(14 * scale)
        _text(image, view.caption, (x, image.shape[0] - round(14 * scale)), 0.8 * scale, INK)
    return image


def _colour(track: Track, verdict: Verdict | None) -> Colour:
    if track.state is TrackState.LOST:
        return LOST
    return SURE if verdict is not None and verdict.probability >= SURE_FROM else LOOKING


def _text_scale(scale: float) -> float:
    (_, height), _ = cv2.getTextSize("H", FONT, 1.0, 1)
    return TEXT_PX * scale / max(height, 1)


def _text_width(text: str, scale: float) -> int:
    return int(cv2.getTextSize(text, FONT, _text_scale(scale), _pen(scale))[0][0])


def _pen(scale: float) -> int:
    return max(1, round(1.7 * scale))


def _text(image: UInt8Array, text: str, at: tuple[int, int], scale: float, colour: Colour) -> None:
    cv2.putText(image, text, at, FONT, _text_scale(scale), colour, _pen(scale), cv2.LINE_AA)


def _panel(image: UInt8Array, x: int, y: int, width: int, height: int, colour: Colour = PANEL) -> None:
    """Darken a rectangle, clipped to the picture."""
    x1, y1, x2, y2 = max(0, x), max(0, y), min(image.shape[1], x + width), min(image.shape[0], y + height)
    if x1 < x2 and y1 < y2:
        area = image[y1:y2, x1:x2].astype(np.float32)
        image[y1:y2, x1:x2] = np.round(area * (1 - PANEL_ALPHA) + np.array(colour, np.float32) * PANEL_ALPHA)


def _line(image: UInt8Array, line: tuple[Point, Point], scale: float) -> None:
    """Draw the virtual line dashed, with an arrow on the side that an entry goes to."""
    size = np.array([image.shape[1], image.shape[0]])
    start, end = (np.array(p) * size for p in line)
    length = max(1.0, float(np.linalg.norm(end - start)))
    for k in np.arange(0, length, 26 * scale):
        a, b = start + (end - start) * k / length, start + (end - start) * min(k + 15 * scale, length) / length
        cv2.line(image, _at(a), _at(b), LINE, max(1, round(2.4 * scale)), cv2.LINE_AA)
    middle = (start + end) / 2
    across = np.array([-(end - start)[1], (end - start)[0]]) / length
    tip = middle + across * 36 * scale
    cv2.arrowedLine(image, _at(middle), _at(tip), LINE, max(1, round(2.4 * scale)), cv2.LINE_AA, tipLength=0.4)
    _text(image, "entry", (int(tip[0] + 8 * scale), int(tip[1])), 0.75 * scale, LINE)


def _at(point: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def _outside(trail: Sequence[Point], box: Box) -> Sequence[Point]:
    """Return the part of a trail that is not on the plate itself: its characters must stay readable."""
    inside = [k for k, (x, y) in enumerate(trail) if box.x1 <= x <= box.x2 and box.y1 <= y <= box.y2]
    return trail if not inside else [trail[k] for k in range(inside[0])]


def _trail(image: UInt8Array, trail: Sequence[Point], colour: Colour, scale: float) -> None:
    """Draw where a plate came from, fading with age."""
    for k in range(1, len(trail)):
        share = k / len(trail)
        faded = (int(colour[0] * share), int(colour[1] * share), int(colour[2] * share))
        pen = max(1, round((0.8 + 2.2 * share) * scale))
        cv2.line(image, _at(trail[k - 1]), _at(trail[k]), faded, pen, cv2.LINE_AA)


def _plate(image: UInt8Array, track: Track, view: View, scale: float) -> None:
    """Draw the outline of a plate and a label with the vote so far."""
    verdict = view.verdicts.get(track.id)
    colour = _colour(track, verdict)
    b = track.box
    corners = track.detection.quad if track.detection else ((b.x1, b.y1), (b.x2, b.y1), (b.x2, b.y2), (b.x1, b.y2))
    quad = np.array(corners, np.float64)
    grown = quad.mean(0) + (quad - quad.mean(0)) * (1 + 5 * scale / np.maximum(np.ptp(quad, axis=0), 1))
    points = np.round(grown * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(image, [points], True, (0, 0, 0), max(2, round(4.5 * scale)), cv2.LINE_AA, 4)
    cv2.polylines(image, [points], True, colour, max(1, round(2.2 * scale)), cv2.LINE_AA, 4)
    _label(image, grown, track, view, scale)


def _label(
    image: UInt8Array, quad: np.ndarray[tuple[int, ...], np.dtype[np.float64]], track: Track, view: View, scale: float
) -> None:
    verdict = view.verdicts.get(track.id)
    colour = _colour(track, verdict)
    title = verdict.masked if verdict else "..."
    state = view.states.get(track.id, track.state.value)
    looks = f"{verdict.reads} looks, " if verdict else ""
    detail = f"{verdict.probability:.2%}  {looks}{state}" if verdict else f"{looks}{state}"
    pad, big, small = round(8 * scale), 1.25 * scale, 0.78 * scale
    width = max(_text_width(title, big), _text_width(detail, small)) + 2 * pad
    height = round((TEXT_PX * 1.25 + TEXT_PX * 0.78 + 34) * scale)
    x = int(np.clip((quad[0, 0] + quad[1, 0]) / 2 - width / 2, 4, max(4, image.shape[1] - width - 4)))
    y = int(quad[:, 1].min() - height - 8 * scale)
    if y < 4:
        y = int(min(quad[:, 1].max() + 8 * scale, image.shape[0] - height - 4))
    _panel(image, x, y, width, height)
    cv2.rectangle(image, (x, y), (x + max(2, round(3 * scale)), y + height), colour, -1)
    _text(image, title, (x + pad, y + round((TEXT_PX * 1.25 + 8) * scale)), big, INK)
    _text(image, detail, (x + pad, y + round((TEXT_PX * 2.03 + 16) * scale)), small, DIM)
    if verdict is not None:
        bar_y, bar_h = y + height - round(7 * scale), max(2, round(3 * scale))
        full = width - 2 * pad
        cv2.rectangle(image, (x + pad, bar_y), (x + pad + full, bar_y + bar_h), (80, 76, 72), -1)
        filled = round(full * verdict.probability)
        cv2.rectangle(image, (x + pad, bar_y), (x + pad + filled, bar_y + bar_h), colour, -1)


def _timings(image: UInt8Array, timings_s: Mapping[str, float], plates: Sequence[Box], scale: float) -> None:
    """Draw how long each stage took, as bars in the lower left corner; a plate that is there has precedence."""
    row, pad = round(22 * scale), round(10 * scale)
    width = round(252 * scale)
    height = row * (len(timings_s) + 1) + 2 * pad
    x, y = round(12 * scale), image.shape[0] - height - round(12 * scale)
    if any(box.x1 < x + width and box.y2 > y for box in plates):
        return
    _panel(image, x, y, width, height)
    bar_x, bar_w = x + pad + round(72 * scale), round(88 * scale)
    rows = [*timings_s.items(), ("total", sum(timings_s.values()))]
    for number, (stage, seconds) in enumerate(rows):
        base = y + pad + row * number + round(15 * scale)
        last = number == len(rows) - 1
        _text(image, stage, (x + pad, base), 0.72 * scale, INK if last else DIM)
        share = min(1.0, seconds / STAGES_S)
        top = base - round(9 * scale)
        cv2.rectangle(image, (bar_x, top), (bar_x + bar_w, base), (80, 76, 72), -1)
        cv2.rectangle(image, (bar_x, top), (bar_x + round(bar_w * share), base), SURE if last else LOOKING, -1)
        number_text = f"{1000 * seconds:.1f} ms"
        right = x + width - pad - _text_width(number_text, 0.72 * scale)
        _text(image, number_text, (right, base), 0.72 * scale, INK if last else DIM)


def _banner(image: UInt8Array, banner: Banner, row: int, scale: float) -> None:
    """Draw an event across the top right, sliding in: what, plate, direction, and the picture that proves it."""
    event = banner.event
    colour = UNREAD if event.type is EventType.UNREAD else SURE if event.type is EventType.FINAL else LOOKING
    height, pad = round(84 * scale), round(12 * scale)
    picture = _evidence(event, height - 2 * pad)
    title = event.plate.text if event.plate and event.type is not EventType.UNREAD else "plate not readable"
    what = event.type.value.removeprefix("passage.")
    direction = "" if event.direction is Direction.UNKNOWN else event.direction.value.upper() + "  "
    detail = f"{what}  {event.plate.probability:.2%}, {event.plate.reads} looks" if event.plate else what
    text_w = max(_text_width(direction + title, 1.45 * scale), _text_width(detail, 0.8 * scale))
    width = text_w + 3 * pad + (picture.shape[1] if picture is not None else 0)
    slide = round(max(0.0, 1 - banner.age_s / 0.25) * width)
    x, y = image.shape[1] - width - round(14 * scale) + slide, round(14 * scale) + row * (height + round(8 * scale))
    _panel(image, x, y, width, height)
    cv2.rectangle(image, (x, y), (x + max(3, round(5 * scale)), y + height), colour, -1)
    at = (x + round(1.3 * pad), y + round((14 + TEXT_PX * 1.45) * scale))
    _text(image, direction, at, 1.45 * scale, colour)
    _text(image, title, (at[0] + _text_width(direction, 1.45 * scale), at[1]), 1.45 * scale, INK)
    _text(image, detail, (at[0], y + height - round(16 * scale)), 0.8 * scale, DIM)
    if picture is not None:
        _paste(image, picture, x + width - picture.shape[1] - pad, y + pad)


def _paste(image: UInt8Array, picture: UInt8Array, x: int, y: int) -> None:
    visible = max(0, min(picture.shape[1], image.shape[1] - x))
    if visible and x >= 0 and y >= 0 and y + picture.shape[0] <= image.shape[0]:
        image[y : y + picture.shape[0], x : x + visible] = picture[:, :visible]


def _evidence(event: GateEvent, height: int) -> UInt8Array | None:
    """Return the event's own picture of the plate at that height, or None."""
    if not event.evidence.crop_jpeg:
        return None
    picture = cv2.imdecode(np.frombuffer(event.evidence.crop_jpeg, np.uint8), cv2.IMREAD_COLOR)
    if picture is None or height < 4:
        return None
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
