"""Go on from a published reader: its weights, back out of the ONNX file, and averages of two readers.

Export leaves weights and batch normalisations under their own names (the runtime folds them when
it loads the file), so no checkpoint need be published beside the model.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from training.files import open_session
from training.recogniser.network import PlateReader

PREFIX = "network."  # of the network inside the exported module
COUNTER = "num_batches_tracked"  # of a batch normalisation: not in the file, and of no consequence


def network_from_onnx(file: Path) -> PlateReader:
    """Return the network that an exported FP32 file holds, ready to be trained further.

    Raises:
        ModelError: the file is not there, or is no ONNX model.
        ValueError: the file does not hold this network's weights; names the file and what is missing.
    """
    open_session(file, "plates")  # says what is wrong with a file that is no model
    stored = {
        item.name[len(PREFIX) :]: torch.from_numpy(np.array(numpy_helper.to_array(item)))
        for item in onnx.load(str(file)).graph.initializer
        if item.name.startswith(PREFIX)
    }
    network = PlateReader()
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items() if not name.endswith(COUNTER)}
    wrong = [name for name, shape in wanted.items() if name not in stored or stored[name].shape != shape]
    if wrong:
        raise ValueError(f"{file}: no weights for {', '.join(wrong[:3])}. Fix: give an FP32 reader of this version")
    network.load_state_dict(stored, strict=False)
    return network.eval()


def mixed(old: PlateReader, new: PlateReader, share: float) -> PlateReader:
    """Return the reader whose every weight lies between those of `old` (share 0) and `new` (share 1).

    Makes sense where `new` was trained on from `old`: the two lie in one valley then, and the middle of it reads more
    plates than either side. Source: Wortsman et al., Robust fine-tuning of zero-shot models, 2022.
    """
    ours, theirs = old.state_dict(), new.state_dict()
    network = PlateReader()
    network.load_state_dict(
        {name: tensor.lerp(theirs[name], share) if tensor.is_floating_point() else tensor
         for name, tensor in ours.items()}
    )  # fmt: skip
    return network.eval()
