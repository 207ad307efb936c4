"""Annotated video: everything the pipeline knows is on the picture, and the file plays."""

from __future__ import annotations

import errno
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.errors import ConfigError, StorageError
from edge.replay.annotated import SUFFIXES, AnnotatedVideo, AnnotatedWriter, check_target
from edge.replay.overlay import Banner, View, draw
from edge.types import Box, Detection, EventType, Track, TrackState, UInt8Array
from tests.replay.conftest import CLIP
from tests.replay.events import a_verdict, an_event, unread
from tests.replay.oracle import OraclePlayer

GREY = np.full((720, 1280, 3), 90, np.uint8)
CORNERS = ((600.0, 400.0), (760.0, 404.0), (759.0, 438.0), (599.0, 434.0))


def a_track(state: TrackState = TrackState.CONFIRMED, box: Box | None = None) -> Track:
    box = box or Box(599, 400, 760, 438)
    return Track(1, state, box, (0.0, 0.0), 0.0, 1.0, 9, Detection(box, 0.9, CORNERS))


def changed(picture: UInt8Array, x1: int, y1: int, x2: int, y2: int) -> float:
    """Return the share of pixels of an area that differ from the plain frame."""
    return float((picture[y1:y2, x1:x2] != 90).any(axis=2).mean())


def view(**known: object) -> View:
    return View(**{"verdicts": {}, "states": {}, "trails": {}, **known})  # type: ignore[arg-type]


def test_frame_itself_is_left_alone() -> None:
    before = GREY.copy()
    draw(GREY, [a_track()], view())
    assert np.array_equal(GREY, before)


def test_nothing_known_draws_nothing() -> None:
    assert np.array_equal(draw(GREY, [], view()), GREY)


def test_plate_is_outlined_and_left_readable() -> None:
    picture = draw(GREY, [a_track()], view())
    assert changed(picture, 590, 392, 770, 446) > 0.05
    assert changed(picture, 612, 412, 748, 428) == 0.0, "nothing is drawn over the characters"


def test_trail_shows_the_way_but_not_over_the_plate() -> None:
    way = [(300.0 + 4 * k, 200.0 + 2.5 * k) for k in range(95)]
    picture = draw(GREY, [a_track()], view(trails={1: way}))
    assert changed(picture, 300, 190, 560, 370) > 0.002
    assert changed(picture, 612, 412, 748, 428) == 0.0


def test_sure_vote_has_another_colour_than_an_unsure_one() -> None:
    unsure = draw(GREY, [a_track()], view(verdicts={1: a_verdict("AB12CDE", 0.5)}))
    sure = draw(GREY, [a_track()], view(verdicts={1: a_verdict("AB12CDE", 0.99)}))
    assert not np.array_equal(unsure, sure)


def test_label_stays_inside_at_every_edge() -> None:
    """A plate in the corner is the one about to be lost; its label must not be."""
    for x, y in ((0, 0), (1180, 0), (0, 690), (1180, 690)):
        box = Box(x, y, x + 99, y + 25)
        track = Track(1, TrackState.CONFIRMED, box, (0.0, 0.0), 0.0, 1.0, 9, Detection(box, 0.9))
        picture = draw(GREY, [track], view(verdicts={1: a_verdict("AB12CDE")}))
        assert (picture != 90).any(axis=2).sum() > 4000


def test_event_banner_shows_and_slides_in() -> None:
    jpeg = bytes(cv2.imencode(".jpg", np.full((40, 120, 3), 220, np.uint8))[1])
    event = an_event(1.0, "AB12CDE", jpeg=jpeg).event
    shown = draw(GREY, [], view(banners=[Banner(event, 2.0)]))
    begun = draw(GREY, [], view(banners=[Banner(event, 0.05)]))
    assert changed(shown, 780, 10, 1270, 100) > changed(begun, 780, 10, 1270, 100) > 0.0
    assert (shown[20:90, 900:1266] > 200).any()


def test_unread_passage_is_said() -> None:
    picture = draw(GREY, [], view(banners=[Banner(unread(3.0).event, 1.0)]))
    assert changed(picture, 700, 10, 1270, 100) > 0.2


def test_line_and_timings_are_drawn() -> None:
    picture = draw(GREY, [], view(line=((0.1, 0.5), (0.9, 0.5)), timings_s={"detect": 0.012, "read": 0.004}))
    assert changed(picture, 128, 350, 1152, 370) > 0.05
    assert changed(picture, 12, 600, 264, 708) > 0.5


def test_timings_never_hide_a_plate() -> None:
    """A vehicle that leaves at the lower left is the event; how long the stages took can wait a second."""
    box = Box(40, 650, 160, 680)
    track = Track(1, TrackState.CONFIRMED, box, (0.0, 0.0), 0.0, 1.0, 9, Detection(box, 0.9))
    timings = {"detect": 0.012, "read": 0.004}

    assert np.array_equal(draw(GREY, [track], view(timings_s=timings)), draw(GREY, [track], view()))
    assert not np.array_equal(draw(GREY, [], view(timings_s=timings)), draw(GREY, [], view()))


@pytest.mark.parametrize("size", [(64, 48), (640, 361), (3840, 2160)])
def test_any_size_of_picture_is_drawn(size: tuple[int, int]) -> None:
    frame = np.full((size[1], size[0], 3), 90, np.uint8)
    event = an_event(1.0, "AB12CDE", kind=EventType.PROVISIONAL).event
    box = Box(size[0] * 0.4, size[1] * 0.4, size[0] * 0.5, size[1] * 0.45)
    track = Track(1, TrackState.CONFIRMED, box, (0.0, 0.0), 0.0, 1.0, 9, Detection(box, 0.9))
    picture = draw(
        frame, [track], view(verdicts={1: a_verdict("A1")}, banners=[Banner(event, 1.0)], timings_s={"a": 0.1})
    )
    assert picture.shape == frame.shape


def test_film_has_every_frame_at_its_moment(tmp_path: Path) -> None:
    path = tmp_path / "new folder/film.mp4"
    moments = [0.0, 0.04, 0.12, 0.2]
    with AnnotatedWriter(path) as writer:
        for at_s in moments:
            writer.write(np.full((101, 201, 3), round(200 * at_s) + 20, np.uint8), at_s)
    with av.open(str(path)) as film:
        frames = [(float(f.time or 0), f.width, f.height) for f in film.decode(video=0)]
    assert [t for t, _, _ in frames] == pytest.approx(moments, abs=0.001)
    assert {(w, h) for _, w, h in frames} == {(200, 100)}, "odd sizes are cut to even ones"


def test_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"film\.mp4: cannot be written: .*\. Fix: "):
        AnnotatedWriter(tmp_path / "file/film.mp4").__enter__()


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_interrupted_replay_leaves_what_was_there_before(error: type[BaseException], tmp_path: Path) -> None:
    """Half a film under the name of a whole one is found out when it is shown to somebody."""
    path = tmp_path / "film.mp4"
    path.write_bytes(b"the film of yesterday")
    with pytest.raises(error), AnnotatedWriter(path) as writer:
        writer.write(GREY, 0.0)
        assert path.read_bytes() == b"the film of yesterday"
        raise error
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("film.mp4", b"the film of yesterday")]


def test_disk_that_fails_under_way_leaves_nothing_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(av, "open", full)
    with (
        pytest.raises(StorageError, match=r"film\.mp4: cannot be written: No space left on device\. Fix: "),
        AnnotatedWriter(tmp_path / "film.mp4") as writer,
    ):
        writer.write(GREY, 0.0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["film.txt", "film", "film.webm", ".mp4"])
def test_name_of_no_video_is_refused_before_anything_is_played(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is no name of a video.*give one that ends in \.mp4"):
        check_target("--annotated", tmp_path / name, [])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_container_that_is_taken_keeps_the_moments(suffix: str, tmp_path: Path) -> None:
    moments = [0.0, 0.04, 0.12, 0.2]
    with AnnotatedWriter(tmp_path / f"film{suffix}") as writer:
        for at_s in moments:
            writer.write(GREY[:96, :128], at_s)
    with av.open(str(tmp_path / f"film{suffix}")) as film:
        assert [float(f.time or 0) for f in film.decode(video=0)] == pytest.approx(moments, abs=0.001)


def test_whole_replay_becomes_a_film(tmp_path: Path) -> None:
    player = OraclePlayer(CLIP)
    path = tmp_path / "film.mp4"
    with AnnotatedVideo(path, line=None, states=player.pipeline.states) as film:
        for number, step in enumerate(player.play()):
            if number == 50:
                break
            film.add(step)
    with av.open(str(path)) as video:
        frames = [f.to_ndarray(format="bgr24") for f in video.decode(video=0)]
    assert len(frames) == 50
