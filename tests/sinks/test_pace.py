"""Pace and fit: what goes out is never more, and never larger, than a broker takes."""

from __future__ import annotations

import json

import pytest

from edge.errors import EventRejected
from edge.sinks.fit import fit
from edge.sinks.pace import Pace
from edge.sinks.wire import decode
from edge.types import Evidence
from tests.sinks.events import START, a_gate_event

LIMIT = 128 * 1024


def _departures(pace: Pace, count: int, size_bytes: int, *, gap_s: float = 0.0) -> list[float]:
    """Return when `count` messages leave a sender that waits as told."""
    now_s, found = 100.0, []
    for _ in range(count):
        now_s += pace.reserve(size_bytes, now_s)
        found.append(now_s)
        now_s += gap_s
    return found


def test_no_second_holds_more_than_aws_accepts() -> None:
    """AWS IoT Core discards from 100 publishes a second on; 80/s with a burst of 20 must stay below in any window."""
    times = _departures(Pace(80, 10_000_000, burst=20), 2000, 100)
    assert max(sum(1 for t in times if start <= t < start + 1.0) for start in times) < 100


def test_long_run_rate_is_the_one_asked_for() -> None:
    times = _departures(Pace(80, 10_000_000, burst=20), 2000, 100)
    assert (len(times) - 20) / (times[-1] - times[0]) == pytest.approx(80, rel=0.02)


def test_large_messages_are_paced_by_their_bytes() -> None:
    times = _departures(Pace(80, 512 * 1024), 50, 100 * 1024)
    assert 49 * 100 * 1024 / (times[-1] - times[0]) == pytest.approx(512 * 1024, rel=0.02)


def test_lone_event_waits_for_nothing() -> None:
    """A gate opens when the first event arrives; a pace must not delay it."""
    assert set(_departures(Pace(80, 512 * 1024), 10, 2000, gap_s=1.0)) == {100.0 + n for n in range(10)}


def test_pause_earns_only_one_burst() -> None:
    pace = Pace(10, 1e9, burst=5)
    _departures(pace, 20, 1)
    assert [pace.reserve(1, 10_000.0) for _ in range(6)] == pytest.approx([0.0] * 5 + [0.1], abs=1e-6)


@pytest.mark.parametrize(("per_s", "bytes_per_s", "burst"), [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_pace_without_speed_is_refused(per_s: float, bytes_per_s: float, burst: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        Pace(per_s, bytes_per_s, burst)


def test_event_that_fits_is_left_alone() -> None:
    event = a_gate_event(evidence=Evidence(b"x" * 20_000))
    assert decode(fit(event, START, LIMIT)) == event


def test_picture_shrinks_until_the_event_fits() -> None:
    event = a_gate_event(evidence=Evidence(b"x" * 200_000, "https://site/1.jpg"))
    asked: list[int] = []

    def shrink(picture: bytes, most_bytes: int) -> bytes:
        asked.append(most_bytes)
        return picture[:most_bytes]

    body = fit(event, START, LIMIT, shrink)
    assert LIMIT - 200 < len(body) <= LIMIT  # as much of the picture as there is room for
    assert decode(body).evidence == Evidence(b"x" * asked[0], "https://site/1.jpg")


@pytest.mark.parametrize("shrink", [None, lambda picture, most: None, lambda picture, most: picture])
def test_picture_that_cannot_shrink_becomes_its_address(shrink: object) -> None:
    event = a_gate_event(evidence=Evidence(b"x" * 200_000, "https://site/1.jpg"))
    assert json.loads(fit(event, START, LIMIT, shrink))["evidence"] == {"url": "https://site/1.jpg"}  # type: ignore[arg-type]


def test_picture_left_out_says_where_it_can_be_seen() -> None:
    """An event that never had a picture promises none."""
    url = "https://gate/api/events/1/picture"
    large = a_gate_event(evidence=Evidence(b"x" * 200_000))
    assert json.loads(fit(large, START, LIMIT, None, url))["evidence"] == {"url": url}
    bare = a_gate_event(evidence=Evidence())
    assert decode(fit(bare, START, LIMIT, None, url)) == bare


def test_only_an_event_too_large_without_its_picture_is_refused() -> None:
    with pytest.raises(EventRejected, match="without its picture"):
        fit(a_gate_event(details=(("note", "x" * LIMIT),)), START, LIMIT)
