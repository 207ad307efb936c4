"""anpr-edge: reads number plates at a gate and publishes one event per passage."""

import os

# onnxruntime (from 1.32 on) tells its maker about the machine unless this is set before it is loaded. A gate talks to
# nobody whom its owner did not name.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
