"""Live cameras through FFmpeg: RTSP, HTTP and USB.

A pump blocks on the network, the capture thread decodes. When decoding falls
behind, whole groups of pictures are skipped up to the next key frame, so the
picture is never old. It does not reconnect; `capture` does.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from edge.clock import Clock
from edge.config.camera import CameraSettings
from edge.errors import SourceStalled, SourceUnavailable
from edge.pipeline.capture_av import Access, Connection, connect
from edge.pipeline.capture_planes import Picture
from edge.pipeline.capture_pump import Pump
from edge.pipeline.capture_timeline import Timeline
from edge.pipeline.capture_url import shown
from edge.types import Frame

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

log = logging.getLogger(__name__)

_WAITING_PACKETS = 60  # two to four seconds of video; decoding that is further behind skips to the next key frame
_NO_PICTURE_S = 20.0  # cameras with "smart" codecs send a key frame only this often; nothing decodes before it
_LONGEST_CATCH_UP_S = 3.0  # a recording behind http:// is sent at any speed and never slows down to its own
_ASSUMED_STEP_S = 0.04  # between two pictures, where packets do not tell their duration
_GRACE_S = 0.3  # a healthy camera sends its next packet within this time, which lets its pump end
_OLD_PUMPS = 3  # connections that a dead camera has not let go of
_CAMERA_CLOCK_OFF_S = 2.0  # beyond this, the camera's idea of the time is not believed


class _Session:
    """A Connection as the pump sees it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def items(self) -> Iterator[Packet[VideoStream]]:
        return self.connection.packets()

    def close(self) -> None:
        self.connection.close()


class StreamSource:
    """A FrameSource over RTSP, HTTP(S) or a USB camera.

    Args:
        camera: address, transport and time-outs.
        clock: for the times of frames.
    """

    def __init__(self, camera: CameraSettings, clock: Clock) -> None:
        url = camera.url.get_secret_value()
        self._access = Access(url, camera.transport, camera.open_timeout_s, camera.read_timeout_s)
        self._name = camera.name
        self._clock = clock
        self._lock = threading.Lock()  # guards the two below: `interrupt` comes from another thread
        self._interrupted = False
        self._pump: Pump[Packet[VideoStream]] | None = None
        self._old_pumps: list[Pump[Packet[VideoStream]]] = []
        self._connection: Connection | None = None
        self._timeline = Timeline()
        self._ready: deque[tuple[VideoFrame, float]] = deque()  # pictures and the arrival of their packet
        self._sequence = 0
        self._picture_s = 0.0  # when the last picture, or the connection, came
        self._damaged = 0
        self._doubted = False  # the camera's clock, in this connection
        self._catch_up_until_s = 0.0
        self._arrival_s = 0.0  # of the packet before
        self._decode_s = 0.0  # per picture of the last packet

    @property
    def name(self) -> str:
        return self._name

    @property
    def damaged_packets(self) -> int:
        now = 0 if self._connection is None else self._connection.damaged_packets
        return self._damaged + now + (0 if self._pump is None else self._pump.lost)

    def open(self) -> None:
        self.close()
        sessions: list[_Session] = []

        def opened() -> _Session:
            sessions.append(_Session(connect(self._access)))
            return sessions[0]

        pump = Pump(
            shown(self._access.url),
            opened,
            capacity=_WAITING_PACKETS,
            resumes=lambda packet: bool(packet.is_keyframe),
            clock=self._clock,
        )
        with self._lock:
            if self._interrupted:
                raise SourceUnavailable(f"{shown(self._access.url)}: interrupted", retry=False)
            self._pump = pump
        pump.open(self._access.open_timeout_s)
        self._connection = sessions[0].connection
        # What came while FFmpeg looked at the stream comes in one burst: a second of the past, seen in no time at all.
        # It is decoded, since the present builds on it, and not shown: speeds would be wild.
        self._picture_s = self._clock.monotonic_s()
        self._catch_up_until_s, self._arrival_s = self._picture_s + _LONGEST_CATCH_UP_S, float("inf")
        self._timeline, self._doubted = Timeline(), False

    def read(self) -> Frame | None:
        while not self._ready:
            if self._pump is None or self._connection is None:
                raise SourceUnavailable(f"{shown(self._access.url)}: not connected")
            self._decode_next(self._pump, self._connection)
        return self._frame(*self._ready.popleft())

    def _decode_next(self, pump: Pump[Packet[VideoStream]], connection: Connection) -> None:
        packet, arrival_s = pump.next(self._access.read_timeout_s)
        began_s = self._clock.monotonic_s()
        pictures = connection.decode(packet)
        self._decode_s = (self._clock.monotonic_s() - began_s) / max(1, len(pictures))
        for picture in pictures:
            self._picture_s = arrival_s
            self._ready.append((picture, arrival_s))
        if arrival_s < self._catch_up_until_s:
            step_s = float((packet.duration or 0) * connection.time_base) or _ASSUMED_STEP_S
            if arrival_s - self._arrival_s < step_s / 2:
                self._ready.clear()
            else:
                self._catch_up_until_s = arrival_s
        self._arrival_s = arrival_s
        if arrival_s - self._picture_s > max(_NO_PICTURE_S, self._access.read_timeout_s):
            raise SourceStalled(
                f"{shown(self._access.url)}: packets come but no picture can be decoded from them. "
                "Set the camera to H.264 with a key frame every 1 to 2 seconds"
            )

    def interrupt(self) -> None:
        with self._lock:
            self._interrupted = True
            pump = self._pump
        if pump is not None:
            pump.interrupt()

    def close(self) -> None:
        with self._lock:
            pump, self._pump = self._pump, None
        self._ready.clear()
        if self._connection is not None:
            self._damaged += self._connection.damaged_packets
            self._connection = None
        if pump is not None:
            self._damaged += pump.lost
            pump.abandon()
            pump.join(_GRACE_S)
            self._old_pumps.append(pump)
        self._old_pumps = [p for p in self._old_pumps if p.alive]
        if len(self._old_pumps) > _OLD_PUMPS:
            self._wait_for_old_pumps()

    def _wait_for_old_pumps(self) -> None:
        """Let one of the connections end that a dead camera still holds, so that they cannot pile up."""
        self._old_pumps[0].join(self._access.open_timeout_s + self._access.read_timeout_s)

    def _frame(self, video: VideoFrame, arrival_s: float) -> Frame:
        stamp_s = None if video.time is None else float(video.time)
        taken_s = self._timeline.moment(stamp_s, arrival_s)
        picture, sequence = Picture(video), self._sequence
        self._sequence += 1
        captured_at = self._utc(stamp_s, taken_s)
        return Frame(self._name, sequence, taken_s, captured_at, picture.luma, picture.bgr, decode_s=self._decode_s)

    def _utc(self, stamp_s: float | None, taken_s: float) -> datetime:
        """Return UTC of the picture: by the camera's clock where it reports one that can be right, else by ours."""
        ours = self._clock.utc() - timedelta(seconds=self._clock.monotonic_s() - taken_s)
        start_s = None if self._connection is None else self._connection.start_utc_s
        if start_s is None or stamp_s is None:
            return ours
        off_s = start_s + stamp_s - ours.timestamp()
        if abs(off_s) <= _CAMERA_CLOCK_OFF_S:
            return datetime.fromtimestamp(start_s + stamp_s, timezone.utc)
        if not self._doubted:
            self._doubted = True
            log.warning(
                "camera %s: its clock is %+.0f s off, events carry this computer's time. Set NTP in the camera",
                self._name,
                off_s,
            )
        return ours
