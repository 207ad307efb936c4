"""What is in a dataset, at a glance: figures per source and split, and a contact sheet with the labels drawn."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from training.datasets.pictures import Pictures

TILE_PX = 220
BOX_COLOUR, CORNER_COLOUR, START_COLOUR = (0, 220, 255), (60, 220, 60), (60, 60, 255)


def statistics(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per source and split: pictures, plates, texts, corners, width and aspect quantiles."""
    rows = []
    for (source, split), part in frame.groupby(["source", "split"], sort=True):
        plates = part.dropna(subset=["x1"])
        width, height = plates.x2 - plates.x1, plates.y2 - plates.y1
        low, middle, high = width.quantile([0.05, 0.5, 0.95]) if len(plates) else (np.nan,) * 3
        rows.append(
            {
                "source": source,
                "split": split,
                "pictures": part.file.nunique(),
                "plates": len(plates),
                "texts": int((plates.text != "").sum()),
                "corners": int(plates.corners.notna().sum()),
                "width 5 %": low,
                "width 50 %": middle,
                "width 95 %": high,
                "aspect 50 %": (width / height).median() if len(plates) else np.nan,
            }
        )
    table: pd.DataFrame = pd.DataFrame(rows)
    return table


def contact_sheet(
    frame: pd.DataFrame, pictures: Pictures, count: int = 40, columns: int = 8, seed: int = 0
) -> npt.NDArray[np.uint8]:
    """Return a BGR sheet of `count` random pictures with boxes (yellow), corners (green) and the first corner (red)."""
    files = frame.file.drop_duplicates()
    chosen = files.sample(min(count, len(files)), random_state=seed)
    tiles = [_tile(pictures.colour(str(file)), frame[frame.file == file]) for file in chosen]
    return grid(tiles, columns)


def grid(tiles: Sequence[npt.NDArray[np.uint8]], columns: int) -> npt.NDArray[np.uint8]:
    """Return equally large tiles row by row on one sheet, the last row filled with black."""
    columns = min(columns, len(tiles))
    filled = [*tiles, *[np.zeros_like(tiles[0])] * (-len(tiles) % columns)]
    rows = [np.hstack(filled[i : i + columns]) for i in range(0, len(filled), columns)]
    return np.vstack(rows).astype(np.uint8)


def _tile(image: npt.NDArray[np.uint8], rows: pd.DataFrame) -> npt.NDArray[np.uint8]:
    scale = TILE_PX / max(image.shape[:2])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = np.zeros((TILE_PX, TILE_PX, 3), np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small
    for row in rows.dropna(subset=["x1"]).itertuples():
        x1, y1, x2, y2 = (round(float(v) * scale) for v in (row.x1, row.y1, row.x2, row.y2))
        cv2.rectangle(tile, (x1, y1), (x2, y2), BOX_COLOUR, 1)
        if row.corners is not None:
            points = np.round(np.array(row.corners) * scale).astype(np.int32)
            cv2.polylines(tile, [points], True, CORNER_COLOUR, 1)
            cv2.circle(tile, (int(points[0, 0]), int(points[0, 1])), 2, START_COLOUR, -1)
    return tile
