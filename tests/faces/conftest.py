from __future__ import annotations

import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray
from PIL import Image
from skimage import data

Picture = NDArray[np.uint8]


@pytest.fixture(scope="session")
def astronaut() -> Picture:
    """Eileen Collins, NASA, public domain: a smile, 512 x 512, the face 94 px wide."""
    return np.ascontiguousarray(data.astronaut())


@pytest.fixture(scope="session")
def grace_hopper() -> Picture:
    """Grace Hopper, US Navy, public domain: about neutral, with glasses, 512 x 600."""
    with get_sample_data("grace_hopper.jpg") as file:
        return np.array(Image.open(file).convert("RGB"))


@pytest.fixture
def scenery() -> Picture:
    """A picture without a face."""
    y, x = np.mgrid[0:300, 0:400]
    waves = 127 + 60 * np.sin(x / 17)[..., None] * np.cos(y / 29)[..., None] * np.array([1.0, 0.7, 0.4])
    return waves.astype(np.uint8)
