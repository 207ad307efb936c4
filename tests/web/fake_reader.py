"""Prints what `read --json` or `replay --json` print; the file's last word tells which case to play."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

_, mode, name = sys.argv
content = Path(name).read_bytes()
if content.endswith(b"HANG"):
    time.sleep(3600)
if content.endswith(b"ERROR"):
    print(json.dumps({"file": name, "error": f"{name}: is no picture. Fix: give one", "plates": []}))
    sys.exit(1)
if content.endswith(b"CRASH"):
    sys.exit("cannot decode " + name)
if mode == "read":
    corners = [[52, 66], [148, 62], [149, 86], [53, 90]]
    alternatives = [["AB12CDE", 0.981], ["A812CDE", 0.011]]
    plate = {"box": [52, 62, 149, 90], "corners": corners, "text": "AB12CDE", "probability": 0.981}
    print(json.dumps({"file": name, "plates": [plate | {"detection_score": 0.93, "alternatives": alternatives}]}))
else:
    for kind, probability in (("passage.provisional", 0.96), ("passage.final", 0.993)):
        print("progress, not JSON")
        plate = {"text": "AB12CDE", "probability": probability}
        print(json.dumps({"type": kind, "passage_id": "p1", "direction": "entry", "plate": plate}), flush=True)
    if content.endswith(b"SLOW"):
        time.sleep(3600)
