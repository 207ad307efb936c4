"""CPU milliseconds of each vision stage on a 1080p frame, and as ratios within this one run.

    .venv/bin/python -m tests.bench.stages [--rounds 40] [--json]

One thread everywhere, process CPU time, the best of several rounds: what the machine does beside it
must not count. Baselines: decoding the same picture from H.264, and PP-OCRv4's detection and recognition
from rapidocr-onnxruntime (time alone, same picture, same thread count).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from edge.config.camera import MotionSettings
from edge.config.models import ModelSettings
from edge.pipeline.image import Letterbox, quality, rectify
from edge.pipeline.models import load_detector, load_recogniser
from edge.pipeline.motion import MotionGate
from edge.pipeline.onnx import OnnxModel
from edge.pipeline.posterior import alternatives, decode_text
from edge.types import Box, Detection, UInt8Array

HEIGHT, WIDTH = 1080, 1920
FRAMES = 30
PLATE = Detection(Box(900, 640, 1060, 684), 0.9, ((902, 640), (1060, 646), (1058, 684), (900, 678)))
SETTINGS = ModelSettings(provider="cpu", threads=1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="measurements per stage")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    frames = [_street(i) for i in range(FRAMES)]
    costs = {name: _cpu_ms(run, arguments.rounds) for name, run in _stages(frames)}
    costs["decode H.264 (baseline)"] = _decode_ms(frames)
    ratios = dict(_ratios(costs))
    if arguments.json:
        print(json.dumps({"cpu_ms": costs, "ratios": ratios}))
        return
    for name, cost in costs.items():
        print(f"{cost:9.3f} ms  {name}")
    for name, ratio in ratios.items():
        print(f"{ratio:9.2f}     {name}")


def _stages(frames: list[UInt8Array]) -> Iterator[tuple[str, Callable[[int], object]]]:
    detector, reader = load_detector(SETTINGS), load_recogniser(SETTINGS)
    gate, box = MotionGate(MotionSettings()), Letterbox(384, 640)
    region = Box(740, 560, 1220, 760)
    crop = rectify(frames[0], PLATE, reader.crop_size, reader.margin, reader.keep_aspect)
    (read,) = reader.read([crop])
    yield "motion", lambda i: gate.step(frames[i % FRAMES], i / 15)
    yield "letterbox to 640 x 384", lambda i: box.fit(frames[i % FRAMES])
    yield "detect, full look", lambda i: detector.detect(frames[i % FRAMES])
    yield "detect, around one track", lambda i: detector.detect_in(frames[i % FRAMES], region)
    yield (
        "rectify one plate",
        lambda i: rectify(frames[i % FRAMES], PLATE, reader.crop_size, reader.margin, reader.keep_aspect),
    )
    yield "quality of one crop", lambda i: quality(crop)
    yield "read one crop", lambda i: reader.read([crop])
    yield "read four crops", lambda i: reader.read([crop] * 4)
    yield "text and probability", lambda i: decode_text(read.posterior)
    yield "three alternatives", lambda i: alternatives(read.posterior)
    yield from _baselines(frames[0])


def _baselines(frame: UInt8Array) -> Iterator[tuple[str, Callable[[int], object]]]:
    """PP-OCRv4's own networks at the sizes that rapidocr uses for this frame and for one crop."""
    spec = find_spec("rapidocr_onnxruntime")
    if spec is None or spec.submodule_search_locations is None:
        return
    folder = Path(spec.submodule_search_locations[0]) / "models"
    detection = OnnxModel(next(folder.glob("*det*.onnx")), provider="cpu", threads=1)
    recognition = OnnxModel(next(folder.glob("*rec*.onnx")), provider="cpu", threads=1)
    scene: Any = cv2.resize(frame, (1312, 736))  # its shorter side becomes 736, both multiples of 32
    picture = np.repeat(((scene / 255.0 - 0.5) / 0.5).astype(np.float32)[None, None], 3, axis=1)
    line = np.zeros((1, 3, 48, 320), np.float32)
    yield "PP-OCRv4 detection (baseline)", lambda i: detection.run(**{detection.inputs[0].name: picture})
    yield "PP-OCRv4 recognition (baseline)", lambda i: recognition.run(**{recognition.inputs[0].name: line})


def _ratios(costs: dict[str, float]) -> Iterator[tuple[str, float]]:
    decode = costs["decode H.264 (baseline)"]
    yield "motion / decode", costs["motion"] / decode
    yield "full look / decode", costs["detect, full look"] / decode
    if "PP-OCRv4 detection (baseline)" in costs:
        yield "PP-OCRv4 detection / ours", costs["PP-OCRv4 detection (baseline)"] / costs["detect, full look"]
        yield "PP-OCRv4 recognition / ours", costs["PP-OCRv4 recognition (baseline)"] / costs["read one crop"]


def _cpu_ms(run: Callable[[int], object], rounds: int) -> float:
    """Return the CPU time of one call: the least of `rounds` after two warm-ups."""
    run(0)
    run(1)
    best = float("inf")
    for i in range(rounds):
        start = time.process_time_ns()
        run(i + 2)
        best = min(best, (time.process_time_ns() - start) / 1e6)
        if best > 100 and i >= 4:
            break
    return best


def _street(index: int) -> UInt8Array:
    """A textured 1080p picture with a plate-like rectangle that moves a little, and noise."""
    random = np.random.default_rng(index % 5)
    coarse = np.random.default_rng(0).integers(40, 200, (54, 96), dtype=np.uint8)
    picture: Any = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(picture.astype(np.int16) + random.integers(-4, 5, (HEIGHT, WIDTH)), 0, 255).astype(np.uint8)
    left = 900 + index
    cv2.rectangle(picture, (left, 640), (left + 160, 684), 235, -1)
    cv2.putText(picture, "AB12 CDE", (left + 8, 674), cv2.FONT_HERSHEY_DUPLEX, 1.0, 20, 2, cv2.LINE_AA)
    return np.asarray(picture, np.uint8)


def _decode_ms(frames: list[UInt8Array]) -> float:
    """Return the CPU time of decoding one of these frames from H.264, single-threaded, without conversion."""
    file = BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("h264", rate=15)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "23", "preset": "veryfast"}
        for luma in frames:
            grey = av.VideoFrame.from_ndarray(luma, format="gray").reformat(format="yuv420p")
            out.mux(stream.encode(grey))
        out.mux(stream.encode())
    best = float("inf")
    for _ in range(3):
        file.seek(0)
        with av.open(file) as video:
            video.streams.video[0].thread_type = "NONE"
            start = time.process_time_ns()
            count = sum(1 for _ in video.decode(video=0))
            best = min(best, (time.process_time_ns() - start) / 1e6 / count)
    return best


if __name__ == "__main__":
    main()
