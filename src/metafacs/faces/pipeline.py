"""From a picture to its faces and landmarks in one call."""

from __future__ import annotations

import threading

import numpy as np
import torch
from numpy.typing import NDArray

from metafacs.faces.detection import FaceDetector
from metafacs.faces.face import Face
from metafacs.faces.warping import Picture
from metafacs.models.backends import TORCH
from metafacs.models.devices import check_device

_detectors: dict[tuple[str, str], FaceDetector] = {}
_loading = threading.Lock()


def face_detector(device: str | torch.device = "cpu", backend: str = TORCH) -> FaceDetector:
    """Return the detector for a device and a backend; loaded at the first call and shared after that.

    Raises:
        ValueError: If there is no such device here, or the backend cannot be used.
    """
    key = str(device), backend
    with _loading:
        if key not in _detectors:
            _detectors[key] = FaceDetector(check_device(device), backend)
        return _detectors[key]


def find_faces(image: Picture, device: str | torch.device = "cpu", backend: str = TORCH) -> list[Face]:
    """Return the faces in a picture, largest first.

    Args:
        image: ``height x width x 3``, uint8, RGB.
        device: Where the networks run.
        backend: What runs them, one of :data:`metafacs.models.backends.BACKENDS`.

    Returns:
        The faces, each with its box, score, landmarks and mesh; an empty list if there is none.

    Raises:
        ValueError: If the array is not such a picture.
    """
    return face_detector(device, backend).find(image)


def landmarks_of_aligned(image: Picture) -> NDArray[np.float64] | None:
    """Return the landmarks of a picture that was already cropped to one face.

    For pictures such as RAF-DB's aligned ones. No detector runs: FaceMesh looks at the whole picture, with
    and without a margin around it.

    Args:
        image: ``height x width x 3``, uint8, RGB.

    Returns:
        ``68 x 2``, (x, y) in pixels, or None if there is no face.

    Raises:
        ValueError: If the array is not such a picture.
    """
    face = face_detector().find_in_aligned(image)
    return None if face is None else face.landmarks
