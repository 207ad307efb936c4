"""The motion gate on drawn streets (whatever moves is known) and on the real videos."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.config.camera import MotionSettings
from edge.pipeline.motion import MotionGate
from edge.types import UInt8Array

HEIGHT, WIDTH = 540, 960
CAR_HEIGHT, CAR_WIDTH = 150, 220
DATA = Path(os.environ.get("ANPR_DATA", Path(__file__).parents[2].parent / "shared" / "data"))


def street(seed: int = 1, *, bright: float = 1.0) -> UInt8Array:
    """Asphalt with stains, a kerb, a lane marking, a post: the structure of a real picture."""
    random = np.random.default_rng(seed)
    stains = cv2.GaussianBlur(random.normal(0, 60, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 6)
    picture = 110 + stains
    picture[:, 0:40] += 50
    picture[200:210, 100:860] += 80
    picture[100:420, 700:715] -= 60
    return np.asarray(np.clip(picture * bright, 0, 255).astype(np.uint8))


def car(contrast: float = 1.0) -> UInt8Array:
    """The front of a car: body, screen, grille, lamps, plate."""
    picture = np.full((CAR_HEIGHT, CAR_WIDTH), 150.0)
    picture[10:60, 25:195] = 60
    picture[80:110, 60:160] = 40
    picture[85:105, 10:45] = 230
    picture[85:105, 175:210] = 230
    picture[115:130, 80:140] = 240
    picture[135:, :] = 30
    return np.asarray(np.clip(110 + (picture - 110) * contrast, 0, 255), np.uint8)


def with_car(picture: UInt8Array, x: float, y: float = 220, *, what: UInt8Array | None = None) -> UInt8Array:
    """The picture with a car whose left edge is at `x`, part of a pixel included; outside it is cut off."""
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    front = car() if what is None else what
    out = picture.copy()
    cv2.warpAffine(front, matrix, (WIDTH, HEIGHT), dst=out, borderMode=cv2.BORDER_TRANSPARENT)
    return np.asarray(out)


class Noise:
    """A sensor: noise on every picture, the same in every run."""

    def __init__(self, sigma: float) -> None:
        random = np.random.default_rng(5)
        self._fields = [random.normal(0, sigma, (HEIGHT, WIDTH)).astype(np.float32) for _ in range(7)]
        self._next = 0

    def __call__(self, picture: UInt8Array) -> UInt8Array:
        self._next += 1
        noisy = picture.astype(np.float32) + self._fields[self._next % len(self._fields)]
        return np.asarray(np.clip(noisy, 0, 255).astype(np.uint8))


def times(seconds: float, fps: float = 5.0) -> Iterator[float]:
    return (i / fps for i in range(round(seconds * fps)))


def watch(gate: MotionGate, seconds: float, draw: Callable[[float], UInt8Array], *, start_s: float = 0.0) -> list[bool]:
    return [gate.step(draw(t), start_s + t) for t in times(seconds)]


@pytest.mark.parametrize(("sigma", "bright"), [(2.0, 1.0), (8.0, 0.3)])
def test_an_idle_street_is_still_by_day_and_in_the_noise_of_the_night(sigma: float, bright: float) -> None:
    """That is 99 % of a gate's day: what is seen here costs the detector's time all day long."""
    noise, empty = Noise(sigma), street(bright=bright)
    moving = watch(MotionGate(MotionSettings()), 60, lambda t: noise(empty))
    assert moving[0]  # nothing is known yet
    assert not any(moving[1:])


@pytest.mark.parametrize("px_s", [1.0, 4.0, 30.0, 300.0])
@pytest.mark.parametrize(("sigma", "bright", "contrast"), [(2.0, 1.0, 1.0), (8.0, 0.3, 0.7)])
def test_a_car_is_seen_before_it_is_whole_in_the_picture_however_slow(
    px_s: float, sigma: float, bright: float, contrast: float
) -> None:
    """At 1 px/s a car takes minutes to drive in; a background that learns would learn it away if it learned fast."""
    noise, empty = Noise(sigma), street(bright=bright)
    what = np.clip(car(contrast) * bright, 0, 255).astype(np.uint8)
    gate = MotionGate(MotionSettings())
    watch(gate, 10, lambda t: noise(empty))
    seconds = CAR_WIDTH / px_s
    moving = watch(gate, seconds, lambda t: noise(with_car(empty, px_s * t - CAR_WIDTH, what=what)), start_s=10)
    plate_in_view = round(len(moving) * 140 / 220)  # the plate's left edge is 140 px behind the car's front
    assert any(moving[: max(2, plate_in_view)])
    assert np.mean(moving[plate_in_view:]) > 0.9 or px_s < 2.0


def test_a_car_that_stopped_is_background_and_its_departure_is_motion() -> None:
    noise, empty = Noise(2.0), street()
    waiting = with_car(empty, 300)
    gate = MotionGate(MotionSettings())
    watch(gate, 10, lambda t: noise(empty))
    standing = watch(gate, 120, lambda t: noise(waiting), start_s=10)
    assert all(standing[:25])
    assert not any(standing[-100:])
    leaving = watch(gate, 5, lambda t: noise(with_car(empty, 300 + 40 * t)), start_s=130)
    assert leaving.index(True) <= 2


def test_a_passing_cloud_is_no_motion() -> None:
    """Half the light goes within four seconds and comes back."""
    noise, empty = Noise(2.0), street().astype(np.float32)
    gate = MotionGate(MotionSettings())
    watch(gate, 10, lambda t: noise(empty.astype(np.uint8)))

    def cloudy(t: float) -> UInt8Array:
        share = 0.5 * np.clip(min(t / 4, (24 - t) / 4), 0, 1)
        return noise((empty * (1 - share)).astype(np.uint8))

    assert sum(watch(gate, 30, cloudy, start_s=10)) == 0


def test_the_glow_of_headlights_is_no_motion() -> None:
    """Light sweeps over the road before the car itself is in view."""
    noise, empty = Noise(4.0), street(bright=0.4).astype(np.float32)
    gate = MotionGate(MotionSettings())
    watch(gate, 10, lambda t: noise(empty.astype(np.uint8)))
    rows, columns = np.indices((HEIGHT, WIDTH), np.float32)

    def lit(t: float) -> UInt8Array:
        glow = 70 * np.exp(-((columns - 160 * t) ** 2 + (rows - 300) ** 2) / (2 * 180.0**2))
        return noise(np.clip(empty + glow, 0, 255).astype(np.uint8))

    assert sum(watch(gate, 6, lit, start_s=10)) == 0


def test_a_switched_light_is_learned_at_once() -> None:
    """The camera goes to infra-red: everything looks different, and the next car must still be told from it."""
    noise, day = Noise(2.0), street()
    night = np.asarray(cv2.GaussianBlur(255 - street(9), (0, 0), 1), np.uint8)
    gate = MotionGate(MotionSettings())
    watch(gate, 10, lambda t: noise(day))
    after = watch(gate, 30, lambda t: noise(night), start_s=10)
    assert after[0]
    assert not any(after[55:])
    arriving = watch(gate, 2, lambda t: noise(with_car(night, 100 * t - 100)), start_s=40)
    assert any(arriving)


def stamped(picture: UInt8Array, t: float, y: int) -> UInt8Array:
    out = picture.copy()
    second = int(t)
    text = f"2026-03-{1 + second % 28:02d} 17:{second % 60:02d}:{(second * 7) % 60:02d} GATE 1"
    cv2.putText(out, text, (20, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 0, 5, cv2.LINE_AA)
    cv2.putText(out, text, (20, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2, cv2.LINE_AA)
    return np.asarray(out)


@pytest.mark.parametrize("y", [30, HEIGHT - 14])
def test_the_camera_s_clock_is_no_motion_and_hides_none(y: int) -> None:
    noise, empty = Noise(2.0), street()
    gate = MotionGate(MotionSettings())
    moving = watch(gate, 120, lambda t: stamped(noise(empty), t, y))
    assert not any(moving[1:])
    under = watch(
        gate, 4, lambda t: stamped(noise(with_car(empty, 60, 540 - 60 * t)), t, y), start_s=120
    )  # drives in from below, under the lower stamp
    assert any(under[:10])


def test_a_busy_lane_does_not_make_it_blind() -> None:
    """Cars every eight seconds for four minutes; the last one is still seen, and the pauses are still quiet."""
    noise, empty = Noise(2.0), street()
    gate = MotionGate(MotionSettings())
    moving = watch(gate, 240, lambda t: noise(with_car(empty, 300 * (t % 8) - CAR_WIDTH) if t % 8 < 4 else empty))
    by_phase = np.array(moving).reshape(30, 40)
    assert by_phase[:, 2:18].mean() > 0.95
    assert by_phase[20:, 22:].mean() < 0.05


def test_what_happens_outside_the_region_is_ignored() -> None:
    noise, empty = Noise(2.0), street()
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    gate = MotionGate(MotionSettings(), left)
    outside = watch(gate, 10, lambda t: noise(with_car(empty, 500 + 20 * t)))
    assert not any(outside[1:])
    inside = watch(gate, 4, lambda t: noise(with_car(empty, 500 - 60 * t)), start_s=10)
    assert any(inside)


def test_a_new_resolution_starts_anew() -> None:
    gate = MotionGate(MotionSettings())
    gate.step(street(), 0.0)
    assert not gate.step(street(), 0.2)
    half = np.asarray(cv2.resize(street(), None, fx=0.5, fy=0.5), np.uint8)
    assert gate.step(half, 0.4)
    assert not gate.step(half, 0.6)


def test_switched_off_it_always_says_moving() -> None:
    gate = MotionGate(MotionSettings(enabled=False))
    assert all(watch(gate, 2, lambda t: street()))


def test_more_sensitive_sees_smaller_changes() -> None:
    def seen(sensitivity: float) -> bool:
        gate = MotionGate(MotionSettings(sensitivity=sensitivity))
        faint = street().copy()
        faint[300:340, 400:460] = np.clip(faint[300:340, 400:460].astype(int) + 25, 0, 255)
        return [gate.step(street(), 0.0), gate.step(faint, 0.2)][1]

    assert not seen(0.0)
    assert seen(1.0)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (7, 5), (1, 900)])
def test_pictures_of_any_size_are_taken(shape: tuple[int, int]) -> None:
    gate = MotionGate(MotionSettings())
    for t in range(3):
        gate.step(np.full(shape, 70 * t, np.uint8), float(t))


def test_two_runs_agree() -> None:
    def run() -> list[bool]:
        noise, empty = Noise(6.0), street()
        return watch(MotionGate(MotionSettings()), 10, lambda t: noise(with_car(empty, 20 * t - 150)))

    assert run() == run()


def _real(name: str) -> Iterator[tuple[float, UInt8Array]]:
    av = pytest.importorskip("av")
    path = DATA / "videos" / name
    if not path.is_file():
        pytest.skip("the real videos (ANPR_DATA) are not here")
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield float(frame.time), np.ascontiguousarray(frame.to_ndarray(format="gray"))


@pytest.mark.real_data
def test_the_real_car_park_is_still_until_the_car_comes_and_after_it_left() -> None:
    """Aerial view, strong automatic exposure: the car drives in at 4.4 s and is gone after 8.6 s."""
    gate = MotionGate(MotionSettings())
    moving = [(t, gate.step(luma, t)) for t, luma in _real("carpark_unreadable.mp4")]
    assert not any(m for t, m in moving if 0 < t < 4.2)
    assert all(m for t, m in moving if 4.7 < t < 8.2)
    assert not any(m for t, m in moving if t > 9.2)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "spans"),
    [
        ("toll_booth.mp4", ((0.0, 4.5), (4.5, 9.0), (15.0, 18.7))),
        ("city_rain.mp4", ((0.0, 9.0),)),
        ("motorcycle_handheld.mp4", ((0.0, 8.0),)),
    ],
)
def test_no_passage_of_the_real_videos_is_slept_through(name: str, spans: tuple[tuple[float, float], ...]) -> None:
    gate = MotionGate(MotionSettings())
    moving = [(t, gate.step(luma, t)) for t, luma in _real(name)]
    for start, end in spans:
        inside = [m for t, m in moving if start <= t < end]
        assert np.mean(inside) > 0.9


@pytest.mark.parametrize(("sigma", "bright", "crf"), [(2.0, 1.0, "30"), (8.0, 0.3, "36")])
def test_the_pulse_of_a_compressed_stream_is_no_motion(tmp_path: Path, sigma: float, bright: float, crf: str) -> None:
    """Key frames draw everything anew, a little differently each time: once a second for ever."""
    av = pytest.importorskip("av")
    noise, empty = Noise(sigma), street(bright=bright)
    with av.open(str(tmp_path / "idle.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = WIDTH, HEIGHT, "yuv420p", 10
        stream.options = {"preset": "ultrafast", "crf": crf, "threads": "1"}
        for _ in range(150):
            picture = av.VideoFrame.from_ndarray(noise(empty), format="gray").reformat(format="yuv420p")
            out.mux(stream.encode(picture))
        out.mux(stream.encode())
    gate = MotionGate(MotionSettings())
    with av.open(str(tmp_path / "idle.mp4")) as video:
        moving = [gate.step(f.to_ndarray(format="gray"), float(f.time)) for f in video.decode(video=0)]
    assert len(moving) == 150
    assert not any(moving[1:])
