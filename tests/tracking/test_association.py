"""Detections find their tracks: optimal, gated, and fair between sure and unsure tracks."""

from __future__ import annotations

from edge.tracking.association import Clutter, assign
from edge.tracking.kalman import PlateFilter
from edge.types import Box

QUIET, NOISY = Clutter(1.0, 1280 * 720), Clutter(20.0, 1280 * 720)


def plate(x: float, y: float, height: float = 20.0) -> Box:
    return Box(x, y, x + 4.6 * height, y + height)


def followed(x: float, y: float, looks: int = 10, height: float = 20.0) -> PlateFilter:
    """Return a filter that has seen a standing plate for some looks."""
    track = PlateFilter(plate(x, y, height))
    for _ in range(looks):
        track.advance(1 / 15)
        track.observe(plate(x, y, height))
    track.advance(1 / 15)
    return track


def test_the_total_is_optimal_not_the_first_come() -> None:
    """Two plates side by side that both shift to the right: taking the nearest first would swap them."""
    tracks = [followed(100, 300), followed(230, 300)]

    result = assign(tracks, [plate(240, 300), plate(110, 300)], QUIET)

    assert set(result.pairs) == {(0, 1), (1, 0)}


def test_a_plate_far_away_is_never_joined() -> None:
    """A second car at the other side of the picture is a second car."""
    result = assign([followed(100, 300)], [plate(1400, 800)], QUIET)

    assert result.pairs == ()
    assert (result.free_tracks, result.free_detections) == ((0,), (0,))


def test_a_jump_by_its_own_width_is_still_the_same_plate() -> None:
    """At 5 frames a second a car at 20 km/h moves a plate-width per look; overlap would be zero."""
    young = PlateFilter(plate(400, 300))
    young.advance(0.2)

    assert assign([young], [plate(400 + 110, 300 + 20)], QUIET).pairs == ((0, 0),)


def test_a_young_unsure_track_does_not_steal_from_an_old_one() -> None:
    """A newcomer's wide expectation covers everything; likelihood, not distance, decides."""
    young = PlateFilter(plate(160, 340))
    young.advance(0.2)

    assert assign([followed(100, 300), young], [plate(104, 301)], QUIET).pairs == ((0, 0),)


def test_a_half_hidden_plate_stays_with_its_track() -> None:
    """The barrier's arm halves the box: its size jumps, its place does not."""
    result = assign([followed(100, 300, height=40)], [Box(100, 300, 284, 318)], QUIET)

    assert result.pairs == ((0, 0),)


def test_nothing_to_do_is_fine() -> None:
    """Empty road, or no detections."""
    assert assign([], [plate(0, 0)], QUIET).free_detections == (0,)
    assert assign([followed(1, 1)], [], QUIET).free_tracks == (0,)


def test_amid_clutter_a_lost_track_does_not_hop_to_lettering() -> None:
    """Where false detections abound, one far from the prediction is more likely one of them."""
    lost = followed(100, 300, looks=3)
    lost.advance(0.3)
    elsewhere = plate(100 + 150, 300 + 60)

    assert assign([lost], [elsewhere], NOISY).pairs == ()
    assert assign([lost], [plate(104, 302)], NOISY).pairs == ((0, 0),)


def test_a_box_of_another_size_is_another_thing() -> None:
    """A plate does not triple between two looks, even in the right place."""
    assert assign([followed(100, 300)], [plate(40, 260, height=62)], QUIET).pairs == ()
