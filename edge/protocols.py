"""What the parts promise each other: small interfaces, with their threading and failures.

Implementations live below `pipeline`, `tracking` and `sinks`; every one of
them, fakes included, runs the contract tests under tests/contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from edge.types import Box, Detection, FloatArray, Frame, GateEvent, UInt8Array


class SourceState(str, Enum):
    """What a camera is doing."""

    CONNECTING = "connecting"
    UP = "up"
    STALLED = "stalled"  # connected, no packet for a while
    FROZEN = "frozen"  # frames arrive, all identical
    DOWN = "down"  # waiting for the next attempt


class FrameSource(Protocol):
    """A place frames come from. One thread reads; `interrupt` may be called from any other."""

    @property
    def name(self) -> str:
        """Return the camera's name."""

    @property
    def damaged_packets(self) -> int:
        """Return how many packets so far were lost: not decodable, or skipped because decoding fell behind."""

    def open(self) -> None:
        """Connect.

        Raises:
            SourceUnavailable: not reachable, refused, or no video in it.
        """

    def read(self) -> Frame | None:
        """Return the next frame, or None when a finite source has ended.

        Raises:
            SourceUnavailable: the connection broke or stalled; close and open again.
        """

    def interrupt(self) -> None:
        """Make a blocked `open` or `read` return soon. Safe from any thread, any number of times."""

    def close(self) -> None:
        """Release everything; may be called twice."""


class Detector(Protocol):
    """Finds plates in a grey picture. Not thread-safe: each vision thread has its own."""

    @property
    def name(self) -> str:
        """Return name and version, as events carry it."""

    @property
    def provider(self) -> str:
        """Return where it runs: cpu, cuda, tensorrt or openvino."""

    def detect(self, luma: UInt8Array) -> tuple[Detection, ...]:
        """Return the plates in `luma`, uint8 (H, W), best first, in its pixels.

        Raises:
            InferenceError: the model failed on this picture.
        """

    def detect_in(self, luma: UInt8Array, region: Box, size: tuple[int, int] | None = None) -> tuple[Detection, ...]:
        """Return the plates that lie wholly in or near `region`, best first, in pixels of `luma`.

        A closer and cheaper look than `detect`: only the region goes through the network, enlarged where small.

        Args:
            luma: uint8 (H, W), the whole picture.
            region: where to look; widened to the shape of the network's input.
            size: (height, width) of that input, multiples of 32; by default half of the full look's each way.

        Raises:
            InferenceError: the model failed on this picture.
        """


@dataclass(frozen=True, slots=True, eq=False)
class RawRead:
    """The recogniser's opinion of one crop, before anything else is known."""

    posterior: FloatArray  # (L, 37), see PlateRead
    legible: float


class Recogniser(Protocol):
    """Reads rectified plate crops. Not thread-safe: each vision thread has its own."""

    @property
    def name(self) -> str:
        """Return name and version, as events carry it."""

    @property
    def provider(self) -> str:
        """Return where it runs: cpu, cuda, tensorrt or openvino."""

    @property
    def crop_size(self) -> tuple[int, int]:
        """Return (height, width) of the crops it wants, in pixels."""

    @property
    def keep_aspect(self) -> bool:
        """Tell whether crops keep their aspect (padded on the right) or are stretched to `crop_size`."""

    @property
    def margin(self) -> tuple[float, float]:
        """Return what its crops show around the plate on each side, as shares of the plate's width and height."""

    def read(self, crops: Sequence[UInt8Array]) -> tuple[RawRead, ...]:
        """Return one opinion per crop, in order; each crop is grey uint8 of `crop_size`.

        Raises:
            InferenceError: the model failed on this batch.
        """


class Sink(Protocol):
    """A place events are delivered to. Only its own publish thread calls it."""

    @property
    def name(self) -> str:
        """Return the sink's name; its position in the outbox is kept under it."""

    def write(self, batch: Sequence[GateEvent]) -> None:
        """Deliver all of `batch`, in order, or raise; delivering an event twice is harmless.

        An empty batch only makes sure that the sink is ready: connected, certificates fresh.

        Raises:
            SinkUnavailable: nothing is wrong with the events; keep them and try later.
            EventRejected: the named event can never be delivered; set it aside and go on.
        """

    def interrupt(self) -> None:
        """Make a blocked `write` raise SinkUnavailable soon. Safe from any thread, any number of times."""

    def close(self) -> None:
        """Let go of the connection; may be called twice."""


class KeepClass(str, Enum):
    """Why something is kept, and so for how long."""

    LISTED = "listed"  # passages of vehicles on a list of the site
    UNLISTED = "unlisted"  # all other passages
    SESSION = "session"  # stays: from an entry to an exit
    WATCH = "watch"  # hits of a watch list
    LABEL = "label"  # corrected plates, kept for training


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data is meant: plates as they may be stored, and what else is known to be of the same vehicle."""

    plates: frozenset[str]  # canonical; pseudonyms as they are
    passages: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()

    def with_more(self, *, passages: Iterable[str] = (), events: Iterable[str] = ()) -> Subject:
        """Return the same vehicle with more that is known to be its."""
        return replace(self, passages=self.passages.union(passages), events=self.events.union(events))


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that is stored about somebody."""

    store: str
    facts: Mapping[str, Any]  # plain values, for JSON
    picture: bytes | None = None  # JPEG


class PersonalData(Protocol):
    """A store that holds plates. It opens its files for each call, so it works beside a running daemon.

    Every call raises StorageError when the files cannot be read or written.
    """

    @property
    def name(self) -> str:
        """Return what people call it."""

    def plates(self) -> frozenset[str]:
        """Return every text stored as a plate, rivals and corrections included."""

    def widen(self, subject: Subject) -> Subject:
        """Return `subject` with the passages and events that this store knows to be of the same vehicle."""

    def export(self, subject: Subject) -> Iterator[Record]:
        """Yield what is stored about `subject`, oldest first."""

    def erase(self, subject: Subject) -> int:
        """Remove what is stored about `subject`, and its plates as rivals of others; return how many records changed.

        What must stay for another reason, such as a gapless numbering, stays without the plate and its picture.
        """

    def purge(self, until: Mapping[KeepClass, datetime], limit: int) -> Mapping[KeepClass, int]:
        """Remove at most `limit` records per class that are older than its moment; return how many went."""

    def compact(self) -> None:
        """Leave nothing of what was removed in free space, log or copies; may take as long as copying the files."""
