"""FFmpeg through PyAV: opens a video, hands out packets and decodes them.

Every failure leaves as SourceUnavailable with a text that says what to do and
shows no password. It knows nothing of threads, reconnecting or frames' times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.error

from edge.errors import SourceStalled, SourceUnavailable
from edge.pipeline.capture_url import is_file, is_known_host, is_rtsp, is_usb, shown

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# FFmpeg looks at up to 5 s of a live stream before it gives the first packet. One second, and no guessing of the rate,
# opens in 0.1 to 0.4 s instead of 1.4 s. Its `nobuffer` would open as fast but throw the first key frame away.
_QUICK_LOOK = {"analyzeduration": "1000000", "fpsprobesize": "0"}
_REORDER_US = 300_000  # wait at most this long for late UDP packets
_ATTACHED_PICTURE = 0x400  # AV_DISPOSITION_ATTACHED_PIC: the cover of a music file is no video


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a video."""

    url: str
    transport: str = "tcp"
    open_timeout_s: float = 10.0
    read_timeout_s: float = 5.0


class Connection:
    """An open video. One thread reads packets; see `capture_pump` for the one that decodes them elsewhere."""

    def __init__(self, container: InputContainer, stream: VideoStream, access: Access) -> None:
        self._container = container
        self._stream = stream
        self._access = access
        self.damaged_packets = 0
        # Measured on 1080p H.264: frame threads cost the same CPU but delay the picture by a frame each.
        stream.codec_context.thread_type = "SLICE"
        stream.codec_context.thread_count = 1

    @property
    def codec(self) -> str:
        return str(self._stream.codec_context.name)

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, height) as the stream announced it."""
        return int(self._stream.width), int(self._stream.height)

    @property
    def fps(self) -> float | None:
        """Return the frame rate that the stream announced, or None."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate else None

    @property
    def time_base(self) -> Fraction:
        return self._stream.time_base or Fraction(1, 90_000)

    @property
    def frames(self) -> int:
        """Return how many frames the container says it has; 0 when it does not say."""
        return int(self._stream.frames)

    @property
    def start_utc_s(self) -> float | None:
        """Return the camera's own UTC of time stamp 0, seconds since 1970, once its RTCP reports told; else None."""
        start_us = getattr(self._container, "start_time_realtime", None)  # PyAV 18 and later
        return None if start_us is None else float(start_us) / 1e6

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Yield packets until the end; the last one is empty and makes `decode` give the frames it still holds.

        Raises:
            SourceUnavailable: the connection broke or nothing came for the read time-out.
        """
        try:
            yield from self._container.demux(self._stream)
        except (av.error.FFmpegError, OSError) as error:
            raise translated(error, self._access) from None

    def decode(self, packet: Packet[VideoStream]) -> Sequence[VideoFrame]:
        """Return the pictures that `packet` completes; none when it is damaged, which `damaged_packets` counts."""
        try:
            return packet.decode()
        except av.error.EOFError:
            return ()
        except (av.error.FFmpegError, OSError, ValueError):
            self.damaged_packets += 1  # part of a picture is lost, not the connection: the next key frame mends it
            return ()

    def close(self) -> None:
        self._container.close()


def connect(access: Access) -> Connection:
    """Open the video behind `access`.

    Raises:
        SourceUnavailable: not reachable, refused, too slow, not a video, or without a video stream.
    """
    file_format, options = _format_and_options(access)
    try:
        container = av.open(
            access.url,
            format=file_format,
            options=options,
            timeout=(access.open_timeout_s, access.read_timeout_s),
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise translated(error, access, opening=True) from None
    # PyAV tells a stream's disposition from version 13 on.
    streams = [s for s in container.streams.video if not int(getattr(s, "disposition", 0)) & _ATTACHED_PICTURE]
    if not streams or streams[0].codec_context is None:
        container.close()
        raise SourceUnavailable(
            f"{shown(access.url)}: there is no video in it. Give a video file, or the camera's video stream "
            "(many cameras offer several: main, sub, audio)",
            retry=not is_file(access.url),
        )
    return Connection(container, streams[0], access)


def _format_and_options(access: Access) -> tuple[str | None, dict[str, str]]:
    wait_us = str(int(access.read_timeout_s * 1e6))
    if is_rtsp(access.url):
        return "rtsp", {
            "rtsp_transport": access.transport,
            "timeout": wait_us,  # also bounds the TEARDOWN of a dead camera
            "allowed_media_types": "video",
            "max_delay": str(_REORDER_US),
            **_QUICK_LOOK,
        }
    if is_usb(access.url):
        return "v4l2", _QUICK_LOOK
    if is_file(access.url):
        return None, {}
    return None, {"timeout": wait_us, **_QUICK_LOOK}


def translated(error: Exception, access: Access, *, opening: bool = False) -> SourceUnavailable:
    """Return the error to raise instead of `error`: where, what, what to do, and whether trying again can help."""
    where = shown(access.url)
    if not opening and isinstance(error, (av.error.ExitError, av.error.TimeoutError)):
        return SourceStalled(f"{where}: no packet for {access.read_timeout_s:g} s")
    if not opening and isinstance(error, (OSError, av.error.OSError)):
        return SourceUnavailable(f"{where}: the connection broke ({getattr(error, 'strerror', None) or error})")
    what, retry = _explained(error, access)
    return SourceUnavailable(f"{where}: {what}", retry=retry)


def _explained(error: Exception, access: Access) -> tuple[str, bool]:
    """Return what to tell about `error`, and whether trying again can help."""
    recorded = is_file(access.url)
    for known in _KNOWN:
        if isinstance(error, known.kinds):
            text = known.of_a_file if recorded and known.of_a_file else known.text
            return text.format(open_timeout_s=access.open_timeout_s), known.retry and not recorded
    if not is_known_host(access.url):
        return "there is no host of this name. Check its spelling, and the name server of this computer", True
    reason = getattr(error, "strerror", None) or type(error).__name__
    return f"{reason}. Check the address and the network, and that it is a video stream", True


@dataclass(frozen=True, slots=True)
class _Known:
    """An error of FFmpeg, and what it means to the person at the camera."""

    kinds: tuple[type[Exception], ...]
    text: str
    of_a_file: str = ""  # where a recorded file needs other words
    retry: bool = True  # trying again may help, except with a file


_KNOWN = (
    _Known(
        (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError),
        "the camera refuses the user name or password. Check them in the camera's web page and in the URL; "
        "characters such as @ : / # in a password must be written as %40 %3A %2F %23",
        retry=False,
    ),
    _Known(
        (av.error.HTTPNotFoundError,),
        "the camera has no stream under this path. Look up the RTSP path in the camera's manual or web page",
        retry=False,
    ),
    _Known(
        (av.error.ConnectionRefusedError,),
        "nothing listens there. Check address and port, and that RTSP is switched on in the camera",
    ),
    _Known(
        (av.error.ExitError, av.error.TimeoutError),
        "no answer within {open_timeout_s:g} s. Check power, cable and address of the camera",
    ),
    _Known(
        (av.error.FileNotFoundError,),
        "there is no such file or device. Plug the camera in, or check the path",
        of_a_file="there is no such file. Check the path",
    ),
    _Known(
        (av.error.PermissionError,),
        "reading is not permitted. Give the service's user the right: scripts/install --with usb",
        of_a_file="reading is not permitted. Give the service's user the right to read it",
    ),
    _Known((av.error.IsADirectoryError,), "this is a folder. Give a video file"),
    _Known(
        (av.error.EOFError,),
        "the camera closed the connection. It may serve too many viewers already",
        of_a_file="it ends before its first picture. Check that it plays in a video player",
    ),
    _Known(
        (av.error.InvalidDataError,),
        "this is not a video stream. Look up its path in the camera's manual or web page",
        of_a_file="this is not a video, or it was cut short. Check that it plays in a video player",
    ),
    _Known(
        (av.error.ProtocolNotFoundError,),
        "unknown kind of URL. Use rtsp://, rtsps://, http(s)://, a file, /dev/video0 or gst:<pipeline>",
        retry=False,
    ),
)
