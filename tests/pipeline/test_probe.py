"""The probe: right figures from hand-made packets and real streams, and advice that fits them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from av.container import InputContainer

from edge.clock import SystemClock
from edge.errors import SourceUnavailable
from edge.pipeline.probe import Advice, PacketSeen, ProbeReport, advise, jitter_s, key_interval_s, probe
from tests.clips import make_clip
from tests.servers.mjpeg import MjpegServer
from tests.servers.rtsp import RtspServer, needs_rtsp

GOOD = ProbeReport(
    url="rtsp://***@10.0.0.9/live",
    codec="h264",
    width=1920,
    height=1080,
    seconds=10,
    pictures=150,
    fps=15,
    announced_fps=15,
    key_interval_s=2,
    bit_rate_kbit_s=4000,
    jitter_s=0.01,
    longest_gap_s=0.1,
    clock_skew_s=0.1,
    first_picture_s=0.5,
    damaged_packets=0,
    reordered=False,
    decode_cpu_ms=6,
)


def stream(count: int, fps: float = 20, gop: int = 40, late_s: float = 0.0) -> list[PacketSeen]:
    """Return packets that arrive in time, but every fourth one `late_s` later."""
    return [PacketSeen(100 + k / fps + late_s * (k % 4 == 3), k / fps, 1000, k % gop == 0) for k in range(count)]


def test_a_good_camera_gets_no_advice() -> None:
    assert list(advise(GOOD)) == []


@pytest.mark.parametrize(
    ("change", "subject", "says"),
    [
        ({"codec": "mjpeg"}, "codec", "H.264"),
        ({"width": 640, "height": 360}, "size", "main stream"),
        ({"width": 3840, "height": 2160, "bit_rate_kbit_s": 16000}, "size", "narrower"),
        ({"fps": 5.0}, "rate", "set 15"),
        ({"fps": 50.0}, "rate", "set 15"),
        ({"key_interval_s": 10.0}, "key frames", "30 pictures"),
        ({"bit_rate_kbit_s": 300.0}, "bit rate", "kbit/s or more"),
        ({"jitter_s": 0.4}, "jitter", "cable"),
        ({"longest_gap_s": 2.5, "jitter_s": 0.4}, "gaps", "overloaded"),
        ({"first_picture_s": 6.0}, "first picture", "key-frame"),
        ({"clock_skew_s": -3600.0}, "clock", "NTP"),
        ({"damaged_packets": 12}, "lost packets", "transport: tcp"),
        ({"reordered": True}, "B-frames", "Baseline"),
    ],
)
def test_each_fault_has_one_advice(change: dict[str, object], subject: str, says: str) -> None:
    """One fault, one line: an installer works through a list, and each line says which knob to turn."""
    (advice,) = advise(replace(GOOD, **change))  # type: ignore[arg-type]

    assert isinstance(advice, Advice)
    assert advice.subject == subject
    assert says in advice.change


def test_key_interval_is_the_longest_seen() -> None:
    assert key_interval_s(stream(200, gop=40)) == pytest.approx(2.0)
    assert key_interval_s(stream(200, gop=10_000)) == pytest.approx(9.95)  # none came: at least that long
    assert key_interval_s(stream(40, gop=10_000)) is None  # too short a look to say


def test_jitter_is_lateness_not_distance() -> None:
    """A camera at five pictures a second is slow, not uneven."""
    assert jitter_s(stream(200, fps=5)) == pytest.approx(0, abs=1e-6)
    assert jitter_s(stream(200, late_s=0.08)) == pytest.approx(0.08, abs=0.001)
    assert jitter_s(stream(5)) is None


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    folder = tmp_path_factory.mktemp("clips")
    with RtspServer({"live": make_clip(folder / "a.mp4", frames=300, fps=20, gop=20)}) as server:
        yield server


@needs_rtsp
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_real_stream_is_measured_right(camera: RtspServer, transport: str) -> None:
    report = probe(camera.url("live", login="root:hunter2"), SystemClock(), seconds=3, transport=transport)

    assert (report.codec, report.width, report.height) == ("h264", 320, 240)
    assert report.fps == pytest.approx(20, rel=0.05)
    assert report.announced_fps == pytest.approx(20)
    assert report.key_interval_s == pytest.approx(1.0, abs=0.06)
    assert report.pictures >= 55
    assert report.jitter_s is not None and report.jitter_s < 0.5
    if hasattr(InputContainer, "start_time_realtime"):  # PyAV 18 and later
        assert report.clock_skew_s is not None and abs(report.clock_skew_s) < 2
    assert report.bit_rate_kbit_s is not None and report.bit_rate_kbit_s > 5
    assert "hunter2" not in str(report)
    assert {"size"} <= {a.subject for a in report.advice}


def test_an_http_camera_is_told_to_change_its_codec() -> None:
    with MjpegServer(fps=20) as server:
        report = probe(server.url("video"), SystemClock(), seconds=1.5)

    assert report.codec == "mjpeg"
    assert {"codec", "size"} <= {a.subject for a in report.advice}


def test_a_file_has_no_network(tmp_path: Path) -> None:
    """Arrival means nothing there; the rest does."""
    report = probe(str(make_clip(tmp_path / "a.mp4", frames=60, fps=20, gop=30)), SystemClock())

    assert report.fps == pytest.approx(20)
    assert report.key_interval_s == pytest.approx(1.5)
    assert (report.jitter_s, report.longest_gap_s, report.clock_skew_s) == (None, None, None)


def test_b_frames_are_noticed(tmp_path: Path) -> None:
    options = {"tune": "film", "bf": "3", "b-adapt": "0"}
    report = probe(str(make_clip(tmp_path / "a.mp4", frames=60, gop=30, options=options)), SystemClock())

    assert report.reordered


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="no such file"):
        probe(str(tmp_path / "absent.mp4"), SystemClock())
    with pytest.raises(SourceUnavailable, match="not a pipeline"):
        probe("gst: videotestsrc ! appsink", SystemClock())
