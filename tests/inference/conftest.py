from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from metafacs.faces.alignment import AlignmentSpec
from metafacs.inference.detector import Detector
from metafacs.methods.base import Prediction

Picture = NDArray[np.uint8]
AUS = (1, 6, 12)


def brightness(images: Tensor) -> Prediction:
    """Predict from the light of the upper, middle and lower third of the face."""
    rows = images.mean((1, 3))
    thirds = [part.mean(1) for part in rows.split(-(-rows.shape[1] // 3), 1)]
    return Prediction(torch.stack(thirds, 1) / 2 + 0.5)


@pytest.fixture(scope="session")
def two_people(astronaut: Picture) -> Picture:
    """Grace Hopper (US Navy, public domain) left of a smaller astronaut."""
    with get_sample_data("grace_hopper.jpg") as file:
        hopper = np.array(Image.open(file).convert("RGB"))
    small = np.array(Image.fromarray(astronaut).resize((400, 400)))
    return np.concatenate([hopper, np.pad(small, ((0, 200), (0, 0), (0, 0)))], axis=1)


@pytest.fixture
def make_detector() -> Callable[..., Detector]:
    """Return a function that makes a detector of AUs 1, 6 and 12 without a trained model."""

    def make(**changes: object) -> Detector:
        parts: dict[str, object] = {
            "predictor": brightness,
            "aus": AUS,
            "thresholds": {1: 0.5, 6: 0.5, 12: 0.4},
            "input_size": 64,
            "alignment": AlignmentSpec(),
            "description": {"method": "brightness", "synthetic": True, "licence": "none"},
        }
        return Detector(**{**parts, **changes})  # type: ignore[arg-type]

    return make
