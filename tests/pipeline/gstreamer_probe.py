"""Reads a GStreamer pipeline through GStreamerSource. Run by the system's Python, whose OpenCV knows GStreamer.

Usage: gstreamer_probe.py SITE_PACKAGES PIPELINE...: prints one JSON object per pipeline.
"""

import json
import sys
from itertools import pairwise

sys.path.append(sys.argv[1])  # behind the system's own: its cv2 and numpy come first

from edge.clock import SystemClock
from edge.config.camera import CameraSettings
from edge.errors import SourceUnavailable
from edge.pipeline.capture_gstreamer import GStreamerSource
from edge.types import Box

for pipeline in sys.argv[2:]:
    camera = CameraSettings(name="gate", url=f"gst:{pipeline}", open_timeout_s=20, read_timeout_s=10)
    source = GStreamerSource(pipeline, camera, SystemClock())
    try:
        source.open()
        frames = [source.read() for _ in range(5)]
        frame = frames[-1]
        colours = frame.bgr(Box(0, 0, 40, 40))
        told = {
            "shape": frame.luma.shape,
            "growing": all(b.monotonic_s > a.monotonic_s for a, b in pairwise(frames)),
            "luma": float(frame.luma[:40, :40].mean()),
            "bgr": [round(float(c)) for c in colours.reshape(-1, 3).mean(0)],
        }
    except SourceUnavailable as error:
        told = {"error": str(error), "retry": error.retry}
    source.close()
    print(json.dumps(told), flush=True)
