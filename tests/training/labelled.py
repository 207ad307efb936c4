"""A small labelled dataset, written in each format that `training.datasets` reads."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np

SIZE = (320, 240)  # width, height
BOXES = {"a.png": (40.0, 60.0, 120.0, 84.0), "b.png": (200.0, 100.0, 300.0, 160.0)}
TEXTS = {"a.png": "AB12CDE", "b.png": "56T971085"}


def draw(name: str, seed: int) -> np.ndarray:
    """Return a street-like picture: large soft shapes, a light plate with dark strokes on its box."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(30, 220, (6, 8, 3), np.uint8), SIZE, interpolation=cv2.INTER_CUBIC)
    x1, y1, x2, y2 = (int(v) for v in BOXES[name])
    cv2.rectangle(image, (x1, y1), (x2, y2), (235, 235, 235), -1)
    for x in range(x1 + 6, x2 - 6, 12):
        cv2.rectangle(image, (x, y1 + 5), (x + 6, y2 - 5), (20, 20, 20), -1)
    return image


def write_pictures(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(BOXES):
        cv2.imwrite(str(folder / name), draw(name, seed))


def voc_xml(name: str, box: tuple[float, ...], text: str = "", size: tuple[int, int] = SIZE) -> str:
    x1, y1, x2, y2 = box
    return (
        f"<annotation><filename>{name}</filename><size><width>{size[0]}</width><height>{size[1]}</height>"
        f"<depth>3</depth></size><object><name>plate</name><text>{text}</text><bndbox><xmin>{x1}</xmin>"
        f"<ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object></annotation>"
    )


def write_voc(folder: Path) -> Path:
    write_pictures(folder)
    for name, box in BOXES.items():
        (folder / name).with_suffix(".xml").write_text(voc_xml(name, box, TEXTS[name]))
    return folder


def write_yolo(folder: Path) -> Path:
    write_pictures(folder / "images" / "train")
    labels = folder / "labels" / "train"
    labels.mkdir(parents=True)
    for name, (x1, y1, x2, y2) in BOXES.items():
        w, h = SIZE
        values = ((x1 + x2) / 2 / w, (y1 + y2) / 2 / h, (x2 - x1) / w, (y2 - y1) / h)
        (labels / name).with_suffix(".txt").write_text("0 " + " ".join(f"{v:.6f}" for v in values) + "\n")
    return folder / "labels"


def write_coco(folder: Path) -> Path:
    write_pictures(folder / "images")
    images = [{"id": i, "file_name": name, "width": SIZE[0], "height": SIZE[1]} for i, name in enumerate(BOXES)]
    annotations = [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "attributes": {"text": TEXTS[n]}}
        for i, (n, (x1, y1, x2, y2)) in enumerate(BOXES.items())
    ]
    file = folder / "plates.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1}]}))
    return file


def write_csv(folder: Path) -> Path:
    write_pictures(folder)
    lines = ["file,x1,y1,x2,y2,text"]
    lines += [f"{name},{','.join(map(str, box))},{TEXTS[name]}" for name, box in BOXES.items()]
    file = folder / "plates.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


WRITERS = {"voc": write_voc, "yolo": write_yolo, "coco": write_coco, "csv": write_csv}


def write_crops(folder: Path, rows: list[tuple[str, str, str]], lines: int = 1, scene: str = "") -> Path:
    """Write crops.csv and crops.zip of a data folder: one rendered-looking crop per (source, split, text)."""
    folder.mkdir(parents=True, exist_ok=True)
    table = ["file,source,split,text,lines,status,width,height,scene"]
    with zipfile.ZipFile(folder / "crops.zip", "w") as archive:
        for index, (source, split, text) in enumerate(rows):
            name = f"{index:03d}.png"
            picture = draw("a.png", index)[50:94, 30:130]
            archive.writestr(name, cv2.imencode(".png", picture)[1].tobytes())
            table.append(f"{name},{source},{split},{text},{lines},ok,100,44,{scene}")
    (folder / "crops.csv").write_text("\n".join(table) + "\n")
    return folder
