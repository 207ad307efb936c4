"""Overlap of boxes, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edge.tracking.iou import box_rows, iou_matrix
from edge.types import Box


def test_overlap_of_hand_worked_boxes() -> None:
    """A half-shifted square shares 50 of 150 px; a quarter-shifted one 25 of 175; far ones nothing."""
    a = box_rows([Box(0, 0, 10, 10)])
    b = box_rows([Box(0, 0, 10, 10), Box(5, 0, 15, 10), Box(5, 5, 15, 15), Box(10, 0, 20, 10), Box(90, 90, 99, 99)])

    assert iou_matrix(a, b)[0] == pytest.approx([1.0, 50 / 150, 25 / 175, 0.0, 0.0])


def test_boxes_without_area_overlap_nothing() -> None:
    """A detector may give a line or a point; that is no division by zero."""
    flat = box_rows([Box(3, 3, 3, 3), Box(0, 5, 9, 5)])

    assert np.array_equal(iou_matrix(flat, flat), np.zeros((2, 2)))


def test_no_boxes_give_an_empty_matrix() -> None:
    """An empty road is the normal case."""
    assert iou_matrix(box_rows([]), box_rows([Box(0, 0, 1, 1)])).shape == (0, 1)


def test_wrong_shapes_are_refused() -> None:
    """Corners as (4, 2) by mistake must not broadcast into nonsense."""
    with pytest.raises(ValueError, match=r"\(N, 4\)"):
        iou_matrix(np.zeros((4, 2)), np.zeros((1, 4)))
