"""The mailbox: newest wins, losses are counted, closing is the stop signal."""

from __future__ import annotations

import threading

from edge.mailbox import Mailbox


def test_newest_item_wins_and_the_loss_is_counted() -> None:
    """A slow reader sees the present, not a growing past."""
    box: Mailbox[int] = Mailbox()
    for item in (1, 2, 3):
        assert box.put(item)

    assert box.take(0) == 3
    assert (box.accepted, box.dropped) == (3, 2)
    assert box.take(0) is None


def test_reader_waits_for_an_item_of_another_thread() -> None:
    """The vision thread sleeps until the camera has something."""
    box: Mailbox[str] = Mailbox()
    threading.Timer(0.05, box.put, ("frame",)).start()

    assert box.take(timeout_s=5) == "frame"


def test_closing_wakes_the_reader_at_once() -> None:
    """Stopping must not wait for the reader's time-out."""
    box: Mailbox[str] = Mailbox()
    taken: list[str | None] = []
    reader = threading.Thread(target=lambda: taken.append(box.take(timeout_s=60)))
    reader.start()
    box.close()
    reader.join(60)

    assert not reader.is_alive()
    assert taken == [None]


def test_what_was_accepted_before_closing_is_still_delivered() -> None:
    """Closing is the end of the input, not a reason to lose it."""
    box: Mailbox[int] = Mailbox()
    box.put(7)
    box.close()

    assert not box.finished
    assert not box.put(8)
    assert box.take(0) == 7
    assert box.finished


def test_nothing_is_lost_or_doubled_between_two_threads() -> None:
    """Every item is either delivered or counted as dropped."""
    box: Mailbox[int] = Mailbox()

    def write() -> None:
        for item in range(5_000):
            box.put(item)
        box.close()

    writer = threading.Thread(target=write)
    writer.start()
    got = []
    while not box.finished:
        item = box.take(0.5)
        if item is not None:
            got.append(item)
    writer.join()

    assert got == sorted(set(got))
    assert got[-1] == 4_999
    assert len(got) + box.dropped == 5_000
