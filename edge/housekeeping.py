"""Looks after the outbox, the sinks and the disk every few seconds and puts their state on the board."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edge.board import Board, DiskStatus, OutboxStatus
from edge.errors import StorageError
from edge.sinks.outbox import Outbox
from edge.sinks.publish import PublishStage

log = logging.getLogger(__name__)

EVERY_S = 2.0


class Housekeeping:
    """A stage: measures what no other thread would notice.

    Args:
        board: where the figures go.
        outbox, publishers: what is measured.
        volumes: name -> a folder on the file system to watch.
        chores: further things to do each time; each must return within a second.
    """

    def __init__(
        self,
        board: Board,
        outbox: Outbox,
        publishers: Sequence[PublishStage],
        volumes: Mapping[str, Path],
        chores: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._board = board
        self._outbox = outbox
        self._publishers = tuple(publishers)
        self._volumes = dict(volumes)
        self._chores = tuple(chores)
        self._stopping = threading.Event()

    def run(self) -> None:
        """Measure until `stop`."""
        while not self._stopping.is_set():
            self.measure()
            self._stopping.wait(EVERY_S)

    def stop(self) -> None:
        """Make `run` return soon."""
        self._stopping.set()

    def measure(self) -> None:
        """Put the present state on the board."""
        try:
            self._measure_delivery()
        except StorageError as error:
            self._board.outbox_measured(OutboxStatus(problem=str(error)))
        for name, folder in self._volumes.items():
            self._measure_disk(name, folder)
        for chore in self._chores:
            chore()

    def _measure_delivery(self) -> None:
        backlog = self._outbox.backlog()
        self._board.outbox_measured(
            OutboxStatus(
                backlog.depth,
                backlog.oldest_s,
                backlog.dead_letters,
                backlog.size_bytes,
                self._outbox.problem,
                self._outbox.alarm or "",
            )
        )
        for publisher in self._publishers:
            status = publisher.status()
            self._board.sink_changed(
                status.sink, status.connected, status.reason, certificate_expires=status.certificate_expires
            )
            self._board.sink_pending(status.sink, status.pending)

    def _measure_disk(self, name: str, folder: Path) -> None:
        try:
            usage = shutil.disk_usage(folder)
        except OSError as error:
            log.debug("%s cannot be measured: %s", folder, error)
            return
        self._board.disk_measured(DiskStatus(name, usage.free, usage.total))
