"""Is this camera placed well? A verdict from a recording: green, amber or red, and what to change.

Every limit below says where it comes from. Judged over the plates that passed: what never moved, or was no
plate, says nothing about the site.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

from edge.replay.watch import Placed, Story, Watched
from edge.tracking.looks import HALF_HEIGHT_PX, HALF_SHARPNESS, ONE_LINE_ASPECT, LookVerdict

MIN_STORY_LOOKS = 3  # plates seen less often say nothing about the site


class Light(str, Enum):
    """The verdict."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Finding:
    """One property of the site."""

    name: str
    light: Light
    measured: str
    advice: str  # "" where it is green


@dataclass(frozen=True, slots=True)
class SiteReport:
    """The verdict on one recording."""

    light: Light
    plates: int
    findings: tuple[Finding, ...]


# Limits (green, amber). Characters: half a vote at 12 px (edge.tracking.looks), full from about 20.
LINE_HEIGHT_PX = (20.0, HALF_HEIGHT_PX)
LOOKS = (8, 3)  # 8 are read of every young track (edge.pipeline.looks); 3 are the quorum
SHARPNESS = (2 * HALF_SHARPNESS, HALF_SHARPNESS)
TILT_DEG = (10.0, 20.0)  # rectification by corners loses detail beyond
SHEAR_DEG = (20.0, 35.0)
BURNT = (0.25, 0.6)  # of the plate's area; a white ground alone may burn a little
DARK = (60.0, 35.0)  # mean grey level


def site_report(watched: Watched) -> SiteReport:
    """Return the verdict on the camera that took this recording."""
    told = {i for ids in watched.tracks_of.values() for i in ids}
    stories = [s for i, s in watched.stories.items() if i in told and s.detections >= MIN_STORY_LOOKS]
    if not stories:
        nothing = Finding(
            "plates", Light.RED, "no vehicle passed", "aim at the lane where plates pass; record a few vehicles"
        )
        return SiteReport(Light.RED, 0, (nothing,))
    checks: Sequence[Callable[[Sequence[Story]], Finding]] = (_height, _looks, _sharpness, _tilt, _shear, _exposure)
    findings = tuple(check(stories) for check in checks)
    order = (Light.GREEN, Light.AMBER, Light.RED)
    return SiteReport(max((f.light for f in findings), key=order.index), len(stories), findings)


def _least(value: float, limits: tuple[float, float]) -> Light:
    return Light.GREEN if value >= limits[0] else Light.AMBER if value >= limits[1] else Light.RED


def _most(value: float, limits: tuple[float, float]) -> Light:
    return Light.GREEN if value <= limits[0] else Light.AMBER if value <= limits[1] else Light.RED


def _line_px(place: Placed) -> float:
    return max(place.width_px / ONE_LINE_ASPECT, place.height_px / 2)


def _height(stories: Sequence[Story]) -> Finding:
    best = [max(_line_px(p) for p in s.places) for s in stories]
    widest = max(p.width_px for s in stories for p in s.places)
    smallest = min(p.width_px for s in stories for p in s.places)
    value = median(best)
    light = _least(value, LINE_HEIGHT_PX)
    factor = LINE_HEIGHT_PX[0] / max(value, 1.0)
    advice = "" if light is Light.GREEN else f"zoom in by {factor:.1f}, or set the camera to more pixels or nearer"
    told = f"a line of the plate is {value:.0f} px high at its best; widths {smallest:.0f} to {widest:.0f} px"
    return Finding("size", light, told, advice)


def _looks(stories: Sequence[Story]) -> Finding:
    counts = [sum(w.weight > 0 or w.verdict is LookVerdict.DISCARDED for w in s.weights()) for s in stories]
    value = median(counts)
    light = _least(value, LOOKS)
    advice = "" if light is Light.GREEN else "raise the frame rate, or aim so that plates stay longer in view"
    seconds = median([s.last_s - s.first_s for s in stories])
    return Finding("legible looks", light, f"{value:.0f} per plate, in view for {seconds:.1f} s", advice)


def _sharpness(stories: Sequence[Story]) -> Finding:
    values = [seen.read.sharpness for s in stories for seen in s.looks]
    if not values:
        return Finding(
            "sharpness", Light.RED, "no look was sharp enough to read", "focus; shorten the shutter to 1/500 s"
        )
    value = median(values)
    light = _least(value, SHARPNESS)
    speeds = [_speed(s) for s in stories]
    told = f"median {value:.2f}, {SHARPNESS[0]:.2f} is good; plates move {median(speeds):.0f} px/s"
    advice = (
        "" if light is Light.GREEN else "focus on the stop line; set a fixed shutter of 1/500 s or shorter, more light"
    )
    return Finding("sharpness", light, told, advice)


def _speed(story: Story) -> float:
    box = story.places
    seconds = box[-1].at_s - box[0].at_s
    return abs(box[-1].width_px - box[0].width_px) / seconds if seconds > 0 else 0.0


def _tilt(stories: Sequence[Story]) -> Finding:
    value = _typical([abs(p.tilt_deg) for s in stories for p in s.places])
    light = _most(value, TILT_DEG)
    advice = "" if light is Light.GREEN else "turn the camera about its lens until plates lie level"
    return Finding("tilt", light, f"{value:.0f} degrees", advice)


def _shear(stories: Sequence[Story]) -> Finding:
    value = _typical([abs(p.shear_deg) for s in stories for p in s.places])
    light = _most(value, SHEAR_DEG)
    advice = "" if light is Light.GREEN else "move the camera nearer to the lane's axis, or farther away with more zoom"
    return Finding("angle", light, f"plates are sheared by {value:.0f} degrees", advice)


def _typical(values: Sequence[float]) -> float:
    return median(values) if values else math.inf


def _exposure(stories: Sequence[Story]) -> Finding:
    burnt = median([p.burnt for s in stories for p in s.places])
    bright = median([p.brightness for s in stories for p in s.places])
    over, under = _most(burnt, BURNT), _least(bright, DARK)
    told = f"grey level {bright:.0f} of 255, {burnt:.0%} of the plate burnt out"
    if over is not Light.GREEN:
        return Finding(
            "exposure", over, told, "lower the exposure or the infra-red power; expose for the plate, not the scene"
        )
    advice = "" if under is Light.GREEN else "add light, open the iris; do not lengthen the shutter beyond 1/250 s"
    return Finding("exposure", under, told, advice)
