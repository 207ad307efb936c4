"""Builds tiny ONNX models for tests: real graphs that onnxruntime runs, no weights, no training.

`bright_plate_detector` really finds the white rectangle in a picture, and
`grey_code_reader` really reads the text that `plate_picture` writes as grey
patches, so whole chains can be tested before and without trained models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from edge.types import CHARSET

OPSET = 17
CROP = (64, 128)
MARGIN = (0.06, 0.12)
SLOTS = 12
_BRIGHT = 200  # grey levels above this are the frame of a test plate
_DARKEST, _STEP = 16.0, 4.0  # grey level of slot class k is _DARKEST + _STEP * k
_CODE = (0.1, 0.9, 0.2, 0.8)  # left, right, top, bottom of the code inside the plate, as shares


def write(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Mapping[str, npt.NDArray[np.generic]] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a checked model file and return its path."""
    tensors = [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "test", list(inputs), list(outputs), tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def constant_model(
    path: Path,
    outputs: Mapping[str, npt.NDArray[np.float32]],
    *,
    input_shape: Sequence[int | str] = (1, 3, "height", "width"),
    input_type: int = TensorProto.FLOAT,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a model that gives `outputs` whatever the picture: for decoding and for bad outputs."""
    name = "images"
    nodes = [
        helper.make_node("Cast", [name], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nought"], ["nothing"]),
    ]
    nodes += [helper.make_node("Add", [f"value_{o}", "nothing"], [o]) for o in outputs]
    constants: dict[str, npt.NDArray[np.generic]] = {"nought": np.float32(0.0) * np.ones((), np.float32)}
    constants |= {f"value_{o}": np.asarray(v, np.float32) for o, v in outputs.items()}
    return write(
        path,
        nodes,
        [helper.make_tensor_value_info(name, input_type, list(input_shape))],
        [helper.make_tensor_value_info(o, TensorProto.FLOAT, [None] * np.ndim(v)) for o, v in outputs.items()],
        constants,
        metadata,
    )


def bright_plate_detector(path: Path, *, metadata: Mapping[str, str] | None = None) -> Path:
    """Write a detector of contract anpr-corners-1 that finds the one white rectangle in a dark picture."""
    make = helper.make_node
    nodes = [
        make("Greater", ["image", "bright"], ["mask"]),
        make("Cast", ["mask"], ["white"], to=TensorProto.FLOAT),
        make("ReduceMax", ["white"], ["rows"], axes=[2], keepdims=0),
        make("ReduceMax", ["white"], ["columns"], axes=[1], keepdims=0),
        make("ReduceMax", ["white"], ["any"], axes=[1, 2], keepdims=0),
        make("Mul", ["any", "sure"], ["score"]),
    ]
    for name, line in (("x", "columns"), ("y", "rows")):
        nodes += [
            make("ArgMax", [line], [f"{name}first"], axis=1, keepdims=0),
            make("ArgMax", [line], [f"{name}last"], axis=1, keepdims=0, select_last_index=1),
            make("Cast", [f"{name}first"], [f"{name}1"], to=TensorProto.FLOAT),
            make("Cast", [f"{name}last"], [f"{name}0"], to=TensorProto.FLOAT),
            make("Add", [f"{name}0", "one"], [f"{name}2"]),
        ]
    row = ["score", "x1", "y1", "x2", "y2", "x1", "y1", "x2", "y1", "x2", "y2", "x1", "y2"]
    nodes += [make("Unsqueeze", [r, "last"], [f"c{i}"]) for i, r in enumerate(row)]
    nodes += [
        make("Concat", [f"c{i}" for i in range(13)], ["flat"], axis=1),
        make("Unsqueeze", ["flat", "last"], ["plates"]),
    ]
    return write(
        path,
        nodes,
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", "height", "width"])],
        [helper.make_tensor_value_info("plates", TensorProto.FLOAT, ["batch", "anchors", 13])],
        {
            "bright": np.array(_BRIGHT, np.uint8),
            "sure": np.array(0.9, np.float32),
            "one": np.array(1.0, np.float32),
            "last": np.array([1], np.int64),
        },
        metadata if metadata is not None else {"contract": "anpr-corners-1", "version": "0.0.1"},
    )


def grey_code_reader(path: Path, *, metadata: Mapping[str, str] | None = None) -> Path:
    """Write a reader of contract anpr-slots-1 for the plates that `plate_picture` draws."""
    make = helper.make_node
    height, width = CROP
    left, right = (round(width * (MARGIN[0] + s) / (1 + 2 * MARGIN[0])) for s in _CODE[:2])
    top, bottom = (round(height * (MARGIN[1] + s) / (1 + 2 * MARGIN[1])) for s in _CODE[2:])
    pick = np.zeros((width, SLOTS), np.float32)  # the middle of each patch, where neighbours do not bleed in
    edges = np.linspace(left, right, SLOTS + 1)
    for slot in range(SLOTS):
        centre = (edges[slot] + edges[slot + 1]) / 2
        pick[int(centre - 1) : int(centre + 1), slot] = 1 / (int(centre + 1) - int(centre - 1))
    levels = (_DARKEST + _STEP * np.arange(37)).astype(np.float32)
    nodes = [
        make("Cast", ["plates"], ["numbers"], to=TensorProto.FLOAT),
        make("Slice", ["numbers", "top", "bottom", "axis"], ["band"]),
        make("ReduceMean", ["band"], ["line"], axes=[1], keepdims=0),
        make("MatMul", ["line", "pick"], ["greys"]),
        make("Unsqueeze", ["greys", "two"], ["column"]),
        make("Sub", ["column", "levels"], ["off"]),
        make("Mul", ["off", "off"], ["square"]),
        make("Neg", ["square"], ["nearness"]),
        make("Softmax", ["nearness"], ["posterior"], axis=2),
        make("ReduceMax", ["numbers"], ["white"], axes=[1, 2], keepdims=0),
        make("Greater", ["white", "bright"], ["framed"]),
        make("Cast", ["framed"], ["legible"], to=TensorProto.FLOAT),
    ]
    return write(
        path,
        nodes,
        [helper.make_tensor_value_info("plates", TensorProto.UINT8, ["batch", height, width])],
        [
            helper.make_tensor_value_info("posterior", TensorProto.FLOAT, ["batch", SLOTS, 37]),
            helper.make_tensor_value_info("legible", TensorProto.FLOAT, ["batch"]),
        ],
        {
            "top": np.array([top + 4], np.int64),
            "bottom": np.array([bottom - 4], np.int64),
            "axis": np.array([1], np.int64),
            "two": np.array([2], np.int64),
            "pick": pick,
            "levels": levels,
            "bright": np.array(_BRIGHT, np.float32),
        },
        metadata
        if metadata is not None
        else {"contract": "anpr-slots-1", "version": "0.0.1", "charset": CHARSET, "margin": "0.06,0.12"},
    )


def ctc_model(path: Path, symbols: Sequence[str], frames: npt.NDArray[np.float32], *, dictionary: bool = True) -> Path:
    """Write a CTC recogniser that always gives `frames` (1, T, C), with its dictionary in the metadata."""
    make = helper.make_node
    nodes = [
        make("ReduceMean", ["x"], ["mean"], axes=[2, 3], keepdims=0),
        make("Slice", ["mean", "from", "to", "axis"], ["one"]),
        make("Unsqueeze", ["one", "last"], ["each"]),
        make("Mul", ["each", "nought"], ["nothing"]),
        make("Add", ["frames", "nothing"], ["softmax"]),
    ]
    return write(
        path,
        nodes,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 48, "width"])],
        [helper.make_tensor_value_info("softmax", TensorProto.FLOAT, ["batch", *frames.shape[1:]])],
        {
            "from": np.array([0], np.int64),
            "to": np.array([1], np.int64),
            "axis": np.array([1], np.int64),
            "last": np.array([2], np.int64),
            "nought": np.array(0, np.float32),
            "frames": frames.astype(np.float32),
        },
        {"character": "\n".join(symbols)} if dictionary else {},
    )


def plate_picture(
    text: str, *, size: tuple[int, int] = (480, 640), box: tuple[int, int, int, int] = (200, 200, 360, 260)
) -> npt.NDArray[np.uint8]:
    """Return a dark picture, uint8 of `size`, with the plate `text` in `box` as the tiny models see plates."""
    picture = np.full(size, 40, np.uint8)
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    picture[y1:y2, x1:x2] = 255
    left, right, top, bottom = _CODE
    a, b = y1 + int(height * top), y1 + int(height * bottom)
    edges = np.linspace(x1 + width * left, x1 + width * right, SLOTS + 1).round().astype(int)
    for slot in range(SLOTS):
        index = CHARSET.index(text[slot]) + 1 if slot < len(text) else 0
        picture[a:b, edges[slot] : edges[slot + 1]] = round(_DARKEST + _STEP * index)
    return picture


def models_folder(folder: Path) -> Path:
    """Write the tiny pair with its manifest into `folder`, as the package's own models lie there; return `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [
        ("test-detector", "detector", "anpr-corners-1", bright_plate_detector(folder / "plate-detector.onnx")),
        ("test-reader", "recogniser", "anpr-slots-1", grey_code_reader(folder / "plate-reader.onnx")),
    ]
    entries = [
        {
            "name": name,
            "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "kind": kind,
            "contract": contract,
            "licence": "Apache-2.0",
            "version": "0.0.1",
        }
        for name, kind, contract, path in files
    ]
    (folder / "manifest.yaml").write_text(yaml.safe_dump({"models": entries}), encoding="utf-8")
    return folder
