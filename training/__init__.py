"""The training pipeline: data, rendered plates, detector, reader, export, evaluation.

Everything here runs on a workstation, never at the gate; `edge` must not import it.
"""
