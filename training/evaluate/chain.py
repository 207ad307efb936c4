"""The models as they are used: the edge's detector and reader, through onnxruntime, on crops and scenes.

Nothing is re-implemented here: what is judged is the code that runs at the gate. Labels decide which find
belongs to which plate; the text decides whether it was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.config.models import DetectorSettings, ModelSettings, RecogniserSettings
from edge.pipeline.models import load_detector, load_recogniser
from edge.pipeline.posterior import decode_text
from edge.pipeline.still import StillPlate, read_picture
from edge.protocols import Detector, Recogniser
from training.datasets.load import Dataset
from training.detector.scenes import Scene, boxes_of_corners
from training.evaluate.detection import Picture, iou
from training.evaluate.reading import Answer
from training.recogniser.crops import LabelledCrop
from training.recogniser.placed import surrounded
from training.recogniser.samples import plain_crop
from training.recogniser.scoring import answer_on

SAME_PLATE_IOU = 0.3  # a read that overlaps the label this much speaks of that plate
BATCH = 64
NOBODY_KNOWS: Mapping[tuple[str, str], int] = {}


@dataclass(frozen=True)
class Chain:
    """Detector and reader as the settings make them."""

    detector: Detector
    recogniser: Recogniser
    settings: ModelSettings

    def read(self, grey: npt.NDArray[np.uint8]) -> tuple[StillPlate, ...]:
        """Return every plate found in a picture, with its text."""
        return read_picture(grey, self.detector, self.recogniser, self.settings)


def open_chain(detector: Path | None, reader: Path | None, width: int = 640, height: int = 384) -> Chain:
    """Return the chain of the given files, the package's own where none is given; raises ModelError."""
    settings = ModelSettings(
        provider="cpu",
        threads=1,
        detector=DetectorSettings(model=detector, width=width, height=height),
        recogniser=RecogniserSettings(model=reader),
    )
    return Chain(load_detector(settings), load_recogniser(settings), settings)


def read_crops_as_pictures(chain: Chain, crops: Sequence[LabelledCrop]) -> Iterator[Answer]:
    """Yield what the whole chain makes of labelled crops, each taken for a small still picture.

    The edge is repeated around a crop, so that the detector sees a plate and not a texture.
    """
    for crop in crops:
        height, width = crop.picture.shape
        seen, pad = surrounded(crop.picture)
        inside = np.array([pad, pad, pad + width, pad + height], np.float32)
        best = best_on(inside, chain.read(seen))
        text, probability = (best.text, best.probability) if best else ("", 0.0)
        yield answer_on(crop, text, probability)


def read_crops(recogniser: Recogniser, crops: Sequence[LabelledCrop]) -> Iterator[Answer]:
    """Yield the reader's answers on labelled crops."""
    for start in range(0, len(crops), BATCH):
        batch = crops[start : start + BATCH]
        for crop, raw in zip(batch, recogniser.read([plain_crop(crop) for crop in batch]), strict=True):
            text, probability = decode_text(raw.posterior)
            yield answer_on(crop, text, probability * raw.legible)


def read_scenes(
    chain: Chain, dataset: Dataset, split: str, lines: Mapping[tuple[str, str], int] = NOBODY_KNOWS
) -> Iterator[Answer]:
    """Yield an answer for every plate with a known text in the dataset's pictures of one split ('' for all).

    `lines` tells how many lines a plate has, by scene and text; 0 stands for unknown.
    """
    frame = dataset.frame[dataset.frame.text != ""]
    frame = frame[frame.split == split] if split else frame
    for file, rows in frame.groupby("file", sort=False):
        grey = dataset.pictures.grey(str(file))
        finds = chain.read(grey)
        for row in rows.itertuples():
            box = np.array([row.x1, row.y1, row.x2, row.y2], np.float32)
            best = best_on(box, finds)
            yield Answer(
                str(file), str(row.source), str(row.text), best.text if best else "",
                best.probability if best else 0.0, float(box[3] - box[1]),
                lines.get((str(file), str(row.text)), 0), float(grey.mean()), (row.x1, row.y1, row.x2, row.y2),
            )  # fmt: skip


def find_in_scenes(chain: Chain, scenes: Iterable[Scene]) -> list[Picture]:
    """Return what the chain reports in every scene, as boxes and detection scores, beside the scene's labels."""
    pictures = []
    for scene in scenes:
        plates = chain.read(scene.grey)
        scores = np.array([plate.detection_score for plate in plates], np.float32)
        boxes = np.array([plate.box.as_tuple() for plate in plates], np.float32).reshape(-1, 4)
        pictures.append(Picture(boxes_of_corners(scene.corners), scores, boxes, scene.ignore))
    return pictures


def best_on(box: npt.NDArray[np.float32], finds: Sequence[StillPlate]) -> StillPlate | None:
    """Return the find that overlaps a labelled box most, if it is the same plate."""
    if not finds:
        return None
    overlap = iou(box[None], np.array([find.box.as_tuple() for find in finds], np.float32))[0]
    return finds[int(overlap.argmax())] if overlap.max() >= SAME_PLATE_IOU else None
