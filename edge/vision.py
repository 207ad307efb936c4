"""Loads the models and builds the pipeline of each camera: the same for the daemon and for replays.

A pipeline owns its models (onnxruntime sessions are cheap beside the weights'
file, and nothing mutable is shared between vision threads).
"""

from __future__ import annotations

from edge import __version__
from edge.clock import EventIds
from edge.config.camera import CameraSettings
from edge.config.settings import Settings
from edge.pipeline.models import load_detector, load_recogniser
from edge.pipeline.pipeline import Parts, Pipeline, Stopwatch
from edge.tracking.grammar import Grammar


def build_pipeline(settings: Settings, camera: CameraSettings, ids: EventIds, stopwatch: Stopwatch) -> Pipeline:
    """Return the vision of `camera`, its models loaded.

    Raises:
        ModelError: a model cannot be used.
    """
    parts = Parts(
        camera=camera,
        models=settings.models,
        voting=settings.voting,
        evidence=settings.evidence,
        site=settings.site.name,
        version=__version__,
        detector=load_detector(settings.models),
        recogniser=load_recogniser(settings.models),
        grammar=Grammar.load(),
        ids=ids,
    )
    return Pipeline(parts, stopwatch)
