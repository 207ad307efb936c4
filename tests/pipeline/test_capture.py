"""The capture thread: reconnects, tells what happened once, and stops at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from random import Random

import pytest

from edge.clock import VirtualClock
from edge.config.camera import CameraSettings
from edge.errors import SourceStalled, SourceUnavailable
from edge.mailbox import Mailbox
from edge.pipeline.capture import CaptureThread, open_source
from edge.pipeline.capture_file import FileSource
from edge.pipeline.capture_gstreamer import GStreamerSource
from edge.pipeline.capture_stream import StreamSource
from edge.types import Frame
from tests.pipeline.fakes import START, Recorder, ScriptedSource, noise


def a_camera(**changes: object) -> CameraSettings:
    return CameraSettings.model_validate({"name": "gate", "url": "rtsp://root:hunter2@10.0.0.9/live", **changes})


class Run:
    """One capture thread over a script, run to its end on this thread; pauses are noted, not waited for."""

    def __init__(self, *connections: Sequence[object], camera: CameraSettings | None = None, seed: int = 1) -> None:
        self.clock = VirtualClock(START)
        self.source = ScriptedSource(connections, self.clock)
        self.mailbox: Mailbox[Frame] = Mailbox()
        self.seen = Recorder()
        self.pauses: list[float] = []
        self.capture = CaptureThread(
            self.source,
            self.mailbox,
            camera or a_camera(),
            self.clock,
            observer=self.seen,
            random=Random(seed),
            pause=self._pause,
        )
        self.capture.run()

    def _pause(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return False

    @property
    def states(self) -> list[str]:
        return [state for state, _ in self.seen.states]


def test_frames_of_all_connections_arrive_in_order() -> None:
    """A reconnect is a gap, not a new camera."""
    run = Run([0.0, 0.1], [SourceUnavailable("cable")], [5.0, 5.1])

    assert [f.sequence for f in run.seen.frames] == [0, 1]  # the first connection ended: a finite video
    run = Run([0.0, 0.1, SourceUnavailable("cable")], [SourceUnavailable("cable")], [5.0, 5.1])
    assert [f.sequence for f in run.seen.frames] == [0, 1, 2, 3]
    assert run.states == ["connecting", "up", "down", "connecting", "down", "connecting", "up", "down"]
    assert run.mailbox.take(0) is run.seen.frames[-1]
    assert run.mailbox.finished


def test_a_stall_is_told_apart_from_a_broken_connection() -> None:
    """The remedy differs: a stalled camera is overloaded, a lost one has no power or network."""
    run = Run([0.0, SourceStalled("no packet for 5 s")], [7.0])

    assert ("stalled", "no packet for 5 s") in run.seen.states


def test_pauses_grow_up_to_the_longest_and_are_uneven() -> None:
    """A dead camera is asked gently; many of them do not call at the same moment."""
    failures: list[list[object]] = [[SourceUnavailable("off")] for _ in range(8)]
    run = Run(*failures, [0.0], camera=a_camera(max_backoff_s=20))

    bounds = [1, 2, 4, 8, 16, 20, 20, 20]
    assert all(b / 2 <= p <= b for p, b in zip(run.pauses, bounds, strict=True))
    assert run.pauses[5:] != [20, 20, 20]
    assert run.pauses == Run(*failures, [0.0], camera=a_camera(max_backoff_s=20)).pauses  # repeatable by its seed


def test_a_connection_that_lasted_makes_the_next_pause_short_again() -> None:
    """One that breaks at once does not: otherwise a flapping camera is called every second for ever."""
    broken: list[object] = [0.0, SourceUnavailable("cut")]
    lasted: list[object] = [*[float(s) for s in range(1, 14)], SourceUnavailable("cut")]
    run = Run(broken, broken, broken, lasted, [20.0])

    assert run.pauses[2] >= 2
    assert run.pauses[3] <= 1


def test_what_trying_again_cannot_mend_is_tried_rarely() -> None:
    """Cameras lock an account after a few wrong passwords."""
    run = Run([SourceUnavailable("wrong password", retry=False)], [0.0], camera=a_camera(max_backoff_s=30))

    assert 150 <= run.pauses[0] <= 300


def test_a_frozen_picture_is_noticed_and_the_camera_called_anew() -> None:
    """An encoder that repeats its last picture looks healthy to every other check."""
    frozen = [(t / 4, noise(0)) for t in range(60)]
    run = Run(frozen, [20.0, 20.5], camera=a_camera(frozen_after_s=10))

    state, reason = run.seen.states[2]
    assert state == "frozen"
    assert "has not changed for 10 s" in reason
    assert run.source.opened == 2


def test_a_picture_that_stays_frozen_is_asked_for_less_and_less_often() -> None:
    """A scene that is really still must not cost a second of sight every half minute."""
    connections = [[(k * 1000 + t / 4, noise(0)) for t in range(300)] for k in range(3)]
    run = Run(*connections, [9_999.0], camera=a_camera(frozen_after_s=10))

    reasons = [reason for state, reason in run.seen.states if state == "frozen"]
    assert ["10 s" in reasons[0], "20 s" in reasons[1], "40 s" in reasons[2]] == [True] * 3


def test_recorded_video_may_stand_still() -> None:
    """A file with a still picture is no broken camera."""
    run = Run([(t / 4, noise(0)) for t in range(600)], camera=a_camera(url="still.mp4", frozen_after_s=10))

    assert "frozen" not in run.states


def test_every_lost_frame_is_counted_with_its_reason() -> None:
    """Nobody took one of these frames: all but the last were replaced by a newer one."""
    run = Run([0.0, 0.1, 0.2, 0.3])

    assert run.seen.dropped == {"newest_wins": 3}


def test_changes_are_logged_once_and_without_the_password(caplog: pytest.LogCaptureFixture) -> None:
    """A camera that is down for a night must not fill the disk with one sentence."""
    caplog.set_level(logging.DEBUG)
    down: list[list[object]] = [[SourceUnavailable("rtsp://***@10.0.0.9/live: nothing listens there")]] * 20
    Run([0.0, SourceStalled("no packet for 5 s")], *[list(d) for d in down], [60.0])

    told = [r.getMessage() for r in caplog.records]
    assert told == [
        "camera gate: up, 64x48",
        "camera gate: stalled: no packet for 5 s",
        "camera gate: down: rtsp://***@10.0.0.9/live: nothing listens there",
        "camera gate: up again after 60 s, 64x48",
        "camera gate: the video has ended",
    ]
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("script", [["block"], [0.0, "block"]])
def test_stop_returns_at_once_from_a_blocked_read(script: list[object]) -> None:
    """The service has to stop within seconds, whatever its cameras do."""
    clock = VirtualClock(START)
    source, mailbox = ScriptedSource([script], clock), Mailbox[Frame]()
    capture = CaptureThread(source, mailbox, a_camera(), clock)
    thread = threading.Thread(target=capture.run)
    thread.start()
    capture.stop()
    thread.join(60)

    assert not thread.is_alive()
    assert mailbox.finished or mailbox.take(0) is not None


def test_stop_ends_a_pause_at_once() -> None:
    """A pause may last minutes."""
    clock = VirtualClock(START)
    source = ScriptedSource([[SourceUnavailable("off", retry=False)]], clock)
    seen = Recorder()
    capture = CaptureThread(source, Mailbox(), a_camera(), clock, observer=seen)
    thread = threading.Thread(target=capture.run)
    thread.start()
    capture.stop()
    thread.join(60)

    assert not thread.is_alive()
    assert seen.states[-1] == ("down", "stopped")


def test_an_unexpected_error_is_not_swallowed() -> None:
    """A bug ends the process; the service manager restarts it. The mailbox is closed, so vision ends too."""
    clock = VirtualClock(START)
    mailbox: Mailbox[Frame] = Mailbox()
    capture = CaptureThread(ScriptedSource([[ZeroDivisionError("bug")]], clock), mailbox, a_camera(), clock)

    with pytest.raises(ZeroDivisionError):
        capture.run()
    assert mailbox.finished


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("rtsp://10.0.0.9/live", StreamSource),
        ("RTSPS://10.0.0.9/live", StreamSource),
        ("http://10.0.0.9/mjpeg", StreamSource),
        ("/dev/video0", StreamSource),
        ("clips/gate.mp4", FileSource),
        ("file:///srv/gate.mp4", FileSource),
        ("gst: videotestsrc ! appsink", GStreamerSource),
    ],
)
def test_each_kind_of_address_has_its_source(url: str, kind: type) -> None:
    """One setting, `url`, chooses."""
    source = open_source(a_camera(url=url), VirtualClock(START))

    assert type(source) is kind
    assert source.name == "gate"
