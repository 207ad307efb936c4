"""Rules of a camera's health, by hand-made moments."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from edge.pipeline.capture_health import Backoff, FrozenPicture
from edge.pipeline.capture_timeline import Timeline
from edge.pipeline.capture_url import gstreamer_pipeline, is_file, is_rtsp, is_usb, shown
from tests.pipeline.fakes import noise


def test_a_moving_picture_is_never_frozen() -> None:
    frozen = FrozenPicture(5)
    assert not any(frozen.is_frozen(noise(k), k / 2) for k in range(100))


def test_a_new_size_is_a_new_picture() -> None:
    frozen = FrozenPicture(5)
    sizes = [np.zeros((48, 64 + 8 * (k % 2)), np.uint8) for k in range(40)]
    assert not any(frozen.is_frozen(p, k / 1.0) for k, p in enumerate(sizes))


def test_a_still_picture_is_frozen_after_its_time_and_not_before() -> None:
    frozen = FrozenPicture(5)
    seen = [(k / 4, frozen.is_frozen(noise(1), k / 4)) for k in range(30)]
    assert [t for t, is_it in seen if is_it] == [5.0]


def test_time_without_pictures_does_not_count_as_frozen() -> None:
    """After an hour's outage the same still scene is not an hour old."""
    frozen = FrozenPicture(5)
    frozen.is_frozen(noise(1), 0.0)
    assert not frozen.is_frozen(noise(1), 3600.0)
    assert not frozen.is_frozen(noise(1), 3604.0)
    assert frozen.is_frozen(noise(1), 3606.0)


def test_pauses_begin_short_again_after_success() -> None:
    backoff = Backoff(30, Random(1))
    for _ in range(6):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 1.0


def test_times_are_even_although_the_network_is_not() -> None:
    """Packets are late by up to 80 ms; pictures were taken every 40 ms all the same."""
    random, line = Random(5), Timeline()
    arrivals = np.maximum.accumulate([50 + k / 25 + random.uniform(0, 0.08) for k in range(500)])
    times = [line.moment(k / 25, float(a)) for k, a in enumerate(arrivals)]

    assert np.abs(np.diff(times)[100:] - 0.04).max() < 0.004
    assert np.abs(np.array(times)[100:] - (50 + np.arange(100, 500) / 25)).max() < 0.01


def test_times_follow_a_camera_whose_quartz_is_slow() -> None:
    """One hour at 0.02 % is 0.7 s: without following it, events would be dated ever earlier."""
    line = Timeline()
    times = [line.moment(k / 2 * 0.9998, 10 + k / 2) for k in range(7200)]
    assert times[-1] == pytest.approx(10 + 7199 / 2, abs=0.01)


def test_times_never_lie_in_the_future_and_always_grow() -> None:
    """Stamps that jump, stand still, run backwards or are missing."""
    line = Timeline()
    stamps = [0.0, 0.04, None, 0.04, 90_000.0, 90_000.04, -5.0, -5.0, None, 0.1]
    arrivals = [100 + k / 25 for k in range(len(stamps))]
    times = [line.moment(s, a) for s, a in zip(stamps, arrivals, strict=True)]

    assert all(b > a for a, b in pairwise(times))
    assert all(abs(t - a) < 0.1 for t, a in zip(times, arrivals, strict=True))


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("rtsp://root:pa@ss/w@10.0.0.9:554/live", "rtsp://***@10.0.0.9:554/live"),
        ("rtsp://root:p%40ss@10.0.0.9/live?x=1", "rtsp://***@10.0.0.9/live?x=1"),
        ("rtsp://10.0.0.9/live", "rtsp://10.0.0.9/live"),
        ("http://10.0.0.9/cgi?user=admin&password=s3cret&ch=1", "http://10.0.0.9/cgi?user=admin&password=***&ch=1"),
        ("rtspsrc location=rtsp://a:b@c/d user-pw=s3cret ! x", "rtspsrc location=rtsp://***@c/d user-pw=*** ! x"),
    ],
)
def test_addresses_are_shown_without_secrets(url: str, safe: str) -> None:
    assert shown(url) == safe


def test_kinds_of_addresses() -> None:
    assert is_rtsp("rtsp://a/b") and is_rtsp("RTSPS://a/b") and not is_rtsp("http://a/b")
    assert is_usb("/dev/video2") and not is_usb("/srv/video.mp4")
    assert is_file("a.mp4") and is_file("file:///a.mp4") and not is_file("http://a/b.mp4")
    assert gstreamer_pipeline("gst: videotestsrc ! appsink") == "videotestsrc ! appsink"
