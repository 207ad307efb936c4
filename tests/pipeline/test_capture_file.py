"""Recorded video: the same frames and times at every reading, with errors that say what to do."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from edge.clock import SystemClock, VirtualClock
from edge.errors import SourceUnavailable
from edge.pipeline.capture_file import FileSource
from edge.types import Frame
from tests.clips import make_clip, picture

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def frames_of(path: Path, limit: int = 10_000) -> list[Frame]:
    source = FileSource(str(path), name="gate", clock=VirtualClock(START))
    source.open()
    frames: list[Frame] = []
    while len(frames) < limit and (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    return frames


def test_times_of_frames_are_those_of_the_video(tmp_path: Path) -> None:
    """Speed and direction come from these times; the machine's own pace must not matter."""
    frames = frames_of(make_clip(tmp_path / "a.mp4", frames=12, fps=20))

    assert [f.sequence for f in frames] == list(range(12))
    assert [f.monotonic_s for f in frames] == pytest.approx([i / 20 for i in range(12)])
    assert [f.captured_at for f in frames] == [START + timedelta(seconds=f.monotonic_s) for f in frames]
    assert (frames[0].width, frames[0].height) == (320, 240)


def test_two_readings_are_bit_identical(tmp_path: Path) -> None:
    """Events of a replay can be compared byte for byte only if its frames are."""
    clip = make_clip(tmp_path / "a.mp4")
    one, two = frames_of(clip), frames_of(clip)

    assert [f.luma.tobytes() for f in one] == [f.luma.tobytes() for f in two]
    assert [f.monotonic_s for f in one] == [f.monotonic_s for f in two]


def test_luma_is_the_decoders_memory_and_cannot_be_written(tmp_path: Path) -> None:
    """No copy is made; writing into it would spoil every picture predicted from it."""
    frame = frames_of(make_clip(tmp_path / "a.mp4"), limit=1)[0]

    assert not frame.luma.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        frame.luma[0, 0] = 1


def test_frames_stay_valid_after_the_source_is_closed(tmp_path: Path) -> None:
    """Evidence pictures are made long after their frame."""
    frames = frames_of(make_clip(tmp_path / "a.mp4", options={"crf": "5"}))

    for index in (0, 9, 19):
        assert np.abs(frames[index].bgr().astype(int) - picture(index)).mean() < 6


def test_a_looped_file_goes_on_without_a_jump(tmp_path: Path) -> None:
    """Demonstrations and soak tests play one clip for hours on one growing time line."""
    source = FileSource(
        str(make_clip(tmp_path / "a.mp4", frames=5, fps=10)), name="g", clock=VirtualClock(START), loop=True
    )
    source.open()
    frames = [source.read() for _ in range(13)]
    source.close()

    times = [f.monotonic_s for f in frames if f is not None]
    assert times == pytest.approx([i / 10 for i in range(13)])


def test_real_time_play_takes_as_long_as_the_video(tmp_path: Path) -> None:
    """A clip stands in for a camera: its frames come at their moments."""
    clock = SystemClock()
    source = FileSource(str(make_clip(tmp_path / "a.mp4", frames=11, fps=20)), name="g", clock=clock, realtime=True)
    source.open()
    lateness = []
    while (frame := source.read()) is not None:
        lateness.append(clock.monotonic_s() - frame.monotonic_s)
    source.close()

    assert len(lateness) == 11
    assert min(lateness) >= -0.001


def test_interrupt_ends_a_wait_at_once(tmp_path: Path) -> None:
    """Stopping the service must not wait for the next frame of a slow video."""
    clip = make_clip(tmp_path / "slow.mp4", frames=2, fps=1, options={"x264-params": "keyint=1"})
    source = FileSource(str(clip), name="g", clock=_FrozenClock(), realtime=True, loop=True)
    source.open()
    source.read()
    failures: list[SourceUnavailable] = []

    def read() -> None:
        try:
            source.read()
        except SourceUnavailable as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    source.interrupt()
    reader.join(60)
    assert not reader.is_alive()
    assert "interrupted" in str(failures[0])


class _FrozenClock(VirtualClock):
    """Time stands still: every frame but the first is for ever in the future."""

    def __init__(self) -> None:
        super().__init__(START)


def test_truncated_file_gives_the_frames_it_has(tmp_path: Path) -> None:
    """A recording that a power cut ended is still worth replaying."""
    whole = make_clip(tmp_path / "a.mkv", frames=40)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    assert 5 < len(frames_of(cut)) < 40


def test_damage_costs_pictures_not_the_video(tmp_path: Path) -> None:
    """A bad sector, a lost packet: what can be decoded is, and the rest is counted."""
    whole = make_clip(tmp_path / "a.h264", frames=60, gop=10)
    data = bytearray(whole.read_bytes())
    for place in range(len(data) // 3, len(data) // 3 + 3_000, 7):
        data[place] ^= 0x5A
    damaged = tmp_path / "damaged.h264"
    damaged.write_bytes(data)
    source = FileSource(str(damaged), name="gate", clock=VirtualClock(START))
    source.open()
    count = 0
    while source.read() is not None:
        count += 1

    assert 40 <= count <= 60
    assert source.damaged_packets + (60 - count) > 0


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("text.mp4", b"this is a letter, not a video\n" * 50, "not a video"),
        ("empty.mp4", b"", "not a video"),
    ],
)
def test_what_is_no_video_says_so(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    """The message names the file and the remedy."""
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(SourceUnavailable, match=says) as caught:
        frames_of(path)
    assert name in str(caught.value)
    assert not caught.value.retry


def test_mp4_cut_before_its_index_says_so(tmp_path: Path) -> None:
    """The usual damage of a copied file."""
    whole = make_clip(tmp_path / "a.mp4")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    with pytest.raises(SourceUnavailable, match="cut short"):
        frames_of(cut)


def test_missing_file_and_folder_say_so(tmp_path: Path) -> None:
    """The two commonest typing errors."""
    with pytest.raises(SourceUnavailable, match="no such file"):
        frames_of(tmp_path / "absent.mp4")
    with pytest.raises(SourceUnavailable, match="folder"):
        frames_of(tmp_path)


def test_sound_without_picture_says_so(tmp_path: Path) -> None:
    """Some recorders keep the sound in a file of its own."""
    import av

    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8_000
        container.mux(stream.encode(frame))

    with pytest.raises(SourceUnavailable, match="no video in it"):
        frames_of(path)


def test_video_without_a_single_picture_says_so(tmp_path: Path) -> None:
    """A header alone opens well; silence afterwards would look like an empty road."""
    whole = make_clip(tmp_path / "a.mkv", frames=3)
    data = whole.read_bytes()
    cut = tmp_path / "header.mkv"
    cut.write_bytes(data[: data.index(b"\x1f\x43\xb6\x75")])  # everything before the first Matroska cluster

    with pytest.raises(SourceUnavailable, match="before its first picture"):
        frames_of(cut)
