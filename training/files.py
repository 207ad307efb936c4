"""Open a model or a checkpoint, or say what is wrong with the file and what to give instead.

The exceptions of onnxruntime and torch speak of protobufs and pickles; they go no further than this module.
"""

from __future__ import annotations

import pickle
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import onnxruntime as ort
import torch
from onnxruntime.capi import onnxruntime_pybind11_state as _state

from edge.errors import ModelError

# Every exception of onnxruntime derives from Exception directly, so they are gathered by name.
_RUNTIME_ERRORS: tuple[type[Exception], ...] = tuple(
    e for e in vars(_state).values() if isinstance(e, type) and issubclass(e, Exception)
)


def open_session(model: Path, taking: str, threads: int = 1) -> ort.InferenceSession:
    """Return an onnxruntime session of a file, on the CPU.

    Args:
        model: the file.
        taking: the name of its input, `image` for a detector and `plates` for a reader.
        threads: of the CPU.

    Raises:
        ModelError: there is no such file, it is no ONNX model that can be run, or one of another kind.
    """
    if not model.is_file():
        raise ModelError(f"{model}: no such model file. Fix: give the path of an exported .onnx file")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    try:
        session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except _RUNTIME_ERRORS as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{model}: not a model that can be run ({reason}). Fix: export it again") from error
    if taking not in (names := [given.name for given in session.get_inputs()]):
        wanted = "detector" if taking == "image" else "reader"
        raise ModelError(f"{model}: takes {', '.join(names)} instead of {taking}. Fix: give a plate {wanted}")
    return session


def read_checkpoint(file: Path, holding: Collection[str], device: torch.device | str = "cpu") -> dict[str, Any]:
    """Return the state that a training wrote.

    Args:
        file: the checkpoint, or exported weights.
        holding: what it must hold, for example `average` for its averaged weights.
        device: where tensors go.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no checkpoint, or does not hold all that.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such checkpoint. Fix: train first, or give the path of a .pt file")
    try:
        state = torch.load(file, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ValueError(f"{file}: not a checkpoint that can be read. Fix: give one written by training") from error
    absent = sorted(set(holding) - set(state)) if isinstance(state, dict) else sorted(holding)
    if absent:
        raise ValueError(
            f"{file}: holds no {', '.join(absent)}, so a training cannot go on from it. "
            "Fix: give a checkpoint written while training; weights alone are for --start"
        )
    return dict(state)


def fill(network: torch.nn.Module, weights: Mapping[str, torch.Tensor], file: Path) -> None:
    """Give a network the weights read from `file`, as float32; raises ValueError where they are of another network."""
    try:
        network.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in weights.items()})
    except RuntimeError as error:
        kind = type(network).__name__
        raise ValueError(f"{file}: not the weights of a {kind}. Fix: give a checkpoint of this training") from error
