"""The command line as its users meet it: output a program can read, exit codes, and messages instead of tracebacks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.onnx_files import models_folder, plate_picture

TEXT = "AB12CDE"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_folder(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vehicle that comes nearer, as the tiny models see it."""
    path = tmp_path_factory.mktemp("clips") / "approach.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"  # full range: grey levels are the code
        stream.options = {"crf": "4", "preset": "ultrafast"}
        for index in range(75):
            picture: np.ndarray = np.full((480, 640), 40, np.uint8)
            if 10 <= index < 60:
                share = (index - 10) / 50
                width, y = int(96 + 120 * share), int(100 + 220 * share)
                box = (320 - width // 2, y, 320 + width // 2, y + width // 3)
                picture = plate_picture(TEXT, box=box)
            for packet in stream.encode(
                av.VideoFrame.from_ndarray(picture, format="gray8").reformat(format="yuvj420p")
            ):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def anpr(models: Path, *arguments: object, timeout_s: float = 240) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ANPR_MODELS": str(models), "COLUMNS": "200"}
    command = [sys.executable, "-m", "edge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout_s, check=False)


def test_help_names_every_command_with_its_purpose(models: Path) -> None:
    """The first thing a newcomer types."""
    shown = anpr(models, "--help")
    assert shown.returncode == 0
    for command in ("run", "replay", "read", "probe", "check", "outbox", "models", "version", "evaluate", "status"):
        assert f" {command} " in shown.stdout


def test_replay_prints_nothing_but_events_and_twice_the_same(models: Path, clip: Path) -> None:
    """Its output goes into other programs, and two runs must be bit-identical."""
    first, second = (anpr(models, "replay", clip, "--json") for _ in range(2))
    assert first.returncode == 0, first.stderr
    events = [json.loads(line) for line in first.stdout.splitlines()]
    assert [e["type"] for e in events] == ["passage.provisional", "passage.final"]
    assert [e["sequence"] for e in events] == [1, 2]
    assert {e["plate"]["text"] for e in events} == {TEXT}
    assert events[-1]["direction"] == "entry"
    assert events[-1]["captured_at"].startswith("2000-01-01T00:00:0")
    assert first.stdout == second.stdout
    assert "real time" in first.stderr


def test_played_in_real_time_the_events_are_the_same(models: Path, clip: Path) -> None:
    """Slowly, for somebody who watches: nothing that the pipeline sees may depend on the machine's clock."""
    fast, slow = (anpr(models, "replay", clip, "--json", *more) for more in ([], ["--realtime"]))
    assert fast.stdout
    assert slow.stdout == fast.stdout


def test_replay_goes_on_after_a_bad_video_and_tells_of_a_short_one(models: Path, clip: Path, tmp_path: Path) -> None:
    """A night's recordings: the disk was full once, the camera wrote rubbish once."""
    text, short = tmp_path / "text.mp4", tmp_path / "short.mp4"
    text.write_text("I am no video")
    short.write_bytes(index_first(clip, tmp_path / "whole.mp4").read_bytes()[: clip.stat().st_size // 2])
    done = anpr(models, "replay", text, clip, short, "--json")
    assert done.returncode == 1
    assert "text.mp4: this is not a video" in done.stderr
    assert "short.mp4: cut short" in done.stderr
    assert len(done.stdout.splitlines()) >= 2
    assert "Traceback" not in done.stderr


def index_first(clip: Path, path: Path) -> Path:
    """Copy `clip` as recorders write it: what a cut file holds can still be played."""
    with av.open(str(clip)) as source, av.open(str(path), "w", options={"movflags": "faststart"}) as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return path


def test_replay_writes_an_annotated_video(models: Path, clip: Path, tmp_path: Path) -> None:
    """What the operator shows his boss."""
    out = tmp_path / "out.mp4"
    done = anpr(models, "replay", clip, "--annotated", out, "--quiet")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    with av.open(str(out)) as video:
        frames = [f.to_ndarray(format="bgr24") for f in video.decode(video=0)]
    assert len(frames) >= 70
    assert np.ptp(frames[40][:, :, 2].astype(int) - frames[40][:, :, 0].astype(int)) > 60  # drawn in colour on grey


def test_read_gives_one_object_a_line_in_pixels_of_the_file(models: Path, tmp_path: Path) -> None:
    """The interface that scripts use."""
    picture = tmp_path / "car.png"
    cv2.imwrite(str(picture), plate_picture(TEXT, size=(600, 900), box=(300, 240, 492, 312)))
    done = anpr(models, "read", picture, "--json")
    assert done.returncode == 0, done.stderr
    (document,) = [json.loads(line) for line in done.stdout.splitlines()]
    (plate,) = document["plates"]
    assert document["file"] == str(picture)
    assert plate["text"] == TEXT
    assert plate["box"] == pytest.approx([300, 240, 492, 312], abs=4)
    assert len(plate["corners"]) == 4
    assert plate["alternatives"][0] == [TEXT, plate["probability"]]


def test_read_takes_folders_and_patterns_and_goes_on_after_a_bad_file(models: Path, tmp_path: Path) -> None:
    """One broken picture among a thousand must not cost the other 999."""
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), plate_picture(TEXT))
    (tmp_path / "notes.jpg").write_text("I am no picture")
    done = anpr(models, "read", tmp_path, str(tmp_path / "*.png"), "--json")
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(d["file"]).name for d in documents] == ["a.png", "b.png", "notes.jpg", "a.png", "b.png"]
    assert done.returncode == 1
    assert "notes.jpg" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["replay", "no-such.mp4"], 1, "no-such.mp4"),
        (["read", "no-such.jpg"], 1, "no-such.jpg"),
        (["check", "-c", "no-such.yaml"], 78, "cannot be read"),
        (["run", "-c", "no-such.yaml"], 78, "cannot be read"),
        (["replay", "x.mp4", "--start", "yesterday"], 78, "yesterday"),
        (["replay", "a.mp4", "--annotated", "./a.mp4"], 78, "the input a.mp4, which would be overwritten"),
        (["replay", "a.mp4", "--annotated", "a.txt"], 78, "give one that ends in .mp4"),
        (["annotate", "a.mp4", "--out", "/proc/nope"], 1, "a.truth.yaml: cannot be written"),
        (["explain", "a.mp4", "--pictures", "/proc/nope"], 1, "cannot be written"),
        (["replay"], 2, "Missing argument"),
        (["fly"], 2, "No such command"),
    ],
)
def test_wrong_use_gets_a_message_and_an_exit_code(models: Path, arguments: list[str], code: int, said: str) -> None:
    """A service manager acts on the code, a person on the message; neither on a traceback."""
    done = anpr(models, *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_result_of_an_evaluation_is_refused_a_bad_place_before_it_begins(models: Path, tmp_path: Path) -> None:
    """An hour of playing is lost otherwise, or the recording itself."""
    video = tmp_path / "gate.mp4"
    video.write_bytes(b"is not even opened")
    (tmp_path / "gate.truth.yaml").write_text("gate.mp4: {passages: []}\n")
    for place, code, said in ((tmp_path, 1, "Is a directory"), (video, 78, "would be overwritten")):
        done = anpr(models, "evaluate", video, "--json", place)
        assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr
    assert video.read_bytes() == b"is not even opened"


def test_check_reports_every_problem_and_masks_secrets(models: Path, tmp_path: Path) -> None:
    """What it prints goes into tickets."""
    config = tmp_path / "config.yaml"
    config.write_text("cameras: [{name: a, url: 'rtsp://me:hunter2@10.1.2.3/s'}]\nmqtt: {host: localhost}\n")
    good = anpr(models, "check", "-c", config)
    assert good.returncode == 0, good.stderr
    assert "hunter2" not in good.stdout + good.stderr
    assert "rtsp://***@10.1.2.3/s" in good.stdout
    assert "test-detector" in good.stdout
    config.write_text("cameras: [{name: a, url: x, max_fps: -1}]\nmqtt: {hots: broker}\n")
    bad = anpr(models, "check", "-c", config)
    assert bad.returncode == 78
    assert "cameras[0].max_fps" in bad.stderr
    assert "did you mean 'host'?" in bad.stderr


def test_damaged_model_is_refused_by_name(tmp_path: Path) -> None:
    """A half-copied or tampered file must never read plates."""
    folder = models_folder(tmp_path / "models")
    file = folder / "plate-reader.onnx"
    file.write_bytes(file.read_bytes()[:-100])
    verified = anpr(folder, "models", "verify")
    assert verified.returncode == 1
    assert "BAD" in verified.stdout
    config = tmp_path / "config.yaml"
    config.write_text("cameras: [{name: a, url: x.mp4}]\n")
    checked = anpr(folder, "check", "-c", config)
    assert checked.returncode == 1
    assert "plate-reader.onnx" in checked.stderr
    assert "Traceback" not in checked.stderr


def test_daemon_stores_the_events_of_a_clip_and_stops_by_itself(models: Path, clip: Path, tmp_path: Path) -> None:
    """The thin path through every thread, without a broker: the events wait on disk."""
    config = _daemon_config(tmp_path, clip)
    done = anpr(models, "run", "-c", config)
    assert done.returncode == 0, done.stderr
    listed = anpr(models, "outbox", "list", "-c", config, "--json")
    events = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [e["type"] for e in events] == ["passage.provisional", "passage.final"], listed.stderr
    assert TEXT not in done.stderr


def test_daemon_stops_cleanly_on_sigterm(models: Path, clip: Path, tmp_path: Path) -> None:
    """systemctl stop: within 20 s, with exit code 0, and the open passage is not forgotten."""
    config = _daemon_config(tmp_path, clip, loop=True)
    environment = {**os.environ, "ANPR_MODELS": str(models)}
    command = [sys.executable, "-m", "edge", "run", "-c", str(config)]
    daemon = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert daemon.stderr is not None
        assert any(": up" in line for line in daemon.stderr)
        daemon.send_signal(signal.SIGTERM)
        _, rest = daemon.communicate(timeout=60)
    finally:
        daemon.kill()
    assert daemon.returncode == 0, rest


def _daemon_config(folder: Path, clip: Path, *, loop: bool = False) -> Path:
    config = folder / "config.yaml"
    settings = {
        "cameras": [{"name": "gate-1", "url": str(clip), "loop": loop}],
        "outbox": {"path": str(folder / "outbox.db")},
        "mqtt": {"host": "127.0.0.1", "port": 9},  # discard: nobody listens there
        "metrics": {"enabled": False},
        "web": {"enabled": False},
    }
    config.write_text(json.dumps(settings))
    return config
