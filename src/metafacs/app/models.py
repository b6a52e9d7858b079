"""The models of a worker process: loaded when they are needed, the last ones kept."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.facs import au_name
from metafacs.inference.detector import Detector
from metafacs.inference.loading import load_detector, load_model
from metafacs.methods import FEW_SHOT

_KEPT = 2
"""Detectors that stay in memory."""


class Detectors:
    """Gives detectors; the last ones are kept.

    Args:
        device: Where they run.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self._known: OrderedDict[tuple[str | None, str | None], Detector] = OrderedDict()

    def get(self, model: str | None, person: str | None) -> Detector:
        """Return the detector of a model file, or of the package, fitted to a person or not.

        Raises:
            ValueError: As :func:`metafacs.inference.loading.load_detector`.
        """
        key = (model, person)
        if key not in self._known:
            self._known[key] = load_detector(model, self.device, person)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]


def describe_detector(detector: Detector) -> dict[str, Any]:
    """Return what the page shows of a detector, as plain data."""
    return {
        "aus": list(detector.aus),
        "au_names": {str(au): au_name(au) for au in detector.aus},
        "thresholds": {str(au): detector.thresholds[au] for au in detector.aus},
        "experimental": list(detector.experimental),
        "synthetic": detector.synthetic,
        "intensities": detector.intensities,
        "pose": detector.pose,
    }


def describe_model(detectors: Detectors, model: str | None) -> dict[str, Any]:
    """Return what the page shows of a model file; a few-shot learner detects nothing by itself.

    Raises:
        ValueError: If it cannot be used.
    """
    checkpoint, _ = load_model(None if model is None else Path(model))
    if checkpoint.method not in FEW_SHOT:
        return describe_detector(detectors.get(model, None)) | {"few_shot": False}
    known = checkpoint.description
    return {
        "aus": list(checkpoint.aus),
        "au_names": {str(au): au_name(au) for au in checkpoint.aus},
        "thresholds": {str(au): known.threshold_of(au) for au in checkpoint.aus},
        "experimental": list(known.experimental),
        "synthetic": known.synthetic,
        "intensities": False,
        "pose": False,
        "few_shot": True,
    }


def warm_up(detector: Detector) -> None:
    """Do everything once, so that the first picture of the user waits for nothing."""
    detector.analyse_picture(np.zeros((96, 96, 3), np.uint8))
    side = detector.crop_size or detector.input_size
    detector.read(np.zeros((1, side, side, 3), np.uint8))
