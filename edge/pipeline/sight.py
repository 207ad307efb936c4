"""Looking at one frame: the whole picture, parts of it from near, or both, and each plate found once.

What the detector finds small in the whole picture is looked at again from near before anybody reads it: the corners of
a plate that is five pixels high in the network's input are off by a third, and its characters with them. No memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge.pipeline.attention import Look, Plan, around, near
from edge.pipeline.image import region_box, whole_strides
from edge.protocols import Detector
from edge.types import Box, Detection, Frame, Point

DETAIL_KEPT = 1.5  # two parts become one look only where it is no more than this much larger than either
SAME_PLATE_IOU = 0.3  # of what two looks found: a poor look is wrong by half of the height
SMALL_PX = 64.0  # narrower in the network's input, a plate is worth a look from near
WAY_WIDTH_PX, WAY_ASPECT = 256, 2.0  # network's input where only a plate's way is of interest: less may lose it
MOST_PARTS = 6  # near looks at one frame: in dense traffic the others wait for their turn


class Sight:
    """Finds plates with one detector. Not thread-safe.

    Args:
        detector: the model.
        region: polygon in shares of the picture; full looks are confined to what it needs.
        size: (height, width) of the network's input for a full look.
    """

    def __init__(self, detector: Detector, region: Sequence[Point], size: tuple[int, int]) -> None:
        self._detector = detector
        self._region = tuple(region)
        self._size = size

    def look(self, frame: Frame, plan: Plan) -> tuple[Detection, ...]:
        """Return the plates that `plan` finds in `frame`, each once.

        Raises:
            InferenceError: the model failed on this frame.
        """
        whole, scale = self._everywhere(frame) if plan.look is Look.FULL else ((), 0.0)
        followed = [t for t in plan.near if not scale or t.box.width * scale < SMALL_PX]
        parts = merged(around(t, frame.monotonic_s) for t in followed)
        small = [near(d.box, d.box.centre) for d in whole if d.box.width * scale < SMALL_PX]
        parts += merged(s for s in small if not any(_fit_together(s, p) for p in parts))
        near_first = sorted(parts[:MOST_PARTS], key=lambda part: part.width)  # what shows the most detail is believed
        read = [t.box for t in followed if t.id in plan.sure]
        new = [d.box for d in whole if all(_iou(d.box, box) < SAME_PLATE_IOU for box in read)]
        unread = [t.box for t in followed if t.id not in plan.sure] + new
        close = [d for part in near_first for d in _best_first(self._from_near(frame, part, unread))]
        return distinct([*close, *_best_first(whole)])

    def _from_near(self, frame: Frame, part: Box, unread: Iterable[Box]) -> tuple[Detection, ...]:
        """Look at a part, in less detail where no plate in it is still to be read."""
        if any(_inside(box.centre, part) for box in unread):
            return self._detector.detect_in(frame.luma, part)
        scale = WAY_WIDTH_PX / part.width
        size = whole_strides(max(part.height, part.width / WAY_ASPECT) * scale), WAY_WIDTH_PX
        return self._detector.detect_in(frame.luma, part, size)

    def _everywhere(self, frame: Frame) -> tuple[tuple[Detection, ...], float]:
        """Look at the whole picture, or at the whole region: a smaller one shows its plates larger.

        Returns what was found, and how large the network saw a pixel of the picture.
        """
        height, width = self._size
        box = region_box(self._region, frame.width, frame.height)
        if box is None:
            return self._detector.detect(frame.luma), min(width / frame.width, height / frame.height)
        found = self._detector.detect_in(frame.luma, box, self._size)
        return found, min(width / max(box.width, 1.0), height / max(box.height, 1.0))


def merged(parts: Iterable[Box]) -> list[Box]:
    """Return `parts` with those joined that overlap and show about as much detail together as apart.

    Two cars bumper to bumper are one look. A large part is never joined with a small one inside it: the network's
    input has one size, and a small plate would not be found in it any more.
    """
    result: list[Box] = []
    for part in sorted(parts, key=lambda p: p.as_tuple()):
        fitting = [r for r in result if _fit_together(r, part)]
        for other in fitting:
            if _fit_together(other, part):
                result.remove(other)
                part = _joined(other, part)  # noqa: PLW2901  (grows while it swallows its neighbours)
        result.append(part)
    return result


def distinct(found: Iterable[Detection]) -> tuple[Detection, ...]:
    """Return each plate of `found` once: of several detections of it the one that comes first."""
    kept: list[Detection] = []
    for detection in found:
        if all(_iou(detection.box, other.box) < SAME_PLATE_IOU for other in kept):
            kept.append(detection)
    return tuple(kept)


def _best_first(found: Iterable[Detection]) -> list[Detection]:
    return sorted(found, key=lambda d: (-d.score, d.box.as_tuple()))


def _fit_together(a: Box, b: Box) -> bool:
    if not (a.x1 < b.x2 and b.x1 < a.x2 and a.y1 < b.y2 and b.y1 < a.y2):
        return False
    both = _joined(a, b)
    return both.width <= DETAIL_KEPT * min(a.width, b.width) and both.height <= DETAIL_KEPT * min(a.height, b.height)


def _inside(point: Point, box: Box) -> bool:
    return box.x1 <= point[0] <= box.x2 and box.y1 <= point[1] <= box.y2


def _joined(a: Box, b: Box) -> Box:
    return Box(min(a.x1, b.x1), min(a.y1, b.y1), max(a.x2, b.x2), max(a.y2, b.y2))


def _iou(a: Box, b: Box) -> float:
    width, height = min(a.x2, b.x2) - max(a.x1, b.x1), min(a.y2, b.y2) - max(a.y1, b.y1)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a.width * a.height + b.width * b.height - width * height)
