"""Train, adapt and run facial action unit (AU) detectors.

What ``__all__`` lists is public and stays as it is documented; everything else is private. A name is imported
when it is first used: ``import metafacs`` is free of side effects and needs no network.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from metafacs.version import __version__ as __version__

_PLACES = {
    "Augmentation": "metafacs.data.transforms",
    "Backbone": "metafacs.models.backbones",
    "BaseNet": "metafacs.models.networks",
    "Batch": "metafacs.batch",
    "BatchSizes": "metafacs.training.training_data",
    "Camera": "metafacs.data.videos.camera",
    "Detector": "metafacs.inference.detector",
    "Diagnostic": "metafacs.methods.base",
    "DivergedError": "metafacs.methods.base",
    "FaceResult": "metafacs.inference.result",
    "FrameResults": "metafacs.inference.engine",
    "Method": "metafacs.methods.base",
    "OptimizerChanges": "metafacs.methods.base",
    "OptimizerSpec": "metafacs.methods.base",
    "Prediction": "metafacs.methods.base",
    "Reading": "metafacs.data.datasets.reading",
    "Record": "metafacs.evaluation.records",
    "Sample": "metafacs.data.datasets.reading",
    "SingleLossMethod": "metafacs.methods.base",
    "Stepper": "metafacs.methods.base",
    "Store": "metafacs.data.store",
    "VideoResults": "metafacs.inference.results",
    "evaluate": "metafacs.evaluation.protocols",
    "load_detector": "metafacs.inference.loading",
    "prepare": "metafacs.data.prepare",
    "render_twin": "metafacs.data.twins.rendering",
    "save_to_hub": "metafacs.reports.publishing",
    "train": "metafacs.training.run",
}
"""Public name -> the module that defines it."""

if TYPE_CHECKING:
    from metafacs.batch import Batch
    from metafacs.data.datasets.reading import Reading, Sample
    from metafacs.data.prepare import prepare
    from metafacs.data.store import Store
    from metafacs.data.transforms import Augmentation
    from metafacs.data.twins.rendering import render_twin
    from metafacs.data.videos.camera import Camera
    from metafacs.evaluation.protocols import evaluate
    from metafacs.evaluation.records import Record
    from metafacs.inference.detector import Detector
    from metafacs.inference.engine import FrameResults
    from metafacs.inference.loading import load_detector
    from metafacs.inference.result import FaceResult
    from metafacs.inference.results import VideoResults
    from metafacs.methods.base import (
        Diagnostic,
        DivergedError,
        Method,
        OptimizerChanges,
        OptimizerSpec,
        Prediction,
        SingleLossMethod,
        Stepper,
    )
    from metafacs.models.backbones import Backbone
    from metafacs.models.networks import BaseNet
    from metafacs.reports.publishing import save_to_hub
    from metafacs.training.run import train
    from metafacs.training.training_data import BatchSizes

__all__ = [
    "Augmentation",
    "Backbone",
    "BaseNet",
    "Batch",
    "BatchSizes",
    "Camera",
    "Detector",
    "Diagnostic",
    "DivergedError",
    "FaceResult",
    "FrameResults",
    "Method",
    "OptimizerChanges",
    "OptimizerSpec",
    "Prediction",
    "Reading",
    "Record",
    "Sample",
    "SingleLossMethod",
    "Stepper",
    "Store",
    "VideoResults",
    "evaluate",
    "load_detector",
    "prepare",
    "render_twin",
    "save_to_hub",
    "train",
]


def __getattr__(name: str) -> object:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'metafacs' has no attribute {name!r}; public are {', '.join(__all__)}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
