"""Probe: watches a camera for a few seconds and says what to change in it.

Measuring (`probe`) is apart from judging (`advise`), which is a pure function
of the figures. Nothing is stored and no setting of the camera is touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge.clock import Clock
from edge.errors import SourceUnavailable
from edge.pipeline.capture_av import Access, Connection, connect
from edge.pipeline.capture_url import is_file, is_gstreamer, shown
from edge.types import GOOD_PLATE_PX

FEWEST_FPS, MOST_FPS = 8.0, 25.0  # a car at 15 km/h is in view for about two seconds: below, too few looks at a plate
SMALLEST_WIDTH, LARGEST_WIDTH = 1280, 2688
LONGEST_KEY_INTERVAL_S = 4.0  # so long nothing can be decoded after a lost packet or a reconnect
MOST_JITTER_S = 0.15
LONGEST_GAP_S = 1.0
MOST_SKEW_S = 2.0
SLOWEST_FIRST_PICTURE_S = 3.0
FEWEST_BITS_PER_PIXEL = {"h264": 0.035, "hevc": 0.02}  # below, quantisation smears the strokes of small characters
_RECOMMENDED = "H.264, 1920x1080, 15 pictures a second, a key frame every 2 s, 4 Mbit/s"


@dataclass(frozen=True, slots=True)
class PacketSeen:
    """One packet: what a probe measures from."""

    arrival_s: float  # monotonic
    stamp_s: float | None  # presentation time on the camera's scale
    size: int  # bytes
    key: bool


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to change."""

    subject: str
    found: str
    change: str


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What a camera sends. None where it cannot be known: too short a look, or a recorded file."""

    url: str  # without password
    codec: str
    width: int
    height: int
    seconds: float  # of video that were looked at
    pictures: int
    fps: float | None
    announced_fps: float | None
    key_interval_s: float | None  # longest between two key frames
    bit_rate_kbit_s: float | None
    jitter_s: float | None  # 95th percentile of how much later than even a packet comes
    longest_gap_s: float | None
    clock_skew_s: float | None  # the camera's UTC minus ours
    first_picture_s: float | None  # from connecting
    damaged_packets: int
    reordered: bool  # B-frames: pictures are sent later than they are shown
    decode_cpu_ms: float | None  # per picture, on this machine
    advice: tuple[Advice, ...] = ()


def probe(
    url: str, clock: Clock, *, seconds: float = 10.0, transport: str = "tcp", open_timeout_s: float = 10.0
) -> ProbeReport:
    """Watch the video at `url` for `seconds` and report.

    Raises:
        SourceUnavailable: it cannot be opened, or breaks off before the first picture.
    """
    if is_gstreamer(url):
        raise SourceUnavailable(f"{shown(url)}: give the camera's own address, not a pipeline", retry=False)
    started_s = clock.monotonic_s()
    connection = connect(Access(url, transport, open_timeout_s))
    try:
        watch = _Watch(connection, clock, started_s, seconds)
        watch.run()
        report = watch.report(url)
    finally:
        connection.close()
    return _with_advice(report)


class _Watch:
    """Collects packets and pictures of one connection."""

    def __init__(self, connection: Connection, clock: Clock, started_s: float, seconds: float) -> None:
        self._connection = connection
        self._clock = clock
        self._started_s = started_s
        self._seconds = seconds
        self._packets: list[PacketSeen] = []
        self._pictures = 0
        self._size = connection.size
        self._first_picture_s: float | None = None
        self._skew_s: float | None = None
        self._reordered = False
        self._cpu_s = 0.0

    def run(self) -> None:
        """Look until the time is over or the video ends."""
        try:
            self._look()
        except SourceUnavailable:
            if not self._pictures:
                raise  # otherwise what was seen until it broke is worth reporting

    def _look(self) -> None:
        for packet in self._connection.packets():
            now_s = self._clock.monotonic_s()
            if packet.size:
                stamp_s = None if packet.pts is None else float(packet.pts * self._connection.time_base)
                self._packets.append(PacketSeen(now_s, stamp_s, packet.size, bool(packet.is_keyframe)))
                self._reordered |= packet.pts is not None and packet.dts is not None and packet.pts != packet.dts
                self._note_skew(stamp_s)
            before_s = time.thread_time()
            pictures = self._connection.decode(packet)
            self._cpu_s += time.thread_time() - before_s
            for picture in pictures:
                self._size = picture.width, picture.height
            if pictures and self._first_picture_s is None:
                self._first_picture_s = now_s - self._started_s
            self._pictures += len(pictures)
            if _span(self._packets) >= self._seconds or now_s - self._started_s > 3 * self._seconds:
                return

    def _note_skew(self, stamp_s: float | None) -> None:
        start_s = self._connection.start_utc_s
        if start_s is not None and stamp_s is not None:
            self._skew_s = start_s + stamp_s - self._clock.utc().timestamp()

    def report(self, url: str) -> ProbeReport:
        """Return the figures, without advice."""
        if not self._pictures:
            raise SourceUnavailable(
                f"{shown(url)}: {len(self._packets)} packets came but no picture could be decoded from them. "
                f"Set the camera to {_RECOMMENDED}"
            )
        live, span_s = not is_file(url), _span(self._packets)
        stamped = [p for p in self._packets if p.stamp_s is not None]
        steps = len(stamped if len(stamped) >= 2 else self._packets) - 1
        return ProbeReport(
            url=shown(url),
            codec=self._connection.codec,
            width=self._size[0],
            height=self._size[1],
            seconds=round(span_s, 2),
            pictures=self._pictures,
            fps=steps / span_s if span_s > 0 else None,
            announced_fps=self._connection.fps,
            key_interval_s=key_interval_s(self._packets),
            bit_rate_kbit_s=sum(p.size for p in self._packets[1:]) * 8 / span_s / 1000 if span_s > 0 else None,
            jitter_s=jitter_s(self._packets) if live else None,
            longest_gap_s=_longest_gap_s(self._packets) if live else None,
            clock_skew_s=self._skew_s,
            first_picture_s=self._first_picture_s if live else None,
            damaged_packets=self._connection.damaged_packets,
            reordered=self._reordered,
            decode_cpu_ms=1000 * self._cpu_s / self._pictures,
        )


def key_interval_s(packets: Sequence[PacketSeen]) -> float | None:
    """Return the longest time between two key frames; with fewer than two, how long none came, None if that is short.

    The beginning and the end of the look count as well: a key frame may be due there.
    """
    stamps = [p.stamp_s for p in packets if p.key and p.stamp_s is not None]
    if len(stamps) >= 2:
        return float(np.max(np.diff(stamps)))
    span_s = _span(packets)
    return span_s if span_s > LONGEST_KEY_INTERVAL_S else None


def jitter_s(packets: Sequence[PacketSeen]) -> float | None:
    """Return how much later than even packets come: 95th percentile of delay over the least delay, seconds.

    The least delay is taken over the whole look. The first second is left out: servers send it in a burst.
    """
    pairs = [(p.arrival_s, p.stamp_s) for p in packets if p.stamp_s is not None]
    pairs = [(a, s) for a, s in pairs if a - pairs[0][0] > 1.0]
    if len(pairs) < 10:
        return None
    delays = np.array([arrival_s - stamp_s for arrival_s, stamp_s in pairs])
    return float(np.percentile(delays - delays.min(), 95))


def _longest_gap_s(packets: Sequence[PacketSeen]) -> float | None:
    arrivals = [p.arrival_s for p in packets]
    return float(np.max(np.diff(arrivals))) if len(arrivals) > 1 else None


def _span(packets: Sequence[PacketSeen]) -> float:
    """Return how many seconds of video the packets are, by their stamps, else by their arrival."""
    stamps = [p.stamp_s for p in packets if p.stamp_s is not None]
    if len(stamps) >= 2:
        return max(stamps) - min(stamps)
    return packets[-1].arrival_s - packets[0].arrival_s if packets else 0.0


def _with_advice(report: ProbeReport) -> ProbeReport:
    values = {name: getattr(report, name) for name in ProbeReport.__dataclass_fields__}
    return ProbeReport(**{**values, "advice": tuple(advise(report))})


def advise(report: ProbeReport) -> Iterator[Advice]:
    """Yield what to change in the camera or the network, the most important first."""
    yield from _on_connection(report)
    yield from _on_coding(report)
    yield from _on_picture(report)
    yield from _on_clock(report)


def _on_connection(report: ProbeReport) -> Iterator[Advice]:
    if report.damaged_packets:
        change = "look for a bad cable, a full Wi-Fi or a switch port at 10 Mbit/s; with UDP set transport: tcp"
        yield Advice("lost packets", f"{report.damaged_packets} could not be decoded", change)
    if report.longest_gap_s is not None and report.longest_gap_s > LONGEST_GAP_S:
        yield Advice(
            "gaps", f"nothing came for {report.longest_gap_s:.1f} s", "look for an overloaded camera or network"
        )
    elif report.jitter_s is not None and report.jitter_s > MOST_JITTER_S:
        found = f"pictures come up to {1000 * report.jitter_s:.0f} ms late"
        yield Advice("jitter", found, "use a cable instead of Wi-Fi, and a network of its own for cameras")
    if report.first_picture_s is not None and report.first_picture_s > SLOWEST_FIRST_PICTURE_S:
        found = f"the first one came after {report.first_picture_s:.1f} s"
        yield Advice("first picture", found, "shorten the key-frame interval; close other viewers of this camera")


def _on_coding(report: ProbeReport) -> Iterator[Advice]:
    if report.codec not in FEWEST_BITS_PER_PIXEL:
        change = "choose H.264: a tenth of the network, and time stamps" if "jpeg" in report.codec else "choose H.264"
        yield Advice("codec", report.codec, change)
    if report.key_interval_s is not None and report.key_interval_s > LONGEST_KEY_INTERVAL_S:
        pictures = 2 * (report.fps or 15)
        change = f"set the I-frame (GOP) interval to {pictures:.0f} pictures, that is 2 s; switch smart codec off"
        yield Advice("key frames", f"one in {report.key_interval_s:.1f} s", change)
    if report.reordered and not is_file(report.url):
        change = "choose profile Main or Baseline without B-frames"
        yield Advice("B-frames", "pictures are delayed by their order", change)
    least = FEWEST_BITS_PER_PIXEL.get(report.codec)
    if least is not None and report.bit_rate_kbit_s is not None and report.fps and not is_file(report.url):
        wanted = least * report.width * report.height * report.fps / 1000
        if report.bit_rate_kbit_s < wanted / 2:  # a still scene needs little: only the clearly starved are told
            found = f"{report.bit_rate_kbit_s:.0f} kbit/s"
            yield Advice("bit rate", found, f"allow {wanted:.0f} kbit/s or more (VBR with that as its maximum is fine)")


def _on_picture(report: ProbeReport) -> Iterator[Advice]:
    if report.width < SMALLEST_WIDTH:
        change = f"choose the main stream, 1920x1080; a plate needs {GOOD_PLATE_PX} pixels of width"
        yield Advice("size", f"{report.width}x{report.height}", change)
    elif report.width > LARGEST_WIDTH:
        change = "choose 1920x1080 and a narrower view: more pixels cost time without making plates more legible"
        yield Advice("size", f"{report.width}x{report.height}", change)
    if report.fps is None:
        return
    if report.fps < FEWEST_FPS:
        yield Advice("rate", f"{report.fps:.1f} pictures a second", "set 15: a passing plate needs at least five looks")
    elif report.fps > MOST_FPS + 1:
        yield Advice(
            "rate", f"{report.fps:.1f} pictures a second", "set 15: more costs processor time and changes nothing"
        )


def _on_clock(report: ProbeReport) -> Iterator[Advice]:
    if report.clock_skew_s is not None and abs(report.clock_skew_s) > MOST_SKEW_S:
        change = "set an NTP server in the camera; until then events carry this computer's time"
        yield Advice("clock", f"{report.clock_skew_s:+.0f} s off", change)
