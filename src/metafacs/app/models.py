"""The models of a worker process: loaded when they are needed, the last ones kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.app.records import Stamp, stamp_of
from metafacs.data.videos import EVERY_FRAME, Frame, Selection
from metafacs.faces.pictures import read_picture
from metafacs.facs import au_name
from metafacs.inference.detector import Detector
from metafacs.inference.engine import GROUP, analyse_frames
from metafacs.inference.exported_model import SUFFIX
from metafacs.inference.loading import PACKAGED_MODEL, load_detector, load_model
from metafacs.methods import FEW_SHOT

_KEPT = 2
"""Detectors that stay in memory."""

_FACE = 208
"""Side of a face on the sheet of resting faces, in pixels."""


class Detectors:
    """Gives detectors; the last ones are kept.

    Args:
        device: Where they run.
        stamps: Model file -> what it was known by when the page was started: processes that read it at other
            times are not to take another model, as that of a training that goes on.
    """

    def __init__(self, device: str, stamps: Mapping[str, Stamp] | None = None) -> None:
        self.device, self._stamps = device, dict(stamps or {})
        self._known: OrderedDict[tuple[str | None, str | None], Detector] = OrderedDict()

    def get(self, model: str | None, person: str | None) -> Detector:
        """Return the detector of a model file, or of the package, fitted to a person or not.

        Raises:
            ValueError: As :func:`metafacs.inference.loading.load_detector`, or if the file was changed.
        """
        key = (model, person)
        if key not in self._known:
            detector = load_detector(model, self.device, person)
            if model in self._stamps and stamp_of(model) != self._stamps[model]:
                raise ValueError(
                    f"{Path(model).name} was changed after the page was started; start 'metafacs app' again"
                )
            self._known[key] = detector
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
    exported = model is not None and Path(model).suffix == SUFFIX
    checkpoint = None if exported else load_model(None if model is None else Path(model))[0]
    if checkpoint is None or checkpoint.method not in FEW_SHOT:
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
    """Do everything once, so that the first file of the user waits for nothing."""
    for _ in analyse_frames(detector, _Still()):
        pass


class _Still:
    """A video of a rendered face that does not move, as long as what is read together."""

    def __init__(self) -> None:
        sheet = read_picture(PACKAGED_MODEL.with_name("resting_faces.jpg"))
        self._image = np.ascontiguousarray(sheet[:_FACE, :_FACE])
        self.name, self.notes = "a rendered face", list[str]()
        self.frame_count: int | None = GROUP
        self.rate: float | None = None
        self.width = self.height = _FACE

    def frames(self, numbers: Selection = EVERY_FRAME, start_at: int = 0) -> Iterator[Frame]:
        for number in range(GROUP):
            yield Frame(number, number / 25, self._image)
