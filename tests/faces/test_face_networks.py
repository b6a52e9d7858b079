from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from metafacs.faces.detection import FaceDetector
from metafacs.faces.face_networks import load_face_network
from metafacs.models.backends import BACKENDS, TORCH

Picture = NDArray[np.uint8]
CPU = torch.device("cpu")
ELSEWHERE = [
    pytest.param(name, marks=pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed"))
    for name in BACKENDS
    if name != TORCH
]


@pytest.mark.parametrize("backend", ELSEWHERE)
@pytest.mark.parametrize("name", ["blaze_full", "blaze_back", "facemesh"])
def test_an_exported_network_gives_the_same(name: str, backend: str) -> None:
    own, other = load_face_network(name, CPU), load_face_network(name, CPU, backend)
    assert other.input_size == own.input_size
    torch.manual_seed(0)
    images = torch.rand(3, 3, own.input_size, own.input_size)
    with torch.inference_mode():
        for expected, told in zip(own(images), other(images), strict=True):
            scale = max(1.0, float(expected.abs().max()))
            torch.testing.assert_close(told, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("backend", ELSEWHERE)
def test_the_same_faces_are_found(backend: str, astronaut: Picture) -> None:
    (expected,) = FaceDetector(CPU).find(astronaut)
    (told,) = FaceDetector(CPU, backend).find(astronaut)
    np.testing.assert_allclose(told.mesh, expected.mesh, rtol=0, atol=0.01)
    assert told.score == pytest.approx(expected.score, abs=1e-4)


def test_a_backend_is_asked_for_by_its_name() -> None:
    with pytest.raises(ValueError, match="there is no backend 'cuda'"):
        load_face_network("facemesh", CPU, "cuda")
