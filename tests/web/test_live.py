"""The live view: what viewers get, and that nothing is done while nobody looks."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from edge.board import Sight, Vehicle
from edge.protocols import SourceState
from edge.sinks.web.aim import AMBER, GREEN, RED, SCALES, Scale, measure, worst
from edge.types import Box, Detection, Track, TrackState
from tests.web.fake_gate import FakeGate, a_frame, a_read
from tests.web.site import Site, moving, serve

DEADLINE_S = 60.0


@contextmanager
def watching(site: Site, *cameras: str) -> Iterator[Iterator[tuple[str, Any]]]:
    """Open a live view; gives (kind, content) of each message."""
    with (
        httpx.Client(base_url=site.url, timeout=DEADLINE_S) as http,
        http.stream("GET", "/api/live", params=[("camera", c) for c in cameras]) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield messages(answer.iter_lines())


def messages(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    kind = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


def first(stream: Iterator[tuple[str, Any]], wanted: str) -> Any:
    return next(content for kind, content in stream if kind == wanted)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path) as served:
        yield served


def test_a_frame_carries_its_picture_and_what_was_seen_in_it(own: Site) -> None:
    """Picture and overlay come in one message, so that they always fit."""
    with watching(own, "entry-cam") as stream:
        frame = first(stream, "frame")
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(frame["jpeg"]), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and picture.shape == (540, 960, 3)
    assert (frame["camera"], frame["width"], frame["height"]) == ("entry-cam", 1920, 1080)
    vehicle = frame["vehicles"][0]
    assert (vehicle["text"], vehicle["state"], vehicle["probability"]) == ("AB12CDE", "approaching", 0.91)
    assert vehicle["quad"][0] == [880, 640]


def test_nothing_is_encoded_while_nobody_looks(own: Site) -> None:
    """A gate is watched by people for minutes a day."""
    with moving(own.gate):
        with watching(own, "entry-cam") as stream:
            first(stream, "frame")
        until_nobody(own)
        before = own.server.encoded
        sequence = own.gate.board.sight("entry-cam").frame.sequence  # type: ignore[union-attr]
        wait_until(lambda: own.gate.board.sight("entry-cam").frame.sequence > sequence + 20)  # type: ignore[union-attr]
        assert own.server.encoded == before
        with watching(own, "entry-cam") as stream:
            first(stream, "frame")
        assert own.server.encoded > before


def test_a_picture_is_made_once_for_all_viewers(own: Site) -> None:
    """Twenty windows cost little more than one."""
    seen: list[int] = []
    everybody = threading.Barrier(20)

    def look() -> None:
        with watching(own, "entry-cam") as stream:
            seen.append(first(stream, "frame")["sequence"])
            everybody.wait(3 * DEADLINE_S)  # nobody leaves before all have seen it

    viewers = [threading.Thread(target=look) for _ in range(20)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join(3 * DEADLINE_S)
    assert seen == [1] * 20  # nothing moved: everybody saw the same picture
    assert own.server.encoded == 1


def test_only_the_wanted_cameras_are_sent(own: Site) -> None:
    """The page Events watches no camera at all."""
    with moving(own.gate), watching(own, "exit-cam") as stream:
        frames = [content["camera"] for kind, content in (next(stream) for _ in range(12)) if kind == "frame"]
    assert set(frames) == {"exit-cam"}


def test_events_and_states_reach_every_viewer(own: Site) -> None:
    """Also those that look at no picture."""
    with watching(own) as stream:
        state = first(stream, "state")
        event = own.gate.drive_by("exit-cam", "NEW1CAR")
        arrived = first(stream, "event")
    assert state["ok"] is True
    assert state["cameras"]["entry-cam"]["state"] == "up"
    assert (arrived["event_id"], arrived["plate"]["text"]) == (event.event_id, "NEW1CAR")


def test_a_lost_camera_is_said_with_its_reason(own: Site) -> None:
    """The person at the desk calls the right person."""
    with watching(own) as stream:
        own.gate.board.camera_changed("exit-cam", SourceState.DOWN, "wrong password")
        problems = next(c["problems"] for k, c in stream if k == "state" and not c["ok"])
    assert [p["name"] for p in problems] == ["camera/exit-cam"]
    assert "wrong password" in problems[0]["reason"]


def test_too_many_viewers_are_told(tmp_path: Path) -> None:
    """Beyond the limit a clear refusal; when one leaves, the next gets in."""
    with serve(tmp_path, web={"max_viewers": 2}) as own:
        with watching(own) as a, watching(own) as b:
            first(a, "state"), first(b, "state")
            refused = httpx.get(own.url + "/api/live")
            assert (refused.status_code, "look already" in refused.json()["problem"]) == (503, True)
        until_nobody(own)
        with watching(own) as c:
            assert first(c, "state")


def test_unknown_cameras_are_a_404(site: Site) -> None:
    """Not an empty stream."""
    assert httpx.get(site.url + "/api/live", params={"camera": "side"}).status_code == 404


def test_the_server_stops_within_seconds_while_somebody_looks(tmp_path: Path) -> None:
    """A browser left open must not hold up the service manager (the fixture asserts that the thread ends)."""
    with serve(tmp_path) as own, watching(own, "entry-cam") as stream:
        first(stream, "frame")
        own.server.stop()
        assert list(stream) is not None  # the stream ends by itself


def until_nobody(site: Site) -> None:
    wait_until(lambda: site.server.viewers == 0)


def wait_until(condition: Any) -> None:
    """Poll with a deadline."""
    pause = threading.Event()
    for _ in range(int(DEADLINE_S / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("did not happen in time")


# -- aim ------------------------------------------------------------------------------------------------------------


def sight(width_px: float = 150, *, lean: float = 0, sharpness: float = 0.24, light: float = 1.0) -> Sight:
    box = Box(800, 600, 800 + width_px, 600 + width_px / 4.7)
    corners = ((800, 600), (800 + width_px, 600 + lean), (800 + width_px, 600 + lean + 32), (800, 632))
    track = Track(1, TrackState.CONFIRMED, box, (0, 0), 0, 1, 9, Detection(box, 0.9, corners))
    frame = a_frame("entry-cam", 1, 0.0, "AB12CDE", box)
    lit = np.clip(frame.luma.astype(np.float32) * light, 0, 255).astype(np.uint8)
    from dataclasses import replace

    return Sight(
        replace(frame, luma=lit), (Vehicle(track, "approaching", None, a_read("AB12CDE", box, sharpness)),), True
    )


def grades(seen: Sight) -> dict[str, str]:
    measured = measure(seen)
    assert measured is not None
    return {f["name"]: f["grade"] for f in measured["figures"]} | {"all": measured["verdict"]}


def test_a_good_plate_is_green() -> None:
    """Large, level, sharp, bright, without glare."""
    assert set(grades(sight()).values()) == {GREEN}


@pytest.mark.parametrize(
    ("seen", "figure", "grade"),
    [
        (sight(70), "width", AMBER),
        (sight(40), "width", RED),
        (sight(lean=60), "angle", AMBER),
        (sight(lean=120), "angle", RED),
        (sight(sharpness=0.05), "sharpness", AMBER),
        (sight(sharpness=0.01), "sharpness", RED),
        (sight(light=0.2), "brightness", AMBER),
        (sight(light=0.1), "brightness", RED),
        (sight(light=2.0), "glare", RED),
    ],
)
def test_each_fault_of_the_camera_is_named(seen: Sight, figure: str, grade: str) -> None:
    """The worst figure is the verdict, and its advice is an instruction."""
    found = grades(seen)
    assert found[figure] == grade
    assert found["all"] in (grade, RED)


def test_a_shadow_that_looks_like_a_plate_is_not_judged() -> None:
    """On a real gate a dark patch was followed as a huge plate while a car stood there with its own."""
    from dataclasses import replace

    good = sight()
    large = Track(2, TrackState.LOST, Box(0, 0, 900, 500), (0, 0), 0, 1, 3, None)
    patch = Vehicle(large, "approaching", None, replace(good.vehicles[0].read, legible=0.2))  # type: ignore[type-var]
    assert measure(replace(good, vehicles=(patch, *good.vehicles))) == measure(good)


def test_without_a_plate_there_is_no_verdict() -> None:
    """An empty lane says nothing about the camera."""
    assert measure(Sight(sight().frame, (), True)) is None


@pytest.mark.parametrize("scale", SCALES.values(), ids=lambda s: s.name)
def test_scales_are_in_order_at_their_limits(scale: Scale) -> None:
    """The limit itself still counts."""
    assert (scale.grade(scale.green), scale.grade(scale.amber)) == (GREEN, AMBER)


def test_the_worst_grade_wins() -> None:
    """One red is red."""
    assert [worst([GREEN, RED, AMBER]), worst([GREEN, AMBER]), worst([])] == [RED, AMBER, GREEN]


def test_a_fake_gate_feeds_the_page_like_a_real_one() -> None:
    """The fake must not drift from the board."""
    gate = FakeGate()
    gate.show("entry-cam", 5)
    seen = gate.board.sight("entry-cam")
    assert seen is not None and seen.frame.sequence == 5
