"""GStreamer through OpenCV: a real pipeline where the system's OpenCV has it, and what is said where it has not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

import cv2
import pytest

from edge.clock import SystemClock
from edge.config.camera import CameraSettings
from edge.errors import SourceUnavailable
from edge.pipeline.capture_gstreamer import GStreamerSource

ROOT = Path(__file__).parents[2]
PROBE = Path(__file__).with_name("gstreamer_probe.py")
SYSTEM_PYTHON = "/usr/bin/python3"


@cache
def missing() -> str | None:
    """Return what keeps GStreamer from being tried, or None."""
    code = (
        "import sys, cv2; assert sys.version_info[:2] == "
        f"{sys.version_info[:2]}; assert 'GStreamer:                   YES' in cv2.getBuildInformation()"
    )
    try:
        done = subprocess.run([SYSTEM_PYTHON, "-c", code], capture_output=True, check=False)
    except OSError:
        return f"{SYSTEM_PYTHON} is missing"
    return None if done.returncode == 0 else "the system's Python has no OpenCV with GStreamer: install python3-opencv"


def seen(*pipelines: str) -> list[dict[str, object]]:
    command = [SYSTEM_PYTHON, str(PROBE), sysconfig.get_path("purelib"), *pipelines]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
@pytest.mark.slow
def test_real_pipelines_give_luma_and_colours() -> None:
    """NV12 as a Jetson's decoder gives it, I420, grey and BGR; a wrong pipeline is refused with advice."""
    blue = "videotestsrc is-live=true pattern=solid-color foreground-color=0xff2040e0 ! "  # A R G B
    size = "width=160,height=120,framerate=20/1"
    tail = " ! appsink drop=true max-buffers=1"
    nv12, i420, bgr, grey, wrong = seen(
        f"{blue}video/x-raw,format=NV12,{size}{tail}",
        f"{blue}video/x-raw,format=I420,{size}{tail}",
        f"{blue}video/x-raw,format=BGR,{size}{tail}",
        f"{blue}video/x-raw,format=GRAY8,{size}{tail}",
        "nosuchsource ! appsink",
    )

    for got in (nv12, i420, bgr, grey):
        assert got["shape"] == [120, 160]
        assert got["growing"]
    for got in (nv12, i420, bgr):
        assert got["bgr"] == pytest.approx([0xE0, 0x40, 0x20], abs=8)
    assert len(set(grey["bgr"])) == 1  # type: ignore[call-overload]
    assert "GStreamer refuses this pipeline" in str(wrong["error"])


@pytest.mark.skipif("GStreamer:                   YES" in cv2.getBuildInformation(), reason="this OpenCV has GStreamer")
def test_an_opencv_without_gstreamer_says_what_to_do() -> None:
    """The package of PyPI has none; the remedy depends on the machine."""
    camera = CameraSettings.model_validate({"name": "gate", "url": "gst:videotestsrc ! appsink"})
    source = GStreamerSource("videotestsrc ! appsink", camera, SystemClock())

    with pytest.raises(SourceUnavailable, match="built without GStreamer") as caught:
        source.open()
    assert not caught.value.retry
    assert "JetPack" in str(caught.value)
    source.close()
