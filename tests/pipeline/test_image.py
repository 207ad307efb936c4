"""Letterbox, straightened crops, quality, regions: geometry checked on pictures whose truth is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.pipeline.image import (
    FILL,
    PAD,
    Letterbox,
    clip_box,
    in_region,
    quad_size,
    quality,
    rectify,
    region_box,
    region_mask,
    resize,
    touches_edge,
)
from edge.types import Box, Detection, Point, UInt8Array


def detection(*corners: Point) -> Detection:
    xs, ys = [c[0] for c in corners], [c[1] for c in corners]
    quad = (corners[0], corners[1], corners[2], corners[3])
    return Detection(Box(min(xs), min(ys), max(xs), max(ys)), 0.9, quad)


def chess(height: int, width: int, field: int) -> UInt8Array:
    rows, columns = np.indices((height, width))
    return (((rows // field + columns // field) % 2) * 200 + 20).astype(np.uint8)


def test_letterbox_keeps_the_aspect_and_fills_the_rest_with_grey() -> None:
    field, sx, sy = Letterbox(384, 640).fit(np.full((1080, 1920), 200, np.uint8))
    assert field.shape == (384, 640)
    assert (sx, sy) == pytest.approx((1 / 3, 1 / 3))
    assert (field[:360] == 200).all()
    assert (field[360:] == FILL).all()


def test_letterbox_forgets_the_last_picture_of_another_shape() -> None:
    """Its buffer is used again; what a larger picture left must not look like part of the next."""
    box = Letterbox(64, 64)
    box.fit(np.full((64, 64), 255, np.uint8))
    field, _, _ = box.fit(np.full((64, 32), 10, np.uint8))
    assert (field[:, 32:] == FILL).all()


def test_letterbox_enlarges_a_tiny_picture_only_so_far() -> None:
    field, sx, sy = Letterbox(64, 64).fit(np.full((1, 1), 255, np.uint8))
    assert (sx, sy) == (4.0, 4.0)
    assert int((field == 255).sum()) == 16


@pytest.mark.parametrize("size", [(270, 480), (360, 640), (100, 333), (1, 1)])
def test_shrinking_averages_instead_of_picking_pixels(size: tuple[int, int]) -> None:
    """A fine pattern becomes even grey; picking pixels would turn it into false edges that look like plates."""
    small = resize(chess(1080, 1920, 1), *size)
    assert small.shape == size
    assert float(small.std()) < 3.0
    assert float(small.mean()) == pytest.approx(120, abs=2)


def test_a_straight_plate_is_cropped_with_its_margin() -> None:
    """White plate on black: the margin of the crop is black, the rest is white."""
    picture = np.zeros((200, 400), np.uint8)
    picture[80:120, 100:260] = 255
    crop = rectify(picture, detection((100, 80), (260, 80), (260, 120), (100, 120)), (64, 128), (0.06, 0.12), False)
    mx, my = 128 * 0.06 / 1.12, 64 * 0.12 / 1.24
    assert crop.shape == (64, 128)
    inside = crop[round(my) + 1 : 64 - round(my) - 1, round(mx) + 1 : 128 - round(mx) - 1]
    assert inside.min() == 255
    assert crop[: int(my) - 1].max() == 0
    assert crop[:, : int(mx) - 1].max() == 0


@pytest.mark.parametrize("enlarged", [1, 3, 8])
def test_a_slanted_plate_comes_out_straight(enlarged: int) -> None:
    """The crop of a plate seen from the side is the plate, whatever its size in the picture."""
    plate = chess(48, 96, 12)
    quad = np.array([[30, 40], [120, 22], [126, 70], [34, 92]], np.float32) * enlarged
    corners = np.array([[0, 0], [96, 0], [96, 48], [0, 48]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(corners, quad - 0.5)
    picture = cv2.warpPerspective(plate, matrix, (160 * enlarged, 120 * enlarged), flags=cv2.INTER_LINEAR)
    seen = detection(*[(float(x), float(y)) for x, y in quad])

    crop = rectify(np.asarray(picture, np.uint8), seen, (48, 96), (0.0, 0.0), False)

    middle = crop[6::12, 6::12].astype(int)  # centres of the fields
    assert np.abs(middle - plate[6::12, 6::12]).max() < 45


def test_an_upside_down_plate_is_turned() -> None:
    """Corners are given as the plate is read, so the crop is always upright."""
    picture = np.zeros((100, 100), np.uint8)
    picture[20:40, 20:80] = 255  # the plate's lower half, as it hangs upside down
    seen = detection((80, 60), (20, 60), (20, 20), (80, 20))
    crop = rectify(picture, seen, (40, 60), (0.0, 0.0), False)
    assert crop[30:38].min() == 255
    assert crop[2:10].max() == 0


def test_keeping_the_aspect_pads_on_the_right() -> None:
    picture = np.full((100, 400), 255, np.uint8)
    crop = rectify(picture, detection((50, 20), (170, 20), (170, 50), (50, 50)), (48, 320), (0.0, 0.0), True)
    assert crop.shape == (48, 320)
    assert (crop[:, :192] == 255).all()  # 120 x 30 is four times as wide as high
    assert (crop[:, 192:] == PAD).all()


@pytest.mark.parametrize(
    "corners",
    [
        ((10.0, 10.0), (10.0, 10.0), (10.0, 10.0), (10.0, 10.0)),
        ((0.0, 0.0), (30.0, 30.0), (10.0, 10.0), (20.0, 20.0)),
        ((-50.0, -50.0), (-10.0, -50.0), (-10.0, -20.0), (-50.0, -20.0)),
        ((90.0, 90.0), (300.0, 90.0), (300.0, 200.0), (90.0, 200.0)),
    ],
)
def test_impossible_corners_still_give_a_crop(corners: tuple[Point, Point, Point, Point]) -> None:
    """A detector may give a point, a line, or corners outside the picture; one bad find must not stop the camera."""
    crop = rectify(chess(100, 100, 8), detection(*corners), (64, 128), (0.06, 0.12), False)
    assert crop.shape == (64, 128)
    assert crop.dtype == np.uint8


def test_one_pixel_picture_gives_a_crop() -> None:
    crop = rectify(np.full((1, 1), 77, np.uint8), detection((0, 0), (1, 0), (1, 1), (0, 1)), (8, 16), (0.1, 0.1), False)
    assert (crop == 77).all()


def test_size_of_a_slanted_plate_is_along_its_sides() -> None:
    assert quad_size(detection((0, 0), (30, 40), (30, 60), (0, 20))) == pytest.approx((50, 20))


def test_blur_lowers_sharpness_and_light_does_not() -> None:
    """Looks of one plate are compared: the sharp one must win in shade and in sun."""
    sharp = chess(64, 128, 16)
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 3), np.uint8)
    dim = (sharp // 3 + 20).astype(np.uint8)
    assert quality(blurred).sharpness < 0.5 * quality(sharp).sharpness
    assert quality(dim).sharpness == pytest.approx(quality(sharp).sharpness, rel=0.15)
    assert quality(dim).contrast < quality(sharp).contrast


def test_a_flat_crop_has_neither_sharpness_nor_contrast() -> None:
    noise = np.random.default_rng(1).normal(120, 2, (64, 128)).astype(np.uint8)
    assert quality(noise).sharpness < 0.1
    assert quality(noise).contrast < 0.05


@pytest.mark.parametrize(
    ("corners", "cut"),
    [
        (((10, 10), (60, 10), (60, 30), (10, 30)), False),
        (((1, 10), (60, 10), (60, 30), (1, 30)), True),
        (((10, 10), (99, 10), (99, 30), (10, 30)), True),
        (((10, 60), (60, 60), (60, 81), (10, 81)), True),
    ],
)
def test_a_plate_at_the_border_of_the_picture_is_cut(corners: tuple[Point, Point, Point, Point], cut: bool) -> None:
    assert touches_edge(detection(*corners), 100, 80) is cut


def test_region_is_a_polygon_in_shares_of_the_picture() -> None:
    right_half = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
    mask = region_mask(right_half, 100, 200)
    assert mask[50, 150] == 255
    assert mask[50, 40] == 0
    assert in_region(right_half, (150, 50), 200, 100)
    assert not in_region(right_half, (40, 50), 200, 100)


def test_without_a_polygon_everything_is_inside() -> None:
    assert (region_mask((), 3, 4) == 255).all()
    assert in_region((), (-5, 999), 4, 3)


@pytest.mark.parametrize(
    ("box", "clipped"),
    [
        (Box(1.5, 2.5, 8.2, 9.9), (1, 2, 9, 10)),
        (Box(-5, -5, 500, 500), (0, 0, 20, 10)),
        (Box(50, 50, 60, 60), (19, 9, 20, 10)),
    ],
)
def test_a_clipped_box_is_never_empty(box: Box, clipped: tuple[int, int, int, int]) -> None:
    assert clip_box(box, 20, 10) == clipped


def test_a_full_look_takes_in_the_region_and_a_plate_on_its_border() -> None:
    lane = ((0.5, 0.4), (0.8, 0.4), (0.9, 0.8), (0.4, 0.8))
    box = region_box(lane, 1000, 500)
    assert box is not None
    assert box.as_tuple() == pytest.approx((320, 160, 980, 440))


@pytest.mark.parametrize("polygon", [(), ((0.0, 0.0), (1.0, 0.0), (1.0, 0.5)), ((0.1, 0.1), (0.3, 0.1), (0.2, 0.95))])
def test_a_region_as_large_as_the_picture_needs_no_box(polygon: tuple[Point, ...]) -> None:
    assert region_box(polygon, 1000, 500) is None
