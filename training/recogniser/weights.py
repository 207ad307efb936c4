"""Go on training from a published reader: its weights, back out of the ONNX file.

Export leaves weights and batch normalisations under their own names (the runtime folds them when
it loads the file), so no checkpoint need be published beside the model.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from training.recogniser.network import PlateReader

PREFIX = "network."  # of the network inside the exported module
COUNTER = "num_batches_tracked"  # of a batch normalisation: not in the file, and of no consequence


def network_from_onnx(file: Path) -> PlateReader:
    """Return the network that an exported FP32 file holds, ready to be trained further.

    Raises:
        ValueError: the file does not hold this network's weights; names the file and what is missing.
    """
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
